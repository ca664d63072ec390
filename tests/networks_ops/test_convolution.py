"""The Winograd path against torch's own convolution, values and derivatives of first and second order."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from gist import ops
from gist.ops import winograd


def _relative_error(actual: torch.Tensor, expected: torch.Tensor) -> float:
    return float(((actual - expected).abs().max() / expected.abs().max()).detach())


@settings(max_examples=25, deadline=None)
@given(
    batch=st.integers(1, 3),
    inputs=st.integers(16, 70),
    outputs=st.integers(16, 150),
    height=st.integers(16, 30),
    width=st.integers(16, 40),
    padding=st.integers(0, 2),
    seed=st.integers(0, 10**6),
)
def test_it_equals_torchs_convolution_and_gradients(
    batch: int, inputs: int, outputs: int, height: int, width: int, padding: int, seed: int
) -> None:
    torch.manual_seed(seed)
    x = torch.randn(batch, inputs, height, width, requires_grad=True)
    weight = torch.randn(outputs, inputs, 3, 3, requires_grad=True)
    assert winograd.supports(x, weight, padding)
    y = winograd.conv2d(x, weight, padding)
    expected = F.conv2d(x.double(), weight.double(), padding=padding)
    assert _relative_error(y, expected) < 5e-6
    direction = torch.randn_like(y)
    gradients = torch.autograd.grad(y, (x, weight), direction)
    exact = torch.autograd.grad(expected, (x, weight), direction.double())
    for actual, wanted in zip(gradients, exact, strict=True):
        assert _relative_error(actual, wanted) < 1e-5


def test_second_derivatives_equal_torchs() -> None:
    torch.manual_seed(3)
    x = torch.randn(2, 18, 12, 9, requires_grad=True)
    weight = torch.randn(20, 18, 3, 3, requires_grad=True)

    def penalties(convolve) -> list[torch.Tensor]:  # type: ignore[no-untyped-def]
        y = convolve(x, weight)
        grads = torch.autograd.grad(y.square().sum(), (x, weight), create_graph=True)
        penalty = sum(grad.square().mean() for grad in grads)
        return list(torch.autograd.grad(penalty, (x, weight)))

    ours = penalties(lambda x, weight: winograd.conv2d(x, weight, 1))
    torchs = penalties(lambda x, weight: F.conv2d(x.double(), weight.double(), padding=1))
    for actual, wanted in zip(ours, torchs, strict=True):
        assert _relative_error(actual, wanted) < 1e-5


def _results(threads: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(5, 24, 30, 30, generator=generator, requires_grad=True)
    weight = torch.randn(160, 24, 3, 3, generator=generator, requires_grad=True)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        y = winograd.conv2d(x, weight, 1)
        return [y, *torch.autograd.grad(y.square().sum(), (x, weight))]
    finally:
        torch.set_num_threads(before)


def test_results_have_the_same_bits_on_one_and_two_threads() -> None:
    for one, two in zip(_results(1), _results(2), strict=True):
        assert torch.equal(one, two)


def test_strided_transposed_and_empty_images_are_handled() -> None:
    x = torch.randn(2, 20, 16, 16).transpose(2, 3)
    weight = torch.randn(16, 20, 3, 3).to(memory_format=torch.channels_last)
    bias = torch.randn(16)
    for stride in (1, 2):
        expected = F.conv2d(x.double(), weight.double(), bias.double(), stride=stride, padding=1)
        actual = ops.conv2d(x, weight, bias, stride=stride, padding=1)
        assert _relative_error(actual, expected) < 5e-6
    empty = torch.zeros(0, 20, 16, 16, requires_grad=True)
    weight.requires_grad_()
    ops.conv2d(empty, weight).sum().backward()
    assert weight.grad is not None
    assert weight.grad.abs().max() == 0


def test_reference_backend_uses_torchs_convolution() -> None:
    x, weight = torch.randn(1, 16, 16, 16), torch.randn(16, 16, 3, 3, requires_grad=True)
    assert "_Convolution" in type(ops.conv2d(x, weight).grad_fn).__name__
    ops.set_backend("reference")
    try:
        assert "_Convolution" not in type(ops.conv2d(x, weight).grad_fn).__name__
    finally:
        ops.set_backend("auto")


@pytest.mark.parametrize("shape", [(8, 32, 3, 3), (32, 32, 1, 1), (32, 32, 5, 5)])
def test_other_kernels_and_few_channels_are_left_to_torch(shape: tuple[int, ...]) -> None:
    assert not winograd.supports(torch.zeros(1, 32, 16, 16), torch.zeros(shape), 1)

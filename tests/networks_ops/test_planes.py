"""Scaling and activation in one pass: layouts, threads, memory that is overwritten, and what plain torch keeps."""

from collections.abc import Iterator

import pytest
import torch

from gist import ops
from gist.ops import planes, reference


@pytest.fixture(autouse=True)
def _any_backend_is_reset() -> Iterator[None]:
    yield
    ops.set_backend("auto")


def _activation(x: torch.Tensor, bias: torch.Tensor | None, clamp: float | None) -> list[torch.Tensor]:
    y = planes.activated(x, bias, slope=0.2, gain=1.5, clamp=clamp)
    expected = reference.bias_act(x, bias, slope=0.2, gain=1.5, clamp=clamp)
    return [y, expected]


@pytest.mark.parametrize("clamp", [None, 0.8])
@pytest.mark.parametrize("biased", [True, False])
def test_any_layout_gives_the_values_of_the_definition(clamp: float | None, biased: bool) -> None:
    x = torch.randn(2, 5, 9, 7)
    bias = torch.randn(5) if biased else None
    for layout in (x, x.transpose(2, 3), x.to(memory_format=torch.channels_last), x[:, :, ::2], x[:0]):
        torch.testing.assert_close(*_activation(layout, bias, clamp))


def test_a_constant_input_is_never_overwritten() -> None:
    x = torch.randn(1, 16, 16, 16)
    kept = x.clone()
    ops.bias_act(x, torch.ones(16), activation="lrelu", clamp=1.0)
    ops.activated_conv2d(x, torch.randn(16, 16, 3, 3), torch.ones(16), padding=1, slope=0.2)
    ops.modulated_conv2d(x, torch.randn(16, 16, 3, 3), torch.ones(1, 16), padding=1)
    assert torch.equal(x, kept)


@pytest.mark.parametrize("clamp", [None, 1.0])
def test_what_is_not_a_number_stays_visible(clamp: float | None) -> None:
    x = torch.zeros(1, 1, 5, 5)
    x[0, 0, 2, 2] = float("nan")
    actual, expected = _activation(x, None, clamp)
    assert torch.equal(actual.isnan(), expected.isnan())


def test_gradients_of_scales_equal_torchs_for_expanded_tensors() -> None:
    x = torch.randn(1, 6, 8, 8).expand(3, 6, 8, 8).detach().requires_grad_()
    scale = torch.randn(1, 6).expand(3, 6).detach().requires_grad_()
    direction = torch.randn(8, 8).expand(3, 6, 8, 8)
    actual = torch.autograd.grad(planes.scaled(x, scale), (x, scale), direction)
    expected = torch.autograd.grad(x * scale[:, :, None, None], (x, scale), direction)
    for ours, torchs in zip(actual, expected, strict=True):
        torch.testing.assert_close(ours, torchs)


def _results(threads: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(4, 24, 40, 40, generator=generator, requires_grad=True)
    scale = torch.randn(4, 24, generator=generator, requires_grad=True)
    bias = torch.randn(24, generator=generator, requires_grad=True)
    noise = torch.randn(4, 1, 40, 40, generator=generator, requires_grad=True)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        y = planes.activated(planes.scaled(x, scale), bias, slope=0.2, gain=1.0, clamp=1.0)
        y = ops.noisy_act(y, scale, noise, bias, clamp=1.0)
        return [y, *torch.autograd.grad(y, (x, scale, bias, noise), x.detach())]
    finally:
        torch.set_num_threads(before)


def test_results_have_the_same_bits_on_one_and_two_threads() -> None:
    for one, two in zip(_results(1), _results(2), strict=True):
        assert torch.equal(one, two)


def test_half_precision_and_vectors_are_left_to_plain_torch() -> None:
    bias = torch.ones(4, requires_grad=True)
    for x in (torch.randn(2, 4), torch.randn(2, 4, 3, 3, dtype=torch.bfloat16)):
        assert "Activated" not in type(ops.bias_act(x, bias, activation="lrelu").grad_fn).__name__
    assert (
        "Activated" in type(ops.bias_act(torch.randn(2, 4, 3, 3), bias, activation="lrelu").grad_fn).__name__
    )
    ops.set_backend("reference")
    assert (
        "Activated"
        not in type(ops.bias_act(torch.randn(2, 4, 3, 3), bias, activation="lrelu").grad_fn).__name__
    )

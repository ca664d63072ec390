"""Modulated convolution against the literal per-sample weights of Karras et al. 2020."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from gist import ops
from gist.ops import reference


def _inputs(
    batch: int, channels: int, out: int, kernel: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(batch * 100 + kernel)
    x = torch.randn(batch, channels, 7, 6, generator=generator, dtype=torch.float64)
    weight = torch.randn(out, channels, kernel, kernel, generator=generator, dtype=torch.float64)
    styles = torch.randn(batch, channels, generator=generator, dtype=torch.float64) + 1
    return x, weight, styles


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("demodulate", [True, False])
@pytest.mark.parametrize("pre_normalize", [True, False])
def test_it_equals_one_weight_per_sample(
    batch: int, kernel: int, demodulate: bool, pre_normalize: bool
) -> None:
    x, weight, styles = _inputs(batch, 5, 4, kernel)
    gain = torch.tensor(0.37, dtype=torch.float64)
    expected = reference.modulated_conv2d(
        x, weight, styles, demodulate=demodulate, padding=kernel - 1, input_gain_NI=gain.expand(batch, 5)
    )
    actual = ops.modulated_conv2d(
        x,
        weight,
        styles,
        demodulate=demodulate,
        padding=kernel - 1,
        input_gain=gain,
        pre_normalize=pre_normalize,
    )
    torch.testing.assert_close(actual, expected, rtol=1e-7, atol=1e-7)


def test_demodulated_output_keeps_unit_variance() -> None:
    x, weight, styles = _inputs(4, 64, 32, 3)
    y = ops.modulated_conv2d(torch.randn(4, 64, 40, 40, dtype=torch.float64), weight, styles * 100)
    assert y.std() == pytest.approx(1, abs=0.05)
    assert x.shape[1] == weight.shape[1]


def test_styles_of_each_sample_touch_that_sample_only() -> None:
    x, weight, styles = _inputs(3, 5, 4, 3)
    before = ops.modulated_conv2d(x, weight, styles, pre_normalize=False)
    styles[1] *= torch.linspace(1, 2, 5, dtype=torch.float64)
    after = ops.modulated_conv2d(x, weight, styles, pre_normalize=False)
    assert torch.equal(before[[0, 2]], after[[0, 2]])
    assert not torch.allclose(before[1], after[1])


def test_first_and_second_derivatives_are_right() -> None:
    x, weight, styles = (t.requires_grad_() for t in _inputs(2, 3, 2, 3))

    def convolved(x: torch.Tensor, weight: torch.Tensor, styles: torch.Tensor) -> torch.Tensor:
        return ops.modulated_conv2d(x, weight, styles, padding=1)

    assert gradcheck(convolved, (x, weight, styles), fast_mode=True)
    assert gradgradcheck(convolved, (x, weight, styles), fast_mode=True)


@pytest.mark.parametrize("demodulate", [True, False])
def test_a_weight_per_sample_and_scaled_images_give_the_same_1x1_convolution_and_derivatives(
    demodulate: bool,
) -> None:
    """Large images of few channels take the first way, small images of many channels the second."""
    x, weight, styles = _inputs(2, 5, 4, 1)
    few_pixels, gain = x[:, :, :2, :2], torch.tensor(0.37, dtype=torch.float64)
    results = []
    for image in (x, few_pixels):
        inputs = tuple(t.clone().requires_grad_() for t in (image, weight, styles))
        y = ops.modulated_conv2d(*inputs, demodulate=demodulate, input_gain=gain)
        assert ("Bmm" in _operations(y)) == (image is x)
        first = torch.autograd.grad(y[:, :, :2, :2].pow(3).sum(), inputs, create_graph=True)
        penalty = sum((gradient.square().sum() for gradient in first), torch.zeros(()))
        second = torch.autograd.grad(penalty, inputs)
        results.append([t[:, :, :2, :2] if t.ndim == 4 else t for t in (y, *first, *second)])
    for expected, actual in zip(*results, strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-9)


def _operations(y: torch.Tensor) -> str:
    """Names of the operations that made y."""
    names, waiting = [], [y.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None:
            names.append(node.name())
            waiting += [following for following, _ in node.next_functions]
    return " ".join(names)


def test_a_picture_has_the_same_bits_whatever_its_mates_are_in_1x1_convolutions() -> None:
    torch.manual_seed(0)
    x, weight, styles = torch.randn(5, 24, 37, 37), torch.randn(20, 24, 1, 1), torch.randn(5, 24) + 1
    before = ops.modulated_conv2d(x, weight, styles)
    others = [0, 1, 3, 4]
    x[others], styles[others] = x[others].flip(0) * 3, styles[others].flip(0)
    after = ops.modulated_conv2d(x, weight, styles)
    assert torch.equal(before[2], after[2])
    assert not torch.equal(before[0], after[0])

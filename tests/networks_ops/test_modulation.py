"""Modulated convolution against the literal per-sample weights of Karras et al. 2020."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from gist.networks import ops
from gist.networks.ops import reference


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

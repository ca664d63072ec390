"""FIR resampling and bias + activation: hand-worked values, paths compared, derivatives."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck

from gist import ops
from gist.ops import cpu, reference

BOTH_PATHS = pytest.mark.parametrize("run", [reference.upfirdn2d, cpu.upfirdn2d], ids=["reference", "cpu"])


@BOTH_PATHS
def test_the_filter_is_convolved_and_flip_correlates(run) -> None:  # type: ignore[no-untyped-def]
    impulse = torch.zeros(1, 1, 5, 5)
    impulse[0, 0, 2, 2] = 1
    fir = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
    torch.testing.assert_close(run(impulse, fir)[0, 0], fir)
    torch.testing.assert_close(run(impulse, fir, flip=True)[0, 0], fir.flip(0, 1))


@BOTH_PATHS
def test_upsampling_inserts_zeros_after_each_sample(run) -> None:  # type: ignore[no-untyped-def]
    x = torch.tensor([[[[1.0, 2.0]]]])
    y = run(x, torch.tensor([1.0, 0.5]), up=2, padding=(1, 0, 1, 0), gain=4.0)
    torch.testing.assert_close(y[0, 0], 4 * torch.tensor([[1.0, 0.5, 2.0, 1.0], [0.5, 0.25, 1.0, 0.5]]))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    up=st.integers(1, 4),
    down=st.integers(1, 4),
    taps=st.integers(0, 9),
    radial=st.booleans(),
    flip=st.booleans(),
    padding=st.tuples(*[st.integers(-3, 12)] * 4),
    size=st.tuples(st.integers(0, 2), st.integers(1, 3), st.integers(16, 40), st.integers(16, 40)),
)
def test_the_fused_path_equals_the_definition(
    seed: int,
    up: int,
    down: int,
    taps: int,
    radial: bool,
    flip: bool,
    padding: ops.Padding,
    size: tuple[int, int, int, int],
) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(size, generator=generator)
    fir = torch.randn((taps, taps) if radial else (taps,), generator=generator) if taps else None
    expected = reference.upfirdn2d(x, fir, up=up, down=down, padding=padding, flip=flip, gain=1.7)
    actual = cpu.upfirdn2d(x, fir, up=up, down=down, padding=padding, flip=flip, gain=1.7)
    scale = float(expected.abs().max()) if expected.numel() else 1.0
    torch.testing.assert_close(actual, expected, rtol=0, atol=2e-5 * max(scale, 1.0))


@BOTH_PATHS
@pytest.mark.parametrize(("up", "down"), [(1, 2), (2, 1), (1, 1)])
def test_resampling_has_right_first_and_second_derivatives(run, up: int, down: int) -> None:  # type: ignore[no-untyped-def]
    x = torch.randn(2, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    fir = torch.randn(4, dtype=torch.float64)

    def squared(x: torch.Tensor) -> torch.Tensor:
        return run(x, fir, up=up, down=down, padding=(2, 1, -1, 3)).square()  # type: ignore[no-any-return]

    assert gradcheck(squared, x, fast_mode=True)
    assert gradgradcheck(squared, x, fast_mode=True)


def test_a_trainable_filter_gets_its_gradient() -> None:
    fir = torch.randn(4, requires_grad=True)
    ops.upfirdn2d(torch.randn(1, 2, 8, 8), fir).sum().backward()
    assert fir.grad is not None
    assert fir.grad.abs().sum() > 0


def test_bias_activation_follows_its_definition() -> None:
    x = torch.tensor([[-2.0, 3.0]])
    bias = torch.tensor([1.0, 1.0])
    torch.testing.assert_close(ops.bias_act(x, bias), torch.tensor([[-1.0, 4.0]]))
    activated = ops.bias_act(x, bias, activation="lrelu")
    torch.testing.assert_close(activated, torch.tensor([[-0.2, 4.0]]) * 2**0.5)
    clamped = ops.bias_act(x, bias, activation="lrelu", gain=1.0, clamp=3.0)
    torch.testing.assert_close(clamped, torch.tensor([[-0.2, 3.0]]))
    rows = ops.bias_act(x.T, bias, dim=0)
    torch.testing.assert_close(rows, torch.tensor([[-1.0], [4.0]]))


def test_an_unknown_activation_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown activation"):
        ops.bias_act(torch.zeros(1, 1), activation="swish")  # type: ignore[arg-type]

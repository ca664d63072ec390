"""The fused CPU path against the plain-torch definition, values and derivatives."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck

from gist import ops
from gist.ops import cpu, reference


@pytest.fixture(autouse=True)
def _any_backend_is_reset() -> Iterator[None]:
    yield
    ops.set_backend("auto")


def _filter(draw: st.DrawFn, taps: int, generator: torch.Generator) -> torch.Tensor | None:
    kind = draw(st.sampled_from(["none", "separable", "radial", "symmetric"]))
    if kind == "none":
        return None
    if kind == "symmetric":  # as the low-pass filters of configuration R are, a sum of a few separable ones
        halves = (
            torch.randn(2, draw(st.integers(1, 5)), taps, generator=generator, dtype=torch.float64) / taps
        )
        y, x = halves + halves.flip(2)
        return y.t() @ x
    shape = (taps,) if kind == "separable" else (taps, taps)
    return torch.randn(shape, generator=generator, dtype=torch.float64) / taps


@st.composite
def _cases(draw: st.DrawFn) -> dict[str, object]:
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    up, down = draw(st.sampled_from([1, 2, 3, 4])), draw(st.sampled_from([1, 2, 3, 4]))
    up_filter = _filter(draw, draw(st.integers(1, 13)), generator)
    down_filter = _filter(draw, draw(st.integers(1, 13)), generator)
    height, width = draw(st.integers(6, 40)), draw(st.integers(6, 40))
    taps = sum(0 if fir is None else fir.shape[-1] - 1 for fir in (up_filter, down_filter))
    padding = tuple(draw(st.integers(-5, 30)) for _ in range(4))
    for size, first, last in ((width, 0, 1), (height, 2, 3)):
        if size * up + padding[first] + padding[last] <= taps:
            padding = (*padding[:first], taps, taps, *padding[last + 1 :])
    x = torch.randn(draw(st.integers(0, 2)), 3, height, width, generator=generator, dtype=torch.float64)
    return {
        "x_NCHW": x,
        "up_filter": up_filter,
        "down_filter": down_filter,
        "bias_C": draw(st.sampled_from([None, torch.tensor([0.5, -1.0, 0.0], dtype=torch.float64)])),
        "up": up,
        "down": down,
        "padding": padding,
        "gain": draw(st.sampled_from([1.0, 2**0.5])),
        "slope": draw(st.sampled_from([0.0, 0.2, 1.0])),
        "clamp": draw(st.sampled_from([None, 0.7])),
    }


@settings(max_examples=50, deadline=None)
@given(case=_cases(), dtype=st.sampled_from([torch.float32, torch.float64]))
def test_the_fused_path_equals_the_definition_and_its_gradients(
    case: dict[str, object], dtype: torch.dtype
) -> None:
    results = []
    for run in (reference.filtered_lrelu, cpu.filtered_lrelu):
        arguments = dict(case)
        x = case["x_NCHW"].to(dtype).requires_grad_()  # type: ignore[attr-defined]
        arguments["x_NCHW"] = x
        y = run(**arguments)  # type: ignore[arg-type]
        direction = torch.linspace(-1, 1, y.numel(), dtype=dtype).view_as(y)
        results.append((y, *torch.autograd.grad(y, x, direction)))
    tolerance = 1e-5 if dtype == torch.float32 else 1e-10
    # A sample within rounding of zero or of the clamp may take the other slope in float32.
    strict = 1 if dtype == torch.float64 else 0.98
    for expected, actual in zip(*results, strict=True):
        assert actual.shape == expected.shape
        if expected.numel():
            error = (actual - expected).abs() / expected.abs().max().clamp_min(1e-3)
            assert (error < tolerance).double().mean() >= strict


def _small(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes: list[tuple[int, ...]] = [(2, 2, 4, 5), (5,), (6,), (2,)]
    x, up_filter, down_filter, bias = (
        torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes
    )
    return x.requires_grad_(), up_filter, down_filter, bias.requires_grad_()


@pytest.mark.parametrize("run", [reference.filtered_lrelu, cpu.filtered_lrelu], ids=["reference", "cpu"])
@pytest.mark.parametrize(("up", "down"), [(2, 2), (4, 2)])
@pytest.mark.parametrize("radial", [False, True])
def test_first_and_second_derivatives_are_right(run, up: int, down: int, radial: bool) -> None:  # type: ignore[no-untyped-def]
    x, up_filter, down_filter, bias = _small()
    if radial:
        down_filter = torch.outer(down_filter, down_filter) + torch.eye(6, dtype=torch.float64)

    def filtered(x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return run(  # type: ignore[no-any-return]
            x,
            up_filter,
            down_filter,
            bias,
            up=up,
            down=down,
            padding=(4, 3, 5, -1),
            gain=1.3,
            slope=0.2,
            clamp=4.0,
        )

    assert gradcheck(filtered, (x, bias), fast_mode=True)
    assert gradgradcheck(filtered, (x, bias), fast_mode=True)


def _gradients(threads: int, x: torch.Tensor, bias: torch.Tensor, taps: torch.Tensor) -> list[torch.Tensor]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        y = cpu.filtered_lrelu(
            x, taps, taps, bias, up=2, down=2, padding=(9, 8, 9, 8), gain=1.4, slope=0.2, clamp=1.0
        )
        return [y, *torch.autograd.grad(y.square().sum(), (x, bias))]
    finally:
        torch.set_num_threads(before)


def test_results_have_the_same_bits_on_one_and_two_threads() -> None:
    torch.manual_seed(1)
    x = torch.randn(3, 5, 52, 52, requires_grad=True)
    bias = torch.randn(5, requires_grad=True)
    taps = torch.randn(12)
    y = _gradients(1, x, bias, taps)
    for expected, actual in zip(y, _gradients(2, x, bias, taps), strict=True):
        assert torch.equal(actual, expected)


def test_a_transposed_or_half_precision_image_gives_the_same_values() -> None:
    x = torch.randn(2, 3, 17, 21)
    taps = torch.randn(12) / 4
    kwargs = {"up": 2, "down": 2, "padding": (9, 8, 9, 8), "gain": 1.4, "slope": 0.2, "clamp": None}
    expected = cpu.filtered_lrelu(x, taps, taps, None, **kwargs)  # type: ignore[arg-type]
    columns_first = x.transpose(2, 3).contiguous().transpose(2, 3)
    torch.testing.assert_close(cpu.filtered_lrelu(columns_first, taps, taps, None, **kwargs), expected)  # type: ignore[arg-type]
    channels_last = x.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(cpu.filtered_lrelu(channels_last, taps, taps, None, **kwargs), expected)  # type: ignore[arg-type]
    half = cpu.filtered_lrelu(x.bfloat16(), taps, taps, None, **kwargs)  # type: ignore[arg-type]
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), expected, rtol=0.1, atol=0.1)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_an_image_smaller_than_the_filter_is_refused(backend: ops.Backend) -> None:
    ops.set_backend(backend)
    with pytest.raises(ValueError, match="smaller than"):
        ops.filtered_lrelu(
            torch.zeros(1, 1, 4, 4),
            torch.ones(12),
            torch.ones(12),
            None,
            up=2,
            down=2,
            padding=(0, 0, 0, 0),
            gain=1.0,
            slope=0.2,
            clamp=None,
        )


def test_output_width_follows_the_documented_formula() -> None:
    x = torch.zeros(1, 1, 36, 52)
    y = ops.filtered_lrelu(
        x,
        torch.ones(24),
        torch.ones(12),
        None,
        up=4,
        down=2,
        padding=(7, 6, -3, 4),
        gain=1.0,
        slope=0.2,
        clamp=None,
    )
    assert y.shape[3] == (52 * 4 + 7 + 6 - 23 - 11 + 1) // 2
    assert y.shape[2] == (36 * 4 - 3 + 4 - 23 - 11 + 1) // 2

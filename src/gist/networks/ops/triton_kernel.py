"""The fused filter loop as a Triton kernel; import it only when it is needed.

One program makes a tile of one plane's result. Both filters are sums of separable ones, so a tile is
    middle = f(sum over ranks of Ay @ x @ Ax^T),   out = sum over ranks of By @ middle @ Bx^T
with band matrices A (upsampling) and B (downsampling) of the taps that meet the tile: the tensor cores do the
filtering and the upsampled signal never reaches memory. Geometry and names as in `cpu_plan`.
"""

from typing import Any

import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]

LINEAR, ACTIVATE, ACTIVATE_AND_RECORD, REPLAY = range(4)
"""What happens at the upsampled rate. REPLAY multiplies by the slopes that ACTIVATE_AND_RECORD noted."""

_CLAMPED: tl.constexpr = tl.constexpr(0)
_NEGATIVE: tl.constexpr = tl.constexpr(1)
_POSITIVE: tl.constexpr = tl.constexpr(2)
_FAR: tl.constexpr = tl.constexpr(4096)


@triton.jit  # type: ignore[untyped-decorator]
def _first_in(first_mid: Any, taps: Any, up: Any, origin: Any) -> Any:
    """The first sample that reaches mid[first_mid]; the detour keeps the division away from negative numbers."""
    return (first_mid + origin - taps + up + up * _FAR) // up - _FAR


@triton.jit  # type: ignore[untyped-decorator]
def _band(taps: Any, count: Any, tap: Any) -> Any:
    return tl.load(taps + tap, mask=(tap >= 0) & (tap < count), other=0.0)


@triton.jit  # type: ignore[untyped-decorator]
def filter_tiles(
    x_PHW: Any, bias_C: Any, out_PHW: Any, codes_PHW: Any,
    up_y: Any, up_x: Any, down_y: Any, down_x: Any,
    channels: Any, height: Any, width: Any, mid_height: Any, mid_width: Any, out_height: Any, out_width: Any,
    origin_up_y: Any, origin_up_x: Any, origin_down_y: Any, origin_down_x: Any,
    gain: Any, negative_gain: Any, clamp: Any,
    MODE: tl.constexpr, UP: tl.constexpr, DOWN: tl.constexpr, UP_TAPS_Y: tl.constexpr, UP_TAPS_X: tl.constexpr,
    DOWN_TAPS_Y: tl.constexpr, DOWN_TAPS_X: tl.constexpr, UP_RANKS: tl.constexpr, DOWN_RANKS: tl.constexpr,
    TILE_Y: tl.constexpr, TILE_X: tl.constexpr,
    INS_Y: tl.constexpr, INS_X: tl.constexpr, MIDS: tl.constexpr, OUTS_Y: tl.constexpr, OUTS_X: tl.constexpr,
    PRECISION: tl.constexpr,
) -> None:  # fmt: skip
    """Result samples TILE_Y x TILE_X from (program 1, program 2) on, of plane program 0; taps are [rank, taps]."""
    plane = tl.program_id(0).to(tl.int64)
    out_y0, out_x0 = tl.program_id(1) * TILE_Y, tl.program_id(2) * TILE_X
    mid_y0 = origin_down_y + DOWN * out_y0 - (DOWN_TAPS_Y - 1)
    mid_x0 = origin_down_x + DOWN * out_x0 - (DOWN_TAPS_X - 1)
    in_y0 = _first_in(mid_y0, UP_TAPS_Y, UP, origin_up_y)
    in_x0 = _first_in(mid_x0, UP_TAPS_X, UP, origin_up_x)

    y, x = in_y0 + tl.arange(0, INS_Y)[:, None], in_x0 + tl.arange(0, INS_X)[None, :]
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    samples = tl.load(x_PHW + plane * height * width + y * width + x, mask=inside, other=0.0).to(tl.float32)
    samples = tl.where(inside, samples + tl.load(bias_C + plane % channels), 0.0)

    mids = tl.arange(0, MIDS)
    tap_y = mid_y0 + mids[:, None] - UP * (in_y0 + tl.arange(0, INS_Y)[None, :]) + origin_up_y
    tap_x = mid_x0 + mids[None, :] - UP * (in_x0 + tl.arange(0, INS_X)[:, None]) + origin_up_x
    middle = tl.zeros((MIDS, MIDS), tl.float32)
    for rank in tl.static_range(UP_RANKS):
        widened = tl.dot(samples, _band(up_x + rank * UP_TAPS_X, UP_TAPS_X, tap_x), input_precision=PRECISION)
        bands = _band(up_y + rank * UP_TAPS_Y, UP_TAPS_Y, tap_y)
        middle = tl.dot(bands, widened, middle, input_precision=PRECISION)

    mid_y, mid_x = mid_y0 + mids[:, None], mid_x0 + mids[None, :]
    known = (mid_y >= 0) & (mid_y < mid_height) & (mid_x >= 0) & (mid_x < mid_width)
    codes_at = codes_PHW + plane * mid_height * mid_width + mid_y * mid_width + mid_x
    if MODE == REPLAY:
        codes = tl.load(codes_at, mask=known, other=_CLAMPED)
        slopes = tl.where(codes == _POSITIVE, gain, tl.where(codes == _NEGATIVE, negative_gain, 0.0))
        middle = middle * slopes
    if (MODE == ACTIVATE) | (MODE == ACTIVATE_AND_RECORD):
        positive = middle > 0
        middle = middle * tl.where(positive, gain, negative_gain)
        beyond = tl.abs(middle) > clamp
        if MODE == ACTIVATE_AND_RECORD:
            codes = tl.where(beyond, _CLAMPED, tl.where(positive, _POSITIVE, _NEGATIVE))
            tl.store(codes_at, codes.to(tl.uint8), mask=known)
        middle = tl.where(beyond, tl.where(positive, clamp, -clamp), middle)
    middle = tl.where(known, middle, 0.0)

    outs_y, outs_x = tl.arange(0, OUTS_Y), tl.arange(0, OUTS_X)
    tap_y = origin_down_y + DOWN * (out_y0 + outs_y[:, None]) - mid_y0 - mids[None, :]
    tap_x = origin_down_x + DOWN * (out_x0 + outs_x[None, :]) - mid_x0 - mids[:, None]
    out = tl.zeros((OUTS_Y, OUTS_X), tl.float32)
    for rank in tl.static_range(DOWN_RANKS):
        bands = _band(down_y + rank * DOWN_TAPS_Y, DOWN_TAPS_Y, tap_y)
        narrowed = tl.dot(bands, middle, input_precision=PRECISION)
        bands = _band(down_x + rank * DOWN_TAPS_X, DOWN_TAPS_X, tap_x)
        out = tl.dot(narrowed, bands, out, input_precision=PRECISION)

    out_y, out_x = out_y0 + outs_y[:, None], out_x0 + outs_x[None, :]
    wanted = (
        (outs_y[:, None] < TILE_Y) & (outs_x[None, :] < TILE_X) & (out_y < out_height) & (out_x < out_width)
    )
    out_at = out_PHW + plane * out_height * out_width + out_y * out_width + out_x
    tl.store(out_at, out.to(out_PHW.dtype.element_ty), mask=wanted)

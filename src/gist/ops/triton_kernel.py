"""The fused filter loop as a Triton kernel; import it only when it is needed.

One program makes the same tile of several planes' results. Both filters are sums of separable ones, so a tile is
    middle = f(sum over ranks of Ay @ x @ Ax^T),   out = sum over ranks of By @ middle @ Bx^T
with band matrices A (upsampling) and B (downsampling) of the taps that meet the tile, which are the same for all
tiles: the tensor cores do the filtering and the upsampled signal never reaches memory. Where f multiplies by the
slopes of an activation, these are computed again from the activation's input. Geometry and names as in `cpu_plan`.
"""

# Parameters have no annotations: Triton evaluates them, and knows only its own types.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import triton
import triton.language as tl

LINEAR, ACTIVATE, REPLAY = (tl.constexpr(mode) for mode in range(3))
"""What happens at the upsampled rate. REPLAY multiplies by the slopes of the activation of `activated`."""


@triton.jit  # type: ignore[untyped-decorator]
def _upsampled(
    x_PHW, bias, plane, height, width, y0, x0, bands_y, bands_x,
    RANKS: tl.constexpr, INS_Y: tl.constexpr, INS_X: tl.constexpr, MIDS: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """The tile of the upsampled signal that samples from (y0, x0) on make, and by what it must be multiplied."""
    half: tl.constexpr = bands_y.dtype.element_ty == tl.float16
    y, x = y0 + tl.arange(0, INS_Y)[:, None], x0 + tl.arange(0, INS_X)[None, :]
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    samples = tl.load(x_PHW + plane * height * width + y * width + x, mask=inside, other=0.0).to(tl.float32)
    samples = tl.where(inside, samples + bias, 0.0)
    scale = 1.0
    if half:
        # float16 has the bits that are needed but a small range, which gradients leave.
        scale = tl.maximum(tl.max(tl.max(tl.abs(samples), 1), 0), 1e-30)
        samples = (samples * (1 / scale)).to(tl.float16)
    ins_y, ins_x, mids = tl.arange(0, INS_Y), tl.arange(0, INS_X), tl.arange(0, MIDS)
    middle = tl.zeros((MIDS, MIDS), tl.float32)
    for rank in tl.static_range(RANKS):
        along_x = tl.load(bands_x + rank * INS_X * MIDS + ins_x[:, None] * MIDS + mids[None, :])
        along_y = tl.load(bands_y + rank * MIDS * INS_Y + mids[:, None] * INS_Y + ins_y[None, :])
        widened = tl.dot(samples, along_x, input_precision=PRECISION).to(along_y.dtype)
        middle = tl.dot(along_y, widened, middle, input_precision=PRECISION)
    return middle, scale


# One compilation serves all sizes of image: numbers are neither folded in nor promised to be multiples of 16.
_SIZES = [
    *(f"{of}{size}" for of in ("", "activated_") for size in ("height", "width", "first_y", "first_x")),
    *("planes", "channels", "out_height", "out_width"),
]


@triton.jit(do_not_specialize=_SIZES)  # type: ignore[untyped-decorator]
def filter_tiles(
    x_PHW, activated_PHW, bias_C, out_PHW,
    up_y, up_x, activated_up_y, activated_up_x, down_y, down_x,
    planes, channels, height, width, activated_height, activated_width, out_height, out_width,
    first_y, first_x, activated_first_y, activated_first_x, gain, negative_gain, clamp,
    MODE: tl.constexpr, PRECISION: tl.constexpr, PLANES: tl.constexpr,
    UP_RANKS: tl.constexpr, ACTIVATED_RANKS: tl.constexpr, DOWN_RANKS: tl.constexpr,
    STEP_Y: tl.constexpr, STEP_X: tl.constexpr, ACTIVATED_STEP_Y: tl.constexpr, ACTIVATED_STEP_X: tl.constexpr,
    INS_Y: tl.constexpr, INS_X: tl.constexpr, ACTIVATED_INS_Y: tl.constexpr, ACTIVATED_INS_X: tl.constexpr,
    MIDS: tl.constexpr, OUTS_Y: tl.constexpr, OUTS_X: tl.constexpr, TILE_Y: tl.constexpr, TILE_X: tl.constexpr,
):  # fmt: skip
    """Tile (program 1, program 2) of TILE_Y x TILE_X result samples, of PLANES planes from program 0 on.

    Tile 0 begins with sample `first` of x, the next one STEP samples further; bands are [rank, rows, columns].
    """
    tile_y, tile_x = tl.program_id(1), tl.program_id(2)
    mids, outs_y, outs_x = tl.arange(0, MIDS), tl.arange(0, OUTS_Y), tl.arange(0, OUTS_X)
    out_y, out_x = tile_y * TILE_Y + outs_y[:, None], tile_x * TILE_X + outs_x[None, :]
    wanted = (
        (outs_y[:, None] < TILE_Y) & (outs_x[None, :] < TILE_X) & (out_y < out_height) & (out_x < out_width)
    )
    for number in tl.range(PLANES):
        # Where planes do not come out even, the last is computed again.
        plane = tl.minimum(tl.program_id(0) * PLANES + number, planes - 1)
        bias = tl.load(bias_C + plane % channels)
        plane = plane.to(tl.int64)
        middle, scale = _upsampled(
            x_PHW, 0.0 if MODE == REPLAY else bias, plane, height, width,
            first_y + tile_y * STEP_Y, first_x + tile_x * STEP_X, up_y, up_x,
            UP_RANKS, INS_Y, INS_X, MIDS, PRECISION,
        )  # fmt: skip
        if MODE == REPLAY:
            level, level_scale = _upsampled(
                activated_PHW, bias, plane, activated_height, activated_width,
                activated_first_y + tile_y * ACTIVATED_STEP_Y, activated_first_x + tile_x * ACTIVATED_STEP_X,
                activated_up_y, activated_up_x,
                ACTIVATED_RANKS, ACTIVATED_INS_Y, ACTIVATED_INS_X, MIDS, PRECISION,
            )  # fmt: skip
            slopes = tl.where(level > 0, gain, negative_gain)
            middle *= tl.where(tl.abs(level * slopes) > clamp / level_scale, 0.0, slopes)
        if MODE == ACTIVATE:
            middle *= tl.where(middle > 0, gain * scale, negative_gain * scale)
            middle = tl.maximum(middle, -clamp, propagate_nan=tl.PropagateNan.ALL)
            middle = tl.minimum(middle, clamp, propagate_nan=tl.PropagateNan.ALL)
        middle = middle.to(down_y.dtype.element_ty)
        out = tl.zeros((OUTS_Y, OUTS_X), tl.float32)
        for rank in tl.static_range(DOWN_RANKS):
            along_y = tl.load(down_y + rank * OUTS_Y * MIDS + outs_y[:, None] * MIDS + mids[None, :])
            along_x = tl.load(down_x + rank * MIDS * OUTS_X + mids[:, None] * OUTS_X + outs_x[None, :])
            narrowed = tl.dot(along_y, middle, input_precision=PRECISION).to(along_x.dtype)
            out = tl.dot(narrowed, along_x, out, input_precision=PRECISION)
        if MODE != ACTIVATE:
            out *= scale
        out_at = out_PHW + plane * out_height * out_width + out_y * out_width + out_x
        tl.store(out_at, out.to(out_PHW.dtype.element_ty), mask=wanted)

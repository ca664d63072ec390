"""Scaling and activation of planes as two Triton kernels; import it only when it is needed.

A program computes a tile of channels x pixels of one sample. Each tensor has its own layout (steps from channel to
channel and from pixel to pixel): changing it costs nothing here and a pass over memory elsewhere.
"""

# Parameters have no annotations: Triton evaluates them, and knows only its own types.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import triton
import triton.language as tl


@triton.jit  # type: ignore[untyped-decorator]
def _tile(channels, pixels, CHANNELS: tl.constexpr, PIXELS: tl.constexpr):
    """Sample, channels [CHANNELS, 1] and pixels [1, PIXELS] of this program, and which of these there are."""
    sample = tl.program_id(2).to(tl.int64)
    c = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)[:, None]
    k = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)[None, :]
    return sample, c, k, c < channels, k < pixels


@triton.jit  # type: ignore[untyped-decorator]
def forward(
    x, scale_NC, noise_SK, bias_C, out, channels, pixels, noise_step, x_c, x_k, out_c, out_k,
    gain, negative_gain, clamp,
    SCALED: tl.constexpr, NOISY: tl.constexpr, BIASED: tl.constexpr, ACTIVE: tl.constexpr,
    CHANNELS: tl.constexpr, PIXELS: tl.constexpr,
):  # fmt: skip
    """Scale, noise, bias, leaky ReLU, gain and clamp, of which any may be absent; what is not a number stays so."""
    sample, c, k, is_channel, is_pixel = _tile(channels, pixels, CHANNELS, PIXELS)
    inside = is_channel & is_pixel
    first = sample * channels * pixels
    value = tl.load(x + first + c * x_c + k * x_k, mask=inside, other=0.0).to(tl.float32)
    if SCALED:
        value *= tl.load(scale_NC + sample * channels + c, mask=is_channel, other=0.0).to(tl.float32)
    if NOISY:
        value += tl.load(noise_SK + sample * noise_step + k, mask=is_pixel, other=0.0).to(tl.float32)
    if BIASED:
        value += tl.load(bias_C + c, mask=is_channel, other=0.0).to(tl.float32)
    if ACTIVE:
        value *= tl.where(value > 0, gain, negative_gain)
        value = tl.where(value > clamp, clamp, value)
        value = tl.where(value < -clamp, -clamp, value)
    tl.store(out + first + c * out_c + k * out_k, value.to(out.dtype.element_ty), mask=inside)


@triton.jit  # type: ignore[untyped-decorator]
def backward(
    grad, x, scale_NC, y, grad_x, grad_scale_NCB, grad_noise_NBK, sums_NCB, channels, pixels,
    grad_c, grad_k, x_c, x_k, y_c, y_k, grad_x_c, grad_x_k, gain, negative_gain, clamp,
    SCALED: tl.constexpr, NOISY: tl.constexpr, ACTIVE: tl.constexpr,
    CHANNELS: tl.constexpr, PIXELS: tl.constexpr,
):  # fmt: skip
    """The gradients of `forward`, of scales, noise and bias (`sums`) as one part sum for each tile.

    Parts are added later in a fixed order, so that the same training has the same bits.
    """
    sample, c, k, is_channel, is_pixel = _tile(channels, pixels, CHANNELS, PIXELS)
    inside = is_channel & is_pixel
    first, plane = sample * channels * pixels, sample * channels + c
    value = tl.load(grad + first + c * grad_c + k * grad_k, mask=inside, other=0.0).to(tl.float32)
    sum_at = plane * tl.num_programs(0) + tl.program_id(0)
    if ACTIVE:
        result = tl.load(y + first + c * y_c + k * y_k, mask=inside, other=0.0).to(tl.float32)
        slope = tl.where(result > 0, gain, negative_gain)
        value *= tl.where(tl.abs(result) < clamp, slope, 0.0)
        tl.store(sums_NCB + sum_at, tl.sum(value, 1)[:, None], mask=is_channel)
    if NOISY:
        noise_at = (sample * tl.num_programs(1) + tl.program_id(1)) * pixels + k
        tl.store(grad_noise_NBK + noise_at, tl.sum(value, 0)[None, :], mask=is_pixel)
    if SCALED:
        before = tl.load(x + first + c * x_c + k * x_k, mask=inside, other=0.0).to(tl.float32)
        tl.store(grad_scale_NCB + sum_at, tl.sum(value * before, 1)[:, None], mask=is_channel)
        value *= tl.load(scale_NC + plane, mask=is_channel, other=0.0).to(tl.float32)
    tl.store(grad_x + first + c * grad_x_c + k * grad_x_k, value.to(grad_x.dtype.element_ty), mask=inside)

"""Plain torch definitions of the hot operations: these define the result, every faster path must equal them.

Differentiable any number of times and on any device. Fast paths are compared with this file in the tests.
"""

import torch
import torch.nn.functional as F

from gist.ops.transfer import sent

Padding = tuple[int, int, int, int]
"""(left, right, top, bottom) in pixels at the upsampled rate; negative values crop."""


def filter_taps(fir: torch.Tensor | None) -> tuple[int, int]:
    """Width and height in taps of a filter; None is the identity, one tap each way."""
    if fir is None:
        return 1, 1
    if fir.ndim not in (1, 2):
        raise ValueError(f"a filter has 1 dimension (separable) or 2, not {fir.ndim}")
    return fir.shape[-1], fir.shape[0]


def upfirdn2d(
    x_NCHW: torch.Tensor,
    fir: torch.Tensor | None,
    *,
    up: int = 1,
    down: int = 1,
    padding: Padding = (0, 0, 0, 0),
    flip: bool = False,
    gain: float = 1.0,
) -> torch.Tensor:
    """Step by step; see `gist.networks.ops.upfirdn2d`."""
    N, C, H, W = x_NCHW.shape
    taps_x, taps_y = filter_taps(fir)
    left, right, top, bottom = padding
    if W * up + left + right < taps_x or H * up + top + bottom < taps_y:
        raise ValueError(f"a {H}x{W} image upsampled {up} and padded by {padding} is smaller than its filter")
    x = x_NCHW
    if up > 1:
        x = F.pad(x.reshape(N, C, H, 1, W, 1), (0, up - 1, 0, 0, 0, up - 1)).reshape(N, C, H * up, W * up)
    if any(padding):
        x = F.pad(x, padding)
    if fir is None:
        return x[:, :, ::down, ::down] * gain
    fir = sent(fir.to(x.dtype), x.device)
    if not flip:  # torch's convolution is a correlation
        fir = fir.flip(list(range(fir.ndim)))
    if fir.ndim == 2:
        return F.conv2d(x, (fir * gain).expand(C, 1, -1, -1), stride=down, groups=C)
    x = F.conv2d(x, (fir * gain).expand(C, 1, 1, -1), stride=(1, down), groups=C)
    return F.conv2d(x, fir[:, None].expand(C, 1, -1, 1), stride=(down, 1), groups=C)


def bias_act(
    x: torch.Tensor,
    bias: torch.Tensor | None = None,
    *,
    dim: int = 1,
    slope: float = 1.0,
    gain: float = 1.0,
    clamp: float | None = None,
) -> torch.Tensor:
    """Add a bias along `dim`, leaky ReLU (`slope` 1 is linear), multiply by `gain`, clamp to +-`clamp`."""
    if bias is not None:
        x = x + bias.to(x.dtype).reshape([-1 if axis == dim % x.ndim else 1 for axis in range(x.ndim)])
    if slope != 1:
        x = F.leaky_relu(x, slope)
    if gain != 1:
        x = x * gain
    return x if clamp is None else x.clamp(-clamp, clamp)


def noisy_act(
    x_NCHW: torch.Tensor,
    scale_NC: torch.Tensor,
    noise_S1HW: torch.Tensor,
    bias_C: torch.Tensor,
    *,
    slope: float,
    gain: float,
    clamp: float | None,
) -> torch.Tensor:
    """Step by step; see `gist.networks.ops`."""
    x = x_NCHW * scale_NC.to(x_NCHW.dtype)[:, :, None, None] + noise_S1HW.to(x_NCHW.dtype)
    return bias_act(x, bias_C, slope=slope, gain=gain, clamp=clamp)


def filtered_lrelu(
    x_NCHW: torch.Tensor,
    up_filter: torch.Tensor | None,
    down_filter: torch.Tensor | None,
    bias_C: torch.Tensor | None,
    *,
    up: int,
    down: int,
    padding: Padding,
    gain: float,
    slope: float,
    clamp: float | None,
) -> torch.Tensor:
    """Alias-free leaky ReLU (Karras et al. 2021, figure 4b), step by step; see `gist.networks.ops`."""
    x = x_NCHW if bias_C is None else bias_act(x_NCHW, bias_C)
    x = upfirdn2d(x, up_filter, up=up, padding=padding, gain=up**2)
    x = bias_act(x, slope=slope, gain=gain, clamp=clamp)
    return upfirdn2d(x, down_filter, down=down)


def modulated_conv2d(
    x_NCHW: torch.Tensor,
    weight_OIkk: torch.Tensor,
    styles_NI: torch.Tensor,
    *,
    demodulate: bool = True,
    padding: int = 0,
    input_gain_NI: torch.Tensor | None = None,
) -> torch.Tensor:
    """One weight per sample, as written in Karras et al. 2020, equations 1 to 3, by a grouped convolution."""
    N, I, H, W = x_NCHW.shape  # noqa: E741 - O and I are the field's letters for the channels of a weight
    O, _, ky, kx = weight_OIkk.shape  # noqa: E741
    weight_NOIkk = weight_OIkk[None] * styles_NI[:, None, :, None, None]
    if demodulate:
        weight_NOIkk = weight_NOIkk * (weight_NOIkk.square().sum([2, 3, 4], keepdim=True) + 1e-8).rsqrt()
    if input_gain_NI is not None:
        weight_NOIkk = weight_NOIkk * input_gain_NI[:, None, :, None, None]
    x, weight = x_NCHW.reshape(1, N * I, H, W), weight_NOIkk.reshape(N * O, I, ky, kx)
    y = F.conv2d(x, weight, padding=padding, groups=N)
    return y.reshape(N, O, y.shape[2], y.shape[3])

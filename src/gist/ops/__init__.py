"""The hot operations of alias-free GANs behind one interface, whatever machine they run on.

`reference.py` defines every result in plain torch; `set_backend` forces an implementation, "auto" takes the
fastest that works on the tensor's device. All operations can be differentiated twice (R1, path length).
"""

from collections.abc import Callable
from typing import Literal, Protocol

import torch

from gist.ops import cpu, planes, reference, triton_path
from gist.ops.backend import (
    Backend,
    active_backend,
    chosen_backend,
    prepare,
    runs_on_cpu_path,
    runs_on_triton_path,
    set_backend,
)
from gist.ops.convolution import activated_conv2d, conv2d
from gist.ops.memory import tune_memory_allocator
from gist.ops.modulation import demodulation, modulated_conv2d, of_unit_power
from gist.ops.planes import layout_for_convolution, scaled
from gist.ops.reference import Padding
from gist.ops.sampling import affine_sample
from gist.ops.transfer import sent

__all__ = [
    "Backend",
    "Padding",
    "activated_conv2d",
    "active_backend",
    "affine_sample",
    "bias_act",
    "chosen_backend",
    "conv2d",
    "demodulation",
    "filtered_lrelu",
    "layout_for_convolution",
    "modulated_conv2d",
    "noisy_act",
    "of_unit_power",
    "prepare",
    "scaled",
    "sent",
    "set_backend",
    "tune_memory_allocator",
    "upfirdn2d",
]


class _Path(Protocol):
    filtered_lrelu: Callable[..., torch.Tensor]
    upfirdn2d: Callable[..., torch.Tensor]


_CPU: _Path = cpu
_TRITON: _Path = triton_path
_REFERENCE: _Path = reference


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
    """Leaky ReLU between upsampling and downsampling, so that it makes no aliases (Karras et al. 2021, 3.2).

    Add the bias, upsample by zero insertion, pad, convolve with `up_filter` (times up^2), leaky ReLU with
    `slope`, multiply by `gain`, clamp to +-`clamp`, convolve with `down_filter`, keep every `down`-th sample.
    Filters: 1-D (separable), 2-D [ky, kx] (radial), None (identity); both are convolved, not correlated.
    `padding`: (left, right, top, bottom) at the upsampled rate, negative crops; it applies after the bias.
    Output width: (W * up + left + right - (up_taps - 1) - (down_taps - 1) + (down - 1)) // down.
    Raises ValueError where the padded image is smaller than a filter.
    """
    return _path(x_NCHW, up_filter, down_filter).filtered_lrelu(
        x_NCHW,
        up_filter,
        down_filter,
        bias_C,
        up=up,
        down=down,
        padding=padding,
        gain=gain,
        slope=slope,
        clamp=clamp,
    )


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
    """Upsample by zero insertion, pad, filter, keep every `down`-th sample; channels are independent.

    `fir`: 1-D (applied along x and along y), 2-D [ky, kx], or None (identity). It is convolved with the
    image; `flip=True` correlates instead. `gain` multiplies the result once; for upsampling that keeps the
    signal's level pass `up ** 2`. Output width: (W * up + left + right - taps) // down + 1.
    Raises ValueError where the padded image is smaller than the filter.
    """
    path = _path(x_NCHW, fir)
    return path.upfirdn2d(x_NCHW, fir, up=up, down=down, padding=padding, flip=flip, gain=gain)


def _path(x_NCHW: torch.Tensor, *filters: torch.Tensor | None) -> _Path:
    """The fastest implementation of filtering that can compute this."""
    if runs_on_cpu_path(x_NCHW, *filters):
        return _CPU
    return _TRITON if runs_on_triton_path(x_NCHW, *filters) else _REFERENCE


def bias_act(
    x: torch.Tensor,
    bias: torch.Tensor | None = None,
    *,
    dim: int = 1,
    activation: Literal["linear", "lrelu"] = "linear",
    gain: float | None = None,
    clamp: float | None = None,
) -> torch.Tensor:
    """Add a bias along `dim`, activate, multiply by `gain`, clamp to +-`clamp`.

    "lrelu" has slope 0.2 and a default gain of sqrt(2), which keeps the variance; "linear" has gain 1.
    """
    if activation not in ("linear", "lrelu"):
        raise ValueError(f"unknown activation {activation!r}: use linear or lrelu")
    linear = activation == "linear"
    if gain is None:
        gain = 1.0 if linear else 2**0.5
    slope = 1.0 if linear else 0.2
    simple = linear and gain == 1 and clamp is None
    if not simple and dim == 1:
        return planes.activated(x, bias, slope=slope, gain=gain, clamp=clamp)
    return reference.bias_act(x, bias, dim=dim, slope=slope, gain=gain, clamp=clamp)


def noisy_act(
    x_NCHW: torch.Tensor,
    scale_NC: torch.Tensor,
    noise_S1HW: torch.Tensor,
    bias_C: torch.Tensor,
    *,
    gain: float = 2**0.5,
    clamp: float | None = None,
) -> torch.Tensor:
    """What follows a convolution with noise (Karras et al. 2020, figure 2c), in one pass over memory each way.

    Scale each channel of each sample, add noise (one plane per sample, or one for all) and bias, leaky ReLU with slope
    0.2, multiply by `gain`, clamp to +-`clamp`.
    """
    return planes.noisily_activated(x_NCHW, scale_NC, noise_S1HW, bias_C, slope=0.2, gain=gain, clamp=clamp)

"""Fast CUDA path of `planes`: the kernels of `triton_planes_kernel` on torch's tensors."""

from contextlib import nullcontext
from functools import cache
from typing import Any

import torch

from gist.ops.cpu import Slopes

_ROWS = {"CHANNELS": 4, "PIXELS": 1024}
"""A tile where all tensors have pixels as neighbours."""
_SQUARE = {"CHANNELS": 32, "PIXELS": 128}
"""A tile where layouts differ: as many neighbours each way as memory hands out at once; and of small planes."""
OPTIONS = {"num_warps": 4, "enable_fp_fusion": True}


@cache
def kernel() -> Any:
    """The kernels' module. Imports Triton; the first launch of each kind compiles it or finds it cached."""
    from gist.ops import triton_planes_kernel

    return triton_planes_kernel


def compile_kernels(device: torch.device) -> None:
    """Compiles both kernels and runs them on a few samples; raises what Triton raises where it cannot."""
    x, bias = torch.zeros(1, 2, 4, 4, device=device), torch.zeros(2, device=device)
    slopes = (1.0, 0.2, float("inf"))
    y = noisily_activated(x, bias[None], x[:, :1], bias, slopes)
    noisily_activated_backward(x, x, bias[None], y, slopes, torch.channels_last)


def scaled(x: torch.Tensor, scale_NC: torch.Tensor, layout: torch.memory_format) -> torch.Tensor:
    """See `planes.Loops`, as for all that follow."""
    return _forward(x, layout, scale_NC=scale_NC)


def scaled_backward(
    grad: torch.Tensor, x: torch.Tensor, scale_NC: torch.Tensor, layout: torch.memory_format
) -> tuple[torch.Tensor, torch.Tensor]:
    grad_x, grad_scale_NC, _, _ = _backward(grad, layout, x=x, scale_NC=scale_NC)
    return grad_x, grad_scale_NC


def activated(x: torch.Tensor, bias_C: torch.Tensor | None, slopes: Slopes) -> torch.Tensor:
    return _forward(x, torch.contiguous_format, bias_C=bias_C, slopes=slopes)


def activated_backward(
    grad: torch.Tensor, y: torch.Tensor, slopes: Slopes, layout: torch.memory_format
) -> tuple[torch.Tensor, torch.Tensor]:
    grad_x, _, _, sums_NC = _backward(grad, layout, y=y, slopes=slopes)
    return grad_x, sums_NC


def noisily_activated(
    x: torch.Tensor,
    scale_NC: torch.Tensor,
    noise_S1HW: torch.Tensor,
    bias_C: torch.Tensor,
    slopes: Slopes,
) -> torch.Tensor:
    return _forward(
        x, torch.contiguous_format, scale_NC=scale_NC, noise_S1HW=noise_S1HW, bias_C=bias_C, slopes=slopes
    )


def noisily_activated_backward(
    grad: torch.Tensor,
    x: torch.Tensor,
    scale_NC: torch.Tensor,
    y: torch.Tensor,
    slopes: Slopes,
    layout: torch.memory_format,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    return _backward(grad, layout, x=x, scale_NC=scale_NC, y=y, slopes=slopes, noisy=True)


def contiguous(x: torch.Tensor) -> torch.Tensor:
    """The same values with pixels as neighbours."""
    return laid_out(x, torch.contiguous_format)


def laid_out(x: torch.Tensor, layout: torch.memory_format) -> torch.Tensor:
    return x if x.is_contiguous(memory_format=layout) else _forward(x, layout)


def _forward(
    x: torch.Tensor,
    layout: torch.memory_format,
    *,
    scale_NC: torch.Tensor | None = None,
    noise_S1HW: torch.Tensor | None = None,
    bias_C: torch.Tensor | None = None,
    slopes: Slopes | None = None,
) -> torch.Tensor:
    x, x_steps = _dense(x)
    out, out_steps = _dense(torch.empty_like(x, memory_format=layout))
    if x.numel() == 0:
        return out
    _, C, H, W = x.shape
    grid, tile = _tiles(x, x_steps, out_steps)
    others = [None if of is None else of.contiguous() for of in (scale_NC, noise_S1HW, bias_C)]
    noise_step = 0 if noise_S1HW is None or len(noise_S1HW) == 1 else H * W
    with _on_device_of(x):
        kernel().forward[grid](
            x, *(x if of is None else of for of in others), out,
            C, H * W, noise_step, *x_steps, *out_steps, *(slopes or (1.0, 1.0, 1.0)),
            SCALED=scale_NC is not None, NOISY=noise_S1HW is not None, BIASED=bias_C is not None,
            ACTIVE=slopes is not None, **tile, **OPTIONS,
        )  # fmt: skip
    return out


def _backward(
    grad: torch.Tensor,
    layout: torch.memory_format,
    *,
    x: torch.Tensor | None = None,
    scale_NC: torch.Tensor | None = None,
    y: torch.Tensor | None = None,
    slopes: Slopes | None = None,
    noisy: bool = False,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Gradients of x, scales, noise [N, 1, H, W], and sums [N, C], these in float32; zeros where absent."""
    grad, grad_steps = _dense(grad)
    x, x_steps = (grad, grad_steps) if x is None else _dense(x)
    y, y_steps = (grad, grad_steps) if y is None else _dense(y)
    grad_x, grad_x_steps = _dense(torch.empty_like(grad, memory_format=layout))
    N, C, H, W = grad.shape
    if grad.numel() == 0:
        nothing = grad.new_zeros(N, C, dtype=torch.float32)
        return grad_x, nothing, grad.new_zeros(N, 1, H, W), nothing
    grid, tile = _tiles(grad, grad_steps, x_steps, y_steps, grad_x_steps)
    grad_scale, sums = (
        grad.new_empty(N, C, grid[0] if wanted else 0, dtype=torch.float32)
        for wanted in (scale_NC is not None, slopes is not None)
    )
    grad_noise = grad.new_empty(N, grid[1] if noisy else 0, H, W, dtype=torch.float32)
    with _on_device_of(grad):
        kernel().backward[grid](
            grad, x, grad if scale_NC is None else scale_NC.contiguous(), y, grad_x, grad_scale, grad_noise, sums,
            C, H * W, *grad_steps, *x_steps, *y_steps, *grad_x_steps, *(slopes or (1.0, 1.0, 1.0)),
            SCALED=scale_NC is not None, NOISY=noisy, ACTIVE=slopes is not None, **tile, **OPTIONS,
        )  # fmt: skip
    return grad_x, grad_scale.sum(2), grad_noise.sum(1, keepdim=True), sums.sum(2)


def _dense(x: torch.Tensor) -> tuple[torch.Tensor, tuple[int, int]]:
    """x in one of the two layouts, with the steps from channel to channel and from pixel to pixel."""
    if not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last):
        return x, (1, x.shape[1])
    return x.contiguous(), (x.shape[2] * x.shape[3], 1)


def _tiles(x: torch.Tensor, *steps: tuple[int, int]) -> tuple[tuple[int, int, int], dict[str, int]]:
    """The grid of programs, and the tile of each: one of two, so that few kernels are compiled."""
    N, C, H, W = x.shape
    tile = _ROWS if len(set(steps)) == 1 and _ROWS["PIXELS"] <= H * W else _SQUARE
    return (-(-H * W // tile["PIXELS"]), -(-C // tile["CHANNELS"]), N), tile


def _on_device_of(x: torch.Tensor) -> Any:
    return torch.cuda.device(x.device) if x.is_cuda else nullcontext()

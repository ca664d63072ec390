"""Fast CPU path of `planes`: the loops of `cpu_planes_kernel` on contiguous memory."""

from functools import cache
from typing import Any

import torch

from gist.ops.cpu import Slopes
from gist.ops.cpu_threads import share

_INLINE_SAMPLES = 50_000
"""Below this many samples a second thread costs more than it saves."""


@cache
def kernel() -> Any:
    """The loops' module. Imports numba; the first call of a loop compiles it, unless cached on disk."""
    from gist.ops import cpu_planes_kernel

    return cpu_planes_kernel


def supports(x: torch.Tensor) -> bool:
    """Whether the loops can compute on this tensor [N, C, H, W]."""
    return x.device.type == "cpu" and x.ndim == 4 and x.dtype in (torch.float32, torch.float64)


def compile_loops() -> None:
    """Compiles every loop; raises what numba raises where it cannot."""
    x, scale, bias = torch.zeros(1, 2, 4, 4), torch.ones(1, 2), torch.zeros(2)
    slopes, layout = (1.0, 0.2, float("inf")), torch.contiguous_format
    scaled_backward(x, x, scale, layout)
    activated_backward(x, activated(x, bias, slopes), slopes, layout)
    y = noisily_activated(x, scale, x[:, :1], bias, slopes)
    noisily_activated_backward(x, x, scale, y, slopes, layout)


def scaled(x: torch.Tensor, scale_NC: torch.Tensor, layout: torch.memory_format) -> torch.Tensor:
    """See `planes.Loops`, as for all that follow."""
    del layout
    return x * scale_NC.to(x.dtype)[:, :, None, None]


def scaled_backward(
    grad: torch.Tensor, x: torch.Tensor, scale_NC: torch.Tensor, layout: torch.memory_format
) -> tuple[torch.Tensor, torch.Tensor]:
    del layout
    grad_x, grad_scale_NC = _empty_like(x), x.new_empty(x.shape[:2])
    arrays = _planes(grad), _planes(x), _flat(scale_NC.to(x.dtype)), _planes(grad_x)
    _over_planes(kernel().scale_backward, x, *arrays, _flat(grad_scale_NC))
    return grad_x, grad_scale_NC


def activated(x: torch.Tensor, bias_C: torch.Tensor | None, slopes: Slopes) -> torch.Tensor:
    y = _empty_like(x)
    bias = x.new_zeros(1) if bias_C is None else bias_C.to(x.dtype)
    arrays = _planes(x), _flat(bias), _planes(y)
    _over_planes(kernel().activate, x, *arrays, *map(arrays[-1].dtype.type, slopes))
    return y


def activated_backward(
    grad: torch.Tensor, y: torch.Tensor, slopes: Slopes, layout: torch.memory_format
) -> tuple[torch.Tensor, torch.Tensor]:
    del layout
    grad_x, sums_NC = _empty_like(y), y.new_empty(y.shape[:2])
    arrays = _planes(grad), _planes(y), _planes(grad_x), _flat(sums_NC)
    _over_planes(kernel().activate_backward, y, *arrays, *map(arrays[0].dtype.type, slopes))
    return grad_x, sums_NC


def noisily_activated(
    x: torch.Tensor,
    scale_NC: torch.Tensor,
    noise_S1HW: torch.Tensor,
    bias_C: torch.Tensor,
    slopes: Slopes,
) -> torch.Tensor:
    y = _empty_like(x)
    scale_NC, noise_S1HW, bias_C = (of.to(x.dtype) for of in (scale_NC, noise_S1HW, bias_C))
    arrays = _planes(x), _flat(scale_NC), _planes(noise_S1HW), _flat(bias_C), _planes(y)
    _over_planes(kernel().activate_noisy, x, *arrays, *map(arrays[-1].dtype.type, slopes))
    return y


def noisily_activated_backward(
    grad: torch.Tensor,
    x: torch.Tensor,
    scale_NC: torch.Tensor,
    y: torch.Tensor,
    slopes: Slopes,
    layout: torch.memory_format,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    del layout
    grad_x, grad_noise_N1HW = _empty_like(x), x.new_empty(x.shape[0], 1, *x.shape[2:])
    grad_scale_NC, sums_NC = x.new_empty(x.shape[:2]), x.new_empty(x.shape[:2])
    arrays = (
        *(_planes(grad), _planes(x), _flat(scale_NC.to(x.dtype)), _planes(y)),
        *(_planes(grad_x), _flat(grad_scale_NC), _planes(grad_noise_N1HW), _flat(sums_NC)),
    )
    _over(len(x), kernel().activate_noisy_backward, x, *arrays, *map(arrays[0].dtype.type, slopes))
    return grad_x, grad_scale_NC, grad_noise_N1HW, sums_NC


def laid_out(x: torch.Tensor, layout: torch.memory_format) -> torch.Tensor:
    return x.contiguous(memory_format=layout)


def _empty_like(x: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(x, memory_format=torch.contiguous_format)


def _planes(x_NCHW: torch.Tensor) -> Any:
    x = x_NCHW.detach().contiguous()
    return x.view(x.shape[0] * x.shape[1], x.shape[2] * x.shape[3]).numpy()


def _flat(values: torch.Tensor) -> Any:
    return values.detach().contiguous().view(-1).numpy()


def _over_planes(loop: Any, x_NCHW: torch.Tensor, *arguments: Any) -> None:
    _over(x_NCHW.shape[0] * x_NCHW.shape[1], loop, x_NCHW, *arguments)


def _over(units: int, loop: Any, x_NCHW: torch.Tensor, *arguments: Any) -> None:
    parallel = x_NCHW.numel() > _INLINE_SAMPLES
    share(lambda first, last: loop(*arguments, first, last), units, parallel=parallel)

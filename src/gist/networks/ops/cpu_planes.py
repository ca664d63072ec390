"""Fast CPU path of scaling and activation: one pass over memory each way, differentiable any number of times."""

from functools import cache
from typing import Any

import torch

from gist.networks.ops.cpu import Slopes, slopes_of
from gist.networks.ops.cpu_threads import share

_INLINE_SAMPLES = 50_000
"""Below this many samples a second thread costs more than it saves."""


@cache
def kernel() -> Any:
    """The loops' module. Imports numba; the first call of a loop compiles it, unless cached on disk."""
    from gist.networks.ops import cpu_planes_kernel

    return cpu_planes_kernel


def supports(x: torch.Tensor) -> bool:
    """Whether the loops can compute on this tensor [N, C, H, W]."""
    return x.device.type == "cpu" and x.ndim == 4 and x.dtype in (torch.float32, torch.float64)


def scaled(x_NCHW: torch.Tensor, scale_NC: torch.Tensor) -> torch.Tensor:
    """Each channel of each sample times its scale."""
    y: torch.Tensor = _Scaled.apply(x_NCHW, scale_NC)
    return y


def activated(
    x_NCHW: torch.Tensor,
    bias_C: torch.Tensor | None,
    *,
    slope: float,
    gain: float,
    clamp: float | None,
) -> torch.Tensor:
    """`reference.bias_act` over channels."""
    bias = x_NCHW.new_zeros(1) if bias_C is None else bias_C.to(x_NCHW.dtype)
    y: torch.Tensor = _Activated.apply(x_NCHW, bias, slopes_of(slope, gain, clamp))
    return y


def noisily_activated(
    x_NCHW: torch.Tensor,
    scale_NC: torch.Tensor,
    noise_S1HW: torch.Tensor,
    bias_C: torch.Tensor,
    *,
    slope: float,
    gain: float,
    clamp: float | None,
) -> torch.Tensor:
    """`reference.noisy_act`."""
    others = (tensor.to(x_NCHW.dtype) for tensor in (scale_NC, noise_S1HW, bias_C))
    y: torch.Tensor = _NoisilyActivated.apply(x_NCHW, *others, slopes_of(slope, gain, clamp))
    return y


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


class _Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x, scale)
        return x * scale[:, :, None, None]

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        x, scale = ctx.saved_tensors
        (grad,) = gradients
        if torch.is_grad_enabled():  # a second derivative will be taken of what follows
            return scaled(grad, scale), (grad * x).sum((2, 3))
        if not ctx.needs_input_grad[1]:
            return grad * scale[:, :, None, None], None
        grad_x = torch.empty_like(x, memory_format=torch.contiguous_format)
        grad_scale = torch.empty_like(scale, memory_format=torch.contiguous_format)
        arrays = _planes(grad), _planes(x), _flat(scale), _planes(grad_x)
        _over_planes(kernel().scale_backward, x, *arrays, _flat(grad_scale))
        return grad_x, grad_scale


class _Activated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, bias: torch.Tensor, slopes: Slopes) -> torch.Tensor:
        y = torch.empty_like(x, memory_format=torch.contiguous_format)
        real = _planes(y).dtype.type
        arrays = _planes(x), _flat(bias), _planes(y)
        _over_planes(kernel().activate, x, *arrays, *map(real, slopes))
        ctx.slopes = slopes
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor, torch.Tensor | None, None]:
        (y,) = ctx.saved_tensors
        grad_x, sums_NC = _Slopes.apply(gradients[0], y, ctx.slopes)
        return grad_x, sums_NC.sum(0) if ctx.needs_input_grad[1] else None, None


class _Slopes(torch.autograd.Function):
    """The gradient times the slope at each sample, and the sums of that over each plane [N, C]."""

    @staticmethod
    def forward(
        ctx: Any, grad: torch.Tensor, y: torch.Tensor, slopes: Slopes
    ) -> tuple[torch.Tensor, torch.Tensor]:
        ctx.slopes = slopes
        ctx.save_for_backward(y)
        grad_x = torch.empty_like(y, memory_format=torch.contiguous_format)
        sums_NC = y.new_empty(y.shape[:2])
        arrays = _planes(grad), _planes(y), _planes(grad_x), _flat(sums_NC)
        _over_planes(kernel().activate_backward, y, *arrays, *map(arrays[0].dtype.type, slopes))
        return grad_x, sums_NC

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor, None, None]:
        (y,) = ctx.saved_tensors
        grad_grad_x, grad_sums_NC = gradients
        grad, _ = _Slopes.apply(grad_grad_x + grad_sums_NC[:, :, None, None], y, ctx.slopes)
        return grad, None, None


class _NoisilyActivated(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        scale: torch.Tensor,
        noise: torch.Tensor,
        bias: torch.Tensor,
        slopes: Slopes,
    ) -> torch.Tensor:
        y = torch.empty_like(x, memory_format=torch.contiguous_format)
        arrays = _planes(x), _flat(scale), _planes(noise), _flat(bias), _planes(y)
        _over_planes(kernel().activate_noisy, x, *arrays, *map(arrays[-1].dtype.type, slopes))
        ctx.slopes, ctx.noises = slopes, len(noise)
        ctx.save_for_backward(x, scale, y)
        return y

    @staticmethod
    def backward(
        ctx: Any, *gradients: Any
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, None]:
        x, scale, y = ctx.saved_tensors
        (grad,) = gradients
        if torch.is_grad_enabled():  # a second derivative will be taken of what follows
            grad_x, sums_NC = _Slopes.apply(grad, y, ctx.slopes)
            grad_scale, grad_noise = (grad_x * x).sum((2, 3)), grad_x.sum(1, keepdim=True)
            grad_x = scaled(grad_x, scale)
        else:
            grad_x = torch.empty_like(x, memory_format=torch.contiguous_format)
            grad_scale, sums_NC = x.new_empty(x.shape[:2]), x.new_empty(x.shape[:2])
            grad_noise = x.new_empty(x.shape[0], 1, *x.shape[2:])
            arrays = (
                *(_planes(grad), _planes(x), _flat(scale), _planes(y)),
                *(_planes(grad_x), _flat(grad_scale), _planes(grad_noise), _flat(sums_NC)),
            )
            slopes = map(arrays[0].dtype.type, ctx.slopes)
            _over(len(x), kernel().activate_noisy_backward, x, *arrays, *slopes)
        if ctx.noises == 1:
            grad_noise = grad_noise.sum(0, keepdim=True)
        return grad_x, grad_scale, grad_noise, sums_NC.sum(0), None

"""Scaling and activation of whole planes (one channel of one sample): one pass over memory each way where a fast path
runs, plain torch elsewhere. Differentiable any number of times."""

from functools import cache
from typing import Any, Protocol

import torch

from gist.ops import cpu_planes, reference, triton_planes
from gist.ops.backend import runs_on_cpu_path, runs_on_triton_path
from gist.ops.cpu import Slopes, slopes_of


class Loops(Protocol):
    """What a fast path computes, of tensors [N, C, H, W] in any layout; results have the named one."""

    def scaled(self, x: torch.Tensor, scale_NC: torch.Tensor, layout: torch.memory_format) -> torch.Tensor:
        """Each channel of each sample times its scale."""

    def scaled_backward(
        self, grad: torch.Tensor, x: torch.Tensor, scale_NC: torch.Tensor, layout: torch.memory_format
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The gradients of x and of its scales."""

    def activated(self, x: torch.Tensor, bias_C: torch.Tensor | None, slopes: Slopes) -> torch.Tensor:
        """Bias, leaky ReLU, gain and clamp; contiguous."""

    def activated_backward(
        self, grad: torch.Tensor, y: torch.Tensor, slopes: Slopes, layout: torch.memory_format
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The gradient times the slope that the result y shows, and its sums over each plane [N, C]."""

    def noisily_activated(
        self,
        x: torch.Tensor,
        scale_NC: torch.Tensor,
        noise_S1HW: torch.Tensor,
        bias_C: torch.Tensor,
        slopes: Slopes,
    ) -> torch.Tensor:
        """Scale, noise, bias, leaky ReLU, gain and clamp; contiguous."""

    def noisily_activated_backward(
        self,
        grad: torch.Tensor,
        x: torch.Tensor,
        scale_NC: torch.Tensor,
        y: torch.Tensor,
        slopes: Slopes,
        layout: torch.memory_format,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """The gradients of x, of its scales and of noise [N, 1, H, W], and the sums of `activated_backward`."""

    def laid_out(self, x: torch.Tensor, layout: torch.memory_format) -> torch.Tensor:
        """The same values in this layout; x itself where it has it."""


_CPU: Loops = cpu_planes
_TRITON: Loops = triton_planes


def fast_loops(x: torch.Tensor) -> Loops | None:
    """The fast path that can compute on x, if there is one."""
    if x.ndim != 4:
        return None
    if cpu_planes.supports(x) and runs_on_cpu_path(x):
        return _CPU
    return _TRITON if runs_on_triton_path(x) else None


def layout_for_convolution(x: torch.Tensor) -> torch.memory_format:
    """The layout in which a convolution of x needs no other: tensor cores multiply over neighbouring channels."""
    half = x.dtype in (torch.float16, torch.bfloat16)
    return torch.channels_last if half and runs_on_triton_path(x) else torch.contiguous_format


def layout_of(x: torch.Tensor) -> torch.memory_format:
    """Which of the two layouts x has, or is nearer to."""
    last = not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format


def scaled(
    x_NCHW: torch.Tensor,
    scale_NC: torch.Tensor,
    layout: torch.memory_format = torch.contiguous_format,
) -> torch.Tensor:
    """Each channel of each sample times its scale; in `layout` where the fast path for GPUs computes it."""
    loops = fast_loops(x_NCHW)
    if loops is None:
        return x_NCHW * scale_NC.to(x_NCHW.dtype)[:, :, None, None]
    y: torch.Tensor = _Scaled.apply(x_NCHW, scale_NC, loops, layout)
    return y


def laid_out(x_NCHW: torch.Tensor, layout: torch.memory_format) -> torch.Tensor:
    """The same values in this layout."""
    if x_NCHW.is_contiguous(memory_format=layout):
        return x_NCHW
    loops = fast_loops(x_NCHW)
    if loops is None:
        return x_NCHW.contiguous(memory_format=layout)
    y: torch.Tensor = _LaidOut.apply(x_NCHW, loops, layout)
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
    loops = fast_loops(x_NCHW)
    if loops is None:
        return reference.bias_act(x_NCHW, bias_C, slope=slope, gain=gain, clamp=clamp)
    slopes = _visible_slopes(slope, gain, clamp, x_NCHW.dtype)
    y: torch.Tensor = _Activated.apply(x_NCHW, bias_C, loops, slopes)
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
    loops = fast_loops(x_NCHW)
    if loops is None:
        return reference.noisy_act(x_NCHW, scale_NC, noise_S1HW, bias_C, slope=slope, gain=gain, clamp=clamp)
    slopes = _visible_slopes(slope, gain, clamp, x_NCHW.dtype)
    y: torch.Tensor = _NoisilyActivated.apply(x_NCHW, scale_NC, noise_S1HW, bias_C, loops, slopes)
    return y


@cache
def _visible_slopes(slope: float, gain: float, clamp: float | None, dtype: torch.dtype) -> Slopes:
    """With a clamp that the type can hold, so that the result shows where it was clamped."""
    positive, negative, limit = slopes_of(slope, gain, clamp)
    return positive, negative, float(torch.tensor(limit, dtype=dtype))


class _Scaled(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, scale: torch.Tensor, loops: Loops, layout: torch.memory_format
    ) -> torch.Tensor:
        ctx.loops, ctx.layout = loops, layout_of(x)
        ctx.save_for_backward(x, scale)
        return loops.scaled(x.detach(), scale.detach(), layout)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor | None, torch.Tensor | None, None, None]:
        x, scale = ctx.saved_tensors
        (grad,) = gradients
        if torch.is_grad_enabled():  # a second derivative will be taken of what follows
            return scaled(grad, scale, ctx.layout), (grad * x).sum((2, 3)), None, None
        if not ctx.needs_input_grad[1]:
            return ctx.loops.scaled(grad, scale, ctx.layout), None, None, None
        return *ctx.loops.scaled_backward(grad, x, scale, ctx.layout), None, None


class _LaidOut(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, loops: Loops, layout: torch.memory_format) -> torch.Tensor:
        ctx.layout = layout_of(x)
        return loops.laid_out(x.detach(), layout)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor, None, None]:
        return laid_out(gradients[0], ctx.layout), None, None


class _Activated(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, bias: torch.Tensor | None, loops: Loops, slopes: Slopes
    ) -> torch.Tensor:
        y = loops.activated(x.detach(), None if bias is None else bias.detach(), slopes)
        ctx.activation = loops, slopes, layout_of(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor, torch.Tensor | None, None, None]:
        (y,) = ctx.saved_tensors
        grad_x, sums_NC = _Slopes.apply(gradients[0], y, *ctx.activation)
        return grad_x, sums_NC.sum(0) if ctx.needs_input_grad[1] else None, None, None


class _Slopes(torch.autograd.Function):
    """The gradient times the slope at each sample, and the sums of that over each plane [N, C]."""

    @staticmethod
    def forward(
        ctx: Any,
        grad: torch.Tensor,
        y: torch.Tensor,
        loops: Loops,
        slopes: Slopes,
        layout: torch.memory_format,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        ctx.activation = loops, slopes, layout_of(grad)
        ctx.save_for_backward(y)
        return loops.activated_backward(grad.detach(), y.detach(), slopes, layout)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor, None, None, None, None]:
        (y,) = ctx.saved_tensors
        grad_grad_x, grad_sums_NC = gradients
        total = grad_grad_x + grad_sums_NC[:, :, None, None].to(y.dtype)
        grad, _ = _Slopes.apply(total, y, *ctx.activation)
        return grad, None, None, None, None


class _NoisilyActivated(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        scale: torch.Tensor,
        noise: torch.Tensor,
        bias: torch.Tensor,
        loops: Loops,
        slopes: Slopes,
    ) -> torch.Tensor:
        y = loops.noisily_activated(x.detach(), scale.detach(), noise.detach(), bias.detach(), slopes)
        ctx.activation, ctx.noises = (loops, slopes, layout_of(x)), len(noise)
        ctx.save_for_backward(x, scale, y)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor | None, ...]:
        x, scale, y = ctx.saved_tensors
        (grad,) = gradients
        loops, slopes, layout = ctx.activation
        if torch.is_grad_enabled():  # a second derivative will be taken of what follows
            grad_x, sums_NC = _Slopes.apply(grad, y, *ctx.activation)
            grad_scale, grad_noise = (grad_x * x).sum((2, 3)), grad_x.sum(1, keepdim=True)
            grad_x = scaled(grad_x, scale, layout)
        else:
            grad_x, grad_scale, grad_noise, sums_NC = loops.noisily_activated_backward(
                grad, x, scale, y, slopes, layout
            )
        if ctx.noises == 1:
            grad_noise = grad_noise.sum(0, keepdim=True)
        return grad_x, grad_scale, grad_noise, sums_NC.sum(0), None, None

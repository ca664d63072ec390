"""Fast CPU path: the fused loop of `cpu_kernel` as torch operations, differentiable any number of times.

Every plane (one channel of one sample) is filtered by one thread in a fixed order, so results have the same
bits for any number of threads.
"""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import numpy as np
import torch

from gist.ops.cpu_plan import Axis, Plan, separable_ranks
from gist.ops.cpu_threads import share
from gist.ops.reference import Padding, bias_act, filter_taps

Slopes = tuple[float, float, float]
"""Factor for positive values, factor for others, and the level at which values are clamped."""

_INLINE_SAMPLES = 20_000
"""Below this many samples at the upsampled rate a second thread costs more than it saves."""


@cache
def kernel() -> Any:
    """The loop's module. Imports numba; the first call of the loop compiles it, unless cached on disk."""
    from gist.ops import cpu_kernel

    return cpu_kernel


def slopes_of(slope: float, gain: float, clamp: float | None) -> Slopes:
    """Those of a leaky ReLU with this slope, gain and clamp."""
    return gain, gain * slope, float("inf") if clamp is None else clamp


def supports(x: torch.Tensor, *filters: torch.Tensor | None) -> bool:
    """Whether this path can compute it: floating point on CPU and filters that are constants."""
    constant = all(fir is None or not fir.requires_grad for fir in filters)
    return x.device.type == "cpu" and x.is_floating_point() and constant


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
    """The fused `gist.networks.ops.filtered_lrelu`."""
    if up_filter is None and down_filter is None and up == down == 1 and not any(padding):
        return bias_act(x_NCHW, bias_C, slope=slope, gain=gain, clamp=clamp)
    plan = _plan(x_NCHW, up_filter, down_filter, up, down, padding, float(up**2), linear=False)
    x = _computable(x_NCHW)
    bias = x.new_zeros(1) if bias_C is None else bias_C.to(x.dtype)
    slopes = slopes_of(slope, gain, clamp)
    record = torch.is_grad_enabled() and (x.requires_grad or bias.requires_grad)
    y: torch.Tensor = _FilteredActivation.apply(x, bias, plan, slopes, record)
    return y.to(x_NCHW.dtype)


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
    """The fused `gist.networks.ops.upfirdn2d`."""
    if fir is not None and flip:
        fir = fir.flip(list(range(fir.ndim)))
    up_filter, down_filter = (fir, None) if up > 1 else (None, fir)
    plan = _plan(x_NCHW, up_filter, down_filter, up, down, padding, gain, linear=True)
    y: torch.Tensor = _Filtered.apply(_computable(x_NCHW), None, plan, None)
    return y.to(x_NCHW.dtype)


def _computable(x: torch.Tensor) -> torch.Tensor:
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


def _plan(
    x_NCHW: torch.Tensor,
    up_filter: torch.Tensor | None,
    down_filter: torch.Tensor | None,
    up: int,
    down: int,
    padding: Padding,
    gain: float,
    *,
    linear: bool,
) -> Plan:
    keys = []
    for fir in (up_filter, down_filter):
        filter_taps(fir)
        taps = np.ones(1) if fir is None else fir.detach().to("cpu", torch.float64).numpy()
        keys.append((taps.tobytes(), taps.shape))
    double = x_NCHW.dtype == torch.float64
    return _cached_plan(x_NCHW.shape[2], x_NCHW.shape[3], *keys, up, down, padding, gain, double, linear)


@lru_cache(maxsize=512)
def _cached_plan(
    height: int,
    width: int,
    up_key: tuple[bytes, tuple[int, ...]],
    down_key: tuple[bytes, tuple[int, ...]],
    up: int,
    down: int,
    padding: Padding,
    gain: float,
    double: bool,
    linear: bool,
) -> Plan:
    tolerance = 1e-14 if double else 3e-6
    up_y, up_x = separable_ranks(np.frombuffer(up_key[0]).reshape(up_key[1]), tolerance)
    down_y, down_x = separable_ranks(np.frombuffer(down_key[0]).reshape(down_key[1]), tolerance)
    left, right, top, bottom = padding
    y = Axis.of(height, up, up_y, (top, bottom), down, down_y)
    x = Axis.of(width, up, up_x * gain, (left, right), down, down_x)
    if y.out_size < 1 or x.out_size < 1:
        raise ValueError(f"a {height}x{width} image padded by {padding} is smaller than its filters")
    return Plan(y, x, np.float64 if double else np.float32, linear=linear)


def _run(
    plan: Plan, x_NCHW: torch.Tensor, bias_C: torch.Tensor, codes: torch.Tensor, mode: int, slopes: Slopes
) -> torch.Tensor:
    N, C, H, W = x_NCHW.shape
    planes = N * C
    out_NCHW = x_NCHW.new_empty(N, C, plan.out_height, plan.out_width)
    real: Callable[[float], Any] = np.float64 if x_NCHW.dtype == torch.float64 else np.float32
    x_PHW = x_NCHW.contiguous().view(planes, H, W).numpy()
    out_PHW = out_NCHW.view(planes, plan.out_height, plan.out_width).numpy()
    shared = (mode, *map(real, slopes), *plan.arguments)
    loop, bias, flat_codes = kernel().filter_planes, bias_C.contiguous().numpy(), codes.numpy().reshape(-1)

    def filter_planes(first: int, last: int) -> None:
        loop(x_PHW, bias, out_PHW, flat_codes, first, last, *shared)

    share(filter_planes, planes, parallel=planes * plan.mid_height * plan.row > _INLINE_SAMPLES)
    return out_NCHW


class _FilteredActivation(torch.autograd.Function):
    """Up, activate, down; keeps one byte per sample of the upsampled signal for the backward pass."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, bias: torch.Tensor, plan: Plan, slopes: Slopes, record: bool
    ) -> torch.Tensor:
        modes = kernel()
        planes = x.shape[0] * x.shape[1] if record else 0
        codes = torch.empty(planes, plan.mid_height, plan.row, dtype=torch.uint8)
        ctx.plan, ctx.slopes, ctx.biased = plan, slopes, ctx.needs_input_grad[1]
        if record:
            ctx.save_for_backward(codes)
        mode = modes.ACTIVATE_AND_RECORD if record else modes.ACTIVATE
        return _run(plan, x.detach(), bias.detach(), codes, mode, slopes)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor, torch.Tensor | None, None, None, None]:
        (codes,) = ctx.saved_tensors
        grad_x: torch.Tensor = _Filtered.apply(gradients[0], codes, ctx.plan.transpose, ctx.slopes)
        return grad_x, grad_x.sum((2, 3)).sum(0) if ctx.biased else None, None, None, None


class _Filtered(torch.autograd.Function):
    """Up, multiply by the recorded slopes (if any), down: linear, so its derivative is its transpose."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, codes: torch.Tensor | None, plan: Plan, slopes: Slopes | None
    ) -> torch.Tensor:
        ctx.plan, ctx.slopes = plan, slopes
        ctx.save_for_backward(codes)
        if codes is None:
            codes, mode = torch.empty(0, plan.mid_height, plan.row, dtype=torch.uint8), kernel().LINEAR
        else:
            mode = kernel().REPLAY
        return _run(plan, x.detach(), x.new_zeros(1), codes, mode, slopes or (1.0, 1.0, 1.0))

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor, None, None, None]:
        (codes,) = ctx.saved_tensors
        grad_x: torch.Tensor = _Filtered.apply(gradients[0], codes, ctx.plan.transpose, ctx.slopes)
        return grad_x, None, None, None

"""Fast CUDA path: the fused tiles of `triton_kernel` as torch operations, differentiable any number of times."""

from collections.abc import MutableMapping
from contextlib import nullcontext
from functools import cache, lru_cache
from math import inf, prod
from typing import Any

import numpy as np
import torch
from torch.utils.weak import WeakTensorKeyDictionary

from gist.ops import reference, triton_planes
from gist.ops.cpu_plan import Axis, separable_ranks
from gist.ops.reference import Padding, bias_act, filter_taps
from gist.ops.transfer import sent
from gist.ops.triton_tiles import MIDS, Tiles, TooLong

Slopes = tuple[float, float, float]
"""Factor for positive values, factor for others, and the level at which values are clamped."""
FilterKey = tuple[bytes, tuple[int, ...]]

_LARGEST = 16384.0
"""Values are clamped here at the latest: far below the range of float16, in which they are filtered."""
_TOLERANCE = {torch.float32: 3e-6, torch.bfloat16: 3e-4, torch.float16: 3e-4}
"""Parts of a filter that are smaller, relative to its largest, are left out: far fewer than the bits of the type."""
PLANES = 4
"""Planes that one program computes, one after the other, with the same band matrices; of 32 bits one, for the registers
do not hold more."""
_BUSY = 4096
"""Programs that keep any GPU busy."""

failures: list[str] = []
"""Why plain torch computes instead of kernels that Triton could not make, one by one."""

_keys: MutableMapping[torch.Tensor, tuple[int, FilterKey]] = WeakTensorKeyDictionary()


@cache
def kernel() -> Any:
    """The kernel's module. Imports Triton; the first launch of each kind of filter compiles it or finds it cached."""
    from gist.ops import triton_kernel

    return triton_kernel


def supports(x: torch.Tensor, *filters: torch.Tensor | None) -> bool:
    """Whether the kernel can compute this: not float64, filters constant."""
    return x.dtype in (torch.float32, torch.float16, torch.bfloat16) and all(
        fir is None or not fir.requires_grad for fir in filters
    )


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
    plan = _plan(x_NCHW, up_filter, down_filter, up, down, padding, float(up**2))
    if plan is None or not plan.compiles(kernel().ACTIVATE.value, kernel().REPLAY.value, x_NCHW):
        return reference.filtered_lrelu(
            x_NCHW, up_filter, down_filter, bias_C,
            up=up, down=down, padding=padding, gain=gain, slope=slope, clamp=clamp,
        )  # fmt: skip
    bias = x_NCHW.new_zeros(1) if bias_C is None else bias_C
    limit = inf if x_NCHW.dtype == torch.float32 else _LARGEST
    slopes = (gain, gain * slope, limit if clamp is None else min(clamp, limit))
    y: torch.Tensor = _FilteredActivation.apply(x_NCHW, bias.float(), plan, slopes)
    return y


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
    up_filter, down_filter = (fir, None) if up > 1 else (None, fir)
    plan = _plan(x_NCHW, up_filter, down_filter, up, down, padding, gain, flip)
    if plan is None or not plan.compiles(kernel().LINEAR.value, kernel().LINEAR.value, x_NCHW):
        return reference.upfirdn2d(x_NCHW, fir, up=up, down=down, padding=padding, flip=flip, gain=gain)
    y: torch.Tensor = _Filtered.apply(x_NCHW, None, None, plan, None)
    return y


def compile_kernel(device: torch.device) -> None:
    """Compiles the kernel and runs it on a few samples; raises what Triton raises where it cannot."""
    x = torch.zeros(1, 1, 4, 4, device=device)
    plan = _plan(x, None, torch.ones(2), 1, 1, (0, 0, 0, 0), 1.0)
    assert plan is not None
    _run(plan, x, None, None, kernel().LINEAR.value, (1.0, 1.0, 1.0))


def _key(fir: torch.Tensor | None) -> FilterKey:
    """The filter's bytes and shape; asked of the device once per tensor, because that waits for it."""
    if fir is None:
        return np.ones(1).tobytes(), (1,)
    known = _keys.get(fir)
    version = 0 if fir.is_inference() else fir._version
    if known is None or known[0] != version:
        taps = fir.detach().to("cpu", torch.float64).numpy()
        known = version, (taps.tobytes(), taps.shape)
        _keys[fir] = known
    return known[1]


def _plan(
    x_NCHW: torch.Tensor,
    up_filter: torch.Tensor | None,
    down_filter: torch.Tensor | None,
    up: int,
    down: int,
    padding: Padding,
    gain: float,
    flip: bool = False,
) -> "Plan | None":
    for fir in (up_filter, down_filter):
        filter_taps(fir)
    keys = _key(up_filter), _key(down_filter)
    return _cached_plan(*x_NCHW.shape[2:], *keys, up, down, padding, gain, flip, x_NCHW.dtype, x_NCHW.device)


@lru_cache(maxsize=512)
def _cached_plan(
    height: int,
    width: int,
    up_key: FilterKey,
    down_key: FilterKey,
    up: int,
    down: int,
    padding: Padding,
    gain: float,
    flip: bool,
    dtype: torch.dtype,
    device: torch.device,
) -> "Plan | None":
    filters = [np.frombuffer(taps).reshape(shape) for taps, shape in (up_key, down_key)]
    if flip:
        filters = [np.flip(taps) for taps in filters]
    (up_y, up_x), (down_y, down_x) = (separable_ranks(taps, _TOLERANCE[dtype]) for taps in filters)
    left, right, top, bottom = padding
    y = Axis.of(height, up, up_y, (top, bottom), down, down_y)
    x = Axis.of(width, up, up_x * gain, (left, right), down, down_x)
    if y.out_size < 1 or x.out_size < 1:
        raise ValueError(f"a {height}x{width} image padded by {padding} is smaller than its filters")
    try:
        return Plan(y, x, (y, x), dtype, device)
    except TooLong:
        return None


class Plan:
    """Band matrices on the device for one size of image: an operation or, with `activated` of another, its transpose.

    `activated`: the axes, y and x, by which the activation's input is upsampled.
    """

    def __init__(
        self, y: Axis, x: Axis, activated: tuple[Axis, Axis], dtype: torch.dtype, device: torch.device
    ) -> None:
        self.y, self.x, self._activated = y, x, activated
        self._dtype, self._device = dtype, device
        self._transpose: Plan | None = None
        self._compiled: dict[tuple[int, int, int], bool] = {}
        tiles = [Tiles.of(axis, source) for axis, source in zip((y, x), activated, strict=True)]
        self.grid = [axis.count for axis in tiles]
        sources = (y, x), activated
        up, activated_up = (
            [axis.up_bands(source) for axis, source in zip(tiles, axes, strict=True)] for axes in sources
        )
        down = [axis.down_bands() for axis in tiles]
        steps = [axis.step(source) for axes in sources for axis, source in zip(tiles, axes, strict=True)]
        self.firsts = [
            axis.first_in(source) for axes in sources for axis, source in zip(tiles, axes, strict=True)
        ]
        # float16 has as many bits as TF32 at twice the speed; three rounds of TF32 give float32's precision.
        half = dtype != torch.float32
        self.bands = [
            sent(torch.tensor(bands.copy(), dtype=torch.float16 if half else torch.float32), device)
            for of_y, of_x in (up, activated_up, down)
            for bands in (of_y, of_x.transpose(0, 2, 1))
        ]
        # Pipelined loads would fetch the bands again for each plane.
        self.options = {"num_warps": 4, "num_stages": 1, "enable_fp_fusion": True}
        self.constants: dict[str, Any] = {
            "PRECISION": "tf32" if half else "tf32x3",
            "UP_RANKS": len(up[0]),
            "ACTIVATED_RANKS": len(activated_up[0]),
            "DOWN_RANKS": len(down[0]),
            "STEP_Y": steps[0],
            "STEP_X": steps[1],
            "ACTIVATED_STEP_Y": steps[2],
            "ACTIVATED_STEP_X": steps[3],
            "INS_Y": up[0].shape[2],
            "INS_X": up[1].shape[2],
            "ACTIVATED_INS_Y": activated_up[0].shape[2],
            "ACTIVATED_INS_X": activated_up[1].shape[2],
            "MIDS": MIDS,
            "OUTS_Y": tiles[0].outs,
            "OUTS_X": tiles[1].outs,
            "TILE_Y": tiles[0].tile,
            "TILE_X": tiles[1].tile,
        }

    def compiles(self, mode: int, transposed_mode: int, like_NCHW: torch.Tensor) -> bool:
        """Whether Triton makes the kernels of both directions for this GPU, as a tensor of this size launches them.

        Tried once, on one plane of zeros.
        """
        planes = len(like_NCHW) * like_NCHW.shape[1]
        key = mode, transposed_mode, self.planes_each(planes)
        if key not in self._compiled:
            try:
                for plan, its_mode in ((self, mode), (self.transpose, transposed_mode)):
                    x, activated = (
                        torch.zeros(1, 1, y.size, x.size, dtype=self._dtype, device=self._device)
                        for y, x in ((plan.y, plan.x), self._activated)
                    )
                    bias, slopes = x.new_zeros(1, dtype=torch.float32), (1.0, 1.0, 1.0)
                    _run(plan, x, activated, bias, its_mode, slopes, plan.planes_each(planes))
            except torch.OutOfMemoryError:
                raise
            except (
                Exception
            ) as error:  # whatever a compiler may raise on an unknown GPU, plain torch still works
                failures.append(type(error).__name__)
                self._compiled[key] = False
            else:
                self._compiled[key] = True
        return self._compiled[key]

    def planes_each(self, planes: int) -> int:
        """Planes of so many that one program computes."""
        most = 1 if self._dtype == torch.float32 else PLANES
        return most if planes * prod(self.grid) > _BUSY * most else 1

    @property
    def transpose(self) -> "Plan":
        """The plan of the transposed operation."""
        if self._transpose is None:
            self._transpose = Plan(
                self.y.transpose(), self.x.transpose(), self._activated, self._dtype, self._device
            )
            self._transpose._transpose = self
        return self._transpose


def _run(
    plan: Plan,
    x_NCHW: torch.Tensor,
    activated_NCHW: torch.Tensor | None,
    bias_C: torch.Tensor | None,
    mode: int,
    slopes: Slopes,
    planes_each: int | None = None,
) -> torch.Tensor:
    """`activated` is read with REPLAY alone, the bias with ACTIVATE and REPLAY."""
    N, C, H, W = x_NCHW.shape
    out_NCHW = torch.empty(N, C, plan.y.out_size, plan.x.out_size, dtype=x_NCHW.dtype, device=x_NCHW.device)
    if N * C == 0:
        return out_NCHW
    x_NCHW = triton_planes.contiguous(x_NCHW)
    activated_NCHW = x_NCHW if activated_NCHW is None else triton_planes.contiguous(activated_NCHW)
    bias_C = x_NCHW.new_zeros(1, dtype=torch.float32) if bias_C is None else bias_C.contiguous()
    planes_each = planes_each or plan.planes_each(N * C)
    with torch.cuda.device(x_NCHW.device) if x_NCHW.is_cuda else nullcontext():
        kernel().filter_tiles[(-(-N * C // planes_each), *plan.grid)](
            x_NCHW, activated_NCHW, bias_C, out_NCHW, *plan.bands,
            N * C, len(bias_C), H, W, *activated_NCHW.shape[2:], *out_NCHW.shape[2:], *plan.firsts, *slopes,
            MODE=mode, PLANES=planes_each, **plan.constants, **plan.options,
        )  # fmt: skip
    return out_NCHW


class _FilteredActivation(torch.autograd.Function):
    """Up, activate, down; the way back upsamples the input again, which is cheaper than keeping the slopes."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, bias: torch.Tensor, plan: Plan, slopes: Slopes) -> torch.Tensor:
        ctx.plan, ctx.slopes, ctx.biased = plan, slopes, ctx.needs_input_grad[1]
        ctx.save_for_backward(x, bias)
        return _run(plan, x.detach(), None, bias.detach(), kernel().ACTIVATE.value, slopes)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor, torch.Tensor | None, None, None]:
        activated = (tensor.detach() for tensor in ctx.saved_tensors)
        grad_x: torch.Tensor = _Filtered.apply(gradients[0], *activated, ctx.plan.transpose, ctx.slopes)
        grad_bias = grad_x.sum((0, 2, 3), dtype=torch.float32) if ctx.biased else None
        return grad_x, grad_bias, None, None


class _Filtered(torch.autograd.Function):
    """Up, multiply by the slopes of an activation (if given), down: linear, so its derivative is its transpose."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        activated: torch.Tensor | None,
        bias: torch.Tensor | None,
        plan: Plan,
        slopes: Slopes | None,
    ) -> torch.Tensor:
        ctx.plan, ctx.slopes = plan, slopes
        ctx.save_for_backward(activated, bias)
        mode = kernel().LINEAR if slopes is None else kernel().REPLAY
        return _run(plan, x.detach(), activated, bias, mode.value, slopes or (1.0, 1.0, 1.0))

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor, None, None, None, None]:
        grad_x: torch.Tensor = _Filtered.apply(
            gradients[0], *ctx.saved_tensors, ctx.plan.transpose, ctx.slopes
        )
        return grad_x, None, None, None, None

"""Fast CUDA path: the fused tiles of `triton_kernel` as torch operations, differentiable any number of times."""

from collections.abc import MutableMapping
from contextlib import nullcontext
from functools import cache, lru_cache
from typing import Any

import numpy as np
import torch
from torch.utils.weak import WeakTensorKeyDictionary

from gist.networks.ops import reference
from gist.networks.ops.cpu_plan import Axis, separable_ranks
from gist.networks.ops.reference import Padding, bias_act, filter_taps

Slopes = tuple[float, float, float]
"""Factor for positive values, factor for others, and the level at which values are clamped."""
FilterKey = tuple[bytes, tuple[int, ...]]

_MIDS = 64
"""Samples per side of a tile at the upsampled rate."""
_LEAST = 16
"""Smallest side of a matrix that the tensor cores take."""

_keys: MutableMapping[torch.Tensor, tuple[int, FilterKey]] = WeakTensorKeyDictionary()


@cache
def kernel() -> Any:
    """The kernel's module. Imports Triton; each launch of a new shape compiles it, unless cached on disk."""
    from gist.networks.ops import triton_kernel

    return triton_kernel


def supports(x: torch.Tensor, *filters: torch.Tensor | None) -> bool:
    """Whether the kernel can compute this: not float64, filters constant and no longer than a tile."""
    return x.dtype in (torch.float32, torch.float16, torch.bfloat16) and all(
        fir is None or (not fir.requires_grad and max(fir.shape) <= _MIDS) for fir in filters
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
    if not plan.compiles(x_NCHW.dtype, kernel().ACTIVATE_AND_RECORD, kernel().REPLAY):
        return reference.filtered_lrelu(
            x_NCHW, up_filter, down_filter, bias_C,
            up=up, down=down, padding=padding, gain=gain, slope=slope, clamp=clamp,
        )  # fmt: skip
    bias = x_NCHW.new_zeros(1) if bias_C is None else bias_C
    slopes = (gain, gain * slope, float("inf") if clamp is None else clamp)
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
    if not plan.compiles(x_NCHW.dtype, kernel().LINEAR, kernel().LINEAR):
        return reference.upfirdn2d(x_NCHW, fir, up=up, down=down, padding=padding, flip=flip, gain=gain)
    y: torch.Tensor = _Filtered.apply(x_NCHW, None, plan, None)
    return y


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
) -> "Plan":
    for fir in (up_filter, down_filter):
        filter_taps(fir)
    keys = _key(up_filter), _key(down_filter)
    return _cached_plan(*x_NCHW.shape[2:], *keys, up, down, padding, gain, flip, x_NCHW.device)


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
    device: torch.device,
) -> "Plan":
    filters = [np.frombuffer(taps).reshape(shape) for taps, shape in (up_key, down_key)]
    if flip:
        filters = [np.flip(taps) for taps in filters]
    (up_y, up_x), (down_y, down_x) = (separable_ranks(taps, 3e-6) for taps in filters)
    left, right, top, bottom = padding
    y = Axis.of(height, up, up_y, (top, bottom), down, down_y)
    x = Axis.of(width, up, up_x * gain, (left, right), down, down_x)
    if y.out_size < 1 or x.out_size < 1:
        raise ValueError(f"a {height}x{width} image padded by {padding} is smaller than its filters")
    return Plan(y, x, device)


def _side(count: int) -> int:
    return max(_LEAST, 1 << (count - 1).bit_length())


class Plan:
    """Taps on the device and tile sizes for one size of image."""

    def __init__(self, y: Axis, x: Axis, device: torch.device) -> None:
        self.y, self.x, self._device = y, x, device
        self._transpose: Plan | None = None
        self._compiled: dict[tuple[torch.dtype, int, int], bool] = {}
        self.taps = [
            torch.tensor(taps.copy(), dtype=torch.float32, device=device)
            for taps in (y.up_taps, x.up_taps, y.down_taps, x.down_taps)
        ]
        tiles = [(_MIDS - axis.down_taps.shape[1]) // axis.down + 1 for axis in (y, x)]
        ins = [(_MIDS + axis.up_taps.shape[1] - 2) // axis.up + 1 for axis in (y, x)]
        self.grid = [-(-axis.out_size // tile) for axis, tile in zip((y, x), tiles, strict=True)]
        self.constants = {
            "UP": y.up,
            "DOWN": y.down,
            "UP_TAPS_Y": y.up_taps.shape[1],
            "UP_TAPS_X": x.up_taps.shape[1],
            "DOWN_TAPS_Y": y.down_taps.shape[1],
            "DOWN_TAPS_X": x.down_taps.shape[1],
            "UP_RANKS": len(y.up_taps),
            "DOWN_RANKS": len(y.down_taps),
            "TILE_Y": tiles[0],
            "TILE_X": tiles[1],
            "INS_Y": _side(ins[0]),
            "INS_X": _side(ins[1]),
            "MIDS": _MIDS,
            "OUTS_Y": _side(tiles[0]),
            "OUTS_X": _side(tiles[1]),
        }

    def compiles(self, dtype: torch.dtype, mode: int, transposed_mode: int) -> bool:
        """Whether Triton makes the kernels of both directions for this GPU; tried once, on one plane of zeros."""
        key = dtype, mode, transposed_mode
        if key not in self._compiled:
            mids = self.y.mid_size, self.x.mid_size
            codes = torch.zeros(1, *mids, dtype=torch.uint8, device=self._device)
            try:
                for plan, its_mode in ((self, mode), (self.transpose, transposed_mode)):
                    x = torch.zeros(1, 1, plan.y.size, plan.x.size, dtype=dtype, device=self._device)
                    _run(plan, x, codes.new_zeros(1, dtype=torch.float32), codes, its_mode, (1.0, 1.0, 1.0))
            except Exception:  # whatever a compiler may raise on an unknown GPU, plain torch still works
                self._compiled[key] = False
            else:
                self._compiled[key] = True
        return self._compiled[key]

    @property
    def transpose(self) -> "Plan":
        """The plan of the transposed operation."""
        if self._transpose is None:
            self._transpose = Plan(self.y.transpose(), self.x.transpose(), self._device)
        return self._transpose


def _run(
    plan: Plan, x_NCHW: torch.Tensor, bias_C: torch.Tensor, codes: torch.Tensor, mode: int, slopes: Slopes
) -> torch.Tensor:
    N, C, H, W = x_NCHW.shape
    y, x = plan.y, plan.x
    out_NCHW = torch.empty(N, C, y.out_size, x.out_size, dtype=x_NCHW.dtype, device=x_NCHW.device)
    if N * C == 0:
        return out_NCHW
    # Three rounds of TF32 give float32's precision; one has as many bits as float16.
    precision = "tf32x3" if x_NCHW.dtype == torch.float32 else "tf32"
    with torch.cuda.device(x_NCHW.device) if x_NCHW.is_cuda else nullcontext():
        kernel().filter_tiles[(N * C, *plan.grid)](
            x_NCHW.contiguous(), bias_C.contiguous(), out_NCHW, codes, *plan.taps,
            len(bias_C), H, W, y.mid_size, x.mid_size, y.out_size, x.out_size,
            y.up_origin, x.up_origin, y.down_origin, x.down_origin, *slopes,
            MODE=mode, PRECISION=precision, **plan.constants,
        )  # fmt: skip
    return out_NCHW


class _FilteredActivation(torch.autograd.Function):
    """Up, activate, down; keeps one byte per sample of the upsampled signal for the backward pass."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, bias: torch.Tensor, plan: Plan, slopes: Slopes) -> torch.Tensor:
        record = any(ctx.needs_input_grad)
        planes = x.shape[0] * x.shape[1] if record else 0
        codes = torch.empty(planes, plan.y.mid_size, plan.x.mid_size, dtype=torch.uint8, device=x.device)
        ctx.plan, ctx.slopes, ctx.biased = plan, slopes, ctx.needs_input_grad[1]
        if record:
            ctx.save_for_backward(codes)
        mode = kernel().ACTIVATE_AND_RECORD if record else kernel().ACTIVATE
        return _run(plan, x.detach(), bias.detach(), codes, mode, slopes)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor, torch.Tensor | None, None, None]:
        (codes,) = ctx.saved_tensors
        grad_x: torch.Tensor = _Filtered.apply(gradients[0], codes, ctx.plan.transpose, ctx.slopes)
        grad_bias = grad_x.sum((0, 2, 3), dtype=torch.float32) if ctx.biased else None
        return grad_x, grad_bias, None, None


class _Filtered(torch.autograd.Function):
    """Up, multiply by the recorded slopes (if any), down: linear, so its derivative is its transpose."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, codes: torch.Tensor | None, plan: Plan, slopes: Slopes | None
    ) -> torch.Tensor:
        ctx.plan, ctx.slopes = plan, slopes
        ctx.save_for_backward(codes)
        mode = kernel().LINEAR if codes is None else kernel().REPLAY
        if codes is None:
            codes = torch.empty(0, dtype=torch.uint8, device=x.device)
        return _run(plan, x.detach(), x.new_zeros(1), codes, mode, slopes or (1.0, 1.0, 1.0))

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor, None, None, None]:
        (codes,) = ctx.saved_tensors
        grad_x: torch.Tensor = _Filtered.apply(gradients[0], codes, ctx.plan.transpose, ctx.slopes)
        return grad_x, None, None, None

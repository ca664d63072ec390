"""Alias-safe affine resampling of image batches, differentiable as often as wanted.

As in Karras et al. 2020 (Training GANs with Limited Data, appendix B) an image is low-pass interpolated to
twice its size, sampled bilinearly under the inverse transform, and low-pass filtered back to its own size.
The whole chain is linear in the image, so its derivative is its transpose and the derivative of that is
the chain again: one autograd function that transposes itself gives derivatives of every order, without the
second derivative of grid_sample, which torch lacks.

Departures from the paper:
- the filter has 12 taps like the paper's sym6 but is symmetric, so that content is not displaced, with a
  lower stop band (-31 dB from 0.75 of the doubled grid's Nyquist frequency against -26 dB);
- reflection is at the pixel edge, folded into the interpolation matrix and the sampling coordinates, so
  nothing is padded and no shift is too large;
- both filters are products with banded matrices, kept as a few dense tiles: matrix products run near the
  processor's peak where one-channel convolutions run at a few per cent of it.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

# Half of a symmetric near-orthonormal low-pass: minimises stop-band energy above 0.75 pi plus 100 times the
# squared deviation of its even autocorrelation lags from (1, 0, 0, ...). With its mirror sums to sqrt(2).
_HALF_FILTER = (-0.0059109, 0.02761848, -0.00430646, -0.12124697, 0.12668886, 0.6842637711865476)
_TAPS = 2 * len(_HALF_FILTER)
# Samples of the doubled grid that the down-sampling filter needs beyond each image edge.
_MARGIN = _TAPS // 2 - 1
# Source samples per dense tile: wide enough for efficient products, narrow enough to leave out most zeros.
_TILE = 64

_BILINEAR, _REFLECTION = 0, 2


@dataclass(frozen=True)
class _BandedMatrix:
    """Banded matrix of `shape` as dense tiles (first row, end row, first column, end column, values)."""

    shape: tuple[int, int]
    tiles: tuple[tuple[int, int, int, int, Tensor], ...]

    def along_height(self, x: Tensor, transposed: bool) -> Tensor:
        """M @ x (or its transpose @ x) over the second-last axis of x."""
        rows, columns = self.shape
        if len(self.tiles) == 1:
            return (self.tiles[0][4].mT if transposed else self.tiles[0][4]) @ x
        out = x.new_zeros(*x.shape[:-2], columns if transposed else rows, x.shape[-1])
        for r0, r1, c0, c1, values in self.tiles:
            if transposed:
                out[..., c0:c1, :] += values.mT @ x[..., r0:r1, :]
            else:
                out[..., r0:r1, :] = values @ x[..., c0:c1, :]
        return out

    def along_width(self, x: Tensor, transposed: bool) -> Tensor:
        """x @ M^T (or x @ M for the transpose) over the last axis of x."""
        rows, columns = self.shape
        if len(self.tiles) == 1:
            return x @ (self.tiles[0][4] if transposed else self.tiles[0][4].mT)
        out = x.new_zeros(*x.shape[:-1], columns if transposed else rows)
        for r0, r1, c0, c1, values in self.tiles:
            if transposed:
                out[..., c0:c1] += x[..., r0:r1] @ values
            else:
                out[..., r0:r1] = x[..., c0:c1] @ values.mT
        return out


def _tiled(matrix: Tensor, rows_per_tile: int, dtype: torch.dtype, device: torch.device) -> _BandedMatrix:
    tiles = []
    for r0 in range(0, matrix.shape[0], rows_per_tile):
        r1 = min(r0 + rows_per_tile, matrix.shape[0])
        used = matrix[r0:r1].abs().sum(0).nonzero().flatten()
        c0, c1 = int(used[0]), int(used[-1]) + 1
        tiles.append((r0, r1, c0, c1, matrix[r0:r1, c0:c1].to(device, dtype).contiguous()))
    return _BandedMatrix((matrix.shape[0], matrix.shape[1]), tuple(tiles))


def _filter() -> Tensor:
    half = torch.tensor(_HALF_FILTER, dtype=torch.float64)
    return torch.cat([half, half.flip(0)])


@lru_cache(maxsize=32)
@torch.inference_mode(False)
def _upsampler(size: int, dtype: torch.dtype, device: torch.device) -> _BandedMatrix:
    """[2 size, size]: low-pass interpolation to the doubled grid, reflecting at the edges."""
    taps = _filter() * 2**0.5
    matrix = torch.zeros(2 * size, size, dtype=torch.float64)
    for fine in range(2 * size):
        for tap in range(_TAPS):
            # Tap t links coarse sample i to fine sample 2 i + t - margin.
            coarse, odd = divmod(fine + _MARGIN - tap, 2)
            if not odd:
                coarse %= 2 * size
                matrix[fine, min(coarse, 2 * size - 1 - coarse)] += taps[tap]
    return _tiled(matrix, 2 * _TILE, dtype, device)


@lru_cache(maxsize=32)
@torch.inference_mode(False)
def _downsampler(size: int, dtype: torch.dtype, device: torch.device) -> _BandedMatrix:
    """[size, 2 size + 2 margin]: low-pass and decimation of the doubled grid with its margin."""
    taps = _filter() / 2**0.5
    matrix = torch.zeros(size, 2 * size + 2 * _MARGIN, dtype=torch.float64)
    for coarse in range(size):
        matrix[coarse, 2 * coarse : 2 * coarse + _TAPS] = taps
    return _tiled(matrix, _TILE, dtype, device)


def _sampling_grid(inverse_N23: Tensor, height: int, width: int) -> Tensor:
    """Sources of the doubled grid's samples, [N, 2H + 2 margin, 2W + 2 margin, 2], grid_sample units."""
    dtype, device = inverse_N23.dtype, inverse_N23.device
    # Centres of the doubled grid's samples in pixels of the image, origin at the image centre.
    x = (torch.arange(-_MARGIN, 2 * width + _MARGIN, dtype=dtype, device=device) + 0.5) / 2 - width / 2
    y = (torch.arange(-_MARGIN, 2 * height + _MARGIN, dtype=dtype, device=device) + 0.5) / 2 - height / 2
    scaled = torch.stack([inverse_N23[:, 0] * (2 / width), inverse_N23[:, 1] * (2 / height)], 1)
    along_x = scaled[:, None, :, 0] * x[:, None]
    along_y = scaled[:, None, :, 1] * y[:, None] + scaled[:, None, :, 2]
    grid: Tensor = along_y[:, :, None] + along_x[:, None]
    return grid


def _sample(fine: Tensor, grid: Tensor) -> Tensor:
    return torch.grid_sampler_2d(fine, grid, _BILINEAR, _REFLECTION, False)


def _sample_transposed(grad: Tensor, grid: Tensor, height: int, width: int) -> Tensor:
    """Transpose of `_sample` for a fine image of `height` x `width` samples."""
    if grad.is_cuda and torch.are_deterministic_algorithms_enabled():
        return _scatter_bilinear(grad, grid, height, width)
    # Only the shape of the image matters for the derivative with respect to it.
    image = grad.new_zeros(1).expand(grad.shape[0], grad.shape[1], height, width)
    grad_image: Tensor = torch.ops.aten.grid_sampler_2d_backward(
        grad, image, grid, _BILINEAR, _REFLECTION, False, [True, False]
    )[0]
    return grad_image


def _scatter_bilinear(grad: Tensor, grid: Tensor, height: int, width: int) -> Tensor:
    """`_sample_transposed` by index_add, which has a reproducible form on CUDA, unlike grid_sample's."""
    n, channels = grad.shape[:2]
    x, y = (
        ((_reflected((grid[..., axis] + 1) * size / 2, size)) - 0.5).clamp(0, size - 1)
        for axis, size in ((0, width), (1, height))
    )
    x0, y0 = x.floor(), y.floor()
    fx, fy = x - x0, y - y0
    image = torch.arange(n, device=grad.device).view(n, 1, 1) * (height * width)
    out = grad.new_zeros(n * height * width, channels)
    values = grad.movedim(1, -1)
    for dx, weight_x in ((0, 1 - fx), (1, fx)):
        for dy, weight_y in ((0, 1 - fy), (1, fy)):
            column = (x0.long() + dx).clamp_(max=width - 1)
            row = (y0.long() + dy).clamp_(max=height - 1)
            contribution = values * (weight_x * weight_y)[..., None]
            out.index_add_(0, (image + row * width + column).flatten(), contribution.flatten(0, 2))
    return out.view(n, height, width, channels).movedim(-1, 1)


def _reflected(position: Tensor, size: int) -> Tensor:
    """Positions in samples from the left edge, folded into [0, size]."""
    folded = position.remainder(2 * size)
    return torch.minimum(folded, 2 * size - folded)


def _resample(x_NCHW: Tensor, inverse_N23: Tensor, transposed: bool) -> Tensor:
    height, width = x_NCHW.shape[-2:]
    key = (x_NCHW.dtype, x_NCHW.device)
    up_h, up_w = _upsampler(height, *key), _upsampler(width, *key)
    down_h, down_w = _downsampler(height, *key), _downsampler(width, *key)
    grid = _sampling_grid(inverse_N23, height, width)
    if transposed:
        fine = down_h.along_height(down_w.along_width(x_NCHW, True), True)
        fine = _sample_transposed(fine, grid, 2 * height, 2 * width)
        return up_w.along_width(up_h.along_height(fine, True), True)
    fine = up_h.along_height(up_w.along_width(x_NCHW, False), False)
    return down_w.along_width(down_h.along_height(_sample(fine, grid), False), False)


class _AffineResample(torch.autograd.Function):
    """The linear map of `affine_resample` or its transpose; each is the other's derivative."""

    @staticmethod
    def forward(x_NCHW: Tensor, inverse_N23: Tensor, transposed: bool) -> Tensor:
        # Half-precision filters would add visible noise, also when a derivative is taken inside autocast.
        with torch.autocast(x_NCHW.device.type, enabled=False):
            return _resample(x_NCHW, inverse_N23, transposed)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, bool], output: Tensor) -> None:  # noqa: ARG004
        _, inverse_N23, ctx.transposed = inputs
        ctx.save_for_backward(inverse_N23)

    @staticmethod
    def backward(ctx: Any, grad_NCHW: Tensor) -> tuple[Tensor, None, None]:
        (inverse_N23,) = ctx.saved_tensors
        return _AffineResample.apply(grad_NCHW, inverse_N23, not ctx.transposed), None, None


def affine_resample(x_NCHW: Tensor, inverse_N23: Tensor) -> Tensor:
    """Images under affine maps: output at position q (pixels, origin at the image centre, x then y) is the
    input at `inverse @ (q, 1)`, low-pass filtered, reflected beyond the edges.

    `x_NCHW` float32 or float64; `inverse_N23` same dtype and device, no gradient flows to it. Any number of
    derivatives with respect to the images. Karras et al. 2020, appendix B.
    """
    resampled: Tensor = _AffineResample.apply(x_NCHW, inverse_N23, False)
    return resampled

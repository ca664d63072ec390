"""Bilinear sampling of images under affine maps.

Sampling is linear in the image, so its derivative is its transpose and the derivative of that is sampling again: one
autograd function that transposes itself has derivatives of every order, which torch's grid_sample has not.
"""

from typing import Any

import torch

from gist.ops import cpu_sampling
from gist.ops.backend import samples_by_loops
from gist.ops.transfer import sent

_BILINEAR, _REFLECTION = 0, 2


def affine_sample(x_NCHW: torch.Tensor, map_N23: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Images [N, C, height, width] whose sample in column i and row j is that of `x_NCHW` at `map @ (i, j, 1)`.

    Positions count samples to the right and down from the upper left corner, so that sample 0 has its centre at .5; the
    image is reflected at its edges. `map_N23` float64, on any device; no gradient flows to it.
    """
    sampled: torch.Tensor = _Sampled.apply(x_NCHW, map_N23, (height, width), False)
    return sampled


class _Sampled(torch.autograd.Function):
    """Sampling of images, or its transpose, which spreads values over an image of `shape`."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, map_N23: torch.Tensor, shape: tuple[int, int], transposed: bool
    ) -> torch.Tensor:
        ctx.shape, ctx.transposed = (x.shape[2], x.shape[3]), transposed
        ctx.save_for_backward(map_N23)
        if samples_by_loops(x, *(shape if transposed else ctx.shape)):
            return (cpu_sampling.spread if transposed else cpu_sampling.sample)(x, map_N23, *shape)
        return _spread(x, map_N23, *shape) if transposed else _sample(x, map_N23, *shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor, None, None, None]:
        (map_N23,) = ctx.saved_tensors
        return _Sampled.apply(gradients[0], map_N23, ctx.shape, not ctx.transposed), None, None, None


def _sample(x: torch.Tensor, map_N23: torch.Tensor, height: int, width: int) -> torch.Tensor:
    grid = _grid(map_N23, height, width, x)
    return torch.grid_sampler_2d(x, grid, _BILINEAR, _REFLECTION, False)


def _spread(grad: torch.Tensor, map_N23: torch.Tensor, height: int, width: int) -> torch.Tensor:
    # Only the shape of the image matters for the derivative with respect to it.
    image = grad.new_zeros(1).expand(*grad.shape[:2], height, width)
    grid = _grid(map_N23, grad.shape[2], grad.shape[3], image)
    if grad.is_cuda and torch.are_deterministic_algorithms_enabled():
        return _spread_reproducibly(grad, grid, height, width)
    spread: torch.Tensor = torch.ops.aten.grid_sampler_2d_backward(
        grad, image, grid, _BILINEAR, _REFLECTION, False, [True, False]
    )[0]
    return spread


def _grid(map_N23: torch.Tensor, height: int, width: int, image: torch.Tensor) -> torch.Tensor:
    """Positions in `image` of `height` x `width` samples, in units of grid_sample: -1 to 1 from edge to edge."""
    scaled = map_N23.clone()
    scaled[:, 0] *= 2 / image.shape[3]
    scaled[:, 1] *= 2 / image.shape[2]
    scaled = sent(scaled, image.device)
    columns, rows = (torch.arange(n, device=image.device, dtype=torch.float64) for n in (width, height))
    along_row = scaled[:, None, :, 0] * columns[:, None]
    down_rows = scaled[:, None, :, 1] * rows[:, None] + scaled[:, None, :, 2] - 1
    grid: torch.Tensor = down_rows.to(image.dtype)[:, :, None] + along_row.to(image.dtype)[:, None]
    return grid


def _spread_reproducibly(grad: torch.Tensor, grid: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """`_spread` by index_add, which has a reproducible form on CUDA, unlike grid_sample's derivative."""
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


def _reflected(position: torch.Tensor, size: int) -> torch.Tensor:
    """Positions in samples from the left edge, folded into [0, size]."""
    folded = position.remainder(2 * size)
    return torch.minimum(folded, 2 * size - folded)

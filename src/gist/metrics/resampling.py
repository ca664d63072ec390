"""Moving and turning a picture by windowed sinc interpolation, with the pixels that stay known.

Positions are in pixels from the picture's centre, x to the right and y down; a positive angle turns the x
axis towards the y axis.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

LOBES = 3
"""Half width of the kernel in pixels, as in Karras 2021, appendix E, so that published values can be compared;
on pictures full of fine detail the kernel's own error is near 40 dB."""
_BAND_TAPS = 12
"""Half width in pixels of the kernel that limits frequencies; with fewer, its own error shows above 75 dB."""
_FINER = 4
"""Samples per pixel of the picture that is interpolated while turning."""
_BAND_GRID = 64


def translated(x_NCHW: Tensor, right: float, down: float, lobes: int = LOBES) -> tuple[Tensor, Tensor]:
    """Picture shifted by pixels, exactly for whole ones, and the mask [H, W] of pixels that are known."""
    height, width = x_NCHW.shape[2:]
    rows, rows_known = _shift_matrix(height, down, lobes)
    columns, columns_known = _shift_matrix(width, right, lobes)
    moved = torch.einsum("ij,ncjk,lk->ncil", rows.to(x_NCHW), x_NCHW, columns.to(x_NCHW))
    return moved, (rows_known[:, None] & columns_known[None, :]).to(x_NCHW.device)


def rotated(x_NCHW: Tensor, angle: float) -> tuple[Tensor, Tensor]:
    """Picture turned about its centre by `angle` radians, and the mask [H, W] of pixels that are known.

    Of its frequencies it keeps those that `rotation_band_limited` with the same angle keeps of an upright one. Known
    are pixels whose whole kernel lay inside the picture before and after.
    """
    side = x_NCHW.shape[2]
    centre = (side - 1) / 2
    ys, xs = torch.meshgrid(*[torch.arange(side, dtype=torch.float64) - centre] * 2, indexing="ij")
    cos, sin = math.cos(angle), math.sin(angle)
    source_x, source_y = cos * xs + sin * ys + centre, -sin * xs + cos * ys + centre
    reach = _BAND_TAPS + 1
    known = torch.ones_like(xs, dtype=torch.bool)
    for source in (source_x, source_y):
        known &= (source >= reach) & (source <= side - 1 - reach)
    for own in (xs, ys):
        known &= own.abs() <= centre - _BAND_TAPS
    # Between samples this close together even a short kernel interpolates exactly enough.
    taps = _band_kernel(-angle, _FINER).to(x_NCHW)
    channels = x_NCHW.shape[1]
    fine = torch.nn.functional.conv_transpose2d(
        x_NCHW, taps.expand(channels, 1, -1, -1), stride=_FINER, groups=channels
    )
    fine_side, flat = fine.shape[2], fine.flatten(2)
    fine_x, fine_y = (_FINER * (source + _BAND_TAPS) for source in (source_x, source_y))
    turned = torch.zeros_like(x_NCHW)
    weights_x, weights_y = _kernel_weights(fine_x).to(x_NCHW), _kernel_weights(fine_y).to(x_NCHW)
    for i in range(2 * LOBES):
        row = (fine_y.floor() - LOBES + 1 + i).clamp(0, fine_side - 1).long()
        for j in range(2 * LOBES):
            column = (fine_x.floor() - LOBES + 1 + j).clamp(0, fine_side - 1).long()
            sample = flat[:, :, (row * fine_side + column).to(x_NCHW.device)]
            turned += weights_y[i] * weights_x[j] * sample
    return turned, known.to(x_NCHW.device)


def rotation_band_limited(x_NCHW: Tensor, angle: float) -> Tensor:
    """Picture without the frequencies that a grid turned by `angle` has and the upright grid has not, or
    reverse.

    The pass band is the square of the grid's frequencies cut with the same square turned by `angle`, so that
    a picture turned by `angle` and one that was made turned carry the same frequencies.
    """
    taps = _band_kernel(angle, 1).to(x_NCHW)
    channels = x_NCHW.shape[1]
    padded = torch.nn.functional.pad(x_NCHW, [_BAND_TAPS] * 4, mode="reflect")
    return torch.nn.functional.conv2d(padded, taps.expand(channels, 1, -1, -1), groups=channels)


def _kernel_weights(position: Tensor) -> Tensor:
    """[2 lobes, ...] weights, of sum 1, of the samples around each position."""
    distance = (position - position.floor()) - torch.arange(1 - LOBES, 1 + LOBES).reshape(-1, 1, 1)
    weights = _lanczos(distance, LOBES)
    return weights / weights.sum(dim=0)


def _lanczos(x: Tensor, lobes: int) -> Tensor:
    return torch.where(x.abs() < lobes, torch.sinc(x) * torch.sinc(x / lobes), torch.zeros_like(x))


def _shift_matrix(size: int, shift: float, lobes: int) -> tuple[Tensor, Tensor]:
    """[size, size] interpolation along one axis, rows of weights that sum to 1, and which rows are known."""
    target = torch.arange(size, dtype=torch.float64)
    source = target - shift
    if shift == round(shift):
        weights = (source[:, None] == target[None, :]).double()
        return weights, weights.sum(dim=1) > 0
    weights = _lanczos(source[:, None] - target[None, :], lobes)
    known = (source.floor() - lobes + 1 >= 0) & (source.floor() + lobes <= size - 1)
    return weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-6), known


def _band_kernel(angle: float, per_pixel: int) -> Tensor:
    """Taps of the pass band, `per_pixel` a pixel along each axis, windowed in radius; those that one position uses
    sum to 1."""
    frequency = torch.fft.fftfreq(8 * _BAND_GRID, d=1 / 8, dtype=torch.float64)
    fy, fx = torch.meshgrid(frequency, frequency, indexing="ij")
    cos, sin = math.cos(angle), math.sin(angle)
    inside = torch.ones_like(fx)
    for axis in (fx, fy, cos * fx + sin * fy, -sin * fx + cos * fy):
        # The edge takes one step of the frequency grid, so an unturned band has a kernel of nearly one tap.
        inside = torch.minimum(inside, ((0.5 - axis.abs()) * _BAND_GRID + 0.5).clamp(0, 1))
    response: Tensor = torch.fft.ifft2(inside).real
    offset = torch.arange(-_BAND_TAPS * per_pixel, _BAND_TAPS * per_pixel + 1)
    # The frequency grid reaches 4 cycles per pixel, so every eighth sample of the response is one pixel on.
    index = 8 // per_pixel * offset
    radius = torch.hypot(offset[:, None].double(), offset[None, :].double()) / per_pixel
    window = torch.sinc((radius / (_BAND_TAPS + 1)).clamp(max=1.0))
    windowed = response[index[:, None], index[None, :]] * window
    for down in range(per_pixel):
        for right in range(per_pixel):
            phase = windowed[down::per_pixel, right::per_pixel]
            phase /= phase.sum()
    return windowed[None, None]

"""Matrices of the geometric and the colour transformations (Karras et al. 2020, appendix B, algorithm 1)."""

import math

import torch
from torch import Tensor

from gist.generators.augment.parameters import AugmentParameters


def _identity(n: int) -> Tensor:
    return torch.eye(3, dtype=torch.float64).repeat(n, 1, 1)


def _scaling(x: Tensor, y: Tensor) -> Tensor:
    matrix = _identity(len(x))
    matrix[:, 0, 0], matrix[:, 1, 1] = x, y
    return matrix


def _rotation(radians: Tensor) -> Tensor:
    matrix = _identity(len(radians))
    matrix[:, 0, 0] = matrix[:, 1, 1] = radians.cos()
    matrix[:, 1, 0] = radians.sin()
    matrix[:, 0, 1] = -matrix[:, 1, 0]
    return matrix


def _quarter_rotation(turns: Tensor) -> Tensor:
    """Rotation by whole quarter turns, exact, so that four of them are none."""
    return _rotation(turns * (math.pi / 2)).round()


def _shift(pixels_N2: Tensor) -> Tensor:
    matrix = _identity(len(pixels_N2))
    matrix[:, :2, 2] = pixels_N2
    return matrix


def geometry(parameters: AugmentParameters, height: int, width: int) -> Tensor:
    """[N, 3, 3] float64: where each point goes, in pixels, x right, y down, origin at the image centre.

    Exactly the identity where nothing happens.
    """
    size = torch.tensor([width, height], dtype=torch.float64)
    one = torch.ones_like(parameters.scale)
    steps = (
        _scaling(1 - 2 * parameters.mirror, one),
        _quarter_rotation(parameters.quarter_turns),
        _shift((parameters.integer_translation * size).round()),
        _scaling(parameters.scale, parameters.scale),
        _rotation(parameters.pre_rotation),
        _scaling(parameters.anisotropy, 1 / parameters.anisotropy),
        _rotation(parameters.post_rotation),
        _shift(parameters.translation * size),
    )
    total = _identity(len(parameters))
    for step in steps:
        total = step @ total
    return total


def grey_affine(parameters: AugmentParameters) -> tuple[Tensor, Tensor]:
    """Gain and offset [N] float64 of a grey image: brightness, then contrast, then polarity."""
    gain = parameters.contrast * (1 - 2 * parameters.luma_flip)
    return gain, gain * parameters.brightness


def colour_affine(parameters: AugmentParameters) -> tuple[Tensor, Tensor]:
    """Matrix [N, 3, 3] and offset [N, 3] float64 of a colour image: brightness, contrast, polarity along the
    grey axis, hue rotation about it, saturation across it. Exactly the identity where nothing happens."""
    n = len(parameters)
    eye = _identity(n)
    # The grey axis v = (1, 1, 1)/sqrt(3): v v^T has all elements 1/3.
    onto_grey = torch.full((3, 3), 1 / 3, dtype=torch.float64)
    # Rodrigues: rotation about v is I + sin K + (1 - cos) K^2 with K the cross-product matrix of v.
    cross = torch.tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], dtype=torch.float64) / math.sqrt(3)

    def per_image(x: Tensor) -> Tensor:
        return x[:, None, None]

    flip = eye - 2 * per_image(parameters.luma_flip) * onto_grey
    hue = per_image(parameters.hue)
    turn = eye + hue.sin() * cross + (1 - hue.cos()) * (cross @ cross)
    saturate = eye + per_image(parameters.saturation - 1) * (eye - onto_grey)
    matrix = saturate @ turn @ flip * per_image(parameters.contrast)
    return matrix, matrix.sum(2) * parameters.brightness[:, None]

"""Does the picture move and turn exactly as the generator's input is moved and turned?

Peak signal-to-noise ratios in decibels between moving the input and moving the output (Karras 2021, equation
3 and appendix E), in float, over the pixels that both pictures have. Higher is better; 60 dB is invisible.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from gist.errors import InputError
from gist.generators.gan.generator import Generator
from gist.metrics.resampling import rotated, rotation_band_limited, translated

Movement = Literal["translation", "fractional translation", "rotation"]
PEAK_TO_PEAK = 2.0
"""Images span -1 to 1."""
LARGEST_SHIFT = 1 / 8
"""In image sides."""
_ROUNDING = 1e-14  # mean squared error of float32 itself


@dataclass(frozen=True)
class Equivariance:
    """Signal-to-noise ratio of one kind of movement."""

    movement: Movement
    decibels: float
    low: float
    high: float
    """95 % interval over the sampled images."""
    samples: int


def equivariance(
    G: Generator, movement: Movement, *, samples: int = 64, seed: int = 0, truncation_psi: float = 1.0
) -> Equivariance:
    """EQ-T, EQ-T_frac or EQ-R of an alias-free generator, over random images, classes and movements.

    EQ-T shifts by whole pixels, EQ-T_frac by any distance, both up to an eighth of the side in each
    direction; EQ-R turns by any angle. Integer shifts compare pixels as they are; the other two resample the
    reference picture, and EQ-R limits both pictures to the frequencies that a turned square grid can carry.

    Raises:
        InputError: the generator has no movable input, or fewer than two samples were asked for.
    """
    if samples < 2:
        raise InputError("Equivariance needs at least two sampled images; ask for more.")
    with _movable(G) as transform, torch.no_grad():
        errors = [
            _squared_error(G, transform, movement, _latent(G, seed, index), truncation_psi, seed, index)
            for index in range(samples)
        ]
    # Pixels and not images weigh equally, as in the paper's expectation over all valid pixels.
    sums = torch.tensor([error for error, _ in errors], dtype=torch.float64)
    pixels = torch.tensor([count for _, count in errors], dtype=torch.float64)
    mean = float(sums.sum() / pixels.sum())
    spread = float((sums - mean * pixels).std() / (pixels.mean() * math.sqrt(samples)))
    mean = max(mean, _ROUNDING)
    decibels = 10 * math.log10(PEAK_TO_PEAK**2 / mean)
    # The interval by the slope of the logarithm, as that of the mean itself may reach below zero.
    reach = 1.96 * 10 / math.log(10) * spread / mean
    return Equivariance(movement, decibels, decibels - reach, decibels + reach, samples)


@contextmanager
def _movable(G: Generator) -> Iterator[Tensor]:
    """The input's transform buffer; put back afterwards."""
    transform = getattr(getattr(G.synthesis, "input", None), "transform", None)
    if not isinstance(transform, Tensor):
        raise InputError(
            f"A {G.spec.architecture} generator has no input that can be moved; equivariance exists for alias-free "
            "generators only."
        )
    before = transform.clone()
    training = G.training
    G.eval()
    try:
        yield transform
    finally:
        transform.copy_(before)
        G.train(training)


def _latent(G: Generator, seed: int, index: int) -> tuple[Tensor, Tensor | None]:
    generator = torch.Generator().manual_seed(seed * 1_000_003 + index)
    device = next(G.parameters()).device
    z = torch.randn(1, G.z_dim, generator=generator).to(device)
    if not G.c_dim:
        return z, None
    label = int(torch.randint(G.c_dim, (1,), generator=generator))
    return z, torch.nn.functional.one_hot(torch.tensor([label]), G.c_dim).float().to(device)


def movement_error(still_NCHW: Tensor, moved_NCHW: Tensor, movement_33: Tensor) -> tuple[float, int]:
    """Sum of squared differences between the moved picture and one made by moving the input, and their number.

    `movement_33` is a turn about the centre or a shift in image sides, x to the right and y down.
    """
    angle = math.atan2(float(movement_33[1, 0]), float(movement_33[0, 0]))
    if angle:
        expected, valid = rotated(still_NCHW, angle)
        moved_NCHW = rotation_band_limited(moved_NCHW, angle)
    else:
        side = still_NCHW.shape[2]
        expected, valid = translated(
            still_NCHW, float(movement_33[0, 2]) * side, float(movement_33[1, 2]) * side
        )
    difference = (moved_NCHW - expected)[:, :, valid].double()
    return float(difference.square().sum()), difference.numel()


def _squared_error(
    G: Generator,
    transform: Tensor,
    movement: Movement,
    latent: tuple[Tensor, Tensor | None],
    truncation_psi: float,
    seed: int,
    index: int,
) -> tuple[float, int]:
    """`movement_error` of one image."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + index + 500_000)
    draw = torch.rand(3, generator=generator, dtype=torch.float64)
    ws = G.mapping(latent[0], latent[1], truncation_psi, None, False)
    if movement == "rotation":
        movement_33 = _rotation(float(draw[0]) * 2 * math.pi)
    else:
        shift = (2 * draw[1:] - 1) * LARGEST_SHIFT
        if movement == "translation":
            shift = (shift * G.img_resolution).round() / G.img_resolution
        movement_33 = _translation(float(shift[0]), float(shift[1]))
    still, moved = (
        _picture(G, transform, ws, matrix) for matrix in (torch.eye(3, dtype=torch.float64), movement_33)
    )
    return movement_error(still, moved, movement_33)


def _picture(G: Generator, transform: Tensor, ws: Tensor, movement_33: Tensor) -> Tensor:
    transform.copy_(torch.linalg.inv(movement_33))
    image: Tensor = G.synthesis(ws, noise_mode="const")
    return image


def _translation(right: float, down: float) -> Tensor:
    return torch.tensor([[1, 0, right], [0, 1, down], [0, 0, 1]], dtype=torch.float64)


def _rotation(angle: float) -> Tensor:
    cos, sin = math.cos(angle), math.sin(angle)
    return torch.tensor([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], dtype=torch.float64)

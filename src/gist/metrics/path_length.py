"""Perceptual path length: how abruptly pictures change along a line between two latents."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from gist.errors import InputError
from gist.generators.gan.generator import Generator

PictureDistance = Callable[[Tensor, Tensor], Tensor]
"""Two batches [N, C, H, W] in about -1 to 1 -> squared distances [N]; must be smooth, as steps are tiny."""
TRIMMED = 0.01
_LEVELS = 4


@dataclass(frozen=True)
class PathLength:
    """Mean squared change of the picture per squared step along latent paths."""

    value: float
    low: float
    high: float
    """95 % interval over the paths."""
    samples: int
    distance: str
    """Which picture distance: PPL[distance]; only equal ones may be compared."""


def path_length(
    G: Generator,
    distance: PictureDistance,
    *,
    name: str,
    samples: int = 256,
    epsilon: float = 1e-4,
    space: Literal["z", "w"] = "w",
    ends_only: bool = False,
    seed: int = 0,
    batch: int = 8,
) -> PathLength:
    """PPL (Karras 2019, equations 2 and 3), the most extreme 1 % of paths on each side left out.

    Pictures stay in float: rounded to 8 bits, a step of 1e-4 changes nothing or a whole grey level.
    `ends_only` starts every path at its first latent instead of anywhere along it.

    Raises:
        InputError: fewer than two samples.
    """
    if samples < 2:
        raise InputError("The path length needs at least two paths; ask for more.")
    training = G.training
    G.eval()
    with torch.no_grad():
        lengths = torch.cat(
            [
                _changes(
                    G, distance, range(start, min(start + batch, samples)), epsilon, space, ends_only, seed
                )
                for start in range(0, samples, batch)
            ]
        )
    G.train(training)
    # Away from the middle, so that of fewer than a hundred paths all are kept.
    low_cut = torch.quantile(lengths, TRIMMED, interpolation="lower")
    high_cut = torch.quantile(lengths, 1 - TRIMMED, interpolation="higher")
    kept = lengths[(lengths >= low_cut) & (lengths <= high_cut)]
    mean, error = float(kept.mean()), float(kept.std() / len(kept) ** 0.5)
    return PathLength(mean, mean - 1.96 * error, mean + 1.96 * error, samples, name)


def pyramid_distance(x_NCHW: Tensor, y_NCHW: Tensor) -> Tensor:
    """Sum of mean squared differences at full to eighth resolution [N]: needs no weights, is smooth
    everywhere.

    Coarse levels count the same as fine ones, so that moving an edge costs more than the same energy as
    noise.
    """
    difference = (x_NCHW - y_NCHW).double()
    total = difference.square().mean(dim=(1, 2, 3))
    for _ in range(_LEVELS - 1):
        difference = torch.nn.functional.avg_pool2d(difference, 2)
        total = total + difference.square().mean(dim=(1, 2, 3))
    return total


def _changes(
    G: Generator,
    distance: PictureDistance,
    indices: range,
    epsilon: float,
    space: Literal["z", "w"],
    ends_only: bool,
    seed: int,
) -> Tensor:
    """Squared change per squared step [N] along the paths of these numbers."""
    device = next(G.parameters()).device
    draws = [_path(G, seed, index) for index in indices]
    first, second = (torch.stack([draw[i] for draw in draws]).to(device) for i in (0, 1))
    label = torch.stack([draw[2] for draw in draws]).to(device) if G.c_dim else None
    place = torch.stack([draw[3] for draw in draws]).to(device)
    if ends_only:
        place = torch.zeros_like(place)
    if space == "w":
        first, second = (G.mapping(z, label, 1.0, None, False) for z in (first, second))
        here, there = (torch.lerp(first, second, t[:, None, None]) for t in (place, place + epsilon))
    else:
        here, there = (
            G.mapping(_slerp(first, second, t[:, None]), label, 1.0, None, False)
            for t in (place, place + epsilon)
        )
    pictures = [G.synthesis(ws, noise_mode="const") for ws in (here, there)]
    return distance(pictures[0], pictures[1]).double().cpu() / epsilon**2


def _path(G: Generator, seed: int, index: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Two latents, one class for both and a place between them, from the path's number alone."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + index)
    first, second = torch.randn(2, G.z_dim, generator=generator)
    label = torch.randint(max(G.c_dim, 1), (1,), generator=generator)[0]
    one_hot = torch.nn.functional.one_hot(label, max(G.c_dim, 1)).float()
    return first, second, one_hot, torch.rand(1, generator=generator)[0]


def _slerp(a_NZ: Tensor, b_NZ: Tensor, t_N1: Tensor) -> Tensor:
    """Along the great circle between the directions of two latents."""
    a, b = (x / x.norm(dim=1, keepdim=True) for x in (a_NZ, b_NZ))
    cosine = (a * b).sum(dim=1, keepdim=True)
    turn = t_N1 * torch.acos(cosine.clamp(-1, 1))
    across = b - cosine * a
    across = across / across.norm(dim=1, keepdim=True)
    # Scaled to the length that a Gaussian latent has; the mapping network normalises it anyway.
    on_arc: Tensor = (a * torch.cos(turn) + across * torch.sin(turn)) * math.sqrt(a_NZ.shape[1])
    return on_arc

"""How a generator moves: equivariance and path length together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from gist.generators.gan.generator import Generator
from gist.metrics.equivariance import Equivariance, Movement, equivariance
from gist.metrics.path_length import PathLength, path_length, pyramid_distance

NAMES: dict[Movement, str] = {
    "translation": "EQ-T",
    "fractional translation": "EQ-T_frac",
    "rotation": "EQ-R",
}


@dataclass(frozen=True)
class Smoothness:
    """What pictures do when the generator's input is moved a little."""

    equivariance: tuple[Equivariance, ...]
    """EQ-T, EQ-T_frac and EQ-R; empty for architectures whose input cannot be moved."""
    path_length: PathLength

    def lines(self) -> list[str]:
        """One sentence per measure."""
        found = [
            f"{NAMES[measure.movement]}: {measure.decibels:.1f} dB ({measure.low:.1f} to {measure.high:.1f}), "
            "higher is better."
            for measure in self.equivariance
        ]
        length = self.path_length
        return [
            *found,
            f"PPL[{length.distance}]: {length.value:.4g} ({length.low:.4g} to {length.high:.4g}), lower is smoother; "
            "compare it at equal resolution only.",
        ]


def smoothness(G: Generator, *, samples: int = 64, seed: int = 0) -> Smoothness:
    """Equivariance of an alias-free generator and path length of any, over `samples` random images each.

    Raises:
        InputError: fewer than two samples.
    """
    movable = get_args(Movement) if G.spec.family.alias_free else ()
    return Smoothness(
        equivariance=tuple(equivariance(G, movement, samples=samples, seed=seed) for movement in movable),
        # A step of the paper's 1e-4 changes float32 pictures by little more than their rounding.
        path_length=path_length(
            G, pyramid_distance, name="pyramid", samples=samples, epsilon=1e-3, seed=seed
        ),
    )

"""What the share of odd images means, in a sentence and a verdict."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from gist.evaluation.meaning import FEWEST_HELD_OUT, MINIMUM_IMAGES, Verdict

FAIR_FACTOR = 4.0
"""Odd images may be so many times as frequent as among real ones before the verdict is poor."""


def odd_share_meaning(p_values_N: NDArray[np.float64], held_out: int, level: float) -> tuple[str, Verdict]:
    """Sentence and verdict on how many images have a p-value of at most `level`, as a share `level` of real ones has.

    More than chance is decided by the exact rank test: where synthetic and held-out images come from one
    distribution, every order of their pooled scores is equally likely.
    """
    n = len(p_values_N)
    if n < MINIMUM_IMAGES or held_out < FEWEST_HELD_OUT:
        return (
            f"Too few images to tell: {n} synthetic ones were judged by {held_out} held-out real ones, and "
            f"{MINIMUM_IMAGES} and {FEWEST_HELD_OUT} are needed.",
            "unknown",
        )
    count = int((p_values_N <= level).sum())
    rank = int(level * (held_out + 1))
    chance = float(hypergeom.sf(count - 1, n + held_out, n, count + rank - 1)) if count else 1.0
    look = "looks" if count == 1 else "look"
    share = f"{count} of {n} synthetic images {look} odder than {100 * (1 - level):g} % of real ones"
    if chance > 0.05:
        return (
            f"{share}, no more than chance gives; defects that no detector knows may still be there.",
            "good",
        )
    if count <= FAIR_FACTOR * level * n:
        return f"{share}, somewhat more than the {level * n:.0f} that chance gives.", "fair"
    return f"{share}, where chance gives about {level * n:.0f}.", "poor"

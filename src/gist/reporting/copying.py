"""What the nearest neighbours say about copying, and no more than that.

Each pair's percentile is the share of held-out real images that lie closer to their nearest training image
than the synthetic image does to its own. Were the generator no closer to its training images than unseen
radiographs are, percentiles would spread evenly over 0-1, and one pair in twenty would fall at 5 % or below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, floor
from statistics import median
from typing import Literal

from gist.reporting import numerals
from gist.results import Neighbour

Outcome = Literal["evidence of copying", "none detected by this check", "too few images to tell"]
CLOSE = 0.05
SURPRISE = 0.01
ZERO, ZERO_SHARE = 1e-6, 1e-3
"""A distance below this, or below this share of the median distance, is a rounding error of zero."""
FEWEST_HELD_OUT = 40
FEWEST_PAIRS = 10


@dataclass(frozen=True)
class CopyingVerdict:
    """The outcome and the sentences that explain it."""

    outcome: Outcome
    pairs: int
    close_pairs: int
    """Pairs at a percentile of 5 % or below."""
    identical_pairs: int
    explanation: str


def copying_verdict(neighbours: Sequence[Neighbour], held_out: int) -> CopyingVerdict:
    """Judges pairs; those picked for being close count only if identical, since chance cannot explain a pick.

    Evidence is an identical pair, or so many close pairs that chance gives as many in fewer than 1 of 100
    runs (binomial tail; one more image of n held-out ones has percentile <= 0.05 with probability
    (floor(0.05 n) + 1) / (n + 1)).
    """
    drawn = [pair for pair in neighbours if pair.drawn == "at random"]
    pairs = len(drawn)
    rounding = max(ZERO, ZERO_SHARE * median(pair.distance for pair in neighbours)) if neighbours else ZERO
    identical = sum(pair.distance <= rounding for pair in neighbours)
    close = sum(pair.percentile <= CLOSE for pair in drawn)
    chance = (floor(CLOSE * held_out) + 1) / (held_out + 1)
    expected = numerals.significant(pairs * chance, 2)
    close_text = (
        f"Of {numerals.counted(pairs, 'pair')} drawn at random, {close} lie closer together than 95 % of held-out real "
        f"images lie to their nearest training image; chance alone gives about {expected}."
    )
    outcome: Outcome
    if identical:
        outcome = "evidence of copying"
        explanation = (
            f"{numerals.counted(identical, 'synthetic image')} cannot be told from a training image by any "
            f"measured feature. {close_text}"
        )
    elif held_out < FEWEST_HELD_OUT or pairs < FEWEST_PAIRS:
        outcome = "too few images to tell"
        explanation = (
            f"{numerals.counted(pairs, 'random pair')} and {numerals.counted(held_out, 'held-out image')} are too "
            f"few: this check needs {FEWEST_PAIRS} and {FEWEST_HELD_OUT}. Look at the pairs below."
        )
    elif _tail(close, pairs, chance) < SURPRISE:
        outcome = "evidence of copying"
        explanation = (
            f"{close_text} Bland, typical images can cause this too, so look at the closest pairs first."
        )
    else:
        outcome = "none detected by this check"
        explanation = close_text
    return CopyingVerdict(outcome, pairs, close, identical, explanation)


def _tail(successes: int, trials: int, chance: float) -> float:
    return sum(
        comb(trials, k) * chance**k * (1 - chance) ** (trials - k) for k in range(successes, trials + 1)
    )

"""Planning a reader test: what so many readers and images would find, and how many a question needs."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path

import numpy as np
from scipy.stats import binom, chi2, norm

from gist import numerals
from gist.errors import InputError
from gist.reader.statistics.several_readers import Array, half_width
from gist.reader.statistics.shares import CHANCE, LEVEL

MOST_IMAGES = 4000
PARTS = 400
READERS = (1, 2, 3, 5, 8, 12)
READER_SD = 0.087
"""Between readers: eight of a PET study were right in 36 to 63 % of 170 pairs each, which leaves this beyond chance."""
KAPPA = 0.11
"""Between readers: ten of a CT study with 300 images (J Med Internet Res 2021, e23328)."""


@dataclass(frozen=True)
class Design:
    """A test, and what is assumed of its readers."""

    readers: int
    images: int
    """Or pairs, each read once by every reader."""
    reader_sd: float = READER_SD
    """Standard deviation of the readers' true accuracies; matters for two readers or more, who stand for others."""
    kappa: float = KAPPA
    """Agreement of two readers beyond chance."""

    def power_of_difference(self, accuracy: float) -> float:
        """Probability that readers of this accuracy are found to differ from chance, at 5 %, two-sided."""
        if self.readers == 1:
            wrong = _most_wrong(self.images)
            return float(
                binom.cdf(wrong, self.images, accuracy) + binom.cdf(wrong, self.images, 1 - accuracy)
            )
        error, reach = self._expected(accuracy, 1 - LEVEL / 2)
        shift = accuracy - CHANCE
        return float((norm.cdf((shift - reach) / error) + norm.cdf((-shift - reach) / error)).mean())

    def power_of_equivalence(self, margin: float, accuracy: float = CHANCE) -> float:
        """Probability that readers of this accuracy are shown to lie within chance ± margin."""
        if self.readers == 1:
            least = binom.isf(LEVEL, self.images, CHANCE - margin) + 1
            inside = binom.cdf(self.images - least, self.images, accuracy) - binom.cdf(
                least - 1, self.images, accuracy
            )
            return max(0.0, float(inside))
        error, reach = self._expected(accuracy, 1 - LEVEL)
        room, shift = margin - reach, accuracy - CHANCE
        inside = norm.cdf((room - shift) / error) - norm.cdf((-room - shift) / error)
        return float(np.maximum(inside, 0).mean())

    def in_words(self, accuracy: float, margin: float) -> str:
        """What this test would miss and what it would show."""
        one = self.readers == 1
        missed = round(100 * (1 - self.power_of_difference(accuracy)))
        shown = round(100 * self.power_of_equivalence(margin))
        return (
            f"{'One reader' if one else f'{self.readers} readers'}, {numerals.counted(self.images, 'image')}: "
            f"{'even a reader who is' if one else 'readers who are'} right {100 * accuracy:g} % of the time would be "
            f"missed in {missed} of 100 tests; images that cannot be told from real ones would be shown to be so, "
            f"within {100 * margin:g} points, in {shown} of 100 tests."
        )

    def _expected(self, accuracy: float, quantile: float) -> tuple[float, Array]:
        """Standard error of the mean accuracy, and half widths of its interval, all equally probable."""
        squared = (2 * accuracy - 1) ** 2
        same = max(
            0.0, (self.kappa - squared) / (1 - squared)
        )  # correlation of being right on the same image
        variance = max(accuracy * (1 - accuracy) - self.reader_sd**2, 0.0) / self.images
        mean_square, cov2, df = self.reader_sd**2 + variance * (1 - same), variance * same, self.readers - 1
        error = sqrt(mean_square / self.readers + cov2)
        # The mean square that is met varies as chi-square / df.
        met = mean_square * chi2.ppf((np.arange(PARTS) + 0.5) / PARTS, df) / df
        return error, half_width(quantile, met, cov2, self.readers)


def _most_wrong(images: int) -> int:
    """Answers right at which the exact test still says that a reader is worse than chance; -1 for none."""
    count = int(binom.ppf(LEVEL / 2, images, CHANCE))
    return count if 2 * binom.cdf(count, images, CHANCE) < LEVEL else count - 1


@dataclass(frozen=True)
class Need:
    """Images that so many readers need; None where no number of images is enough."""

    readers: int
    difference: int | None
    equivalence: int | None


@dataclass(frozen=True)
class ReaderPlan:
    """What tests would find."""

    accuracy: float
    """That should be found."""
    margin: float
    power: float
    reader_sd: float
    kappa: float
    designs: tuple[tuple[Design, float, float], ...]
    """With the power to find `accuracy`, and to show equivalence where images cannot be told apart."""
    needs: tuple[Need, ...]
    """For `power`."""

    @property
    def sentences(self) -> list[str]:
        """Each design in words."""
        return [design.in_words(self.accuracy, self.margin) for design, _, _ in self.designs]


def plan(
    readers: Sequence[int] = READERS,
    images: int | None = None,
    *,
    accuracy: float = 0.6,
    margin: float = 0.1,
    power: float = 0.8,
    reader_sd: float = READER_SD,
    kappa: float = KAPPA,
) -> ReaderPlan:
    """What tests by so many readers would find with `images` images (default: 100), and how many they would need.

    One reader stands for nobody else: exact binomial tests over images. Two or more, whose accuracies vary by
    `reader_sd` and who agree by `kappa`, stand for readers of their kind: Obuchowski-Rockette, each part of the
    variance with a quantile of its own.

    Raises:
        InputError: a number is none that a test can have.
    """
    if not 0 <= reader_sd < CHANCE or not 0 <= kappa < 1:
        raise InputError(
            "A standard deviation between readers lies from 0 to .5 and a kappa from 0 to 1; give such numbers."
        )
    if not (CHANCE < accuracy < 1 and 0 < margin < CHANCE and 0 < power < 1):
        raise InputError(
            "The accuracy to find lies between .5 and 1, the margin between 0 and .5 and the power between 0 and 1; "
            "give such numbers."
        )
    if not readers or min(readers) < 1 or not 2 <= (images or 100) <= MOST_IMAGES:
        raise InputError(f"A test has one reader or more and 2 to {MOST_IMAGES} images; give such numbers.")
    designs = [Design(count, images or 100, reader_sd, kappa) for count in readers]
    return ReaderPlan(
        accuracy,
        margin,
        power,
        reader_sd,
        kappa,
        tuple(
            (design, design.power_of_difference(accuracy), design.power_of_equivalence(margin))
            for design in designs
        ),
        tuple(
            Need(
                design.readers,
                _least(design, power, lambda one: one.power_of_difference(accuracy)),
                _least(design, power, lambda one: one.power_of_equivalence(margin)),
            )
            for design in designs
        ),
    )


def _least(design: Design, power: float, power_of: Callable[[Design], float]) -> int | None:
    """The least even number of images from which on the power is reached; exact tests lose a little at each step."""
    counts = range(2, MOST_IMAGES + 1, 2)
    if power_of(replace(design, images=MOST_IMAGES)) < power:
        return None
    begin = bisect_left(counts, power, key=lambda images: power_of(replace(design, images=images)))
    short = [
        images
        for images in counts[max(0, begin - 40) : begin + 40]
        if power_of(replace(design, images=images)) < power
    ]
    return max(short, default=0) + 2


def variance_of(pilot: Path) -> dict[str, float]:
    """`reader_sd` and `kappa` of a pilot, from the file that `gist reader score --json` wrote.

    Raises:
        InputError: it is no such file, or holds one reader only.
    """
    try:
        found = json.loads(pilot.read_text(encoding="utf-8"))
        several, kappa = found["several_readers"]["accuracy"], found["kappas"]["fleiss"]["value"]
        return {"reader_sd": float(several["between_readers"]), "kappa": max(0.0, float(kappa))}
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"{pilot} holds no score of two readers or more; write one with `gist reader score STUDY --json FILE`."
        ) from None

"""Agreement beyond chance: two readings of the same images, or any number of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite, nan, sqrt


@dataclass(frozen=True)
class Kappa:
    """A kappa with its 95 % interval, the jackknife's over images."""

    value: float | None
    """None where all answers are the same, so that none can be told from chance."""
    low: float | None
    high: float | None
    images: int
    agreement: float
    """Share of pairs of answers that are the same."""


Patterns = Counter[tuple[str, ...]]
"""Answers to an image -> how many images were answered so."""


def cohen(pairs: Sequence[tuple[str, str]]) -> Kappa | None:
    """Cohen's kappa (1960) of two readings, a pair for each image that both answered; None without one."""
    return _jackknifed(Counter(pairs), _cohen) if pairs else None


def fleiss(answers: Sequence[Sequence[str]]) -> Kappa | None:
    """Fleiss' kappa (1971), for each image the answers to it, of any readers; None without an image of two answers.

    Images may have different numbers of answers: a missing one is no category. Those with fewer than two are left out.
    Categories are weighted by their mean share per image, pairs counted per image (Gwet 2014), which is Fleiss' own
    formula where nothing is missing.
    """
    rated = Counter(tuple(sorted(image)) for image in answers if len(image) > 1)
    return _jackknifed(rated, _fleiss) if rated else None


def _cohen(images: Patterns) -> tuple[float, float]:
    """Observed agreement and that expected of chance."""
    n, same = images.total(), sum(many for (a, b), many in images.items() if a == b)
    first: Counter[str] = Counter()
    second: Counter[str] = Counter()
    for (a, b), many in images.items():
        first[a] += many
        second[b] += many
    return same / n, sum(first[word] * second[word] for word in first) / n**2


def _fleiss(images: Patterns) -> tuple[float, float]:
    n, agreed, shares = images.total(), 0.0, defaultdict[str, float](float)
    for image, many in images.items():
        counts, m = Counter(image), len(image)
        agreed += many * sum(k * (k - 1) for k in counts.values()) / (m * (m - 1))
        for word, k in counts.items():
            shares[word] += many * k / m
    return agreed / n, sum((share / n) ** 2 for share in shares.values())


def _jackknifed(images: Patterns, measure: Callable[[Patterns], tuple[float, float]]) -> Kappa:
    def kappa(chosen: Patterns) -> float:
        observed, expected = measure(chosen)
        return (observed - expected) / (1 - expected) if expected < 1 else nan

    n, value, agreement = images.total(), kappa(images), measure(images)[0]
    if not isfinite(value):
        return Kappa(None, None, None, n, agreement)
    without = (
        [(kappa(images - Counter([image])), many) for image, many in images.items()] if n > 2 else [(nan, 1)]
    )
    mean = sum(each * many for each, many in without) / n
    reach = 1.959964 * sqrt((n - 1) / n * sum(many * (each - mean) ** 2 for each, many in without))
    if not isfinite(reach):
        return Kappa(value, None, None, n, agreement)
    return Kappa(value, max(-1.0, value - reach), min(1.0, value + reach), n, agreement)

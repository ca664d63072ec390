"""KID against the number of training images: intervals, and from which number on it no longer falls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm as normal
from scipy.stats import t as student

from gist.numerals import count, significant, together
from gist.stages.promise import Result

DRAWS = 4000


@dataclass(frozen=True)
class Point:
    """KID of one trial and what each image added to it (`gist.metrics.kid.kernel_influences`)."""

    kid: float
    held_out: NDArray[np.float64]
    """[n] of the hold-out images, the same ones in the same order for every trial."""
    synthetic: NDArray[np.float64]
    """[n]"""


Repeats = Mapping[int, Point]
"""The trials of a group by the number of their repeat."""


class CurvePoint(Result):
    """One size, over its repeats."""

    images: int
    repeats: int
    kid: float
    low: float
    high: float
    """95 % interval of its level."""
    bar: float
    """Half the 95 % interval for comparing sizes: without what all sizes of a repeat have in common (Morey 2008)."""
    above_largest: float
    """KID minus that of the largest size."""
    reach: float
    """A difference to the largest size above this would have been found."""
    told_apart: bool


class Curve(Result):
    """What a size study says of one arm."""

    points: tuple[CurvePoint, ...]
    """By size, ascending."""
    flat_from: int | None
    """None where it does not flatten within the sizes tried, or cannot be told."""
    flat_low: int | None = None
    flat_high: int | None = None
    """The middle 95 % of where it flattens, of the sizes tried; high is None where that may lie beyond them."""
    sentence: str


def drawn(groups: Sequence[Repeats], seed: int = 0) -> NDArray[np.float64]:
    """[DRAWS, groups] mean KID of each group, as it might have come out: a bootstrap over repeats and images.

    Repeats of one number share seed and order of the subsets, and all trials share the hold-out, so both are drawn anew
    once for all groups: what they have in common leaves every difference. The deviations of R repeats are widened by
    sqrt(R / (R - 1)), without which few look more alike than they are (Davison and Hinkley 1997, section 2.3); they
    hold the noise of training, subset and synthetic images together. A group with one repeat has its synthetic images
    drawn anew instead, and the noise between runs is not in it.
    """
    rng = np.random.default_rng(seed)
    numbers = sorted({number for group in groups for number in group})
    times = rng.multinomial(len(numbers), np.full(len(numbers), 1 / len(numbers)), DRAWS)
    n = len(next(iter(groups[0].values())).held_out)
    weights = rng.multinomial(n, np.full(n, 1 / n), DRAWS) / n
    columns = []
    for group in groups:
        own = times[:, [numbers.index(number) for number in sorted(group)]].astype(np.float64)
        own[own.sum(axis=1) == 0] = (
            1.0  # none of its repeats was drawn, as some are missing: all of them then
        )
        own /= own.sum(axis=1, keepdims=True)
        points = [group[number] for number in sorted(group)]
        kids = np.array([point.kid for point in points])
        mean, count = kids.mean(), len(kids)
        # Influences add up to nothing, so that their weighted sums are the deviations themselves.
        by_images = weights @ np.stack([point.held_out for point in points]).T
        column = mean + (own * by_images).sum(axis=1)
        if count > 1:
            column += own @ (kids - mean) * np.sqrt(count / (count - 1))
        else:
            m = len(points[0].synthetic)
            column += rng.multinomial(m, np.full(m, 1 / m), DRAWS) @ points[0].synthetic / m
        columns.append(column)
    return np.stack(columns, axis=1)


def bound(groups: Sequence[Repeats], share: float) -> float:
    """How many standard deviations of `drawn` hold this share on one side: Student's t with one degree of freedom less
    than the fewest repeats of a group; the normal distribution's where one is alone."""
    freedom = min(map(len, groups)) - 1
    return float(student.ppf(share, freedom) if freedom else normal.ppf(share))


def curve_of(trials: Mapping[int, Repeats], seed: int = 0) -> Curve:
    """The curve over sizes, each with at least one trial, and where it flattens.

    A size is told from the largest where its mean KID lies above that of the largest by more than `reach`: the
    one-sided 95 % `bound` times the standard deviation of that difference over the draws of `drawn`. The curve flattens
    at the smallest size from which on no size is told from the largest. Where that is the largest alone, it does not
    flatten within the tried range. Its interval is the middle 95 % of where it flattens in the draws, by the same
    reach; where the middle holds the largest size, the flattening may lie beyond.

    Not to be told apart is not to be equal: with few repeats and few images `reach` is wide, so the sentence tells it.
    """
    sizes = sorted(trials)
    groups = [trials[size] for size in sizes]
    draws = drawn(groups, seed)
    means = np.array([np.mean([point.kid for point in group.values()]) for group in groups])
    level = bound(groups, 0.975) * draws.std(axis=0)
    common = draws.mean(axis=1, keepdims=True)
    bars = bound(groups, 0.975) * (draws - common).std(axis=0) * np.sqrt(len(sizes) / max(len(sizes) - 1, 1))
    reach = bound(groups, 0.95) * (draws - draws[:, -1:]).std(axis=0)
    above = means - means[-1]
    points = tuple(
        CurvePoint(
            images=size,
            repeats=len(groups[at]),
            kid=float(means[at]),
            low=float(means[at] - level[at]),
            high=float(means[at] + level[at]),
            bar=float(bars[at]),
            above_largest=float(above[at]),
            reach=float(reach[at]),
            told_apart=bool(above[at] > reach[at]),
        )
        for at, size in enumerate(sizes)
    )
    if len(sizes) < 2:
        return Curve(
            points=points, flat_from=None, sentence="One size was measured, so there is no curve yet."
        )
    flat = int(_flat_from(above[None], reach)[0])
    in_draws = _flat_from(draws - draws[:, -1:], reach)
    low, high = (int(place) for place in np.quantile(in_draws, (0.025, 0.975), method="inverted_cdf"))
    last = len(sizes) - 1
    noise = (
        ""
        if min(map(len, groups)) > 1
        else " One repeat of each size says nothing of the noise between runs."
    )
    if flat == last:
        gap = significant(float(above[last - 1]), 2)
        return Curve(
            points=points,
            flat_from=None,
            sentence=f"The curve does not flatten within the tried range: KID still falls by {gap} from "
            f"{count(sizes[-2])} to {count(sizes[-1])} images, beyond noise.{noise}",
        )
    detectable = significant(float(reach[flat:].max()), 2)  # of the noisiest size that is called flat
    if flat == 0:
        opening = f"No size differs from the largest beyond noise: the curve is flat from {count(sizes[0])} images on"
    else:
        opening = f"The curve flattens at about {count(sizes[flat])} images"
    until = f"{count(sizes[high])}" if high < last else f"{count(sizes[last])} or more"
    return Curve(
        points=points,
        flat_from=sizes[flat],
        flat_low=sizes[low],
        flat_high=sizes[high] if high < last else None,
        sentence=f"{opening} (95 % interval {count(sizes[low])} to {until}; a KID higher by more than {detectable} "
        f"would have been found).{noise}",
    )


def _flat_from(above_DS: NDArray[np.float64], reach_S: NDArray[np.float64]) -> NDArray[np.int64]:
    """[D] position of the smallest size from which on none lies above the largest by more than `reach`."""
    apart = above_DS > reach_S
    apart[:, -1] = False
    positions = np.arange(1, apart.shape[1] + 1)
    found: NDArray[np.int64] = (apart * positions).max(axis=1)
    return found


def shown(value: float, low: float, high: float) -> str:
    """`0.12 (0.10 to 0.14)`."""
    texts = together(value, low, high)
    return f"{texts[0]} ({texts[1]} to {texts[2]})"

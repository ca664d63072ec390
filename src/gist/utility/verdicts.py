"""What the arms say in plain words, and when they cannot be told apart for lack of images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gist.stages.utility import UtilityControl, UtilityFinding
from gist.utility.bootstrap import Repeats, interval, smallest_detectable

Verdict = Literal["good", "fair", "poor", "unknown"]
MARGIN = 0.10
"""Loss of balanced accuracy that is still called good: ten points of a hundred."""
LEAST_SEEDS = 5
LEAST_PATIENTS = 10
"""Held-out patients of each class; intervals resampled from fewer are narrower than they say."""
_CONTROL_ERROR = 0.001
"""A sound experiment fails the control of shuffled labels once in a thousand."""


@dataclass(frozen=True)
class Measured:
    """Balanced accuracy of one arm with its bootstrap repeats, paired across arms."""

    value: float
    repeats: Repeats


def findings(
    classifier: str,
    arms: Mapping[str, Measured],
    *,
    classes: int,
    seeds: int,
    patients: int,
    sound: bool,
) -> list[UtilityFinding]:
    """GAN-train, GAN-test and Real+Synthetic, each held against Base.

    Args:
        patients: held-out ones, or images where patients are not known, of the class that has fewest.
        sound: whether shuffled labels gave chance.
    """
    chance = 1 / classes
    base = arms["Base"]
    base_low = float(np.quantile(base.repeats, 0.025))
    in_the_way = ""
    if not sound:
        in_the_way = "The control of shuffled labels failed, so nothing can be told."
    elif seeds < LEAST_SEEDS:
        in_the_way = f"Fewer than {LEAST_SEEDS} seeds: how much chance is in this cannot be told."
    elif patients < LEAST_PATIENTS:
        in_the_way = (
            f"{_TOO_FEW} The rarest class has {patients} held-out patient{'s' * (patients != 1)}, and at least "
            f"{LEAST_PATIENTS} are needed."
        )
    elif base_low - chance <= MARGIN:
        in_the_way = (
            f"Even the real images hardly teach this classifier the classes ({_points(base.value)} of 100, guessing "
            f"gives {_points(chance)}), so nothing can be told of the synthetic ones."
        )
    return [
        _finding(classifier, question, arms[question], base, chance, in_the_way)
        for question in ("GAN-train", "GAN-test", "Real+Synthetic")
    ]


def controls(classifier: str, arms: Mapping[str, Measured], *, classes: int) -> list[UtilityControl]:
    """Shuffled labels must give chance; copies of the training images must make GAN-test spike."""
    chance = 1 / classes
    shuffled, copies, base = arms["shuffled labels"], arms["real copies"], arms["Base"]
    low, high = np.quantile(shuffled.repeats, [_CONTROL_ERROR / 2, 1 - _CONTROL_ERROR / 2])
    at_chance = bool(low <= chance <= high)
    spike = copies.repeats - base.repeats
    spikes = bool(np.quantile(spike, 0.025) > 0)
    return [
        UtilityControl(
            classifier=classifier,
            name="shuffled labels",
            balanced_accuracy=interval(shuffled.value, shuffled.repeats),
            passed=at_chance,
            meaning=f"Trained on real images with shuffled labels it scores {_points(shuffled.value)} of 100; guessing "
            f"gives {_points(chance)}. "
            + (
                "So nothing but the images' content tells the classes."
                if at_chance
                else "It should score chance and does not: distrust every number of this classifier."
            ),
        ),
        UtilityControl(
            classifier=classifier,
            name="real copies",
            balanced_accuracy=interval(copies.value, copies.repeats),
            passed=spikes,
            meaning="Had the generator only copied its training images, GAN-test would read "
            f"{_points(copies.value)} of 100"
            + (
                f", {_points(copies.value - base.value)} above Base, which this classifier would show."
                if spikes
                else ", no clearer than new real images: with this classifier GAN-test cannot show copying."
            ),
        ),
    ]


def _finding(
    classifier: str, question: str, arm: Measured, base: Measured, chance: float, in_the_way: str
) -> UtilityFinding:
    repeats = arm.repeats - base.repeats
    difference = interval(arm.value - base.value, repeats)
    detectable = smallest_detectable(repeats)
    verdict: Verdict
    if in_the_way:
        verdict, meaning = "unknown", in_the_way
    else:
        low, high = float(np.quantile(repeats, 0.025)), float(np.quantile(repeats, 0.975))
        at_chance = question != "Real+Synthetic" and float(np.quantile(arm.repeats, 0.025)) <= chance
        verdict, meaning = _JUDGES[question](low, high, detectable, at_chance)
        meaning += f" Balanced accuracy {_points(arm.value)} of 100 against {_points(base.value)} for Base."
    return UtilityFinding(
        classifier=classifier,
        question=question,
        difference=difference,
        smallest_detectable=detectable,
        verdict=verdict,
        meaning=meaning,
    )


def _gan_train(low: float, high: float, detectable: float, at_chance: bool) -> tuple[Verdict, str]:
    if at_chance:
        return (
            "poor",
            "A classifier that learned from the synthetic images alone does no better than guessing.",
        )
    if low > -MARGIN:
        return (
            "good",
            "A classifier learns from the synthetic images about as well as from as many real ones.",
        )
    if high < -MARGIN:
        return (
            "poor",
            "A classifier learns clearly less from the synthetic images than from as many real ones.",
        )
    if detectable <= MARGIN:
        return (
            "fair",
            "A classifier learns somewhat less from the synthetic images than from as many real ones.",
        )
    return "unknown", _TOO_FEW


def _gan_test(low: float, high: float, detectable: float, at_chance: bool) -> tuple[Verdict, str]:
    if at_chance:
        return "poor", "A classifier that knows real images cannot tell the classes of the synthetic ones."
    if low > MARGIN:
        return (
            "fair",
            "The synthetic images are easier to tell than real ones: the generator draws textbook cases or repeats "
            "what it has seen; look at the nearest neighbours.",
        )
    if low > -MARGIN:
        return "good", "The synthetic images show their classes about as clearly as real ones."
    if high < -MARGIN:
        return "poor", "Many synthetic images do not look like the class that they were drawn as."
    if detectable <= MARGIN:
        return "fair", "The synthetic images show their classes somewhat less clearly than real ones."
    return "unknown", _TOO_FEW


def _both(low: float, high: float, detectable: float, _at_chance: bool) -> tuple[Verdict, str]:
    if low > 0:
        return "good", "Adding the synthetic images to the real ones helps the classifier."
    if high < 0:
        return "poor", "Adding the synthetic images to the real ones harms the classifier."
    if detectable <= MARGIN:
        return (
            "fair",
            "Adding the synthetic images to the real ones makes no difference that this test can see.",
        )
    return "unknown", _TOO_FEW


_TOO_FEW = "Too few held-out images to tell."
_JUDGES = {"GAN-train": _gan_train, "GAN-test": _gan_test, "Real+Synthetic": _both}


def _points(share: float) -> str:
    return f"{100 * share:.0f}"

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from gist.utility.bootstrap import ImageDraws, SeedDraws, interval, smallest_detectable
from gist.utility.verdicts import Measured, controls, findings
from gist.utility.worth import synthetic_worth

Flags = NDArray[np.int64]


def predictions(truth: Flags, share_right: float, seeds: int, seed: int) -> Flags:
    """[S, N] of two classes, right with the given probability."""
    rng = np.random.default_rng(seed)
    wrong = rng.random((seeds, len(truth))) >= share_right
    return np.where(wrong, 1 - truth, truth)


def draws(images: int, patients: int | None = None, seeds: int = 5) -> ImageDraws:
    truth = np.arange(images) % 2
    groups = np.array([f"p{k % (patients or images)}" for k in range(images)])
    return ImageDraws.drawn(truth, groups, SeedDraws.drawn(seeds, 0), 0, "test")


def test_an_arm_held_against_itself_differs_by_nothing() -> None:
    made = draws(80)
    found = predictions(made.truth, 0.7, 5, 1)
    difference = made.balanced_accuracy(found) - made.balanced_accuracy(found)
    assert interval(0.0, difference).high == 0
    assert smallest_detectable(difference) == 0


def test_pairing_narrows_the_interval_of_two_arms_that_err_on_the_same_images() -> None:
    made = draws(200)
    first = predictions(made.truth, 0.7, 5, 1)
    second = first.copy()
    second[:, :6] = made.truth[:6]
    paired = made.balanced_accuracy(second) - made.balanced_accuracy(first)
    others = ImageDraws.drawn(
        made.truth, np.array([f"q{k}" for k in range(200)]), SeedDraws.drawn(5, 9), 9, "other"
    )
    unpaired = others.balanced_accuracy(second) - made.balanced_accuracy(first)
    assert paired.std() < 0.5 * unpaired.std()


def test_ten_images_of_one_patient_count_as_one() -> None:
    made, alone = draws(400, patients=40), draws(400)
    per_patient = predictions(np.arange(40) % 2, 0.7, 1, 3)
    found = np.tile(per_patient, (5, 10))
    assert made.balanced_accuracy(found).std() > 2 * alone.balanced_accuracy(found).std()


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    made = draws(150, seeds=1)
    held = 0
    for seed in range(200):
        repeats = made.balanced_accuracy(predictions(made.truth, 0.8, 1, seed))
        low, high = np.quantile(repeats, [0.025, 0.975])
        held += bool(low <= 0.8 <= high)
    assert 178 <= held <= 199


def test_four_times_the_images_halve_the_smallest_difference_that_would_show() -> None:
    small, large = (
        smallest_detectable(made.balanced_accuracy(predictions(made.truth, 0.8, 1, 0)))
        for made in (draws(200, seeds=1), draws(800, seeds=1))
    )
    assert small / large == pytest.approx(2.0, rel=0.2)


def measured(value: float, spread: float, seed: int) -> Measured:
    return Measured(value, value + spread * np.random.default_rng(seed).normal(size=2000))


def verdict(
    question: str,
    base: float,
    arm: float,
    spread: float = 0.01,
    seeds: int = 5,
    patients: int = 10,
    sound: bool = True,
) -> tuple[str, str]:
    arms = {"Base": measured(base, spread, 0)}
    arms |= {
        name: measured(arm, spread, k)
        for k, name in enumerate(("GAN-train", "GAN-test", "Real+Synthetic"), 1)
    }
    found = findings("small", arms, classes=2, seeds=seeds, patients=patients, sound=sound)
    one = next(finding for finding in found if finding.question == question)
    return one.verdict, one.meaning


@pytest.mark.parametrize(
    ("question", "base", "arm", "expected", "words"),
    [
        ("GAN-train", 0.9, 0.88, "good", "about as well"),
        ("GAN-train", 0.9, 0.80, "fair", "somewhat less"),
        ("GAN-train", 0.9, 0.70, "poor", "clearly less"),
        ("GAN-train", 0.9, 0.51, "poor", "no better than guessing"),
        ("GAN-test", 0.9, 0.88, "good", "about as clearly"),
        ("GAN-test", 0.8, 0.97, "fair", "easier to tell"),
        ("GAN-test", 0.9, 0.70, "poor", "do not look like the class"),
        ("Real+Synthetic", 0.8, 0.9, "good", "helps"),
        ("Real+Synthetic", 0.8, 0.7, "poor", "harms"),
        ("Real+Synthetic", 0.8, 0.8, "fair", "no difference"),
    ],
)
def test_verdicts_follow_the_interval_of_the_difference(
    question: str, base: float, arm: float, expected: str, words: str
) -> None:
    found, meaning = verdict(question, base, arm)
    assert found == expected
    assert words in meaning


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"spread": 0.06}, "Too few held-out images"),
        ({"seeds": 4}, "Fewer than 5 seeds"),
        ({"patients": 9}, "The rarest class has 9 held-out patients"),
        ({"base": 0.56}, "hardly teach"),
        ({"sound": False}, "control of shuffled labels failed"),
    ],
)
def test_without_power_nothing_is_told(changes: dict[str, float], words: str) -> None:
    found, meaning = verdict(**{"question": "GAN-train", "base": 0.9, "arm": 0.82, **changes})  # type: ignore[arg-type]
    assert found == "unknown"
    assert words in meaning


def test_controls_say_whether_the_experiment_can_be_believed() -> None:
    arms = {
        "Base": measured(0.8, 0.02, 0),
        "shuffled labels": measured(0.51, 0.02, 1),
        "real copies": measured(0.97, 0.02, 2),
    }
    shuffled, copies = controls("small", arms, classes=2)
    assert (shuffled.passed, copies.passed) == (True, True)
    assert "GAN-test would read 97 of 100, 17 above Base" in copies.meaning
    arms |= {"shuffled labels": measured(0.7, 0.02, 1), "real copies": measured(0.81, 0.02, 2)}
    shuffled, copies = controls("small", arms, classes=2)
    assert (shuffled.passed, copies.passed) == (False, False)
    assert "distrust every number" in shuffled.meaning


def worth(gan_train: float, curve: tuple[float, ...] = (0.6, 0.7, 0.8, 0.9), spread: float = 0.004):  # type: ignore[no-untyped-def]
    repeats = [measured(value, spread, k).repeats for k, value in enumerate(curve)]
    arm = measured(gan_train, spread, 99)
    return synthetic_worth("small", 800, (100, 200, 400, 800), curve, repeats, gan_train, arm.repeats)


def test_synthetic_images_on_the_curve_are_worth_what_stands_below() -> None:
    found = worth(0.8)
    assert found.value == 400
    assert found.low is not None
    assert found.high is not None
    assert 350 < found.low < 400 < found.high < 450
    assert "about 400 real images (95 % interval" in found.meaning
    assert worth(0.75).value == pytest.approx(np.sqrt(200 * 400), rel=0.01)


@pytest.mark.parametrize(
    ("gan_train", "words"), [(0.5, "less than 100 real images"), (0.97, "more than 800 real images")]
)
def test_outside_the_sizes_tried_nothing_is_extrapolated(gan_train: float, words: str) -> None:
    found = worth(gan_train)
    assert found.told
    assert found.value is None
    assert words in found.meaning


def test_a_flat_or_noisy_curve_cannot_tell_what_they_are_worth() -> None:
    assert "cannot be told" in worth(0.8, curve=(0.8, 0.79, 0.81, 0.8), spread=0.02).meaning
    assert not worth(0.75, spread=0.14, curve=(0.7, 0.72, 0.74, 0.76)).told

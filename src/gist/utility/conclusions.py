"""From predictions of all arms to rows, findings, controls and the worth of the synthetic images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gist.stages.utility import (
    Interval,
    SyntheticWorth,
    UtilityArm,
    UtilityClassifier,
    UtilityControl,
    UtilityFinding,
)
from gist.utility.arms import ARMS, CURVE_SHARES, subset_sizes, synthetic_test_images, training_images
from gist.utility.bootstrap import ImageDraws, Repeats, SeedDraws, interval
from gist.utility.counts import Confusion, arm_result, confusion
from gist.utility.pools import Labels, Pool
from gist.utility.trainings import Predicted, Trainings
from gist.utility.verdicts import Measured, controls, findings
from gist.utility.worth import synthetic_worth

DUMMY = "always the commonest class"
_ON = {"real": "held-out real", "synthetic": "synthetic", "copies": "training real"}


@dataclass(frozen=True)
class Conclusions:
    """What one classifier says."""

    classifier: UtilityClassifier
    seeds: int
    validation_images: int
    arms: tuple[UtilityArm, ...]
    findings: tuple[UtilityFinding, ...]
    controls: tuple[UtilityControl, ...]
    worth: SyntheticWorth


def conclude(trainings: Trainings, predicted: Predicted, seeds: int) -> Conclusions:
    """Counts, resamples and judges the predictions of one classifier."""
    pools, seed = trainings.pools, trainings.seed
    classes = len(pools.class_names)
    seed_draws = SeedDraws.drawn(seeds, seed)
    measured: dict[str, Measured] = {}
    rows: list[UtilityArm] = [_dummy(trainings)]

    def add(arm: str, images: Pool, name: str, learned_from: Labels, draws: ImageDraws) -> None:
        found_SN = predicted[name]
        confusions = [confusion(images.labels, found, classes) for found in found_SN]
        repeats = draws.balanced_accuracy(found_SN)
        row = _row(trainings, arm, name, learned_from, confusions, repeats)
        measured[arm] = Measured(row.balanced_accuracy.value, repeats)
        rows.append(row)

    per_class = trainings.per_class
    on_real = ImageDraws.drawn(pools.test.labels, pools.test.groups, seed_draws, seed, "real")
    learned = {arm.name: per_class for arm in ARMS} | {"Real+Synthetic": 2 * per_class}
    learned |= {arm.name: subset_sizes(per_class, arm.share) for arm in ARMS if arm.training == "subset"}
    for arm in ARMS:
        add(arm.name, pools.test, f"{arm.name}/real", learned[arm.name], on_real)
    synthetic = synthetic_test_images(pools, seed)
    on_synthetic = ImageDraws.drawn(synthetic.labels, synthetic.groups, seed_draws, seed, "synthetic")
    add("GAN-test", synthetic, "Base/synthetic", per_class, on_synthetic)
    # Which images were learned from differs from seed to seed, but not how many of which class, nor their order.
    copies = training_images(ARMS[0], pools, per_class, 1000 * seed)
    alone = np.array([f"copy {index}" for index in range(len(copies))])
    add(
        "real copies", copies, "Base/copies", per_class,
        ImageDraws.drawn(copies.labels, alone, seed_draws, seed, "copies"),
    )  # fmt: skip
    found_controls = controls(trainings.classifier.name, measured, classes=classes)
    patients = min(len(set(pools.test.groups[pools.test.labels == label])) for label in range(classes))
    sound = next(control.passed for control in found_controls if control.name == "shuffled labels")
    return Conclusions(
        classifier=trainings.described,
        seeds=seeds,
        validation_images=len(pools.validation),
        arms=tuple(rows),
        findings=tuple(
            findings(
                trainings.classifier.name,
                measured,
                classes=classes,
                seeds=seeds,
                patients=patients,
                sound=sound,
            )
        ),
        controls=tuple(found_controls),
        worth=_worth(trainings, measured),
    )


def _worth(trainings: Trainings, measured: dict[str, Measured]) -> SyntheticWorth:
    subsets = [arm for arm in ARMS if arm.training == "subset"]
    curve = [measured[arm.name] for arm in subsets] + [measured["Base"]]
    sizes = [int(subset_sizes(trainings.per_class, share).sum()) for share in CURVE_SHARES]
    total = int(trainings.per_class.sum())
    return synthetic_worth(
        trainings.classifier.name,
        total,
        [*sizes, total],
        [point.value for point in curve],
        [point.repeats for point in curve],
        measured["GAN-train"].value,
        measured["GAN-train"].repeats,
    )


def _row(
    trainings: Trainings,
    arm: str,
    name: str,
    learned_from: Labels,
    confusions: list[Confusion],
    repeats: Repeats,
) -> UtilityArm:
    spread: Interval = interval(0.0, repeats)
    assert spread.low is not None
    assert spread.high is not None
    return arm_result(
        classifier=trainings.classifier.name,
        arm=arm,
        learned_from=_named(trainings, learned_from),
        tested_on=_ON[name.rpartition("/")[2]],
        class_names=trainings.pools.class_names,
        confusions=confusions,
        balanced=(spread.low, spread.high),
    )


def _dummy(trainings: Trainings) -> UtilityArm:
    """What never looking at an image gives."""
    truth = trainings.pools.test.labels
    classes = len(trainings.pools.class_names)
    commonest = int(np.argmax(trainings.pools.real.counts(classes)))
    return arm_result(
        classifier=trainings.classifier.name,
        arm=DUMMY,
        learned_from=_named(trainings, np.zeros(classes, np.int64)),
        tested_on=_ON["real"],
        class_names=trainings.pools.class_names,
        confusions=[confusion(truth, np.full_like(truth, commonest), classes)],
    )


def _named(trainings: Trainings, counts: Labels) -> dict[str, int]:
    return {name: int(count) for name, count in zip(trainings.pools.class_names, counts, strict=True)}

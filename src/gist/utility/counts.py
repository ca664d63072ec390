"""From predicted classes to counts, and from counts to accuracy, precision, recall and F1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gist.metrics.intervals import wilson
from gist.stages.utility import Interval, UtilityArm, UtilityClass
from gist.utility.pools import Labels

Z_95 = 1.959964
Confusion = tuple[tuple[int, ...], ...]
"""[K][K] counts: rows are true classes, columns predicted ones."""


@dataclass(frozen=True)
class Rates:
    """What a confusion matrix says."""

    accuracy: float
    recall: NDArray[np.float64]
    """[K]; balanced accuracy is their mean."""
    precision: NDArray[np.float64]
    """[K]; 0 for a class that was never predicted."""
    f1: NDArray[np.float64]
    """[K]."""


def confusion(truth: Labels, predicted: Labels, classes: int) -> Confusion:
    """Counts of every (true, predicted) pair."""
    counts = np.bincount(truth * classes + predicted, minlength=classes * classes)
    return tuple(tuple(int(n) for n in row) for row in counts.reshape(classes, classes))


def rates(counts: Confusion) -> Rates:
    """Accuracy, and precision, recall and F1 class by class; a class without images counts 0."""
    table = np.asarray(counts, np.float64)
    right, there, claimed = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    recall = _share(right, there)
    precision = _share(right, claimed)
    return Rates(float(right.sum() / table.sum()), recall, precision, _share(2 * right, there + claimed))


def arm_result(
    *,
    classifier: str,
    arm: str,
    learned_from: dict[str, int],
    tested_on: str,
    class_names: Sequence[str],
    confusions: Sequence[Confusion],
    balanced: tuple[float, float] | None = None,
) -> UtilityArm:
    """The row of one arm from its raw counts, one confusion matrix per seed; every rate is the mean over seeds.

    `balanced` is the 95 % interval of the balanced accuracy, where one was resampled.
    """
    found = [rates(counts) for counts in confusions]
    tested = int(np.sum(confusions[0]))
    accuracy = float(np.mean([one.accuracy for one in found]))
    low, high = wilson(accuracy, tested)
    recall = np.mean([one.recall for one in found], axis=0)
    precision = np.mean([one.precision for one in found], axis=0)
    f1 = np.mean([one.f1 for one in found], axis=0)
    balanced_low, balanced_high = balanced if balanced is not None else (None, None)
    return UtilityArm(
        classifier=classifier,
        arm=arm,
        learned_from=learned_from,
        tested_on=tested_on,
        tested=tested,
        confusions=tuple(confusions),
        accuracy=Interval(value=accuracy, low=low, high=high),
        balanced_accuracy=Interval(value=float(recall.mean()), low=balanced_low, high=balanced_high),
        precision=float(precision.mean()),
        recall=float(recall.mean()),
        f1=float(f1.mean()),
        classes=tuple(
            UtilityClass(
                name=name,
                images=int(np.sum(confusions[0][k])),
                precision=float(precision[k]),
                recall=float(recall[k]),
                f1=float(f1[k]),
            )
            for k, name in enumerate(class_names)
        ),
    )


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)

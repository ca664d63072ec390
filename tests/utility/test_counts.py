from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist.metrics.intervals import wilson
from gist.stages.utility import UtilityArm
from gist.utility.counts import arm_result, confusion, rates
from gist.utility.page import table_two

PAPER = {
    "inception_v3": (163, 137, 154),
    "resnet101": (172, 145, 137),
    "vgg19": (171, 142, 124),
}
"""Right ones of 208 in Base, GAN-train and GAN-test."""
PRINTED = {
    "Inception v3": ("0.784", "0.659", "0.740"),
    "ResNet-101": ("0.827", "0.697", "0.659"),
    "VGG-19": ("0.822", "0.683", "0.596"),
}


def arm(classifier: str, name: str, right: int, of: int) -> UtilityArm:
    half = right // 2
    counts = ((half, of // 2 - half), (of - of // 2 - (right - half), right - half))
    return arm_result(
        classifier=classifier,
        arm=name,
        learned_from={"healthy": 0 if name == "dummy" else 9, "ill": 0},
        tested_on="held-out real",
        class_names=("healthy", "ill"),
        confusions=[counts],
    )


def test_the_papers_nine_accuracies_come_out_of_its_raw_counts() -> None:
    arms = [
        arm(classifier, name, right, 208)
        for classifier, counts in PAPER.items()
        for name, right in zip(("Base", "GAN-train", "GAN-test"), counts, strict=True)
    ]
    table = dict(table_two(arms))
    assert list(table) == list(PRINTED)
    for classifier, accuracies in PRINTED.items():
        cells = table[classifier]
        assert tuple(cell.accuracy for cell in cells if cell is not None) == accuracies
    assert [each.accuracy.value * 208 for each in arms] == pytest.approx(
        [right for counts in PAPER.values() for right in counts]
    )


def test_the_dummy_is_the_last_row_and_what_was_not_tried_is_empty() -> None:
    table = table_two([arm("small", "Base", 30, 40), arm("small", "dummy", 20, 40)])
    assert [name for name, _ in table] == ["Small network", "Always the commonest class"]
    assert [cell is None for cell in table[0][1]] == [False, True, True]
    assert table[1][1][0] is not None
    assert table[1][1][0].accuracy == "0.500"


@pytest.mark.parametrize(("right", "low", "high"), [(53, 0.433, 0.625), (58, 0.482, 0.672)])
def test_wilson_intervals_of_a_hundred_agree_with_published_ones(right: int, low: float, high: float) -> None:
    assert wilson(right / 100, 100) == pytest.approx((low, high), abs=6e-4)


def test_wilson_intervals_stay_inside_zero_and_one() -> None:
    assert wilson(0, 10) == pytest.approx((0, 0.2775), abs=1e-4)
    assert wilson(1.0, 10) == pytest.approx((0.7225, 1), abs=1e-4)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60))
def test_rates_are_those_of_the_definitions(pairs: list[tuple[int, int]]) -> None:
    truth, predicted = np.array(pairs).T
    counts = confusion(truth, predicted, 3)
    assert np.sum(counts) == len(pairs)
    found = rates(counts)
    assert found.accuracy == pytest.approx(np.mean(truth == predicted))
    for k in range(3):
        right = np.sum((truth == k) & (predicted == k))
        there, claimed = np.sum(truth == k), np.sum(predicted == k)
        recall = right / there if there else 0.0
        precision = right / claimed if claimed else 0.0
        assert found.recall[k] == pytest.approx(recall)
        assert found.precision[k] == pytest.approx(precision)
        both = recall + precision
        assert found.f1[k] == pytest.approx(2 * recall * precision / both if both else 0.0)


def test_several_seeds_are_averaged_and_all_their_counts_kept() -> None:
    row = arm_result(
        classifier="small",
        arm="Base",
        learned_from={"a": 5, "b": 5},
        tested_on="held-out real",
        class_names=("a", "b"),
        confusions=[((8, 2), (0, 10)), ((6, 4), (4, 6))],
        balanced=(0.5, 0.9),
    )
    assert row.tested == 20
    assert row.accuracy.value == pytest.approx((18 + 12) / 40)
    assert row.accuracy.low is not None
    assert row.accuracy.low == pytest.approx(wilson(15 / 20, 20)[0])
    assert row.confusions == (((8, 2), (0, 10)), ((6, 4), (4, 6)))
    assert [(one.name, one.images) for one in row.classes] == [("a", 10), ("b", 10)]
    assert row.recall == row.balanced_accuracy.value

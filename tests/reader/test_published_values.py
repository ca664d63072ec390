"""Published figures come out to the digits in which they were printed."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import gist.reader
from gist.reader.statistics.agreement import cohen, fleiss
from gist.reader.statistics.several_readers import Measured, auc, one_modality, several_modalities
from gist.reader.statistics.shares import interval_90

Rows = list[dict[str, str]]

FLEISS_1971 = """0 0 0 0 14
0 2 6 4 2
0 0 3 5 6
0 3 9 2 0
2 2 8 1 1
7 7 0 0 0
3 2 6 3 0
2 5 3 2 2
6 5 2 1 0
0 2 2 3 7"""
"""Ten subjects, fourteen raters, five categories: the worked example of kappa .210 that text books carry."""


def counted(hits: int, signals: int, false_alarms: int, noises: int) -> tuple[Rows, Rows]:
    """Answers and key of one reader with these counts."""
    key = [{"image": f"s{i}", "truth": "synthetic"} for i in range(signals)]
    key += [{"image": f"r{i}", "truth": "real"} for i in range(noises)]
    called = [i < hits for i in range(signals)] + [i < false_alarms for i in range(noises)]
    answers = [
        {"reader": "one", "image": row["image"], "answer": "synthetic" if one else "real"}
        for row, one in zip(key, called, strict=True)
    ]
    return answers, key


def test_fifty_three_of_a_hundred_has_wilsons_interval_and_the_exact_p() -> None:
    found = gist.reader.score(*counted(28, 50, 25, 50))
    assert found.counts["right"] == 53
    assert found.accuracy == 0.53
    assert round(found.p_value, 3) == 0.617
    assert tuple(round(bound, 3) for bound in found.intervals["accuracy"]) == (0.433, 0.625)
    assert not found.equivalence.shown


def test_fifty_eight_of_a_hundred() -> None:
    found = gist.reader.score(*counted(29, 50, 21, 50))
    assert round(found.p_value, 3) == 0.133
    assert found.d_prime is not None
    assert round(found.d_prime, 3) == 0.396, "with the log-linear correction; without it .404"
    assert found.criterion == pytest.approx(0)


def test_1781_of_3000() -> None:
    found = gist.reader.score(*counted(890, 1500, 609, 1500))
    assert found.counts["right"] == 1781
    assert round(100 * found.accuracy, 1) == 59.4
    assert tuple(round(bound, 3) for bound in found.intervals["accuracy"]) == (0.576, 0.611)
    assert found.p_value < 1e-20


def test_sensitivity_specificity_and_precision_count_synthetic_images_as_the_signal() -> None:
    found = gist.reader.score(*counted(40, 50, 10, 30))
    assert (found.sensitivity, found.specificity, found.precision) == (0.8, pytest.approx(2 / 3), 0.8)


def test_the_example_of_fleiss() -> None:
    table = [[int(n) for n in line.split()] for line in FLEISS_1971.splitlines()]
    kappa = fleiss([[str(c) for c, n in enumerate(row) for _ in range(n)] for row in table])
    assert kappa is not None
    assert kappa.value is not None
    assert (round(kappa.value, 3), round(kappa.agreement, 3)) == (0.210, 0.378)


def test_a_missing_answer_is_no_category_of_its_own() -> None:
    whole = [["a", "a"], ["b", "b"], ["a", "b"], ["b", "b"]]
    assert fleiss([*whole, ["a"], []]) == fleiss(whole)


def test_cohens_kappa_of_fifty_grant_applications() -> None:
    pairs = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    kappa = cohen(pairs)
    assert kappa is not None
    assert kappa.value == pytest.approx(0.4)
    assert kappa.agreement == 0.7


@pytest.fixture(scope="module")
def van_dyke() -> Measured:
    """Five readers, cine and spin-echo MRI of 114 patients (Van Dyke 1993), the example of the OR-DBM MRMC program."""
    with (Path(__file__).parent / "van_dyke.csv").open() as file:
        table = np.array([[int(cell) for cell in row] for row in list(csv.reader(file))[1:]])
    return auc(table[:, 1:].T.reshape(2, 5, 114).astype(float), table[:, 0] == 1)


def test_van_dyke_the_areas_of_the_readers(van_dyke: Measured) -> None:
    printed = [
        [0.91964573, 0.85877617, 0.90386473, 0.97310789, 0.82979066],
        [0.94782609, 0.90531401, 0.92173913, 0.99935588, 0.92995169],
    ]
    assert np.round(van_dyke.values, 8).tolist() == printed


def test_van_dyke_two_modalities_with_readers_and_images_random(van_dyke: Measured) -> None:
    found = several_modalities(van_dyke)
    assert [round(x, 8) for x in (found.cov1, found.cov2, found.cov3, found.variance)] == [
        0.00034661, 0.00034407, 0.00023903, 0.00080229
    ]  # fmt: skip
    assert (round(found.f, 2), round(found.df2, 2), round(found.p, 4)) == (4.46, 15.26, 0.0517)
    assert round(found.means[0] - found.means[1], 5) == -0.0438
    assert (round(found.error, 5), *(round(x, 5) for x in found.interval(0, 1))) == (
        0.02075,
        -0.08796,
        0.00036,
    )


@pytest.mark.parametrize(
    ("modality", "printed"),
    [
        (0, (0.89703704, 0.03317360, 12.74, 0.82522360, 0.96885048, 0.00308263, 0.00048396, 0.00101410)),
        (1, (0.94083736, 0.02156637, 12.71, 0.89413783, 0.98753689, 0.00130460, 0.00020419, 0.00059047)),
    ],
)
def test_van_dyke_one_modality(van_dyke: Measured, modality: int, printed: tuple[float, ...]) -> None:
    found = one_modality(van_dyke, modality)
    low, high = found.interval()
    assert (
        round(found.value, 8), round(found.error, 8), round(found.df, 2), round(low, 8), round(high, 8),
        round(found.readers_mean_square, 8), round(found.cov2, 8), round(found.variance, 8),
    ) == printed  # fmt: skip


def test_the_exact_tests_of_equivalence_agree_with_the_interval_of_90_percent() -> None:
    from gist.reader.statistics.shares import equivalence_p

    for right in range(101):
        low, high = interval_90(right, 100)
        assert (equivalence_p(right, 100, 0.1) < 0.05) == (low > 0.4 and high < 0.6)

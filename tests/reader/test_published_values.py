"""Published figures come out to the digits in which they were printed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t

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


CINE = (0.91964573, 0.85877617, 0.90386473, 0.97310789, 0.82979066)
SPIN_ECHO = (0.94782609, 0.90531401, 0.92173913, 0.99935588, 0.92995169)
"""Areas of five readers of MRI by two techniques (Van Dyke 1993), as printed in the examples of OR-DBM MRMC."""


def components(
    modalities: int, variance: float, cov1: float, cov2: float, cov3: float
) -> NDArray[np.float64]:
    """Covariances [T, R, T, R] of five readers from the printed components of Obuchowski and Rockette."""
    same_t = np.eye(modalities, dtype=bool)[:, None, :, None]
    same_r = np.eye(5, dtype=bool)[None, :, None, :]
    return np.select(
        [same_t & same_r, ~same_t & same_r, same_t & ~same_r], [variance, cov1, cov2], default=cov3
    )


def test_van_dyke_two_modalities_with_readers_and_images_random() -> None:
    printed = {"variance": 0.00080229, "cov1": 0.00034661, "cov2": 0.00034407, "cov3": 0.00023903}
    found = several_modalities(Measured(np.array([CINE, SPIN_ECHO]), components(2, **printed)))
    assert {name: round(getattr(found, name), 8) for name in printed} == printed
    assert (round(found.f, 2), round(found.df2, 2), round(found.p, 4)) == (4.46, 15.26, 0.0517)
    assert round(found.means[0] - found.means[1], 5) == -0.0438
    interval = tuple(round(x, 5) for x in found.interval(0, 1))
    assert (round(found.error, 5), *interval) == (0.02075, -0.08796, 0.00036)


@pytest.mark.parametrize(
    ("areas", "variance", "cov2", "printed"),
    [
        (CINE, 0.00101410, 0.00048396, (0.897037, 0.033174, 12.74, 0.825224, 0.96885, 0.003083)),
        (SPIN_ECHO, 0.00059047, 0.00020419, (0.940837, 0.021566, 12.71, 0.894138, 0.987537, 0.001305)),
    ],
)
def test_van_dyke_one_modality(
    areas: tuple[float, ...], variance: float, cov2: float, printed: tuple[float, ...]
) -> None:
    found = one_modality(Measured(np.array([areas]), components(1, variance, 0, cov2, 0)))
    reach = float(t.ppf(0.975, found.df)) * found.error  # of Hillis
    low, high = found.value - reach, min(1.0, found.value + reach)
    assert (
        round(found.value, 6), round(found.error, 6), round(found.df, 2), round(low, 6), round(high, 6),
        round(found.readers_mean_square, 6),
    ) == printed  # fmt: skip
    assert found.reach(0.975) > reach  # ours, which holds the truth as often as it says


def test_the_covariances_are_those_of_leaving_out_each_image() -> None:
    random = np.random.default_rng(0)
    ratings, signal = random.integers(1, 6, (2, 3, 30)).astype(float), np.arange(30) < 12
    without = np.stack(
        [auc(np.delete(ratings, image, axis=-1), np.delete(signal, image)).values for image in range(30)],
        axis=-1,
    )
    moves = without - auc(ratings, signal).values[..., None]
    expected = 29 / 30 * np.einsum("trk,usk->trus", moves, moves)
    np.testing.assert_allclose(auc(ratings, signal).covariances, expected)


def test_the_exact_tests_of_equivalence_agree_with_the_interval_of_90_percent() -> None:
    from gist.reader.statistics.shares import equivalence_p

    for right in range(101):
        low, high = interval_90(right, 100)
        assert (equivalence_p(right, 100, 0.1) < 0.05) == (low > 0.4 and high < 0.6)

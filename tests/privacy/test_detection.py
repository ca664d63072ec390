"""The set test: exact by its construction, blind to what views have in common, and powerful for copies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from gist.privacy.detection import Rehearsal, SetTest, alarms, detect


def ratios(rng: np.random.Generator, count: int, views: int = 4) -> np.ndarray:
    """Nearness of images that nobody copied; views agree in part."""
    common = rng.normal(size=(count, 1))
    return np.asarray(np.clip(0.8 + 0.08 * (common + rng.normal(size=(count, views))), 0.05, 1))


def copied(rng: np.random.Generator, count: int, views: int = 4) -> np.ndarray:
    return ratios(rng, count, views) * 0.2


def test_sets_without_copies_are_called_copies_no_more_often_than_said() -> None:
    rng = np.random.default_rng(0)
    called = [detect(ratios(rng, 90), ratios(rng, 140), rng).p_value <= 0.05 for _ in range(200)]
    assert binomtest(sum(called), len(called), 0.05, "greater").pvalue > 0.01


def test_ties_are_no_evidence() -> None:
    rng = np.random.default_rng(0)
    assert detect(np.full((100, 4), 0.5), np.full((100, 4), 0.5), rng).p_value == 1.0


@pytest.mark.parametrize("view", range(4))
def test_copies_that_one_view_alone_sees_are_found(view: int) -> None:
    rng = np.random.default_rng(1)
    synthetic = ratios(rng, 400)
    synthetic[:12, view] *= 0.2
    found = detect(synthetic, ratios(rng, 800), rng)
    assert found.p_value <= 0.01
    assert set(range(12)) <= set(found.suspicious.tolist())


def test_a_whole_set_of_copies_is_found() -> None:
    rng = np.random.default_rng(2)
    assert detect(copied(rng, 1000), ratios(rng, 1000), rng).p_value == pytest.approx(1 / 2000)


def test_chances_are_those_of_drawing_without_replacement() -> None:
    test = SetTest(calibrators=3, synthetic=2)
    # Both synthetic images before all three calibrators: 2! 3! / 5! = 1/10; at least one: 4/10.
    assert test.chances[0, :3] == pytest.approx([1, 0.4, 0.1])


def test_power_grows_with_the_number_of_copies_and_is_nil_without() -> None:
    rng = np.random.default_rng(3)
    hold_out = ratios(rng, 600)
    rehearsal = Rehearsal(hold_out, 300, rng)
    none, some, many = (
        rehearsal.power(planted, copies, (0.01, 0.05), 60)
        for planted, copies in ((ratios(rng, 100), 5), (copied(rng, 100), 5), (copied(rng, 100), 20))
    )
    assert none[0].rate <= 0.1
    assert none[0].rate <= some[1].rate <= many[0].rate == 1.0
    assert len(many[0].by_view) == 4


def test_halves_of_one_set_alarm_about_as_often_as_said() -> None:
    rng = np.random.default_rng(4)
    patients = np.repeat(np.arange(150).astype(str), 2)
    assert alarms(ratios(rng, 300), patients, 100, 0.01, rng) <= 5

"""A plan promises what the exact distribution, or a simulated study, then gives."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.stats import binom, binomtest
from typer.testing import CliRunner

import gist
from gist.cli.app import app
from gist.errors import InputError
from gist.reader.planning import Design
from gist.reader.statistics.shares import equivalence_p


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    file = Path(__file__).parents[2] / "benchmarks" / "reader_statistics.py"
    spec = importlib.util.spec_from_file_location("reader_statistics", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_one_reader_and_a_hundred_images_in_words() -> None:
    (sentence,) = gist.reader.plan([1], 100).sentences
    assert sentence.startswith(
        "One reader, 100 images: even a reader who is right 60 % of the time would be missed in 54 of 100 tests;"
    )


@pytest.mark.parametrize("images", [2, 6, 50, 101])
def test_the_power_of_one_reader_is_that_of_the_exact_tests(images: int) -> None:
    counts = np.arange(images + 1)
    found = [binomtest(int(k), images).pvalue < 0.05 for k in counts]
    shown = [equivalence_p(int(k), images, 0.2) < 0.05 for k in counts]
    design = Design(1, images)
    assert design.power_of_difference(0.7) == pytest.approx(binom.pmf(counts, images, 0.7)[found].sum())
    assert design.power_of_equivalence(0.2, 0.55) == pytest.approx(
        binom.pmf(counts, images, 0.55)[shown].sum()
    )


def test_the_images_needed_are_enough_and_two_fewer_are_not() -> None:
    (need,) = gist.reader.plan([1]).needs
    assert need.difference is not None
    assert need.equivalence is not None
    assert 200 < need.equivalence < 240, "214 by the normal distribution"
    for images, enough in ((need.equivalence, True), (need.equivalence - 2, False)):
        assert (Design(1, images).power_of_equivalence(0.1) >= 0.8) == enough
    for images, enough in ((need.difference, True), (need.difference - 2, False)):
        assert (Design(1, images).power_of_difference(0.6) >= 0.8) == enough


def test_readers_who_differ_much_need_more_readers_not_more_images() -> None:
    few, many = gist.reader.plan([3, 12]).needs
    assert few.difference is None
    assert many.difference is not None


def test_simulated_readers_are_found_as_planned_and_covered(simulation: ModuleType) -> None:
    rng, design, runs = np.random.default_rng(1), Design(5, 100, 0.03), 600
    found = [simulation.found(simulation.correct(design, 0.6, rng))[0] for _ in range(runs)]
    covered = [simulation.covered(simulation.correct(design, 0.6, rng), 0.6) for _ in range(runs)]
    wrong = [simulation.found(simulation.correct(design, 0.6, rng))[1] for _ in range(runs)]
    assert abs(np.mean(found) - design.power_of_difference(0.6)) < 0.05
    assert 0.92 < np.mean(covered) < 0.98
    assert np.mean(wrong) < 0.075, "5 % and three standard errors of 600 runs"


def test_a_pilot_gives_the_spread_of_readers(folder: Path) -> None:
    key = [{"image": i, "truth": "synthetic" if i % 2 else "real"} for i in range(40)]
    answers = [
        {"reader": f"R{k}", "image": i, "answer": "synthetic" if (i * (k + 2)) % 5 < 2 + k else "real"}
        for k in range(3)
        for i in range(40)
    ]
    score = gist.reader.score(answers, key)
    (folder / "pilot.json").write_text(score.model_dump_json())
    files = ["--pilot", str(folder / "pilot.json"), "--json", str(folder / "p.json")]
    assert (
        CliRunner()
        .invoke(app, ["reader", "plan", "--readers", "4,8", *files], catch_exceptions=False)
        .exit_code
        == 0
    )
    made = json.loads((folder / "p.json").read_text())
    assert score.several_readers is not None
    assert made["reader_sd"] == score.several_readers.accuracy.between_readers
    (folder / "pilot.json").write_text("{}")
    with pytest.raises(InputError, match="holds no score of two readers or more"):
        gist.reader.variance_of(folder / "pilot.json")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--readers", "0"], "one reader or more"),
        (["--readers", "two"], "“two” is no number of readers"),
        (["--images", "1"], "2 to 4000 images"),
        (["--accuracy", "0.5"], "between .5 and 1"),
        (["--accuracy", "nan"], "between .5 and 1"),
        (["--margin", "0.5"], "between 0 and .5"),
        (["--reader-sd", "-1"], "deviation between readers"),
        (["--kappa", "1"], "kappa from 0 to 1"),
    ],
)
def test_a_plan_that_is_none(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["reader", "plan", *arguments])
    assert isinstance(result.exception, InputError)
    assert said in str(result.exception)

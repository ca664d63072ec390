"""Sentences, numbers and verdicts of the report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_builder import RunBuilder

from gist.reporting import numerals
from gist.reporting.copying import copying_verdict
from gist.reporting.findings import read_findings, without_paths
from gist.reporting.wording import caveat, summary
from gist.results import Neighbour


def pairs(
    percentiles: list[float],
    distance: float = 1.0,
    drawn: Literal["at random", "as closest"] = "at random",
) -> list[Neighbour]:
    return [
        Neighbour(synthetic="a", real="b", distance=distance, drawn=drawn, percentile=p) for p in percentiles
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (8.44, "8.4 s"),
        (45, "45 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
        (97200, "1 d 3 h"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    assert numerals.duration(seconds) == text


@settings(max_examples=200, deadline=None)
@given(value=st.floats(-1e8, 1e8).filter(lambda value: abs(value) > 1e-5))
def test_three_significant_digits_are_right_to_half_a_unit(value: float) -> None:
    shown = float(numerals.significant(value).replace(",", "").replace(numerals.MINUS, "-"))
    assert shown == pytest.approx(value, rel=0.00501, abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(
    numbers=st.lists(st.tuples(st.floats(0, 1e5), st.integers(0, 5)), min_size=1, max_size=6),
)
def test_aligned_numbers_have_their_points_equally_far_from_the_right(
    numbers: list[tuple[float, int]],
) -> None:
    texts = [numerals.fixed(value, decimals) for value, decimals in numbers]
    padded = numerals.aligned(texts)
    points = {
        len(text) - max(text.find("."), text.find(numerals.PUNCTUATION_SPACE))
        for text in padded
        if "." in text or numerals.PUNCTUATION_SPACE in text
    }
    assert len(points) <= 1
    assert [text.rstrip(numerals.FIGURE_SPACE + numerals.PUNCTUATION_SPACE) for text in padded] == texts


def test_an_interval_decides_how_many_decimals_are_shown() -> None:
    assert numerals.decimals_for(0.04217, 0.0381, 0.0466) == 4
    assert numerals.decimals_for(61.27, None, None) == 1
    assert numerals.decimals_for(1234.5, 1100.0, 1400.0) == 0


def test_minus_zero_is_zero_and_minus_is_a_minus() -> None:
    assert numerals.fixed(-0.0001, 2) == "0.00"
    assert numerals.fixed(-1.5, 1) == "−1.5"


def test_pairs_picked_for_being_closest_are_not_held_against_chance() -> None:
    verdict = copying_verdict([*pairs([0.0] * 12, drawn="as closest"), *pairs([0.5] * 12)], held_out=100)
    assert verdict.outcome == "none detected by this check"
    assert verdict.pairs == 12


def test_spread_percentiles_are_no_evidence_of_copying() -> None:
    verdict = copying_verdict(pairs([i / 24 for i in range(24)]), held_out=100)
    assert verdict.outcome == "none detected by this check"
    assert verdict.close_pairs == 2


def test_too_many_close_pairs_are_evidence_of_copying() -> None:
    verdict = copying_verdict(pairs([0.0] * 8 + [0.5] * 16), held_out=100)
    assert verdict.outcome == "evidence of copying"
    assert verdict.close_pairs == 8


def test_one_identical_pair_is_evidence_however_few_images_there_are() -> None:
    verdict = copying_verdict([*pairs([0.5, 0.5]), *pairs([0.0], distance=1e-9)], held_out=3)
    assert verdict.outcome == "evidence of copying"
    assert verdict.identical_pairs == 1


@pytest.mark.parametrize(("shown", "held_out"), [(9, 100), (24, 39)])
def test_few_images_are_never_a_pass(shown: int, held_out: int) -> None:
    assert copying_verdict(pairs([0.9] * shown), held_out).outcome == "too few images to tell"


def test_a_generator_that_copies_nothing_is_accused_in_about_one_run_of_a_hundred_at_most() -> None:
    random = np.random.default_rng(0)
    accused = 0
    for _ in range(1000):
        held_out = np.sort(random.random(200))
        found = np.searchsorted(held_out, random.random(24)) / 200
        accused += copying_verdict(pairs(found.tolist()), 200).outcome == "evidence of copying"
    assert accused <= 20


def test_the_summary_tells_each_stage_in_numbers(finished: RunBuilder) -> None:
    text = " ".join(summary(read_findings(finished.run)))
    for part in (
        "30 real radiographs of 2 classes from 27 patients went in: 20 to learn from and 10 held out",
        "4 more files were set aside",
        "A StyleGAN3-T generator learned from them for 2 h 3 min on the CPU, seeing 60,000 images",
        "drew 30 synthetic images",
        "Of 3 overall scores, 1 reads fair, 1 reads poor and 1 cannot be told for lack of images",
        "KID[radiomics], is 0.0422 (95 % interval 0.0381 to 0.0466)",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("verdict", "changes", "part"),
    [
        ("poor", {}, "should not stand in"),
        ("unknown", {}, "too few images"),
        ("good", {"patients": None}, "patients are not known"),
        ("good", {"upsampled": 5}, "5 real images were enlarged"),
        ("good", {}, "a passed distance test proves nothing"),
    ],
)
def test_the_gravest_caveat_comes_first(
    builder: Callable[..., RunBuilder], verdict: str, changes: dict[str, object], part: str
) -> None:
    made = builder()
    made.done_prepare(**changes)
    made.done_train()
    made.done_generate()
    first = made.done_evaluate()
    made.done_evaluate(scores=tuple(score.model_copy(update={"verdict": verdict}) for score in first.scores))
    findings = read_findings(made.run)
    assert part in caveat(findings, None)
    copied = copying_verdict(pairs([0.0], distance=0.0), 100)
    assert "evidence of copying" in caveat(findings, copied)


def test_images_that_nobody_compared_are_called_so(builder: Callable[..., RunBuilder]) -> None:
    made = builder()
    made.done_prepare()
    made.done_generate()
    assert "nothing is known of their quality" in caveat(read_findings(made.run), None)


def test_paths_from_the_root_are_cut_to_their_last_part() -> None:
    settings_ = {
        "source": "/data/Meier",
        "start_from": "/nets/knee.safetensors",
        "other": ["C:\\a\\b.png", "a/b"],
        "batch": 4,
    }
    assert without_paths(settings_) == {
        "start_from": "knee.safetensors",
        "other": ["b.png", "a/b"],
        "batch": 4,
    }

"""Injected defects are found, clean images are left alone, and p-values keep their promise."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_images import knees, textured
from numpy.typing import NDArray

from gist.config import Config
from gist.errors import InputError
from gist.evaluation.artifacts_meaning import odd_share_meaning
from gist.evaluation.stage import evaluate
from gist.metrics.artifacts import (
    DEFECTS,
    ArtifactJudge,
    Pictures,
    benjamini_hochberg,
    conformal_p_values,
    inject,
)
from gist.metrics.artifacts.heat_maps import heat_over
from gist.metrics.artifacts.table import read_heat_maps, read_table, worst_and_random
from gist.metrics.extractors import Radiomics
from gist.progress import Silent
from gist.runs.folder import RunFolder
from gist.stages.evaluate import EvaluateConfig

Stack = NDArray[np.float32]
MakeRun = Callable[..., RunFolder]
QUICK = Config(evaluate=EvaluateConfig(permutations=9, shown=4))


def unit(images: NDArray[np.uint8]) -> Stack:
    return images.astype(np.float32) / np.float32(255)


def reduced(images: Stack) -> Pictures:
    return Pictures.extracted(images, Radiomics(images.shape[1]))


def damaged(images: Stack, kind: str, severity: str) -> Stack:
    rng = np.random.default_rng(0)
    return np.stack([inject(kind, image, severity, rng) for image in images])  # type: ignore[arg-type]


def striped(images: Stack) -> Stack:
    """Images under faint vertical stripes."""
    stripes = 0.12 * np.cos(2 * np.pi * 0.3 * np.arange(images.shape[2]))
    return np.asarray(np.clip(images + stripes, 0, 1), np.float32)


@pytest.fixture(scope="module")
def knee_judge(shared_dir: Path) -> tuple[ArtifactJudge, Stack]:
    """A judge of grade 3 knees and real ones that it never saw."""
    training = unit(np.asarray(knees(shared_dir, "train", [3])["KL 3"], np.uint8))[:400]
    held_out = unit(np.asarray(knees(shared_dir, "val", [0])["KL 0"], np.uint8))
    order = np.random.default_rng(0).permutation(len(held_out))
    return ArtifactJudge(reduced(training), reduced(held_out[order[:200]])), held_out[order[200:]]


@pytest.mark.parametrize("kind", sorted(DEFECTS))
def test_injected_defects_are_ranked_above_clean_knees(
    knee_judge: tuple[ArtifactJudge, Stack], kind: str
) -> None:
    judge, clean = knee_judge
    clean_score = judge.judge(reduced(clean)).score
    for severity, least in (("high", 0.9), ("moderate", 0.75)):
        score = judge.judge(reduced(damaged(clean[:40], kind, severity))).score
        assert np.mean(score[:, None] > clean_score[None]) > least


def test_clean_held_out_knees_are_rarely_called_artifacts(knee_judge: tuple[ArtifactJudge, Stack]) -> None:
    judge, clean = knee_judge
    judgement = judge.judge(reduced(clean))
    # Two binomial standard deviations of 128 images around the nominal share, calibration noise included.
    assert (judgement.p_values <= 0.1).mean() < 0.1 + 2 * np.sqrt(0.1 * 0.9 * (1 / 128 + 1 / 200))
    assert 0.35 < np.median(judgement.p_values) < 0.65
    assert (benjamini_hochberg(judgement.p_values) <= 0.1).mean() < 0.05


def test_the_reason_and_the_order_name_what_is_wrong(knee_judge: tuple[ArtifactJudge, Stack]) -> None:
    judge, clean = knee_judge
    for kind, reason in (("regular pattern", "regular pattern"), ("crossed pattern", "regular pattern")):
        mixed = np.concatenate([clean[:40], damaged(clean[40:50], kind, "high")])
        judgement = judge.judge(reduced(mixed))
        assert set(judgement.worst(10)) == set(range(40, 50))
        assert judgement.reasons()[40:].count(reason) >= 8
        assert (benjamini_hochberg(judgement.p_values)[40:] <= 0.1).mean() > 0.8
        assert judgement.by_detector.shape == (50, len(judgement.detectors))


def test_the_heat_map_points_at_the_place(knee_judge: tuple[ArtifactJudge, Stack]) -> None:
    judge, clean = knee_judge
    spoiled = clean[:20].copy()
    spoiled[:, 8:20, 40:52] = 1 - spoiled[:, 8:20, 40:52]
    change = judge.judge(reduced(spoiled)).heat_maps - judge.judge(reduced(clean[:20])).heat_maps
    assert change.shape == (20, 32, 32)
    inside = change[:, 4:10, 20:26].mean(axis=(1, 2))
    outside = change[:, 16:, :].mean(axis=(1, 2))
    assert (inside > 5 * np.abs(outside) + 0.5).mean() > 0.9


def test_heat_colours_hot_places_and_leaves_the_others_as_they_are() -> None:
    image = np.full((64, 64), 100, np.uint8)
    heat = np.zeros((32, 32), np.float32)
    heat[4:8, 20:24] = 4.0
    coloured = heat_over(image, heat)
    assert coloured.shape == (64, 64, 3)
    np.testing.assert_array_equal(coloured[40:, :], 100)
    red, green, blue = coloured[11, 43].astype(int)
    assert red > green + 50
    assert red > blue + 50


@pytest.mark.parametrize("side", [32, 256])
def test_a_pattern_is_found_at_every_size(side: int) -> None:
    def coarse(images: Stack) -> Pictures:
        layout = images.reshape(len(images), 4, side // 4, 4, side // 4).mean(axis=(2, 4))
        return Pictures.of(images, layout.reshape(len(images), 16).astype(np.float64))

    images = unit(textured(120, 1, side=side))
    judge = ArtifactJudge(coarse(images[:80]), coarse(images[80:110]))
    clean, bad = judge.judge(coarse(images[110:])), judge.judge(coarse(striped(images[110:])))
    assert bad.heat_maps.shape == (10, min(32, side // 2), min(32, side // 2))
    assert bad.score.min() > clean.score.max()


def test_no_p_value_undercuts_what_the_held_out_images_can_show() -> None:
    training, held_out = unit(textured(80, 1)), unit(textured(25, 2))
    judge = ArtifactJudge(reduced(training), reduced(held_out))
    images = np.concatenate([unit(textured(5, 3)), np.zeros((1, 32, 32), np.float32)])
    judgement = judge.judge(reduced(images))
    assert judgement.p_values.min() == pytest.approx(1 / 26)
    assert judgement.p_values[-1] == pytest.approx(1 / 26)
    assert np.isfinite(judgement.score).all()
    assert judgement.worst(1).tolist() == [5]


def test_too_few_or_unlike_images_are_refused() -> None:
    many, few = reduced(unit(textured(80, 1))), reduced(unit(textured(10, 2)))
    large = reduced(unit(textured(30, 2, side=64)))
    with pytest.raises(InputError, match="10 training images and finding artifacts needs at least 60"):
        ArtifactJudge(few, many)
    with pytest.raises(InputError, match="10 held-out images"):
        ArtifactJudge(many, few)
    with pytest.raises(InputError, match="differ in size"):
        ArtifactJudge(many, large)
    judge = ArtifactJudge(many, reduced(unit(textured(30, 3))))
    with pytest.raises(InputError, match="64x64 and the real ones 32x32"):
        judge.judge(large)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_conformal_p_values_count_real_scores_at_least_as_high(
    scores: list[float], real: list[float]
) -> None:
    found = conformal_p_values(np.array(scores), np.array(real))
    expected = [(1 + sum(r >= s for r in real)) / (len(real) + 1) for s in scores]
    assert found.tolist() == pytest.approx(expected)


def test_conformal_p_values_of_equal_distributions_keep_their_promise() -> None:
    rng = np.random.default_rng(0)
    rates = [(conformal_p_values(rng.normal(size=50), rng.normal(size=99)) <= 0.1).mean() for _ in range(400)]
    assert np.mean(rates) == pytest.approx(0.1, abs=0.01)


def test_benjamini_hochberg_matches_the_published_example() -> None:
    # Benjamini and Hochberg 1995, section 3.1: four of fifteen hypotheses fall at a share of 0.05.
    p = np.array([0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262])
    p = np.concatenate([p, [0.5719, 0.6528, 0.7590, 1.0]])
    adjusted = benjamini_hochberg(p)
    assert (adjusted <= 0.05).sum() == 4
    assert adjusted[3] == pytest.approx(0.0095 * 15 / 4)
    shuffled = np.random.default_rng(0).permutation(15)
    np.testing.assert_allclose(benjamini_hochberg(p[shuffled]), adjusted[shuffled])


@pytest.mark.parametrize(
    ("odd", "of", "held_out", "verdict", "words"),
    [
        (6, 100, 400, "good", "no more than chance"),
        (18, 100, 400, "fair", "somewhat more than the 5"),
        (60, 100, 400, "poor", "60 of 100 synthetic images look odder than 95 % of real ones"),
        (60, 100, 39, "unknown", "Too few images to tell"),
        (19, 19, 400, "unknown", "19 synthetic ones"),
    ],
)
def test_the_verdict_follows_from_counts_and_is_grey_without_power(
    odd: int, of: int, held_out: int, verdict: str, words: str
) -> None:
    p_values = np.concatenate([np.full(odd, 0.01), np.full(of - odd, 0.5)])
    sentence, found = odd_share_meaning(p_values, held_out, 0.05)
    assert found == verdict
    assert words in sentence


def test_the_evaluate_stage_lists_every_image_with_the_damaged_ones_first(make_run: MakeRun) -> None:
    clean = textured(60, 3)
    synthetic = np.concatenate([np.rint(255 * striped(unit(clean[:15]))).astype(np.uint8), clean[15:]])
    run = make_run({"": textured(120, 1)}, {"": textured(100, 2)}, {"": synthetic})
    summary = evaluate(QUICK, run, Silent()).artifacts
    assert summary is not None
    assert (summary.images, summary.training, summary.held_out) == (60, 120, 100)
    images = read_table(run.path / summary.table)
    worst, random = worst_and_random(images, 15, 10, seed=1)
    assert sum(row < 15 for row in worst) >= 13
    assert len(set(random)) == 10
    assert 13 <= summary.flagged <= 20
    assert summary.low < summary.share < summary.high
    assert sum(summary.reasons.values()) == summary.flagged
    assert summary.verdict in ("fair", "poor")
    assert sum(image.q <= 0.1 for image in images) == summary.flagged
    heat = read_heat_maps(run.path / summary.heat_maps, 60)
    assert heat.shape == (60, 16, 16)
    with pytest.raises(InputError, match="run the evaluate stage again"):
        read_heat_maps(run.path / summary.heat_maps, 61)
    with (run.path / summary.table).open() as table:
        header = next(csv.reader(table))
    assert header == ["image", "file", "class_name", "score", "p", "q", "worst_detector", "nearest"]


def test_without_enough_real_images_single_ones_are_not_judged_and_that_is_said(make_run: MakeRun) -> None:
    for test in (None, {"": textured(15, 2)}):
        run = make_run({"": textured(80, 1)}, test, {"": textured(30, 3)})
        result = evaluate(QUICK, run, Silent())
        assert result.artifacts is None
        assert any("60 training and 20 held-out images" in note for note in result.notes)

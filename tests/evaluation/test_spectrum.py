from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from known_images import knees, textured
from made_runs import Labelled, finish
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from gist.config import Config
from gist.evaluation.meaning import power_verdict
from gist.evaluation.page import evaluate_page
from gist.evaluation.stage import evaluate
from gist.images.archive import ArchiveWriter, DataSet, read_data_set
from gist.metrics.spectrum import OctaveRatio, octave_powers, octave_powers_of, octave_ratios, octaves
from gist.progress import Silent
from gist.runs.findings import read_findings
from gist.runs.folder import RunFolder
from gist.stages.evaluate import FINE_DETAIL, EvaluateConfig, EvaluateResult, Score

MakeRun = Callable[..., RunFolder]
QUICK = Config(evaluate=EvaluateConfig(permutations=99, shown=6))


def noise(count: int, side: int, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((count, side, side)).astype(np.float32)


@pytest.mark.parametrize("side", [32, 64, 96])
def test_blurred_white_noise_has_the_power_that_the_blur_lets_through(side: int) -> None:
    white = noise(300, side, 0)
    taps = np.array([0.25, 0.5, 0.25])
    blurred = sum(
        taps[dy + 1] * taps[dx + 1] * np.roll(white, (dy, dx), (1, 2))
        for dy in (-1, 0, 1)
        for dx in (-1, 0, 1)
    )
    frequency = np.fft.fftfreq(side)
    response = np.square(0.5 + 0.5 * np.cos(2 * np.pi * frequency))  # of each axis, squared: power
    passed = np.outer(response, response)
    radius = np.hypot(frequency[:, None], frequency[None, :])
    ratios = octave_ratios(
        octave_powers(white), octave_powers(np.float32(blurred)), octave_powers(noise(300, side, 1))
    )
    assert len(ratios) == octaves(side)
    for k, found in enumerate(ratios):
        inside = (radius >= 0.25 / 2**k) & (radius < (0.5 / 2**k if k else 1))
        assert found is not None
        assert found.ratio == pytest.approx(passed[inside].mean(), rel=0.04)
        assert found.low < found.ratio < found.high
        assert found.chance_low < 1 < found.chance_high


def test_the_octaves_of_white_noise_hold_its_variance_by_their_areas() -> None:
    powers = octave_powers(3 * noise(400, 64, 2)).mean(axis=0)
    areas = [1 - np.pi / 16, *(np.pi / 16 * 0.75 / 4**k for k in range(3))]
    assert powers == pytest.approx([9 * area for area in areas], rel=0.05)


def test_opposite_borders_that_differ_do_not_leak_into_fine_detail() -> None:
    ramp = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 1))[None]
    powers = octave_powers(ramp)[0]
    assert powers[0] < 1e-6 * ramp.var()
    assert octave_powers(ramp + 100)[0] == pytest.approx(powers, rel=0.01, abs=1e-7)


def test_a_wave_counts_in_its_own_octave_at_every_resolution() -> None:
    for side in (64, 128, 256):
        for k in range(octaves(side)):
            wave = np.sin(2 * np.pi * 0.36 / 2**k * np.arange(side, dtype=np.float32))
            powers = octave_powers(np.tile(wave, (side, 1))[None])[0]
            assert powers.argmax() == k
            if side * 0.25 / 2**k >= 8:  # fewer cycles are spread by the window
                assert powers[k] == pytest.approx(0.5, rel=0.05)


@given(st.integers(1, 3000))
def test_every_octave_holds_two_cycles_of_the_picture_or_more(side: int) -> None:
    k = octaves(side) - 1
    assert 0 <= k <= 3
    assert k == 0 or side * 0.25 / 2**k >= 2


def test_a_set_against_itself_has_ratio_one() -> None:
    powers = octave_powers(np.float32(textured(40, 0, side=64)))
    for found in octave_ratios(powers, powers, powers):
        assert found is not None
        assert found.ratio == found.real == 1
        assert power_verdict(found) == "good"


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    # Powers of images whose contrast varies by as much as that of real knees.
    rng = np.random.default_rng(5)
    within = chance = 0
    for draw in range(400):
        reference, synthetic, other = np.exp(0.6 * rng.standard_normal((3, 60, 1)))
        (found,) = octave_ratios(reference, 0.5 * synthetic, other, draw)
        assert found is not None
        within += found.low <= 0.5 <= found.high
        chance += found.chance_low <= found.real <= found.chance_high
    assert 0.915 <= within / 400 <= 0.98
    assert 0.915 <= chance / 400 <= 0.98


def test_real_images_without_detail_give_no_ratio() -> None:
    flat, some = np.zeros((30, 2)), np.ones((30, 2))
    assert octave_ratios(flat, some, flat) == (None, None)
    (found, _) = octave_ratios(some, flat, some)
    assert found is not None
    assert found.ratio == 0
    assert power_verdict(found) == "poor"


@pytest.mark.parametrize(
    ("ratio", "low", "high", "verdict"),
    [
        (0.95, 0.93, 0.97, "good"), (0.81, 0.79, 0.83, "fair"), (1.25, 1.2, 1.3, "fair"), (0.4, 0.38, 0.42, "poor"),
        (2.4, 2.2, 2.6, "poor"), (0.7, 0.55, 1.1, "good"), (0.6, 0.4, 1.1, "unknown"), (1.6, 0.9, 2.5, "unknown"),
    ],
)  # fmt: skip
def test_too_much_power_is_no_better_than_too_little(
    ratio: float, low: float, high: float, verdict: str
) -> None:
    assert power_verdict(OctaveRatio(ratio, low, high, 1.0, 0.95, 1.05)) == verdict


def archive(file: Path, arrays: list[NDArray[np.generic]], mode: Literal["RGB"] | None = None) -> DataSet:
    with ArchiveWriter(file) as writer:
        for array in arrays:
            png = io.BytesIO()
            Image.fromarray(array, mode).save(png, "PNG")
            writer.add(png.getvalue(), None)
    return read_data_set(file)


def test_sixteen_bits_and_colour_read_as_the_same_grey(tmp_path: Path) -> None:
    grey = textured(6, 3)
    everything = np.arange(6)
    eight = octave_powers_of(archive(tmp_path / "8.zip", list(grey)), everything)
    deep = octave_powers_of(
        archive(tmp_path / "16.zip", [image.astype(np.uint16) * 257 for image in grey]), everything
    )
    colour = octave_powers_of(
        archive(tmp_path / "c.zip", [np.stack([image] * 3, 2) for image in grey]), everything
    )
    assert np.array_equal(eight, deep)
    assert np.array_equal(eight, colour)


def powers(result: EvaluateResult, group: str = "overall") -> list[Score]:
    return [one for one in result.scores if one.name.endswith("[spectrum]") and one.group == group]


def test_too_smooth_images_are_told_in_the_score_the_line_and_the_report(make_run: MakeRun) -> None:
    synthetic = np.uint8(
        np.rint(gaussian_filter(np.float32(textured(60, 3, smoothing=0.6)), (0, 0.45, 0.45)))
    )
    sides: tuple[Labelled, ...] = (
        {"": textured(120, 1, smoothing=0.6)}, {"": textured(60, 2, smoothing=0.6)}, {"": synthetic},
    )  # fmt: skip
    run = make_run(*sides)
    result = evaluate(QUICK, run, Silent())
    top, *_ = found = powers(result)
    assert len(found) == octaves(32)
    assert top.name == FINE_DETAIL
    assert top.value is not None
    assert 0.2 < top.value < 0.8
    assert top.baseline == pytest.approx(1, abs=0.15)
    assert top.verdict in ("fair", "poor")
    assert "too smooth" in top.meaning
    told = f"{top.value:.3g} of real"
    assert f"fine detail {told}, {top.verdict}" in result.in_one_line()
    finish(run, "evaluate", result)
    run_folder_says = read_findings(QUICK, run, before="report")
    summary = " ".join(evaluate_page(run_folder_says).summary)
    assert re.search(
        r"Fine detail \(top octave\): 0\.\d+ of real, real against real 0\.\d+ to 1\.\d+\.", summary
    )


def test_fine_detail_is_told_class_by_class(make_run: MakeRun) -> None:
    counts = ((1, 60), (5, 30), (9, 30))
    sides = [{name: textured(count, seed + k) for k, name in enumerate("ab")} for seed, count in counts]
    result = evaluate(QUICK, make_run(*sides), Silent())
    assert [score.group for score in result.scores if score.name == FINE_DETAIL] == ["overall", "a", "b"]
    assert {score.verdict for score in result.scores if score.name == FINE_DETAIL} == {"good"}


def test_with_too_few_images_nothing_is_said_of_detail(make_run: MakeRun) -> None:
    result = evaluate(
        QUICK, make_run({"": textured(60, 1)}, {"": textured(12, 2)}, {"": textured(12, 3)}), Silent()
    )
    assert [(score.value, score.verdict) for score in powers(result)] == [(None, "unknown")] * octaves(32)
    assert "at least 20" in powers(result)[0].meaning
    assert "detail" not in result.in_one_line()


def test_real_knees_against_real_knees_have_all_their_detail(shared_dir: Path) -> None:
    held_out, train = knees(shared_dir, "val", (0, 3)), knees(shared_dir, "train", (3,))["KL 3"]
    real = held_out["KL 3"]
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(train))
    sides = (real, train[rows[: len(real)]], train[rows[-len(real) :]])
    for found in octave_ratios(*(octave_powers(np.float32(side)) for side in sides)):
        assert found is not None
        assert power_verdict(found) == "good"

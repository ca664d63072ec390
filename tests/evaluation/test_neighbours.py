from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from known_images import knees
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, rotate

from gist.metrics.neighbours import appearance, copy_test, nearest_training_image, percentile_among

Stack = NDArray[np.float32]


@pytest.fixture(scope="module")
def training_and_held_out(shared_dir: Path) -> tuple[Stack, Stack]:
    training = np.asarray(knees(shared_dir, "train", [3])["KL 3"], np.float32)[:500] / 255
    held_out = np.asarray(knees(shared_dir, "val", [3])["KL 3"], np.float32) / 255
    return training, held_out


def turned(images: Stack, degrees: float) -> Stack:
    return np.asarray(
        rotate(images, degrees, axes=(2, 1), reshape=False, mode="nearest", order=1), np.float32
    )


@pytest.mark.parametrize("change", ["none", "blur", "contrast", "noise", "rotation"])
def test_near_copies_of_training_knees_are_flagged(
    training_and_held_out: tuple[Stack, Stack], change: str
) -> None:
    training, held_out = training_and_held_out
    copies = {
        "none": lambda x: x,
        "blur": lambda x: gaussian_filter(x, (0, 1, 1)),
        "contrast": lambda x: 0.8 * x + 0.1,
        "noise": lambda x: x + np.random.default_rng(0).normal(0, 0.02, x.shape).astype(np.float32),
        "rotation": lambda x: turned(x, 2.0),
    }[change](training[:60])
    found = nearest_training_image(appearance(np.asarray(copies, np.float32)), appearance(training))
    calibration = nearest_training_image(appearance(held_out), appearance(training)).ratio
    assert (found.index == np.arange(60)).mean() > 0.95
    assert np.median(percentile_among(found.ratio, calibration)) <= 0.01
    test = copy_test(found.ratio, calibration)
    assert test.p_value < 1e-6
    assert test.share > 0.8


@pytest.mark.parametrize("bland", [False, True])
def test_real_and_bland_images_that_copy_nothing_are_not_flagged(
    training_and_held_out: tuple[Stack, Stack], bland: bool
) -> None:
    training, held_out = training_and_held_out
    rng = np.random.default_rng(0)
    others = held_out[::2]
    if bland:  # means of ten training images lie close to every training image
        others = np.stack([training[rng.integers(0, len(training), 10)].mean(axis=0) for _ in range(60)])
    found = nearest_training_image(appearance(others), appearance(training))
    calibration = nearest_training_image(appearance(held_out[1::2]), appearance(training)).ratio
    assert copy_test(found.ratio, calibration).p_value > 0.05


def test_the_same_set_leaves_each_image_itself_out() -> None:
    vectors = appearance(np.random.default_rng(0).random((30, 32, 32)).astype(np.float32))
    found = nearest_training_image(vectors, vectors, same_set=True)
    assert (found.index != np.arange(30)).all()
    assert found.ratio.min() > 0.5


def test_appearance_ignores_exposure_and_contrast() -> None:
    x = np.random.default_rng(1).random((5, 32, 32)).astype(np.float32)
    np.testing.assert_allclose(appearance(0.5 * x + 0.3), appearance(x), atol=1e-5)
    assert (appearance(np.full((1, 32, 32), 0.4, np.float32)) == 0).all()


def test_percentile_is_the_share_of_held_out_images_that_are_closer() -> None:
    held_out = np.array([0.9, 0.5, 0.7, 0.8])
    assert percentile_among(np.array([0.1, 0.5, 0.6, 1.0]), held_out).tolist() == [0.0, 0.0, 0.25, 1.0]


def test_copies_are_counted_whatever_chance_gives() -> None:
    found = copy_test(np.array([1e-8, 0.0005, 0.01, 0.9]), np.linspace(0.5, 1.0, 50))
    assert (found.identical, found.count) == (2, 3)


def test_the_copy_test_is_exact_under_chance() -> None:
    rng = np.random.default_rng(0)
    p_values = np.array([copy_test(rng.random(40), rng.random(150)).p_value for _ in range(1500)])
    for level in (0.05, 0.2):
        assert (p_values <= level).mean() <= level + 0.02
    # One held-out image only: a synthetic one is the closest of both with even odds.
    assert copy_test(np.array([0.1]), np.array([0.2])).p_value == pytest.approx(0.5)

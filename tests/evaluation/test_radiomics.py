from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_images import knees, textured
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from gist.errors import InputError
from gist.metrics.extractors import Radiomics, extractor_named


def unit(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return images.astype(np.float32) / np.float32(255)


@pytest.mark.parametrize("side", [32, 64, 128, 256])
def test_every_resolution_has_the_same_named_features(side: int) -> None:
    columns = Radiomics(side).columns(unit(textured(3, 0, side=side)))
    assert list(columns) == list(Radiomics(32).columns(unit(textured(3, 0))))
    assert 150 <= len(columns) <= 350
    assert all(values.shape == (3,) and np.isfinite(values).all() for values in columns.values())


@pytest.mark.parametrize("grey", [0.0, 0.5, 1.0])
def test_a_single_grey_has_finite_features(grey: float) -> None:
    assert np.isfinite(Radiomics(32).features(np.full((2, 32, 32), grey, np.float32))).all()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), contrast=st.floats(0, 2))
def test_features_are_finite_and_do_not_depend_on_the_batch(seed: int, contrast: float) -> None:
    rng = np.random.default_rng(seed)
    x = np.clip(0.5 + contrast * rng.normal(size=(3, 32, 32)), 0, 1).astype(np.float32)
    together = Radiomics(32).features(x)
    alone = np.concatenate([Radiomics(32).features(image[None]) for image in x])
    assert np.isfinite(together).all()
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-4)


def test_the_same_image_in_8_and_16_bits_has_the_same_features() -> None:
    images = textured(4, 1)
    in_16_bits = (images.astype(np.uint16) * 257).astype(np.float32) / np.float32(65535)
    np.testing.assert_allclose(
        Radiomics(32).features(unit(images)), Radiomics(32).features(in_16_bits), rtol=1e-5
    )


def test_textures_match_hand_counted_cases() -> None:
    stripes = np.zeros((1, 32, 32), np.float32)
    stripes[:, :, ::2] = 1.0  # columns alternate between black and white
    columns = {name: float(value[0]) for name, value in Radiomics(32).columns(stripes).items()}
    assert columns["intensity/1/mean"] == pytest.approx(0.5)
    assert columns["intensity/black"] == pytest.approx(np.sqrt(0.5))
    # Neighbours at distance 1 differ by 15 levels along rows and diagonals, and are equal along columns.
    assert columns["glcm/1/contrast"] == pytest.approx(0.75 * np.log1p(15**2), rel=1e-6)
    assert columns["glcm/2/contrast"] == pytest.approx(0.0, abs=1e-9)
    assert columns["runs/rows/percentage"] == pytest.approx(1.0)
    assert columns["runs/columns/percentage"] == pytest.approx(1 / 32)
    assert columns["spectrum/radial/15"] + columns["spectrum/radial/16"] > columns["spectrum/radial/4"]


@pytest.mark.parametrize(
    ("name", "sign"),
    [("pyramid/0/std", -1), ("gradient/1/mean", -1), ("glcm/1/homogeneity", 1), ("spectrum/radial/14", -1)],
)
def test_blurred_knees_have_less_of_everything_fine(shared_dir: Path, name: str, sign: int) -> None:
    sharp = unit(np.asarray(knees(shared_dir, "val", [4])["KL 4"], np.uint8))
    soft = gaussian_filter(sharp, (0, 1, 1))
    change = Radiomics(64).columns(soft)[name] - Radiomics(64).columns(sharp)[name]
    assert (np.sign(change) == sign).mean() > 0.9


def test_an_unknown_extractor_is_named() -> None:
    with pytest.raises(InputError, match="no feature extractor 'radiomic'"):
        extractor_named("radiomic", 64)

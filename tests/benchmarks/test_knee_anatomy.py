"""The measures of `benchmarks/knee_anatomy.py` against phantoms, whose truth is known."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import spearmanr

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module", params=[64, 128])
def known(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Phantoms with the width of the narrower joint space and of the condyles in pixels."""
    sys.path.insert(0, str(BENCHMARKS))
    from knee_anatomy import truth

    pictures, space, width = zip(*(truth(seed, request.param) for seed in range(80)), strict=True)
    return np.stack(pictures), np.array(space), np.array(width)


def test_joint_space_and_condyles_follow_the_truth(known: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    from knee_anatomy import anatomy

    pictures, space, width = known
    found = anatomy(pictures)
    assert spearmanr(space, found.joint_space).statistic > 0.6
    assert spearmanr(width, found.condyle_width).statistic > 0.6
    assert np.median(np.abs(found.condyle_width / width - 1)) < 0.05


def test_narrow_joints_measure_narrower_than_wide_ones(
    known: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    from knee_anatomy import anatomy

    pictures, space, _ = known
    found = anatomy(pictures).joint_space
    narrow, wide = (
        found[rows].mean() for rows in (space < np.quantile(space, 0.3), space > np.quantile(space, 0.7))
    )
    assert narrow < 0.75 * wide


def test_blurred_outlines_read_as_less_steep(known: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    from knee_anatomy import anatomy

    pictures, *_ = known
    blurred = gaussian_filter(pictures, (0, 2, 2))
    assert np.median(anatomy(blurred).outline / anatomy(pictures).outline) < 0.85


def test_the_measures_know_no_exposure(known: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    from knee_anatomy import anatomy

    pictures, *_ = known
    before, after = anatomy(pictures[:20]), anatomy(0.2 + 0.5 * pictures[:20])
    for name in ("joint_space", "condyle_width", "outline"):
        assert getattr(after, name) == pytest.approx(getattr(before, name), abs=0.2)

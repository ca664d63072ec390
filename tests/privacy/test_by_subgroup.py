"""Who is copied, and who is left out: told for each category, and grey where too few are there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gist.metrics.extractors.intensity import pooled
from gist.phantoms.radiograph import phantom_batch
from gist.privacy.audit import Looks, Sets, look_at
from gist.privacy.eye import EYE_SIDE, train_eye
from gist.privacy.planted import planted
from gist.privacy.subgroups import by_subgroup
from gist.privacy.views import Viewer

EACH = 120


class Blocks:
    """An extractor of little work: means of blocks of pixels."""

    name, identity, batch, standardised = "blocks", "blocks/1", 256, True

    def features(self, x_NHW: NDArray[np.float32]) -> NDArray[np.float64]:
        return pooled(x_NHW, 4).reshape(len(x_NHW), -1).astype(np.float64)


@pytest.fixture(scope="module")
def looked() -> tuple[Sets, Looks, Viewer]:
    """Phantoms, of which the first 40 synthetic ones are turned copies of training images of one category, F."""
    x = (phantom_batch(range(3 * EACH), EYE_SIDE) / 255).astype(np.float32)
    training, hold_out, synthetic = np.split(x, 3)
    synthetic[:40] = planted("rotated", training[:40], np.random.default_rng(0))
    owners = np.arange(3 * EACH).astype(str)
    sets = Sets(training, hold_out, synthetic, owners[:EACH], owners[EACH : 2 * EACH])
    viewer = Viewer(
        training,
        train_eye(training, sets.training_patients, 20, 0, torch.device("cpu"), lambda _: None),
        Blocks(),
    )
    return sets, look_at(sets, viewer, 0, lambda _, look: look(), lambda _: None), viewer


SEX = np.where(np.arange(EACH) < 60, "F", "M")
SITE = np.where(np.arange(EACH) < 8, "north", np.where(np.arange(EACH) < 110, "south", ""))


def test_copies_show_in_the_category_whose_images_were_copied(looked: tuple[Sets, Looks, Viewer]) -> None:
    women, men = by_subgroup(*looked, {"sex": SEX}, {"sex": SEX}, 0)
    assert (women.category, women.training, women.hold_out) == ("F", 60, 60)
    assert women.nearest >= 40
    assert women.p_value is not None
    assert women.p_value <= 0.005
    assert women.suspicious >= 20
    assert men.p_value is not None
    assert men.p_value > 0.05


def test_a_category_that_the_synthetic_images_leave_out_is_covered_less(
    looked: tuple[Sets, Looks, Viewer],
) -> None:
    sets, looks, viewer = looked
    # Hold-out images that no synthetic one comes near: negatives.
    hold_out = sets.hold_out.copy()
    hold_out[60:] = 1 - hold_out[60:]
    odd = Sets(sets.training, hold_out, sets.synthetic, sets.training_patients, sets.hold_out_patients)
    kept, left_out = by_subgroup(odd, looks, viewer, {"sex": SEX}, {"sex": SEX}, 0)
    assert kept.coverage is not None
    assert left_out.coverage is not None
    assert left_out.coverage < 0.5 < kept.coverage
    assert left_out.high is not None
    assert kept.low is not None
    assert left_out.high < kept.low


def test_too_few_images_are_grey_and_the_unknown_are_no_category(looked: tuple[Sets, Looks, Viewer]) -> None:
    north, south = by_subgroup(*looked, {"site": SITE}, {"site": SITE}, 0)
    assert (north.coverage, north.p_value, north.suspicious) == (None, None, 0)
    assert south.coverage is not None
    assert by_subgroup(*looked, {}, {}, 0) == ()


def test_one_picture_drawn_again_and_again_is_no_evidence(looked: tuple[Sets, Looks, Viewer]) -> None:
    sets, looks, viewer = looked
    again = replace(looks, synthetic=looks.synthetic.take(np.full(100, 50)))
    assert [each.p_value for each in by_subgroup(sets, again, viewer, {"sex": SEX}, {"sex": SEX}, 0)] == [
        None,
        None,
    ]

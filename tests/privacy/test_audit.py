"""Phantoms through the whole audit: planted copies are found, images of other patients are not called copies."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gist.metrics.extractors.intensity import pooled
from gist.phantoms.radiograph import phantom_batch
from gist.privacy.audit import Looks, Sets, judged, look_at, verdict_of
from gist.privacy.eye import EYE_SIDE, looks, train_eye
from gist.privacy.measures import auc, authentic, copying_statistic, true_positives
from gist.privacy.planted import KINDS, planted
from gist.privacy.views import VIEWS, Images, Viewer

SIDE = EYE_SIDE
TRAINING, HOLD_OUT, SYNTHETIC = 120, 240, 240


class Blocks:
    """An extractor of little work: means of blocks of pixels."""

    name, identity, batch, standardised = "blocks", "blocks/1", 256, True

    def features(self, x_NHW: NDArray[np.float32]) -> NDArray[np.float64]:
        return pooled(x_NHW, 4).reshape(len(x_NHW), -1).astype(np.float64)


class Audited(NamedTuple):
    sets: Sets
    viewer: Viewer
    looks: Looks


@pytest.fixture(scope="module")
def audited() -> Audited:
    """Phantoms of patients of their own in each set."""
    x = (phantom_batch(range(TRAINING + HOLD_OUT + SYNTHETIC), SIDE) / 255).astype(np.float32)
    training, hold_out, synthetic = np.split(x, [TRAINING, TRAINING + HOLD_OUT])
    owners = np.arange(len(x)).astype(str)
    sets = Sets(training, hold_out, synthetic, owners[:TRAINING], owners[TRAINING : TRAINING + HOLD_OUT])
    eye = train_eye(training, sets.training_patients, 30, 0, torch.device("cpu"), lambda _: None)
    viewer = Viewer(training, eye, Blocks())
    return Audited(sets, viewer, look_at(sets, viewer, 0, lambda _, look: look(), lambda _: None))


def with_copies(audited: Audited, kind: str, copies: int) -> tuple[Sets, Looks]:
    """The sets with some synthetic images that are copies of training images."""
    x = audited.sets.synthetic.copy()
    x[:copies] = planted(kind, audited.sets.training[:copies], np.random.default_rng(5))
    sets = replace(audited.sets, synthetic=x)
    return sets, replace(audited.looks, synthetic=audited.viewer.look(x))


def test_images_of_other_patients_are_not_called_copies(audited: Audited) -> None:
    result = judged(audited.sets, audited.looks, 20, 0)
    assert result.verdict == "none found"
    assert result.p_value is not None
    assert result.p_value > 0.01
    assert result.identical == 0
    assert all(control.alarms <= 1 for control in result.controls)
    assert "rotated" in result.meaning
    assert not {"anonymous", "private"} & set(result.meaning.lower().split())


@pytest.mark.parametrize(
    "kind", ["shifted", "rotated", "re-exposed", "cropped", "blurred", "noisy", "mirrored"]
)
def test_copies_of_each_kind_are_found(audited: Audited, kind: str) -> None:
    sets, seen = with_copies(audited, kind, 30)
    result = judged(sets, seen, 20, 0)
    assert result.verdict == "evidence of copying"
    assert result.identical == 0


def test_one_exact_copy_is_enough(audited: Audited) -> None:
    sets, seen = with_copies(audited, "exact", 1)
    result = judged(sets, seen, 20, 0)
    assert (result.verdict, result.identical) == ("evidence of copying", 1)
    assert "pixel by pixel" in result.meaning


def test_exact_copies_are_no_evidence_where_the_hold_out_has_them_too(audited: Audited) -> None:
    sets, seen = with_copies(audited, "exact", 1)
    hold_out = sets.hold_out.copy()
    hold_out[0] = sets.training[0]
    assert judged(replace(sets, hold_out=hold_out), seen, 20, 0).verdict == "none found"


def test_a_few_synthetic_images_are_too_few_to_tell(audited: Audited) -> None:
    few = replace(audited.sets, synthetic=audited.sets.synthetic[:12])
    seen = replace(audited.looks, synthetic=audited.looks.synthetic.take(np.arange(12)))
    result = judged(few, seen, 20, 0)
    assert result.verdict == "too few images to tell"
    assert verdict_of(result) == (result.verdict, result.meaning)


def test_power_is_told_for_each_kind_share_rate_and_view(audited: Audited) -> None:
    result = judged(audited.sets, audited.looks, 20, 0)
    assert len(result.power) == len(KINDS) * 3 * 3 * (len(VIEWS) + 1)
    assert all(each.low <= each.power <= each.high for each in result.power)
    exact = result.power_of("exact", 0.001)
    assert exact is not None
    assert (exact.copies, exact.power) == (1, 1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_copies_keep_size_range_and_most_of_the_picture(audited: Audited, kind: str) -> None:
    x = audited.sets.training[:8]
    copy = planted(kind, x, np.random.default_rng(0))
    assert copy.shape == x.shape
    assert copy.dtype == np.float32
    assert 0 <= copy.min() <= copy.max() <= 1
    assert (kind == "exact") == bool((copy == x).all())


def test_the_eye_knows_an_image_in_its_mirror_and_tells_it_from_others(audited: Audited) -> None:
    x = audited.sets.training[:40]
    seen, mirrored = (
        looks(audited.viewer.eye, x),
        looks(audited.viewer.eye, np.ascontiguousarray(x[:, :, ::-1])),
    )
    assert np.allclose(seen, mirrored, atol=1e-5)
    assert ((seen @ seen.T).argmax(1) == np.arange(40)).all()


def test_registration_finds_an_image_that_was_moved_and_turned(audited: Audited) -> None:
    x: Images = np.concatenate(
        [
            planted(kind, audited.sets.training[:40], np.random.default_rng(1))
            for kind in ("shifted", "rotated")
        ]
    )
    found = audited.viewer.pixels.nearest(x)
    assert (found.index == np.tile(np.arange(40), 2)).mean() >= 0.9


def test_the_eye_is_the_same_for_the_same_seed(audited: Audited) -> None:
    x, owners = audited.sets.training[:40], audited.sets.training_patients[:40]
    first, second = (train_eye(x, owners, 3, 1, torch.device("cpu"), lambda _: None) for _ in range(2))
    assert np.array_equal(looks(first, x), looks(second, x))


def test_attack_on_membership_counts_as_known() -> None:
    members, others = np.arange(100, 200.0), np.arange(100.0)
    assert auc(members, others) == 1
    assert auc(others, others) == 0.5
    assert true_positives(members, others) == 1
    assert true_positives(others, others) == pytest.approx(0.01)


def test_copies_are_not_authentic_and_lie_below_zero_in_c_t() -> None:
    rng = np.random.default_rng(0)
    training, hold_out, apart = rng.normal(size=(3, 300, 4))
    copies = training + 0.01 * rng.normal(size=training.shape)
    assert authentic(copies, training).mean() < 0.05 < authentic(hold_out, training).mean()
    assert copying_statistic(copies, hold_out, training, rng) < -3
    assert abs(copying_statistic(apart, hold_out, training, rng)) < 3

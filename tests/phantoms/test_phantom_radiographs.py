"""Phantoms are functions of their seed, and what is drawn agrees with the truth that comes with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from gist.errors import InputError
from gist.phantoms import CLASS_NAMES, draw_phantom, phantom_batch
from gist.phantoms.anatomy import project_knee
from gist.phantoms.bones import COMPARTMENT_MM
from gist.phantoms.grid import PixelGrid
from gist.phantoms.imaging import draw_exposure, expose
from gist.phantoms.patient import Knee, draw_knee

FINE = 640


def bone_along_leg(knee: Knee, x_mm: float, step_mm: float) -> NDArray[np.float32]:
    """Bone thickness from 14 mm above to 14 mm below the plateau, read off the rendered thickness image."""
    grid = PixelGrid.of(knee, FINE, FINE)
    bone_mm = project_knee(knee, grid).bone_mm
    points = [grid.pixel_of(x_mm, y_mm) for y_mm in np.arange(-14, 14, step_mm)]
    return map_coordinates(bone_mm, np.transpose(points), order=0)


def joint_space_mm(knee: Knee, x_mm: float) -> float:
    """Longest stretch without bone on a line along the leg."""
    step_mm = 0.02
    free = np.concatenate([[False], bone_along_leg(knee, x_mm, step_mm) == 0, [False]])
    starts, ends = (
        np.flatnonzero(np.diff(free.astype(int)) == 1),
        np.flatnonzero(np.diff(free.astype(int)) == -1),
    )
    return float((ends - starts).max(initial=0) * step_mm)


@given(seed=st.integers(0, 2**40), height=st.integers(16, 90), width=st.integers(16, 90))
@settings(max_examples=15, deadline=None)
def test_any_seed_and_size_gives_the_same_finite_picture_twice(seed: int, height: int, width: int) -> None:
    image, truth = draw_phantom(seed, size=(height, width))
    again, truth_again = draw_phantom(seed, size=(height, width))
    assert image.shape == (height, width)
    assert image.dtype == np.float32
    assert np.isfinite(image).all()
    assert image.min() >= 0
    assert image.max() <= 1
    assert image.std() > 0.02
    assert np.array_equal(image, again)
    assert truth == truth_again
    assert truth.patient == seed // 2
    assert truth.class_name == CLASS_NAMES[truth.grade]


def test_a_phantom_does_not_depend_on_the_batch_it_is_drawn_in() -> None:
    together = phantom_batch([4, 9, 2], 32)
    alone = np.concatenate([phantom_batch([seed], 32) for seed in (4, 9, 2)])
    assert together.shape == (3, 32, 32)
    assert together.dtype == np.uint8
    assert np.array_equal(together, alone)
    assert len({image.tobytes() for image in together}) == 3
    assert phantom_batch([], 32).shape == (0, 32, 32)


def test_size_changes_the_sampling_and_not_the_knee() -> None:
    for seed in (0, 5, 12):
        coarse, coarse_truth = draw_phantom(seed, size=64)
        fine, fine_truth = draw_phantom(seed, size=256)
        shrunk = fine.reshape(64, 4, 64, 4).mean((1, 3))
        other, _ = draw_phantom(seed + 100, size=64)
        assert np.abs(coarse - shrunk).mean() < 0.02
        assert np.abs(coarse - shrunk).mean() < 0.3 * np.abs(other - shrunk).mean()
        assert replace(coarse_truth, pixel_mm=0.0) == replace(fine_truth, pixel_mm=0.0)
        assert coarse_truth.pixel_mm == pytest.approx(4 * fine_truth.pixel_mm)


@pytest.mark.parametrize("seed", range(4))
def test_measured_joint_space_is_the_truth_and_shrinks_with_grade(seed: int) -> None:
    medial_mm = []
    for grade in range(3):
        knee = draw_knee(seed, grade)
        at_mm = COMPARTMENT_MM * knee.habitus.size
        medial_mm.append(joint_space_mm(knee, -at_mm))
        assert medial_mm[-1] == pytest.approx(knee.jsw_medial_mm, abs=0.25)
        assert joint_space_mm(knee, at_mm) == pytest.approx(knee.jsw_lateral_mm, abs=0.25)
    assert medial_mm[0] > medial_mm[1] > medial_mm[2]


def test_grades_differ_in_disease_as_promised_over_many_patients() -> None:
    knees = [[draw_knee(seed, grade) for seed in range(150)] for grade in range(3)]
    means = [
        np.mean([(k.jsw_medial_mm, k.osteophyte_mm, k.sclerosis) for k in group], axis=0) for group in knees
    ]
    assert [mean[0] for mean in means] == pytest.approx([5.2, 3.2, 1.4], abs=0.15)
    assert means[0][1] < means[1][1] < means[2][1]
    assert means[0][2] < means[1][2] < means[2][2]
    shares = np.bincount([draw_knee(seed).grade for seed in range(600)], minlength=3) / 600
    assert shares.min() > 0.25


def test_osteophytes_and_sclerosis_add_bone_at_the_medial_margin() -> None:
    for seed in (1, 6):
        margins = []
        for grade in (0, 2):
            knee = draw_knee(seed, grade)
            grid = PixelGrid.of(knee, 256, 256)
            bone_mm = project_knee(knee, grid).bone_mm
            x, y = (axis / knee.habitus.size for axis in grid.anatomical_mm())
            margins.append(float(bone_mm[(x < -37.5) & (x > -45) & (y > 0) & (y < 6)].mean()))
        assert margins[1] > 1.5 * margins[0] + 1


def test_forcing_a_grade_changes_the_disease_and_nothing_else() -> None:
    healthy, severe = draw_knee(21, 0), draw_knee(21, 2)
    assert (healthy.grade, severe.grade) == (0, 2)
    assert healthy.shift_mm == severe.shift_mm
    assert healthy.field_mm == severe.field_mm
    assert healthy.habitus.size == severe.habitus.size
    own_grade = draw_knee(21).grade
    assert np.array_equal(draw_phantom(21, size=48)[0], draw_phantom(21, grade=own_grade, size=48)[0])


def test_a_patient_has_two_knees_of_one_shape_with_the_fibula_outwards() -> None:
    left, right = draw_knee(14), draw_knee(15)
    assert (left.patient, right.patient, left.side, right.side) == (7, 7, "L", "R")
    assert left.habitus.size == right.habitus.size
    assert draw_knee(16).habitus.size != left.habitus.size
    for knee in (left, right):
        grid = PixelGrid.of(knee, 256, 256)
        bone_mm = project_knee(knee, grid).bone_mm
        x_mm = (knee.habitus.fibula_x_mm + 4) * knee.habitus.size
        y_mm = (knee.habitus.fibula_top_mm + 10) * knee.habitus.size
        points = np.transpose([grid.pixel_of(x, y_mm) for x in (x_mm, -x_mm)])
        fibula, mirrored = map_coordinates(bone_mm, points, order=1)
        assert fibula > 1
        assert mirrored == pytest.approx(0, abs=0.05)
        assert (grid.pixel_of(x_mm, y_mm)[1] > 128) == (knee.side == "L")


def test_bone_shows_brighter_than_the_joint_space_between() -> None:
    for seed in range(6):
        knee = draw_knee(seed, 0)
        image, _ = draw_phantom(seed, grade=0, size=256)
        grid = PixelGrid.of(knee, 256, 256)
        bone_mm = project_knee(knee, grid).bone_mm
        x, y = (axis / knee.habitus.size for axis in grid.anatomical_mm())
        compartment = (x > -30) & (x < -15) & (y > -25) & (y < 15)
        bone, gap = image[compartment & (bone_mm > 8)].mean(), image[compartment & (bone_mm == 0)].mean()
        assert bone > gap + 0.05


def test_less_exposure_gives_more_noise_at_the_same_anatomy() -> None:
    knee = draw_knee(3)
    grid = PixelGrid.of(knee, 192, 192)
    maps = project_knee(knee, grid)
    average = replace(draw_exposure(3), marker=False, edge_boost=0.0, logarithmic=True)
    clean, usual, starved = (
        expose(knee, replace(average, quanta=quanta), maps, grid) for quanta in (1e5, 1.0, 0.05)
    )
    middle = np.s_[60:130, 60:130]
    assert (usual - clean)[middle].std() > 1e-3
    assert (starved - clean)[middle].std() / (usual - clean)[middle].std() == pytest.approx(20**0.5, rel=0.25)


def test_shutters_are_black_and_the_lead_letter_is_bright_and_on_the_lateral_side() -> None:
    for seed in (8, 9):
        knee = draw_knee(seed)
        grid = PixelGrid.of(knee, 200, 200)
        maps = project_knee(knee, grid)
        plain = replace(draw_exposure(seed), marker=False, shutter_mm=(0.0, 0.0, 0.0, 0.0), edge_boost=0.0)
        bare = expose(knee, plain, maps, grid)
        shuttered = expose(knee, replace(plain, shutter_mm=(6.0, 0.0, 0.0, 4.0)), maps, grid)
        assert (shuttered[:, : round(6 / grid.pixel_mm)] == 0).all()
        assert (shuttered[200 - round(4 / grid.pixel_mm) :] == 0).all()
        assert np.count_nonzero(shuttered[:150, 40:]) > 0.9 * 150 * 160
        lettered = expose(knee, replace(plain, marker=True), maps, grid)
        columns = np.nonzero(lettered - bare > 0.15)[1]
        assert columns.size > 50
        assert (columns.mean() > 100) == (knee.side == "L")


def test_grades_can_be_told_apart_at_64_pixels_by_a_plain_linear_reader() -> None:
    count, train = 420, 330
    images = phantom_batch(range(count), 64)[:, 20:50].reshape(count, -1).astype(np.float64)
    grades = np.array([draw_knee(seed).grade for seed in range(count)])
    images -= images.mean(1, keepdims=True)
    images /= images.std(1, keepdims=True)
    # Ridge regression in its dual form, one target per grade.
    gram = images[:train] @ images[:train].T
    weights = np.linalg.solve(
        gram + 0.02 * np.trace(gram) / train * np.eye(train), np.eye(3)[grades[:train]] - 1 / 3
    )
    read = (images[train:] @ images[:train].T @ weights).argmax(1)
    assert (read == grades[train:]).mean() > 0.6


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": 1, "grade": 3}, "grade"),
        ({"seed": 1, "size": 8}, "8x8"),
    ],
)
def test_impossible_phantoms_are_refused_in_a_sentence(arguments: dict[str, int], named: str) -> None:
    with pytest.raises(InputError, match=named):
        draw_phantom(**arguments)

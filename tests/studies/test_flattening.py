"""Where a curve flattens: curves whose answer is known, and how often chance makes one that is not there."""

from __future__ import annotations

import numpy as np
import pytest

from gist.metrics.frechet import frechet_distance
from gist.metrics.kid import kernel_distance, kernel_influences
from gist.studies.comparing import compared
from gist.studies.curve import Curve, Point, curve_of

SIZES = (100, 200, 400, 800)


def made(
    levels: list[float], repeats: int = 5, noise: float = 0.002, common: float = 0.0, seed: int = 0
) -> dict[int, dict[int, Point]]:
    """Trials around these levels: noise of each, and noise that all sizes of a repeat have in common."""
    rng = np.random.default_rng(seed)
    shared = common * rng.standard_normal(repeats)
    images = rng.standard_normal(60)
    images -= images.mean()
    points: dict[int, dict[int, Point]] = {}
    for size, level in zip(SIZES, levels, strict=False):
        own = rng.standard_normal(60)
        points[size] = {
            repeat: Point(
                level + shared[repeat - 1] + noise * rng.standard_normal(),
                common * images,
                noise * (own - own.mean()),
            )
            for repeat in range(1, repeats + 1)
        }
    return points


def test_a_curve_that_falls_and_then_stays_flattens_where_it_stays() -> None:
    found = curve_of(made([0.4, 0.2, 0.1, 0.1]))
    assert found.flat_from == 400
    assert found.flat_low == 400
    assert found.sentence.startswith("The curve flattens at about 400 images (95 % interval 400 to ")
    assert [point.told_apart for point in found.points] == [True, True, False, False]


def test_a_curve_that_falls_to_the_end_does_not_flatten_within_the_tried_range() -> None:
    found = curve_of(made([0.4, 0.3, 0.2, 0.1]))
    assert found.flat_from is None
    assert "not flatten within the tried range" in found.sentence
    assert "from 400 to 800 images" in found.sentence


def test_a_flat_curve_says_so_and_what_it_would_have_found() -> None:
    found = curve_of(made([0.1, 0.1, 0.1, 0.1]))
    assert found.flat_from == 100
    assert "No size differs from the largest beyond noise" in found.sentence
    assert "would have been found" in found.sentence


def test_noise_that_the_sizes_of_a_repeat_share_hides_no_difference() -> None:
    apart = curve_of(made([0.4, 0.2, 0.1, 0.1], noise=0.002, common=0.2, seed=1))
    assert apart.flat_from == 400
    assert apart.points[0].high - apart.points[0].low > 10 * apart.points[0].bar


def test_a_size_that_lies_above_a_flat_smaller_one_moves_the_place() -> None:
    assert curve_of(made([0.1, 0.3, 0.1, 0.1])).flat_from == 400


def test_one_repeat_of_each_size_is_told_as_such() -> None:
    found = curve_of(made([0.4, 0.2, 0.1, 0.1], repeats=1))
    assert "says nothing of the noise between runs" in found.sentence
    assert found.points[0].told_apart


def test_a_repeat_that_failed_leaves_the_others() -> None:
    trials = made([0.4, 0.2, 0.1, 0.1])
    del trials[200][2], trials[800][1]
    assert curve_of(trials).flat_from == 400


def test_one_size_is_no_curve() -> None:
    assert curve_of({100: made([0.1])[100]}).flat_from is None


def test_chance_alone_tells_a_size_apart_about_as_often_as_it_may() -> None:
    told = [
        curve_of(made([0.1, 0.1], repeats=3, noise=0.02, seed=seed)).points[0].told_apart
        for seed in range(120)
    ]
    assert sum(told) <= 14  # 5 % of 120 are 6; more than 14 has a chance below 0.002


def test_a_group_is_beyond_noise_where_it_is_and_only_there() -> None:
    points = made([0.4, 0.1, 0.1])
    groups = {"default": points[200], "worse": points[100], "same": points[400]}
    found = {group.group: group for group in compared(groups, "default")}
    assert found["worse"].beyond_noise
    assert not found["same"].beyond_noise
    assert found["default"].difference is None
    assert found["worse"].difference is not None
    assert found["worse"].difference[1] < 0.3 < found["worse"].difference[2]


def test_groups_that_were_run_once_are_never_beyond_noise() -> None:
    points = made([0.4, 0.1], repeats=1)
    assert not any(group.beyond_noise for group in compared({"a": points[100], "b": points[200]}, "a"))


def test_with_one_generator_for_all_sizes_kid_stays_where_the_naive_distance_falls() -> None:
    rng = np.random.default_rng(0)
    generator, held_out, training = (rng.standard_normal((400, 64)) + shift for shift in (0.3, 0.0, 0.0))
    naive = [frechet_distance(training[:size], generator) for size in (50, 100, 200, 400)]
    assert naive == sorted(naive, reverse=True)
    assert naive[0] > 1.5 * naive[-1]
    intervals = [kernel_distance(held_out, generator[rng.integers(400, size=400)]).interval for _ in range(4)]
    assert max(low for low, _ in intervals) < min(high for _, high in intervals)


def test_influences_of_images_add_up_to_nothing_and_foretell_kid_without_one() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((60, 8)), rng.standard_normal((60, 8)) + 0.5
    of_x, of_y = kernel_influences(x, y)
    assert of_x.sum() == pytest.approx(0, abs=1e-9)
    assert of_y.sum() == pytest.approx(0, abs=1e-9)
    spread = np.sqrt(((of_x**2).sum() + (of_y**2).sum()) / (60 * 59))
    assert spread == pytest.approx(kernel_distance(x, y).standard_error)


def test_a_curve_goes_through_json_and_back() -> None:
    found = curve_of(made([0.4, 0.2, 0.1, 0.1]))
    assert Curve.model_validate_json(found.model_dump_json()) == found

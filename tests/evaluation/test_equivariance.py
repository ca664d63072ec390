from __future__ import annotations

import math

import pytest
import torch
from known_generators import StuckPattern, generator_with, small_generator

from gist.errors import InputError
from gist.metrics.equivariance import Movement, equivariance
from gist.metrics.resampling import rotated, rotation_band_limited, translated


def waves(side: int, angle: float = 0.0, right: float = 0.0, down: float = 0.0) -> torch.Tensor:
    """A few smooth waves, turned by `angle` about the centre, then shifted; no resampling."""
    axis = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    ys, xs = torch.meshgrid(axis - down, axis - right, indexing="ij")
    cos, sin = math.cos(angle), math.sin(angle)
    u, v = cos * xs + sin * ys, -sin * xs + cos * ys
    picture = torch.zeros_like(u)
    for fu, fv, phase in ((0.11, 0.03, 0.4), (-0.05, 0.17, 1.9), (0.2, 0.22, 0.7), (0.02, -0.01, 2.5)):
        picture += torch.cos(2 * math.pi * (fu * u + fv * v) + phase) / 4
    return picture[None, None]


def decibels(a: torch.Tensor, b: torch.Tensor, valid: torch.Tensor) -> float:
    return 10 * math.log10(4 / float((a - b)[:, :, valid].square().mean().clamp(min=1e-20)))


@pytest.mark.parametrize(("right", "down"), [(3, -5), (0, 0), (2.5, -1.25), (-0.3, 7.8)])
def test_a_shifted_picture_is_where_it_should_be(right: float, down: float) -> None:
    expected = waves(64, right=right, down=down)
    moved, valid = translated(waves(64), right, down, lobes=6)
    assert decibels(moved, expected, valid) > 60
    assert valid.float().mean() > 0.5
    published, valid = translated(waves(64), right, down)
    assert decibels(published, expected, valid) > 40


@pytest.mark.parametrize("angle", [0.0, 0.3, math.pi / 2, 2.7, -1.1])
def test_a_turned_picture_is_where_it_should_be(angle: float) -> None:
    moved, valid = rotated(waves(96), angle)
    assert decibels(moved, waves(96, angle), valid) > 60
    limited = rotation_band_limited(waves(96, angle), angle)
    assert decibels(moved, limited, valid) > 60
    assert valid.sum() > 500


def test_frequencies_beyond_the_turned_grid_are_removed() -> None:
    axis = torch.arange(64, dtype=torch.float64)
    corner = torch.cos(2 * math.pi * 0.45 * (axis[:, None] + axis[None, :]))[None, None]
    inner = slice(12, -12)
    left = rotation_band_limited(corner, math.pi / 4)[..., inner, inner]
    assert left.abs().max() < 0.12
    kept = rotation_band_limited(corner, 0.0)[..., inner, inner]
    assert (kept - corner[..., inner, inner]).abs().max() < 0.02


@pytest.mark.parametrize(
    ("architecture", "movement", "low", "high"),
    [
        ("stylegan3-t", "translation", 60, 200),
        ("stylegan3-t", "fractional translation", 45, 200),
        ("stylegan3-t", "rotation", 10, 50),
        ("stylegan3-r", "rotation", 60, 200),
    ],
)
def test_alias_free_generators_move_as_they_promise(
    architecture: str, movement: Movement, low: float, high: float
) -> None:
    G = small_generator(architecture, classes=2)
    before = G.synthesis.input.transform.clone()
    G.train()
    found = equivariance(G, movement, samples=3)
    assert low < found.decibels < high
    assert found.low <= found.decibels <= found.high
    assert torch.equal(G.synthesis.input.transform, before)
    assert G.training


@pytest.mark.parametrize("movement", ["translation", "rotation"])
def test_a_pattern_stuck_to_the_pixels_has_the_ratio_of_two_unlike_pictures(movement: Movement) -> None:
    std = 0.5
    found = equivariance(generator_with(StuckPattern(64, std), 64), movement, samples=24)
    # Shifted white noise differs from itself by twice its variance; turning keeps less than all of its band.
    expected = 10 * math.log10(4 / (2 * std**2))
    assert found.decibels == pytest.approx(expected, abs=0.5 if movement == "translation" else 1.5)


def test_the_same_seed_gives_the_same_ratio() -> None:
    G = small_generator("stylegan3-t", side=32)
    first = equivariance(G, "translation", samples=2, seed=5)
    assert equivariance(G, "translation", samples=2, seed=5) == first
    assert equivariance(G, "translation", samples=2, seed=6) != first


def test_a_generator_that_cannot_be_moved_is_refused() -> None:
    with pytest.raises(InputError, match="stylegan2 generator has no input that can be moved"):
        equivariance(small_generator("stylegan2"), "translation")
    with pytest.raises(InputError, match="at least two"):
        equivariance(small_generator("stylegan3-t"), "translation", samples=1)

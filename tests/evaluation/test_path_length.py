from __future__ import annotations

import pytest
import torch
from known_generators import LinearPicture, generator_with, small_generator
from torch import Tensor

from gist.errors import InputError
from gist.metrics.path_length import path_length, pyramid_distance


def mean_square(x_NCHW: Tensor, y_NCHW: Tensor) -> Tensor:
    return (x_NCHW - y_NCHW).double().square().mean(dim=(1, 2, 3))


@pytest.mark.parametrize("epsilon", [1e-2, 1e-3])
def test_a_picture_linear_in_w_has_the_closed_form(epsilon: float) -> None:
    G = generator_with(LinearPicture(), 16)
    found = path_length(G, mean_square, name="mse", samples=400, epsilon=epsilon, batch=100)
    with torch.no_grad():
        w = G.mapping(
            torch.randn(2000, 16, generator=torch.Generator().manual_seed(3)), None, 1.0, None, False
        )
    expected = float((w[:1000, 0, :4] - w[1000:, 0, :4]).square().mean())
    assert found.value == pytest.approx(expected, rel=0.12)
    assert found.low < found.value < found.high


def test_a_step_half_as_long_gives_the_same_length_per_step() -> None:
    coarse = path_length(
        small_generator("stylegan2", side=16),
        pyramid_distance,
        name="pyramid",
        samples=16,
        space="z",
        epsilon=1e-3,
    )
    finer = path_length(
        small_generator("stylegan2", side=16),
        pyramid_distance,
        name="pyramid",
        samples=16,
        space="z",
        epsilon=5e-4,
    )
    assert coarse.value == pytest.approx(finer.value, rel=0.05)
    assert coarse.value > 0


def test_batch_size_changes_nothing_and_classes_are_drawn() -> None:
    G = small_generator("stylegan3-t", classes=3, side=32)
    alone = path_length(G, pyramid_distance, name="pyramid", samples=6, epsilon=1e-3, batch=1)
    together = path_length(G, pyramid_distance, name="pyramid", samples=6, epsilon=1e-3, batch=6)
    assert together.value == pytest.approx(alone.value, rel=1e-2)
    assert alone.distance == "pyramid"


def test_starting_at_the_ends_is_another_number() -> None:
    G = small_generator("stylegan2", side=16)
    ends = path_length(G, pyramid_distance, name="pyramid", samples=8, ends_only=True)
    whole = path_length(G, pyramid_distance, name="pyramid", samples=8)
    assert ends.value != whole.value


def test_moving_an_edge_costs_more_than_the_same_energy_as_noise() -> None:
    edge = torch.zeros(1, 1, 32, 32)
    edge[..., :16] = 1.0
    moved = torch.roll(edge, 2, dims=3)
    noise = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    noise *= (moved - edge).norm() / noise.norm()
    assert float(pyramid_distance(edge, moved)) > 1.5 * float(pyramid_distance(edge, edge + noise))
    assert float(pyramid_distance(edge, edge)) == 0.0


def test_one_path_is_too_few() -> None:
    with pytest.raises(InputError, match="at least two paths"):
        path_length(small_generator("stylegan2", side=16), pyramid_distance, name="pyramid", samples=1)

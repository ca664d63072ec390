"""The game's formulas on cases with a known answer."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from gist.generators.gan.losses import blur, discriminator_loss, generator_loss, path_lengths, r1_penalty
from gist.generators.gan.networks import build_discriminator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.learning.batches import micro_batches
from gist.generators.learning.randomness import EpochOrder, random_stream
from gist.generators.stylegan.bands import HaarBands


def test_an_undecided_discriminator_costs_log_two() -> None:
    zero = torch.zeros(4, 1)
    assert float(generator_loss(zero)) == pytest.approx(math.log(2))
    assert float(discriminator_loss(zero, real=True)) == pytest.approx(math.log(2))
    assert float(discriminator_loss(torch.full((4, 1), 9.0), real=False)) == pytest.approx(9, abs=1e-3)


def test_r1_of_a_linear_discriminator_is_its_squared_weight_norm() -> None:
    weight = torch.randn(1, 1, 8, 8, dtype=torch.float64)
    images = torch.randn(3, 1, 8, 8, dtype=torch.float64, requires_grad=True)
    penalty = r1_penalty((images * weight).sum([1, 2, 3]), images, lambda gradient: gradient)
    assert float(penalty) == pytest.approx(float(weight.square().sum()))


def test_r1_weighs_details_as_the_discriminator_sees_them() -> None:
    detail = 8.0
    bands = HaarBands(1, detail).double()
    seen = torch.randn(3, 4, 4, 4, dtype=torch.float64)
    images = F.pixel_shuffle(seen, 2).requires_grad_(True)
    weight = torch.randn(1, 4, 4, 4, dtype=torch.float64)
    penalty = r1_penalty((bands(images) * weight).sum([1, 2, 3]), images, bands.gradient)
    assert float(penalty.detach()) == pytest.approx(float(weight.square().sum()) / 4)
    over_pixels = r1_penalty((bands(images) * weight).sum([1, 2, 3]), images, lambda gradient: gradient)
    assert float(over_pixels.detach()) > 10 * float(penalty.detach())


def test_path_length_of_a_scaling_generator_is_its_scale() -> None:
    ws = torch.randn(64, 1, 256, dtype=torch.float64, requires_grad=True)
    images = 3 * ws.reshape(64, 1, 16, 16)
    noise = torch.randn(images.shape, generator=random_stream(0, "test", 0), dtype=torch.float64)
    lengths = path_lengths(images, ws, noise)
    assert lengths.shape == (64,)
    assert float(lengths.mean()) == pytest.approx(3, rel=0.05)


def test_blur_keeps_a_constant_inside_and_fades_to_nothing() -> None:
    image = torch.ones(1, 1, 64, 64)
    assert float(blur(image, 2.0)[0, 0, 32, 32]) == pytest.approx(1, abs=1e-5)
    assert blur(image, 0.1) is image
    noise = torch.randn(1, 1, 64, 64)
    assert float(blur(noise, 3.0).std()) < 0.3 * float(noise.std())


def test_accumulated_gradients_of_the_discriminator_equal_those_of_the_whole_batch() -> None:
    torch.manual_seed(0)
    D = build_discriminator(NetworkSpec("stylegan2", 32, channel_base=256, channel_max=16)).double()
    images = torch.randn(16, 1, 32, 32, dtype=torch.float64)

    def gradient(micro: int) -> torch.Tensor:
        D.zero_grad()
        for part in micro_batches(16, micro, 4):
            (discriminator_loss(D(images[part].float()), real=True) * len(part) / 16).backward()
        return torch.cat([p.grad.flatten() for p in D.parameters() if p.grad is not None])

    torch.testing.assert_close(gradient(8), gradient(16), rtol=1e-4, atol=1e-7)


@given(
    count=st.integers(1, 30), position=st.integers(0, 200), length=st.integers(1, 40), seed=st.integers(0, 9)
)
def test_the_order_of_images_is_a_function_of_position_and_visits_each_once_per_epoch(
    count: int, position: int, length: int, seed: int
) -> None:
    whole = EpochOrder(count, seed).at(0, position + length)
    assert EpochOrder(count, seed).at(position, length).tolist() == whole[position:].tolist()
    epoch = EpochOrder(count, seed).at(count * 3, count)
    assert sorted(epoch.tolist()) == list(range(count))

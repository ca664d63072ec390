"""The Haar bands that a discriminator may see."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch.nn import functional as F

from gist.errors import InputError
from gist.generators.gan.networks import build_discriminator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.stylegan.bands import HaarBands


def test_the_first_band_of_each_colour_is_the_mean_of_each_square() -> None:
    images = torch.randn(2, 3, 8, 6)
    found = HaarBands(3, 4.0)(images)
    assert found.shape == (2, 12, 4, 3)
    torch.testing.assert_close(found[:, ::4], F.avg_pool2d(images, 2))


def test_details_are_differences_within_a_square_enlarged() -> None:
    square = torch.tensor([[4.0, 2.0], [1.0, 1.0]])[None, None]
    # Left minus right, upper minus lower, one diagonal minus the other.
    assert HaarBands(1, 8.0)(square)[0, :, 0, 0].tolist() == [2.0, 8 * 0.5, 8 * 1.0, 8 * 0.5]


@pytest.mark.parametrize("detail", [0.5, 4.0])
def test_bands_lose_nothing(detail: float) -> None:
    images = torch.randn(2, 1, 4, 4, dtype=torch.float64)
    bands = HaarBands(1, detail).double()
    rows = bands(torch.eye(4, dtype=torch.float64).reshape(4, 1, 2, 2))[:, :, 0, 0]
    back = torch.einsum("nbhw,bp->nphw", bands(images), torch.linalg.inv(rows))
    torch.testing.assert_close(F.pixel_shuffle(back, 2), images)


def test_a_gradient_at_images_tells_the_one_at_bands() -> None:
    bands = HaarBands(3, 8.0).double()
    images = torch.randn(2, 3, 6, 4, dtype=torch.float64, requires_grad=True)
    seen = bands(images)
    seen.retain_grad()
    images.retain_grad()
    seen.sin().sum().backward()
    torch.testing.assert_close(2 * bands.gradient(images.grad), seen.grad)


def test_a_discriminator_of_bands_works_at_half_the_size_and_judges_detail_by_its_factor() -> None:
    torch.manual_seed(0)
    spec = NetworkSpec("stylegan2", 32, channels=3, classes=2, channel_base=256, channel_max=8, d_detail=4.0)
    D = build_discriminator(spec)
    assert len(D.blocks) == len(build_discriminator(dataclasses.replace(spec, d_detail=0.0)).blocks) - 1
    images, c = torch.randn(4, 3, 32, 32), torch.eye(2)[[0, 1, 0, 1]]
    assert D(images, c).shape == (4, 1)
    other = build_discriminator(dataclasses.replace(spec, d_detail=8.0))
    other.load_state_dict(D.state_dict())
    smooth = F.interpolate(images[..., ::2, ::2], scale_factor=2)
    torch.testing.assert_close(other(smooth, c), D(smooth, c))
    assert not torch.allclose(other(images, c), D(images, c))


@pytest.mark.parametrize("detail", [-1.0, 65.0, float("nan")])
def test_an_impossible_factor_is_refused(detail: float) -> None:
    with pytest.raises(InputError, match="d_detail must be from 0 to 64"):
        NetworkSpec("stylegan2", 32, d_detail=detail)

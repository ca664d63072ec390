"""The size of the squares where the user leaves it open."""

from __future__ import annotations

import pytest

from gist.errors import InputError
from gist.intake.resolution import choose_resolution


def test_it_follows_the_median_short_side_and_the_device() -> None:
    sizes = [(2000, 1500)] * 9 + [(300, 400)]
    assert choose_resolution(sizes, "pad", False, "cuda").side == 256
    assert choose_resolution(sizes, "pad", False, "cpu").side == 64
    assert choose_resolution([(224, 224)] * 5, "pad", False, "cuda").side == 128
    assert "median short side is 224" in choose_resolution([(224, 224)], "pad", False, "cuda").reason


def test_it_is_lowered_where_many_images_would_be_too_small() -> None:
    sizes = [(300, 300)] * 6 + [(130, 130)] * 4
    assert choose_resolution(sizes, "pad", False, "cuda").side == 128
    assert choose_resolution(sizes, "pad", True, "cuda").side == 256


def test_tiny_images_are_refused_unless_enlarging_is_allowed() -> None:
    with pytest.raises(InputError, match="mostly smaller than 32 pixels"):
        choose_resolution([(20, 20)] * 4, "pad", False, "cpu")
    assert choose_resolution([(20, 20)] * 4, "pad", True, "cpu").side == 32

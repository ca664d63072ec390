"""The watermark is found after what files go through, and nowhere else."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from gist.marking.message import CHECK_BYTES, PAYLOAD_BYTES, mended, with_checks
from gist.marking.watermark import FALSE_ALARMS, detect, embed
from gist.phantoms import phantom_batch

PAYLOAD = bytes.fromhex("0123abcd")
Grey = NDArray[np.uint8]


def phantom(seed: int, side: int) -> Grey:
    """A phantom radiograph with film grain, as real ones have."""
    (picture,) = phantom_batch([seed], side)
    grain = np.random.default_rng(seed).normal(0, 2, picture.shape)
    return np.round(np.clip(picture + grain, 0, 255)).astype(np.uint8)


def jpeg(image: Grey) -> Grey:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=75)
    with Image.open(file) as coded:
        return np.asarray(coded)


def turned(image: Grey) -> Grey:
    return np.asarray(Image.fromarray(image).rotate(2, Image.Resampling.BICUBIC))


def resized(factor: float) -> Callable[[Grey], Grey]:
    def resize(image: Grey) -> Grey:
        side = round(factor * image.shape[0])
        return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC))

    return resize


def cropped(image: Grey) -> Grey:
    cut = round(0.025 * image.shape[0])
    return image[cut:-cut, cut:-cut]


@pytest.mark.parametrize("side", [64, 128])
@pytest.mark.parametrize(
    "attack",
    [
        jpeg,
        cropped,
        turned,
        resized(0.75),
        resized(1.5),
        lambda image: np.clip(image + 25.0, 0, 255).astype(np.uint8),
        lambda image: np.round(128 + 0.7 * (image - 128.0)).astype(np.uint8),
    ],
    ids=["jpeg 75", "crop 5 %", "turn 2", "resize .75", "resize 1.5", "brighter", "less contrast"],
)
def test_the_mark_is_found_after(attack: Callable[[Grey], Grey], side: int) -> None:
    found = detect(attack(embed(phantom(7, side), PAYLOAD)))
    assert found.found
    assert found.false_alarm <= FALSE_ALARMS
    assert found.payload in (PAYLOAD, None)


@pytest.mark.parametrize("side", [64, 100, 128, 224])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_the_payload_is_read_and_nobody_sees_it(side: int, depth: type) -> None:
    white = np.iinfo(depth).max
    bare = (phantom(3, side).astype(np.int64) * (white // 255)).astype(depth)
    marked = embed(bare, PAYLOAD)
    error = np.mean(np.square((marked.astype(float) - bare) / white))
    assert -10 * np.log10(error) >= 42
    assert marked.dtype == depth
    received = [marked] if depth == np.uint8 else [marked, (marked >> 8).astype(np.uint8)]
    for found in map(detect, received):
        assert found.found
        # At 64x64 there is little room besides the yes or no.
        assert found.payload == PAYLOAD or (side == 64 and found.payload is None)
    np.testing.assert_array_equal(embed(bare, PAYLOAD), marked)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((64, 64), np.uint8),
        np.full((64, 64), 255, np.uint8),
        np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8),
        phantom(1, 64),
    ],
    ids=["black", "white", "noise", "phantom"],
)
def test_there_is_no_false_alarm(image: Grey) -> None:
    found = detect(image)
    assert not found.found
    assert found.payload is None
    assert found.false_alarm > FALSE_ALARMS


def test_the_bound_on_false_alarms_holds_for_noise_at_any_level() -> None:
    from gist.marking.pattern import SMALL
    from gist.marking.watermark import _peak

    rng = np.random.default_rng(0)
    only_here = np.zeros((128, 128), bool)
    only_here[0, 0] = True
    z = []
    for _ in range(2000):
        spectrum = np.where(SMALL.band, np.fft.fft2(rng.laplace(size=(64, 64))), 0)
        z.append(_peak(spectrum, SMALL, only_here)[0])
    for level in (1.0, 2.0, 3.0):
        assert np.mean(np.array(z) >= level) <= np.exp(-(level**2) / 2)
    assert abs(np.std(z) - 1) < 0.05  # the bound is not empty: z is in standard deviations


def test_a_picture_that_is_not_square_is_marked_too() -> None:
    image = phantom(2, 128)[10:110]
    assert detect(embed(image, PAYLOAD)).payload == PAYLOAD


def test_what_is_neither_grey_nor_three_colours_is_refused() -> None:
    with pytest.raises(TypeError, match="a picture of 8 or 16 bits is needed"):
        embed(np.zeros((64, 64, 4), np.uint8), PAYLOAD)


@given(st.binary(min_size=PAYLOAD_BYTES, max_size=PAYLOAD_BYTES), st.integers(0, 6), st.integers(0, 255))
def test_one_wrong_byte_of_a_message_is_mended(payload: bytes, at: int, error: int) -> None:
    word = bytearray(with_checks(payload))
    assert len(word) == PAYLOAD_BYTES + CHECK_BYTES
    word[at] ^= error
    assert mended(word) == payload


@settings(max_examples=300)
@given(st.binary(min_size=4, max_size=4), st.sets(st.integers(0, 6), min_size=2, max_size=2), st.data())
def test_two_wrong_bytes_are_noticed(payload: bytes, places: set[int], data: st.DataObject) -> None:
    word = bytearray(with_checks(payload))
    for at in places:
        word[at] ^= data.draw(st.integers(1, 255))
    assert mended(word) is None

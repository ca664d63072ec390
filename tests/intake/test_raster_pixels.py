"""Grey values of PNG, JPEG, TIFF, BMP and WebP files."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.encaps import get_frame
from pydicom.uid import JPEGLSLossless
from radiograph_files import decode, dicom, dicom_bytes, picture

from gist.stages.vocabulary import Reason, Remark, SetAside

SIDE = 32
EIGHT = picture(4, SIDE).astype(np.uint8)
SIXTEEN = (picture(4, SIDE, 60000) // 3 + 9000).astype(np.uint16)  # 9000 to 29000 of 65535


def encoded(image: Image.Image, format_: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=format_, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("format_", "options"), [("PNG", {}), ("TIFF", {}), ("BMP", {}), ("WEBP", {"lossless": True})]
)
def test_eight_bits_pass_unchanged(folder: Path, format_: str, options: dict[str, Any]) -> None:
    accepted, grey = decode(folder / "a", encoded(Image.fromarray(EIGHT), format_, **options))
    assert (grey == EIGHT).all()
    assert accepted.type == format_.lower()


def test_jpeg_comes_close(folder: Path) -> None:
    _, grey = decode(folder / "a", encoded(Image.fromarray(EIGHT), "JPEG", quality=98))
    assert np.abs(grey.astype(float) - EIGHT).mean() < 3


@pytest.mark.parametrize("format_", ["PNG", "TIFF"])
def test_sixteen_bits_are_windowed_not_saturated(folder: Path, format_: str) -> None:
    accepted, grey = decode(
        folder / "a", encoded(Image.fromarray(SIXTEEN), format_), percentiles=(0.0, 100.0)
    )
    expected = (SIXTEEN.astype(float) - SIXTEEN.min()) / float(SIXTEEN.max() - SIXTEEN.min()) * 255
    assert np.abs(grey - expected).max() <= 0.5 + 1e-3
    assert accepted.bits == 16
    assert grey.mean() < 200


def test_sixteen_bits_at_full_range_keep_their_place_in_it(folder: Path) -> None:
    _, grey = decode(folder / "a", encoded(Image.fromarray(SIXTEEN), "PNG"), window="full")
    assert np.abs(grey - SIXTEEN / 65535 * 255).max() <= 0.5 + 1e-3


def test_a_16_bit_tiff_whose_zero_is_white_is_inverted(folder: Path) -> None:
    image = Image.fromarray(SIXTEEN)
    plain = decode(folder / "a", encoded(image, "TIFF"))[1]
    inverted = decode(folder / "b", encoded(image, "TIFF", tiffinfo={262: 0}))[1]
    assert np.abs(inverted.astype(int) + plain - 255).max() <= 1


def test_an_8_bit_tiff_whose_zero_is_white_is_inverted(folder: Path) -> None:
    data = encoded(Image.fromarray(EIGHT), "TIFF", tiffinfo={262: 0})
    assert (255 - EIGHT).tobytes() in data
    assert (decode(folder / "a", data)[1] == EIGHT).all()


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_the_orientation_tag_turns_the_picture(folder: Path, format_: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"PNG": {}, "TIFF": {}, "JPEG": {"quality": 100}, "WEBP": {"lossless": True}}[format_]
    accepted, grey = decode(folder / "a", encoded(Image.fromarray(EIGHT), format_, exif=exif, **options))
    turned = np.rot90(EIGHT, -1)
    assert np.abs(grey.astype(float) - turned).mean() < 3
    assert Remark.TURNED in accepted.remarks


def test_colour_becomes_luma_and_grey_stored_as_colour_stays(folder: Path) -> None:
    rgb = np.stack([picture(seed, SIDE) for seed in (1, 2, 3)], axis=-1).astype(np.uint8)
    accepted, grey = decode(folder / "a", encoded(Image.fromarray(rgb), "PNG"))
    assert np.abs(grey - rgb @ np.array([0.299, 0.587, 0.114])).max() <= 0.5 + 1e-3
    assert Remark.COLOUR_TO_GREY in accepted.remarks
    accepted, grey = decode(folder / "b", encoded(Image.fromarray(EIGHT).convert("RGB"), "PNG"))
    assert (grey == EIGHT).all()
    assert accepted.remarks == ()


def test_a_variant_that_the_decoder_does_not_know_is_not_only_called_damaged(folder: Path) -> None:
    dataset = dicom(EIGHT, bits=8)
    dataset.compress(JPEGLSLossless)
    with pytest.raises(SetAside) as caught:
        decode(folder / "a.jpg", get_frame(dataset.PixelData, 0, number_of_frames=1))
    assert caught.value.reason is Reason.UNKNOWN_VARIANT


@pytest.mark.parametrize("scale", [1.0, 1 / 255, 1e4])
def test_a_tiff_of_floating_point_greys_is_windowed_like_any_other(folder: Path, scale: float) -> None:
    image = Image.fromarray(EIGHT.astype(np.float32) * np.float32(scale))
    accepted, grey = decode(folder / "a", encoded(image, "TIFF"), window="full")
    assert accepted.bits == 32
    assert np.abs(grey.astype(int) - EIGHT).max() <= 1


def test_a_tiff_packed_as_webp_is_read_or_not_only_called_damaged(folder: Path) -> None:
    webp = encoded(Image.fromarray(EIGHT).convert("RGB"), "WEBP", lossless=True)
    tags = {256: SIDE, 257: SIDE, 258: 8, 259: 50001, 262: 1, 273: 8, 277: 1, 278: SIDE, 279: len(webp)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    content = webp + b"\0" * (len(webp) % 2)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    reason = None
    try:
        _, grey = decode(folder / "a", b"II*\0" + struct.pack("<I", 8 + len(content)) + content + directory)
        assert (grey == EIGHT).all()
    except SetAside as aside:
        reason = aside.reason
    assert reason in (None, Reason.UNKNOWN_VARIANT)


def test_transparent_parts_become_black(folder: Path) -> None:
    rgba = np.dstack([EIGHT, EIGHT, EIGHT, np.full_like(EIGHT, 255)])
    rgba[:4, :, 3] = 0
    _, grey = decode(folder / "a", encoded(Image.fromarray(rgba), "PNG"))
    assert (grey[:4] == 0).all()
    assert (grey[4:] == EIGHT[4:]).all()


def test_a_palette_is_looked_up(folder: Path) -> None:
    indexed = Image.fromarray(EIGHT).convert("P")
    indexed.putpalette([255 - value // 3 for value in range(256) for _ in range(3)])
    _, grey = decode(folder / "a", encoded(indexed, "PNG"))
    assert (grey == 255 - EIGHT // 3).all()


def test_the_content_decides_not_the_ending(folder: Path) -> None:
    assert decode(folder / "a.png", dicom_bytes(dicom(EIGHT, bits=8)))[0].type == "dicom"
    assert decode(folder / "b.dcm", encoded(Image.fromarray(EIGHT), "PNG"))[0].type == "png"


def test_a_blank_picture_is_set_aside(folder: Path) -> None:
    with pytest.raises(SetAside) as caught:
        decode(folder / "a", encoded(Image.fromarray(np.full((40, 40), 77, np.uint8)), "PNG"))
    assert caught.value.reason is Reason.BLANK

"""Colour, alpha and palettes of more than eight bits in PNG, TIFF and DICOM: as bright as the same picture in grey."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image
from radiograph_files import decode, dicom, dicom_bytes, picture

from gist.intake.deep_colour import deep_colour, know_grey_with_alpha
from gist.stages.vocabulary import Reason, Remark, SetAside

know_grey_with_alpha()
SIDE = 32
TWELVE = picture(4, SIDE, 3800) + np.uint16(200)
"""Twelve bits in words of sixteen, as a converter of DICOM writes them."""
OPAQUE = np.full_like(TWELVE, 65535)
_PNG_COLOUR = {1: 0, 2: 4, 3: 2, 4: 6}
_PHOTOMETRIC = {1: 1, 2: 1, 3: 2, 4: 2}


def png(samples: NDArray[np.uint16], row_filter: int = 0) -> bytes:
    """A PNG of 16-bit samples [H, W, channels], its rows filtered by nothing (0), the pixel before (1) or above (2)."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width, channels = samples.shape
    pixels = samples.astype(">u2").view(np.uint8).reshape(height, width, 2 * channels)
    before = np.zeros_like(pixels)
    if row_filter == 1:
        before[:, 1:] = pixels[:, :-1]
    elif row_filter == 2:
        before[1:] = pixels[:-1]
    rows = b"".join(bytes([row_filter]) + row.tobytes() for row in pixels - before)
    header = struct.pack(">IIBBBBB", width, height, 16, _PNG_COLOUR[channels], 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def tiff(
    samples: NDArray[np.uint16],
    order: str = "<",
    deflated: bool = False,
    extra: int = 2,
    planes: int = 1,
    orientation: int = 1,
    photometric: int | None = None,
) -> bytes:
    """A TIFF of 16-bit samples in one strip or one each; `extra` is what a sample beyond grey or colour means."""
    height, width, channels = samples.shape
    parts = [samples] if planes == 1 else list(np.moveaxis(samples, 2, 0))
    strips = [part.astype(f"{order}u2").tobytes() for part in parts]
    strips = [zlib.compress(strip) if deflated else strip for strip in strips]
    lengths = [len(strip) for strip in strips]
    starts = [8 + sum(lengths[:number]) for number in range(len(strips))]
    photometric = _PHOTOMETRIC[channels] if photometric is None else photometric
    fields = {
        256: [width],
        257: [height],
        258: [16] * channels,
        259: [8 if deflated else 1],
        262: [photometric],
    }
    fields |= {273: starts, 274: [orientation], 277: [channels], 278: [height], 279: lengths, 284: [planes]}
    fields |= {338: [extra]} if channels in (2, 4) and photometric != 5 else {}
    directory_at = 8 + sum(lengths) + sum(lengths) % 2
    directory, behind = struct.pack(f"{order}H", len(fields)), b""
    for tag, values in fields.items():
        content = struct.pack(f"{order}{len(values)}{'H' if tag == 258 else 'I'}", *values)
        if len(content) > 4:
            where = directory_at + 2 + 12 * len(fields) + 4 + len(behind)
            content, behind = struct.pack(f"{order}I", where), behind + content
        directory += struct.pack(f"{order}HHI", tag, 3 if tag == 258 else 4, len(values)) + content.ljust(
            4, b"\0"
        )
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, directory_at)
    return (head + b"".join(strips)).ljust(directory_at, b"\0") + directory + bytes(4) + behind


WRITERS = {
    "png": png,
    "png, filtered": lambda samples: png(samples, 1),
    "png, filtered upwards": lambda samples: png(samples, 2),
    "tiff": tiff,
    "big-endian tiff": lambda samples: tiff(samples, ">"),
    "deflated tiff": lambda samples: tiff(samples, deflated=True),
    "deflated big-endian tiff": lambda samples: tiff(samples, ">", deflated=True),
}
LAYOUTS = {
    "grey and alpha": np.dstack([TWELVE, OPAQUE]),
    "colour": np.dstack([TWELVE] * 3),
    "colour and alpha": np.dstack([TWELVE] * 3 + [OPAQUE]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("changes", [{}, {"window": "full"}, {"bits": 16}], ids=["auto", "full", "16 bits"])
def test_twelve_bits_in_words_look_like_the_same_picture_in_grey(
    folder: Path, writer: str, layout: str, changes: dict[str, Any]
) -> None:
    expected = decode(folder / "a", png(TWELVE[..., None]), **changes)
    accepted, grey = decode(folder / "b", WRITERS[writer](LAYOUTS[layout]), **changes)
    assert (grey == expected[1]).all()
    assert accepted.bits == 16
    assert accepted.remarks == expected[0].remarks


@settings(deadline=None, max_examples=60)
@given(arrays(np.uint16, (3, 5, 4)), st.sampled_from(sorted(WRITERS)), st.sampled_from([3, 4]))
def test_no_bit_of_a_colour_is_lost(samples: NDArray[np.uint16], writer: str, channels: int) -> None:
    samples[..., 1:3] = samples[..., :1]
    samples[..., 3] = 65535
    assert (deep_colour(WRITERS[writer](samples[..., :channels]), 0)[0] == samples[..., 0]).all()


@pytest.mark.parametrize("writer", ["png", "tiff", "deflated big-endian tiff"])
def test_colours_become_luma_of_sixteen_bits(writer: str) -> None:
    rgb = np.dstack([picture(seed, SIDE, 60000) for seed in (1, 2, 3)])
    levels, remarks = deep_colour(WRITERS[writer](rgb), 0)
    assert np.abs(levels - rgb @ np.array([0.299, 0.587, 0.114])).max() < 1
    assert remarks == [Remark.COLOUR_TO_GREY]


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("channels", [2, 4])
def test_transparent_parts_become_black_and_half_transparent_ones_dark(writer: str, channels: int) -> None:
    opacity = OPAQUE.copy()
    opacity[:4], opacity[4:8] = 0, 0x5555
    levels, remarks = deep_colour(WRITERS[writer](np.dstack([TWELVE] * (channels - 1) + [opacity])), 0)
    assert (levels[:4] == 0).all()
    assert np.abs(levels[4:8] - TWELVE[4:8] / 3).max() <= 0.5
    assert (levels[8:] == TWELVE[8:]).all()
    assert remarks == [Remark.TRANSPARENCY]


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize(("extra", "remarks"), [(0, []), (1, [Remark.TRANSPARENCY])])
def test_a_sample_of_a_tiff_that_means_nothing_or_is_in_the_others_already_changes_none(
    channels: int, extra: int, remarks: list[Remark]
) -> None:
    samples = np.dstack([TWELVE] * (channels - 1) + [OPAQUE // 2])
    for order in "<>":
        levels, found = deep_colour(tiff(samples, order, extra=extra), 0)
        assert (levels == TWELVE).all()
        assert found == remarks


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_orientation_tag_turns_them(folder: Path, layout: str) -> None:
    turned = decode(folder / "a", tiff(LAYOUTS[layout], orientation=6))
    assert (turned[1] == np.rot90(decode(folder / "b", tiff(LAYOUTS[layout]))[1], -1)).all()
    assert Remark.TURNED in turned[0].remarks


@pytest.mark.parametrize("deflated", [False, True])
def test_what_would_be_read_wrong_is_set_aside(folder: Path, deflated: bool) -> None:
    planes = tiff(LAYOUTS["colour"], deflated=deflated, planes=2)
    ink = tiff(LAYOUTS["colour and alpha"], deflated=deflated, photometric=5)
    for data in (planes, ink):
        with pytest.raises(SetAside) as caught:
            decode(folder / "a", data)
        assert caught.value.reason is Reason.UNKNOWN_VARIANT


def palette_tiff(indices: NDArray[np.uint8], entries: NDArray[np.uint16], orientation: int = 1) -> bytes:
    """A TIFF whose colours all have the same 256 entries of 16 bits, which Pillow does not write."""
    image = Image.fromarray(indices).convert("P")
    image.putpalette([number // 3 for number in range(768)])
    buffer = io.BytesIO()
    image.save(buffer, format="TIFF", tiffinfo={274: orientation})
    with Image.open(buffer) as saved:
        written = struct.pack("<768H", *saved.tag_v2[320])
    assert buffer.getvalue().count(written) == 1
    return buffer.getvalue().replace(written, np.tile(entries, 3).astype("<u2").tobytes())


@pytest.mark.parametrize("scale", [1, 256, 257])
@pytest.mark.parametrize("turned", [False, True])
def test_a_tiff_palette_of_eight_bits_is_as_bright_in_whatever_part_of_its_words(
    folder: Path, scale: int, turned: bool
) -> None:
    """TIFF wants entries of 16 bits (scale 257); some write the 8 they have into the lower or the upper byte."""
    indices = picture(4, SIDE).astype(np.uint8)
    data = palette_tiff(indices, scale * np.arange(255, -1, -1), 6 if turned else 1)
    _, grey = decode(folder / "a", data)
    assert (grey == (np.rot90(255 - indices, -1) if turned else 255 - indices)).all()


def test_a_tiff_palette_keeps_sixteen_bits(folder: Path) -> None:
    indices = picture(4, SIDE).astype(np.uint8)
    entries = 20000 + 3 * np.arange(256)
    assert (decode(folder / "a", palette_tiff(indices, entries), bits=16)[1] == entries[indices]).all()


@pytest.mark.parametrize("changes", [{}, {"window": "full"}, {"percentiles": (5.0, 80.0), "bits": 16}])
@pytest.mark.parametrize("bits", [12, 16])
def test_deep_grey_in_the_colours_of_a_dicom_looks_like_the_grey_one(
    folder: Path, bits: int, changes: dict[str, Any]
) -> None:
    expected = decode(folder / "a", dicom_bytes(dicom(TWELVE, bits=bits)), **changes)
    accepted, grey = decode(
        folder / "b", dicom_bytes(dicom(np.dstack([TWELVE] * 3), "RGB", bits=bits)), **changes
    )
    assert np.abs(grey.astype(int) - expected[1]).max() == 0
    assert accepted.remarks == expected[0].remarks

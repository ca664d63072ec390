"""PALETTE COLOR as the standard has it and as writers have it: as bright as the same picture in grey."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian
from radiograph_files import decode, dicom, dicom_bytes, picture

from gist.intake.dicom_lut import apply_palette
from gist.stages.vocabulary import Reason, Remark, SetAside

SIDE = 32
GREY = picture(3, SIDE).astype(np.uint8)
DOWN = np.arange(255, -1, -1)
COLOURS = ("Red", "Green", "Blue")


def palette(
    indices: NDArray[Any], descriptor: list[int], *tables: bytes, kind: str = "", vr: str = "US"
) -> Dataset:
    """A data set whose colours have a table each, or all the same one; `kind` may be Segmented."""
    dataset = dicom(indices, "PALETTE COLOR", bits=8 * indices.dtype.itemsize)
    for colour, table in zip(COLOURS, tables * (3 if len(tables) == 1 else 1), strict=True):
        name = f"{colour}PaletteColorLookupTable"
        dataset.add_new(f"{name}Descriptor", vr, descriptor)
        dataset.add_new(f"{kind}{name}Data", "OW", table)
    return dataset


def greys(folder: Path, dataset: Dataset) -> NDArray[np.uint8]:
    return decode(folder / "a", dicom_bytes(dataset))[1]


def words(entries: Any, order: str = "<") -> bytes:
    return np.asarray(entries).astype(f"{order}u2").tobytes()


ENTRIES = {
    "bytes": (8, DOWN.astype(np.uint8).tobytes()),
    "bytes declared words": (16, DOWN.astype(np.uint8).tobytes()),
    "8 bits in words": (8, words(DOWN)),
    "8 bits in words, declared 16": (16, words(DOWN)),
    "8 bits in the upper half of words": (16, words(DOWN << 8)),
    "8 bits declared, in the upper half of words": (8, words(DOWN << 8)),
    "16 bits": (16, words(DOWN * 257)),
    "16 bits declared 8": (8, words(DOWN * 257)),
    "12 bits": (12, words(np.rint(DOWN / 255 * 4095))),
}


@pytest.mark.parametrize("entries", ENTRIES)
def test_entries_of_any_width_are_as_bright(folder: Path, entries: str) -> None:
    bits, table = ENTRIES[entries]
    assert (greys(folder, palette(GREY, [256, 0, bits], table)) == 255 - GREY).all()


@pytest.mark.parametrize("entries", ENTRIES)
@pytest.mark.parametrize("syntax", [ExplicitVRBigEndian, ImplicitVRLittleEndian], ids=lambda uid: uid.name)
def test_the_encoding_of_the_file_makes_no_difference(folder: Path, entries: str, syntax: Any) -> None:
    bits, table = ENTRIES[entries]
    if syntax is ExplicitVRBigEndian:
        table = np.frombuffer(table, "<u2").astype(">u2").tobytes()
    dataset = palette(GREY, [256, 0, bits], table)
    dataset.file_meta.TransferSyntaxUID = syntax
    assert (greys(folder, dataset) == 255 - GREY).all()


def test_a_table_of_an_odd_number_of_bytes_is_read_with_what_makes_it_even(folder: Path) -> None:
    dataset = palette(GREY, [255, 0, 8], DOWN.astype(np.uint8).tobytes())
    assert (greys(folder, dataset) == np.maximum(255 - GREY, 1)).all()


def test_a_table_of_bytes_serves_more_than_256_values(folder: Path) -> None:
    indices = picture(3, SIDE, 4095)
    curve = np.rint(255 * np.sqrt(np.arange(4096) / 4095)).astype(np.uint8)
    assert (greys(folder, palette(indices, [4096, 0, 8], curve.tobytes())) == curve[indices]).all()


@pytest.mark.parametrize("entries", [0, 40_000])
def test_a_large_table_is_counted_in_unsigned_numbers(folder: Path, entries: int) -> None:
    indices = picture(3, SIDE, 39_999)
    curve = np.rint(255 * np.linspace(1, 0, entries or 65536)).astype(np.uint8)
    for vr in ("US", "SS"):
        dataset = palette(indices, [entries, 0, 8], curve.tobytes(), vr=vr)
        assert (greys(folder, dataset) == curve[indices]).all()


@pytest.mark.parametrize(
    ("first", "dtype"),
    [(50, np.uint8), (1000, np.uint16), (40_000, np.uint16), (-90, np.int8), (-900, np.int16)],
)
def test_the_first_value_that_is_mapped_counts_signed_or_unsigned(
    folder: Path, first: int, dtype: Any
) -> None:
    """Values before the first and after the last entry take that one."""
    indices = (first - 20 + GREY.astype(int) // 2).astype(dtype)
    expected = np.clip(indices.astype(int) - first, 0, 99) * 2 + 50
    table = words(257 * (2 * np.arange(100) + 50))
    for vr, written in (("US", first % 65536), ("SS", (first + 32768) % 65536 - 32768)):
        assert (greys(folder, palette(indices, [100, written, 16], table, vr=vr)) == expected).all()


def test_colours_of_a_palette_become_luma(folder: Path) -> None:
    tables = [np.random.default_rng(seed).permutation(256) for seed in range(3)]
    accepted, grey = decode(folder / "a", dicom_bytes(palette(GREY, [256, 0, 8], *map(words, tables))))
    expected = np.stack(tables, axis=-1)[GREY] @ np.array([0.299, 0.587, 0.114])
    assert np.abs(grey - expected).max() <= 0.5 + 1e-3
    assert Remark.COLOUR_TO_GREY in accepted.remarks


@pytest.mark.parametrize(("unit", "bits"), [("<u1", 8), ("<u2", 8), ("<u2", 16)])
def test_segments_of_a_table_are_put_together(folder: Path, unit: str, bits: int) -> None:
    table = np.array([0, 4, 255, 254, 253, 252, 1, 152, 100, 1, 100, 0], unit).tobytes()
    dataset = palette(GREY, [256, 0, bits], table, kind="Segmented")
    assert (greys(folder, dataset) == 255 - GREY).all()


@pytest.mark.parametrize("unit", ["<u1", "<u2"])
def test_a_segment_may_stand_for_others_before_it(folder: Path, unit: str) -> None:
    """How far off these are is counted in bytes, also where the entries are words."""
    scale = 1 if unit == "<u1" else 257
    pair = np.array([0, 2, 255 * scale, 200 * scale], unit)
    line = np.array([1, 4, 0], unit)
    twice = np.array([2, 2], unit).tobytes() + (0).to_bytes(4, "little")
    only_line = np.array([2, 1], unit).tobytes() + pair.nbytes.to_bytes(4, "little")
    data = pair.tobytes() + line.tobytes() + twice + only_line
    expected = np.array([255, 200, 150, 100, 50, 0] * 2 + [0, 0, 0, 0])
    dataset = palette(GREY % 16, [16, 0, 8 * np.dtype(unit).itemsize], data, kind="Segmented")
    assert (greys(folder, dataset) == expected[GREY % 16]).all()


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from([0, 1]), st.lists(st.integers(0, 255), min_size=1, max_size=20)), min_size=1
    )
)
def test_segments_agree_with_pydicom(segments: list[tuple[int, list[int]]]) -> None:
    segments = [(0, segments[0][1]), *segments[1:]]
    data = [
        number
        for kind, of in segments
        for number in ([0, len(of), *of] if kind == 0 else [1, len(of), of[0]])
    ]
    entries = sum(len(of) for _, of in segments)
    indices = (np.arange(SIDE * SIDE) % 256).astype(np.uint8).reshape(SIDE, SIDE)
    padded = bytes(data) + bytes(len(data) % 2)
    dataset = palette(indices, [entries, 0, 8], padded, kind="Segmented")
    clipped = np.minimum(indices, entries - 1)
    ours, theirs = apply_palette(dataset, indices)[0], apply_color_lut(clipped, dataset)
    # Where a line passes the middle between two levels, the standard leaves open which of them is meant.
    assert np.abs(ours.astype(int) - theirs).max() <= 1


BROKEN = {
    "too few segments": [0, 2, 1, 2],
    "a line from nowhere": [1, 16, 9],
    "an unknown kind": [0, 4, 1, 2, 3, 4, 7, 12, 0],
    "itself": [0, 1, 9, 2, 1, 3, 0, 0, 0],
    "beyond the end": [0, 1, 9, 2, 1, 250, 255, 255, 255],
    "nothing": [],
}


@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.parametrize("unit", ["<u1", "<u2"])
def test_broken_segments_are_damage(folder: Path, fault: str, unit: str) -> None:
    dataset = palette(GREY % 16, [16, 0, 8], np.array(BROKEN[fault], unit).tobytes(), kind="Segmented")
    with pytest.raises(SetAside) as caught:
        greys(folder, dataset)
    assert caught.value.reason is Reason.DAMAGED


@pytest.mark.parametrize("descriptor", [[256, 0], [256, 0, 0], [256, 0, 40], [600, 0, 8]])
def test_a_table_that_its_descriptor_does_not_fit_is_damage(folder: Path, descriptor: list[int]) -> None:
    with pytest.raises(SetAside) as caught:
        greys(folder, palette(GREY, descriptor, words(DOWN)))
    assert caught.value.reason is Reason.DAMAGED

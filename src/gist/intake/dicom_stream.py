"""From the bytes of a DICOM file to a data set that is safe to ask for pixels."""

from __future__ import annotations

import io
import zlib
from itertools import count

import pydicom
from pydicom.dataset import Dataset, FileDataset
from pydicom.filereader import read_partial
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from gist.stages.vocabulary import Reason, SetAside

_DIRECTORY_CLASS = "1.2.840.10008.1.3.10"
_LONG_LENGTH = frozenset(
    {b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UN", b"UR", b"UT", b"SV", b"UV"}
)
_DESCRIPTION = ("Rows", "Columns", "BitsAllocated")
_MOST_ELEMENTS = 50_000
"""Far more than any picture has; a large file of zeros reads as millions of empty ones."""
_LONGEST_META = 1 << 16
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def parse_dicom(data: bytes, max_inflated: int) -> Dataset:
    """Reads a DICOM file; a deflated one only if it inflates to `max_inflated` bytes at most.

    Raises:
        SetAside: a directory, no picture inside, no usable transfer syntax, or deflated beyond the limit.
    """
    meta = _file_meta(data)
    if meta.get(0x0002) == _DIRECTORY_CLASS:
        raise SetAside(Reason.DICOM_DIRECTORY)
    if meta.get(0x0010) == DeflatedExplicitVRLittleEndian:
        dataset = _read(_inflate(data[int(meta[-1]) :], max_inflated))
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    else:
        dataset = _read(data)
    if "DirectoryRecordSequence" in dataset:
        raise SetAside(Reason.DICOM_DIRECTORY)
    if not any(dataset.get(keyword) for keyword in _PIXELS):
        # Without any element the parser stopped at once: that is damage, not a report or a plan.
        raise SetAside(Reason.NO_PICTURE if len(dataset) > 0 else Reason.DAMAGED)
    _ensure_transfer_syntax(dataset)
    return dataset


def _file_meta(data: bytes) -> dict[int, str]:
    """Element number -> text of group 0002 (always explicit little endian), and under -1 where the group
    ends.

    Raises:
        SetAside: the group is longer than any, or nothing but zeros follow it.
    """
    position = 132 if data[128:132] == b"DICM" else 0
    found: dict[int, str] = {}
    while data[position : position + 2] == b"\x02\x00" and position + 8 <= len(data):
        element = int.from_bytes(data[position + 2 : position + 4], "little")
        if data[position + 4 : position + 6] in _LONG_LENGTH:
            start, length = position + 12, int.from_bytes(data[position + 8 : position + 12], "little")
        else:
            start, length = position + 8, int.from_bytes(data[position + 6 : position + 8], "little")
        if element in (0x0002, 0x0010):
            found[element] = data[start : start + min(length, 64)].decode("ascii", "replace").strip("\0 ")
        position = start + length
        if position > _LONGEST_META:
            break
    # A command set, which messages begin with and files should not, states its length first.
    if position > _LONGEST_META or data[position : position + 8] == bytes(8):
        raise SetAside(Reason.DAMAGED)
    found[-1] = str(position)
    return found


def _read(data: bytes) -> FileDataset:
    """The data set up to an element count that only a hostile file exceeds."""
    elements = count()
    return read_partial(io.BytesIO(data), stop_when=lambda *_: next(elements) >= _MOST_ELEMENTS, force=True)


def _inflate(deflated: bytes, max_inflated: int) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        body = inflater.decompress(deflated, max_inflated)
    except zlib.error:
        raise SetAside(Reason.DAMAGED) from None
    if inflater.unconsumed_tail:
        raise SetAside(Reason.TOO_MUCH_MEMORY)
    return body


def _ensure_transfer_syntax(dataset: FileDataset) -> None:
    """Names the encoding of a file without file meta, which the parser found out by trying."""
    if getattr(dataset, "file_meta", None) is None:
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
    if dataset.file_meta.get("TransferSyntaxUID"):
        return
    compressed = "PixelData" in dataset and dataset["PixelData"].is_undefined_length
    if compressed or not all(keyword in dataset for keyword in _DESCRIPTION):
        raise SetAside(Reason.NO_TRANSFER_SYNTAX)
    implicit, little = dataset.original_encoding
    little_syntax = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    dataset.file_meta.TransferSyntaxUID = little_syntax if little else ExplicitVRBigEndian

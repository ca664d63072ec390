"""What a file is, by its first bytes; names and endings are not trusted."""

from __future__ import annotations

import zlib
from typing import Literal

FileType = Literal["dicom", "png", "jpeg", "tiff", "bmp", "webp", "nifti"]
HEAD_BYTES = 140
ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b\x08", b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c")
"""First bytes of zip (and spreadsheet), gzip, RAR and 7-Zip archives."""
_GZIP = b"\x1f\x8b\x08"
_POINTERS = (b"annex/objects/", b"version https://git-lfs.github.com/spec/")
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def file_type(head: bytes) -> FileType | None:
    """The type of a file that begins with `head` (at least HEAD_BYTES of it, if it has them), None if
    unknown."""
    if head[128:132] == b"DICM":
        return "dicom"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(_TIFF):
        return "tiff"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if _is_bare_dicom(head):
        return "dicom"
    if _is_nifti(head):
        return "nifti"
    if head.startswith(b"BM") and head[6:10] == b"\0\0\0\0":
        return "bmp"
    return None


def _is_nifti(head: bytes) -> bool:
    """A NIfTI-1 or -2 header, whose first number is its own size and whose `dim[0]` counts one to seven axes."""
    if head.startswith(_GZIP):
        try:
            head = zlib.decompressobj(31).decompress(head, HEAD_BYTES)
        except zlib.error:
            return False
    for order in ("little", "big"):
        size, *places = int.from_bytes(head[:4], order), (40, 2), (16, 8)
        for length, (start, count) in zip((348, 540), places, strict=True):
            if size == length and 1 <= int.from_bytes(head[start : start + count], order) <= 7:
                return True
    return False


def is_pointer(head: bytes) -> bool:
    """Whether a file only names the contents that git-annex or Git LFS has not fetched."""
    return any(pointer in head for pointer in _POINTERS)


def _is_bare_dicom(head: bytes) -> bool:
    """DICOM without the 128-byte preamble: its first element lies in group 0002 or 0008."""
    if len(head) < 16:
        return False
    if head[:2] in (b"\x02\x00", b"\x08\x00"):
        order: Literal["little", "big"] = "little"
    elif head[:2] in (b"\x00\x02", b"\x00\x08"):
        order = "big"
    else:
        return False
    element = int.from_bytes(head[2:4], order)
    if head[4:6].isalpha() and head[4:6].isupper():
        return element < 0x1200
    return element < 0x1200 and int.from_bytes(head[4:8], order) <= 4096

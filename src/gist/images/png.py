"""Pictures of 8 or 16 bits as PNG bytes, and as numbers in 0-1."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray
from PIL import Image

from gist.images.colour import luma

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
"""[H, W] of grey, or [H, W, 3] of colours in sRGB."""

_AS_THEY_ARE = frozenset({"L", "I", "F", "RGB"}) | {f"I;16{order}" for order in ("", "L", "B", "N")}
_INSTEAD = {"1": "L", "LA": "L", "La": "L"}
"""What Pillow's other modes become; colours, if they are not here."""

XMP_KEY = "XML:com.adobe.xmp"
"""Keyword of the text chunk that is an XMP packet, which is always iTXt (XMP specification part 3, 1.1.5)."""


_UP_FILTER = 2
_GREY, _COLOUR = 0, 2


_WINDOW_BITS = 9  # matches farther back than 512 bytes cost more in film grain than they bring


def encode_png(image: Pixels, text: Mapping[str, str] | None = None) -> bytes:
    """A uint8 or uint16 [H, W] or [H, W, 3] image as PNG bytes (ISO/IEC 15948), `text` as tEXt or iTXt chunks.

    Every row is stored as its difference from the row above and deflated by ISA-L: for radiographs more than
    twelve times as fast as Pillow's defaults, for 9 % more bytes.
    """
    if image.shape[2:] not in ((), (3,)) or image.ndim < 2 or image.dtype not in (np.uint8, np.uint16):
        raise TypeError(f"Cannot handle {image.dtype} {image.shape} as a picture of 8 or 16 bits.")
    height, width = image.shape[:2]
    big_endian = np.ascontiguousarray(image, dtype=image.dtype.newbyteorder(">"))
    samples = big_endian.reshape(height, -1).view(np.uint8)
    rows = np.empty((height, 1 + samples.shape[1]), np.uint8)
    rows[:, 0] = _UP_FILTER
    rows[0, 1:] = samples[0]
    np.subtract(samples[1:], samples[:-1], out=rows[1:, 1:])
    header = struct.pack(
        "!IIBBBBB", width, height, 8 * image.itemsize, _COLOUR if image.ndim == 3 else _GREY, 0, 0, 0
    )
    chunks = [_chunk(b"IHDR", header)]
    chunks += [_text_chunk(key, value) for key, value in (text or {}).items()]
    chunks += [_chunk(b"IDAT", isal_zlib.compress(rows, 1, _WINDOW_BITS)), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def encode_stored_png(image: Pixels) -> bytes:
    """The same without text and without compression, so that pictures of one size make files of one size."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", compress_level=0)
    return file.getvalue()


def _chunk(kind: bytes, content: bytes) -> bytes:
    checked = kind + content
    return struct.pack("!I", len(content)) + checked + struct.pack("!I", isal_zlib.crc32(checked))


def _text_chunk(key: str, value: str) -> bytes:
    try:
        if key != XMP_KEY:
            return _chunk(b"tEXt", key.encode("latin-1") + b"\0" + value.encode("latin-1"))
    except UnicodeEncodeError:
        pass
    return _chunk(b"iTXt", key.encode("latin-1") + bytes(5) + value.encode())


def read_picture(file: Path) -> NDArray[np.uint8]:
    """A picture of ours, uint8 [H, W] or [H, W, 3].

    Raises:
        OSError: there is no such file, or it is no picture.
    """
    with Image.open(file) as picture:
        return np.asarray(picture if picture.mode == "RGB" else picture.convert("L"))


def read_grey(file: Path) -> NDArray[np.uint8]:
    """The luma of a picture of ours, uint8 [H, W].

    Raises:
        OSError: there is no such file, or it is no picture.
    """
    with Image.open(file) as picture:
        return np.asarray(picture.convert("L"))


def decode_png(png: bytes) -> Pixels:
    """The pixels of a PNG; colours have 8 bits, and what is transparent is taken as it is.

    Raises:
        OSError: it is no picture.
        ValueError: its samples have neither 8 nor 16 bits.
    """
    with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
        array = np.asarray(
            image if image.mode in _AS_THEY_ARE else image.convert(_INSTEAD.get(image.mode, "RGB"))
        )
    if array.dtype == np.int32:  # how Pillow before 11.3 hands out 16-bit grey
        array = array.astype(np.uint16)
    if array.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"samples of {array.dtype} have neither 8 nor 16 bits")
    return array


def as_grey_unit(image: Pixels) -> NDArray[np.float32]:
    """The grey, or luma, of an image as float32 [H, W] in 0-1."""
    return luma(as_unit(image))


def as_unit(image: Pixels) -> NDArray[np.float32]:
    """A uint8 or uint16 image as float32 in 0-1."""
    return image.astype(np.float32) / np.float32(np.iinfo(image.dtype).max)

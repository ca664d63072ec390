"""Colour, and grey with alpha, in samples of 16 bits.

Of these Pillow keeps the upper bytes. It takes the lower ones instead where it is told that the bytes of a sample have
the other order, so such a file is read twice.
"""

from __future__ import annotations

import io
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps

from gist.intake.picture import as_levels, colour_to_grey
from gist.stages.vocabulary import Reason, Remark, SetAside

_COLOURS = ("RGB", "RGBX", "RGBA", "RGBa")
_GREYS = ("LX", "La", "LA")
"""Kinds of samples in Pillow's letters: X means nothing, by `a` the others have been multiplied, by A they have not.
The greys stand in the order in which TIFF numbers extra samples."""
_ORDERS = {"B": ">u2", "L": "<u2", "N": "=u2"}
_OTHER_ORDER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
_TIFF_PLANES, _APART = 284, 2


def know_grey_with_alpha() -> None:
    """Lets Pillow open TIFF files of grey with alpha in 16 bits; on its own it knows those of 8."""
    from PIL.TiffImagePlugin import OPEN_INFO

    for order, prefix in (("L", b"II"), ("B", b"MM")):
        for extra, kind in enumerate(_GREYS):
            OPEN_INFO[prefix, 1, (1,), 1, (16, 16), (extra,)] = ("RGBA", f"{kind};16{order}")


def deep_colour(data: bytes, frame: int, colour: bool = False) -> tuple[NDArray[np.uint16], list[Remark]]:
    """The levels [H, W], or of `colour` [H, W, 3], of a frame, transparent parts black, turned upright, and what was
    done.

    Raises:
        SetAside: Pillow does not read these samples, or would read them wrong.
    """
    image = _opened(data, frame)
    kind, _, order = _raw_mode(image.tile[0].args).partition(";16")
    planes = getattr(image, "tag_v2", {}).get(_TIFF_PLANES)
    if order not in _ORDERS or kind not in _COLOURS + _GREYS or planes == _APART:
        raise SetAside(Reason.UNKNOWN_VARIANT)
    if kind in _GREYS:  # four bytes a pixel, whatever they mean
        samples = _read_as(data, frame, "RGBA").view(_ORDERS[order])
        shown, coloured = samples[..., 0].astype(np.float32) / np.float32(65535.0), False
    else:
        upper, lower = (
            _read_as(data, frame, f"{kind.upper()};16{one}") for one in (order, _OTHER_ORDER[order])
        )
        samples = upper.astype(np.uint16) << 8 | lower
        if colour:
            shown, coloured = samples[..., :3].astype(np.float32) / np.float32(65535.0), False
        else:
            shown, coloured = colour_to_grey(samples)
    remarks = [Remark.COLOUR_TO_GREY] if coloured else []
    if kind[-1] in "Aa" and int(samples[..., -1].min()) < 0xFFFF:
        remarks.append(Remark.TRANSPARENCY)
        if kind[-1] == "A":
            opacity = samples[..., -1] / np.float32(65535.0)
            shown *= opacity if shown.ndim == 2 else opacity[..., np.newaxis]
    return as_levels(shown, 16), remarks


def _opened(data: bytes, frame: int) -> ImageFile.ImageFile:
    image = Image.open(io.BytesIO(data), formats=("PNG", "TIFF"))
    if frame:
        image.seek(frame)
    return image


def _raw_mode(arguments: Any) -> str:
    """Pillow's name for how samples lie in the file, alone or the first of several arguments of a decoder."""
    return str(arguments if isinstance(arguments, str) else arguments[0])


def _read_as(data: bytes, frame: int, raw_mode: str) -> NDArray[np.uint8]:
    """The bytes [H, W, samples] that Pillow takes from a file whose samples it believes to lie like that."""
    image = _opened(data, frame)
    image.tile = [
        tile._replace(args=raw_mode if isinstance(tile.args, str) else (raw_mode, *(tile.args or ())[1:]))
        for tile in image.tile
    ]
    return np.asarray(ImageOps.exif_transpose(image))

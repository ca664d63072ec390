"""A heat map over its image, in colour."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from gist.images.colour import in_colour

_CLEAR, _FULL = 1.0, 3.0
"""Heat at which colour sets in and at which it is strongest."""
_STRONGEST = 0.75
_COLOURS = np.array([[255, 214, 70], [214, 40, 30]], np.float64)
"""Yellow to red: light to dark, so that it also reads in grey."""


def heat_over(image_HW: NDArray[np.uint8], heat_hw: NDArray[np.float32]) -> NDArray[np.uint8]:
    """[H, W, 3]: the image, grey or not, with places coloured that look unlike those places in 95 % of real ones."""
    side = image_HW.shape[0]
    heat = Image.fromarray(heat_hw.astype(np.float32)).resize((side, side), Image.Resampling.BICUBIC)
    strength = np.clip((np.asarray(heat, np.float64) - _CLEAR) / (_FULL - _CLEAR), 0, 1)[..., None]
    colour = (1 - strength) * _COLOURS[0] + strength * _COLOURS[1]
    cover = _STRONGEST * np.sqrt(strength)
    mixed = (1 - cover) * in_colour(image_HW) + cover * colour
    return np.asarray(np.rint(mixed), np.uint8)


def encode_colour_png(image_HWC: NDArray[np.uint8], text: Mapping[str, str]) -> bytes:
    """An RGB picture [H, W, 3] as PNG bytes, `text` as tEXt chunks."""
    chunks = PngImagePlugin.PngInfo()
    for key, value in text.items():
        chunks.add_text(key, value)
    buffer = io.BytesIO()
    Image.fromarray(image_HWC).save(buffer, format="PNG", pnginfo=chunks, optimize=True)
    return buffer.getvalue()

"""Pictures on pages: PNG files as data URIs, which say in a text chunk whether they are synthetic."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gist.images.archive import DataSet
from gist.images.png import encode_png
from gist.images.sheets import as_bytes, grid

SYNTHETIC_TEXT = {"Synthetic": "YES", "Software": "gist", "Comment": "Synthetic images - not for diagnosis"}
REAL_TEXT = {"Synthetic": "NO", "Software": "gist"}
MIXED_TEXT = {"Synthetic": "LEFT IMAGE ONLY", "Software": "gist"}
PAGE_WIDTH = 1080
"""CSS pixels of the text and picture column."""
HALF_WIDTH = 532
PIXEL_BUDGET = 8_000_000
"""Pixels in all sheets together; a noisy pixel costs 1.4 bytes of page, so a page stays below 15 MB."""
SMALLEST_SIDE = 32


@dataclass(frozen=True)
class Picture:
    """An image for the page."""

    uri: str
    width: int
    """Pixels of the file."""
    height: int
    shown_width: int
    """CSS pixels: a whole multiple of `width` where that fits, so that all pixels look equally large."""


def data_uri(png: bytes) -> str:
    """A PNG inside a page."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def picture(image_HW: NDArray[np.uint8], text: Mapping[str, str], room: int) -> Picture:
    """An image [H, W] or [H, W, 3] as a data URI, enlarged by a whole factor to fill `room` CSS pixels at most."""
    height, width = image_HW.shape[:2]
    uri = data_uri(encode_png(image_HW, text))
    return Picture(uri, width, height, width * (room // width) if width <= room else room)


def sheet(images_NHW: NDArray[np.uint8], columns: int, text: Mapping[str, str], room: int) -> Picture:
    """Images in rows of `columns`, the outermost ones in line with the text around them."""
    return picture(grid(images_NHW, columns)[2:-2, 2:-2], text, room)


def shown_side(resolution: int, images: int) -> int:
    """Largest side, resolution / 2^k, at which so many images keep the page small."""
    side = resolution
    while side > SMALLEST_SIDE and images * side * side > PIXEL_BUDGET:
        side //= 2
    return side


def shown(data: DataSet, index: int, side: int) -> NDArray[np.uint8]:
    """Image number `index` of a data set as 8 bit, at most `side` pixels wide."""
    return at_most(as_bytes(data.image(index)), side)


def at_most(image_HW: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """A square image, averaged down to `side` pixels where it is larger."""
    if image_HW.shape[0] <= side:
        return image_HW
    return np.asarray(Image.fromarray(image_HW).resize((side, side), Image.Resampling.BOX))

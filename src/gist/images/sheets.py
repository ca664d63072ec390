"""Contact sheets of images, and PNG files that are never half written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gist.files import write_atomic
from gist.images.png import Pixels, encode_png

PAPER_WHITE = 255


def grid(images_NHW: NDArray[np.uint8], columns: int, *, margin: int = 2) -> NDArray[np.uint8]:
    """Images in rows of `columns`, left to right and top to bottom, on white.

    Args:
        images_NHW: uint8 [N, H, W] or [N, H, W, 3], N >= 1.
        columns: images per row; fewer images than that make one shorter row.
        margin: white pixels between neighbours and around the sheet.

    Returns:
        uint8 [rows * (H + margin) + margin, columns * (W + margin) + margin], with colours a third axis.

    Raises:
        ValueError: no images, no columns, or another shape or type.
    """
    if images_NHW.ndim not in (3, 4) or images_NHW.dtype != np.uint8 or not len(images_NHW):
        raise ValueError(
            f"a grid needs uint8 [N, H, W] or [N, H, W, 3], N >= 1, not {images_NHW.dtype} {images_NHW.shape}"
        )
    if columns < 1 or margin < 0:
        raise ValueError(f"a grid needs columns >= 1 and margin >= 0, not {columns} and {margin}")
    count, height, width, *colours = images_NHW.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    sheet = np.full((rows, height + margin, columns, width + margin, *colours), PAPER_WHITE, np.uint8)
    for index, image_HW in enumerate(images_NHW):
        sheet[index // columns, :height, index % columns, :width] = image_HW
    tiled = sheet.reshape(rows * (height + margin), columns * (width + margin), *colours)
    border = [(margin, 0), (margin, 0), *([(0, 0)] * len(colours))]
    return np.pad(tiled, border, constant_values=PAPER_WHITE)


def cut(sheet_HW: NDArray[np.uint8], side: int, *, margin: int = 2) -> NDArray[np.uint8]:
    """The square images of `side` pixels that `grid` laid out; blank cells of a last row are left out.

    Raises:
        ValueError: the sheet is not a grid of such images.
    """
    step = side + margin
    rows, columns = ((length - margin) // step for length in sheet_HW.shape[:2])
    if rows < 1 or columns < 1 or sheet_HW.shape[:2] != (rows * step + margin, columns * step + margin):
        raise ValueError(f"a sheet of {sheet_HW.shape} is not a grid of {side}x{side} images {margin} apart")
    colours = sheet_HW.shape[2:]
    cells = sheet_HW[margin:, margin:].reshape(rows, step, columns, step, *colours).swapaxes(1, 2)
    images_NHW = cells[:, :, :side, :side].reshape(rows * columns, side, side, *colours)
    filled = [n for n, image_HW in enumerate(images_NHW) if n < columns or image_HW.min() < PAPER_WHITE]
    return images_NHW[filled]


def as_bytes(image_HW: Pixels) -> NDArray[np.uint8]:
    """An 8 or 16-bit image as 8 bit, for showing: 16-bit values are divided by 257 and rounded."""
    if image_HW.dtype == np.uint8:
        return image_HW.astype(np.uint8, copy=False)
    return ((image_HW.astype(np.uint32) + 128) // 257).astype(np.uint8)


def write_png_atomic(path: Path, image: Pixels, text: Mapping[str, str] | None = None) -> None:
    """Writes a uint8 or uint16 [H, W] or [H, W, 3] image as PNG, `text` as tEXt chunks, completely or not at all."""
    write_atomic(path, encode_png(image, text))

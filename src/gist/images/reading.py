"""Pictures from wherever people have them: an array, an archive, or a folder of image files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gist.errors import InputError
from gist.images.archive import read_data_set
from gist.images.colour import in_colour
from gist.images.png import as_unit

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")


def unit_pictures(source: Path | str | NDArray[Any], what: str) -> NDArray[np.float32]:
    """Square pictures of one size as float32 [N, R, R] in 0 to 1, or [N, R, R, 3] where any has colours.

    Args:
        source: an array uint8 or uint16 [N, R, R] or [N, R, R, 3], an archive (.zip), or a folder of image files at
            any depth.
        what: name of the set in messages.

    Raises:
        InputError: there is nothing to read, or the pictures are not square and of one size.
    """
    if isinstance(source, np.ndarray):
        return _of_array(source, what)
    path = Path(source).expanduser()
    if path.is_file():
        return _stacked([as_unit(image) for image in read_data_set(path).images()])
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not files:
        raise InputError(f"There are no {what} images at {path}; give a folder of image files or an archive.")
    pictures = [_read(file) for file in files]
    shapes = {picture.shape[:2] for picture in pictures}
    if len(shapes) > 1 or len(set(shapes.pop())) > 1:
        raise InputError(
            f"The {what} images in {path} are not square and of one size; `gist prepare` makes them so."
        )
    return _stacked(pictures)


def _stacked(pictures: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    coloured = any(picture.ndim == 3 for picture in pictures)
    return np.stack([in_colour(picture) if coloured else picture for picture in pictures])


def _of_array(array: NDArray[Any], what: str) -> NDArray[np.float32]:
    square = array.ndim in (3, 4) and array.shape[1] == array.shape[2] and array.shape[3:] in ((), (3,))
    if not square or array.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"The {what} images are {array.dtype} {list(array.shape)}; give uint8 or uint16 [N, R, R] or [N, R, R, 3]."
        )
    return as_unit(array)


def _read(file: Path) -> NDArray[np.float32]:
    try:
        with Image.open(file) as image:
            pixels = np.asarray(image if image.mode in ("L", "I;16") else image.convert("RGB"))
    except (OSError, ValueError, Image.DecompressionBombError):
        raise InputError(f"{file} cannot be read as an image; remove it.") from None
    return as_unit(pixels)

"""The pictures of the report as data URIs: sample sheets, the strip of training pictures, nearest neighbours.

Samples are drawn by the run's seed, never picked. Synthetic pictures carry a PNG text chunk that says so.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gist.images.archive import DataSet
from gist.images.png import encode_png
from gist.images.sheets import as_bytes, cut, grid
from gist.stages.evaluate import Neighbour

SYNTHETIC_TEXT = {"Synthetic": "YES", "Software": "gist", "Comment": "Synthetic images - not for diagnosis"}
REAL_TEXT = {"Synthetic": "NO", "Software": "gist"}
MIXED_TEXT = {"Synthetic": "LEFT IMAGE ONLY", "Software": "gist"}
PIXEL_BUDGET = 8_000_000
"""Pixels in all sheets together; a noisy pixel costs 1.4 bytes of page, so a page stays below 15 MB."""
SMALLEST_SIDE = 32
STRIP_ROWS = 4
STRIP_COLUMNS = 8
STRIP_TILE = 132
"""CSS pixels of one column of the strip."""


@dataclass(frozen=True)
class Picture:
    """An image for the page."""

    uri: str
    width: int
    """Pixels of the file."""
    height: int
    shown_width: int
    """CSS pixels: a whole multiple of `width` where that fits, so that all pixels look equally large."""


@dataclass(frozen=True)
class Sheet:
    """Samples of one class."""

    class_name: str | None
    real: Picture | None
    real_shown: int
    synthetic: Picture | None
    synthetic_shown: int


def shown_side(resolution: int, images: int) -> int:
    """Largest side, resolution / 2^k, at which so many images keep the page small."""
    side = resolution
    while side > SMALLEST_SIDE and images * side * side > PIXEL_BUDGET:
        side //= 2
    return side


def picture(image_HW: NDArray[np.uint8], text: dict[str, str], room: int) -> Picture:
    """A grey image as a data URI, enlarged by a whole factor to fill `room` CSS pixels at most."""
    height, width = image_HW.shape
    uri = "data:image/png;base64," + base64.b64encode(encode_png(image_HW, text)).decode()
    return Picture(uri, width, height, width * (room // width) if width <= room else room)


def sample_sheets(
    real: DataSet,
    synthetic: DataSet | None,
    hidden: frozenset[str],
    *,
    per_class: int,
    side: int,
    columns: int,
    room: int,
    seed: int,
) -> list[Sheet]:
    """Equally many real and synthetic images, class by class; one sheet where either side has no classes.

    Real images of a name in `hidden` are not drawn.
    """
    if real.class_names and (synthetic is None or synthetic.class_names):
        names: list[str | None] = list(real.class_names)
    else:
        names = [None]
    sheets = []
    for number, name in enumerate(names):
        known = _of_class(real, name)
        known = known[np.flatnonzero([real.names[int(index)] not in hidden for index in known])]
        made = _of_class(synthetic, name) if synthetic is not None else known[:0]
        count = min([per_class, *(len(side_) for side_ in (known, made) if len(side_))])
        real_NHW = _samples(real, known, count, side, (seed, number, 0))
        fake_NHW = None if synthetic is None else _samples(synthetic, made, count, side, (seed, number, 1))
        sheets.append(
            Sheet(
                name,
                _sheet(real_NHW, columns, REAL_TEXT, room),
                0 if real_NHW is None else len(real_NHW),
                _sheet(fake_NHW, columns, SYNTHETIC_TEXT, room),
                0 if fake_NHW is None else len(fake_NHW),
            )
        )
    return sheets


def neighbour_pictures(
    neighbours: Sequence[Neighbour], synthetic: DataSet, training: DataSet, *, side: int, room: int
) -> list[Picture]:
    """Each synthetic image with its nearest training image to the right.

    Raises:
        KeyError: an image is not in its archive.
    """
    made = {name: index for index, name in enumerate(synthetic.names)}
    known = {name: index for index, name in enumerate(training.names)}
    pictures = []
    for pair in neighbours:
        left = _shown(synthetic, made[pair.synthetic], side)
        right = _shown(training, known[pair.real], side)
        pictures.append(picture(_borderless(np.stack([left, right]), 2), MIXED_TEXT, room))
    return pictures


def training_strip(files: Sequence[Path], resolution: int, room: int) -> tuple[Picture, list[str]] | None:
    """The same latents through training: a row per latent, a column per picture, and each column's kimg.

    Files are grids of pictures, oldest first, named by the number of images shown, such as
    `network-000020000.png`. None where none can be read.
    """
    chosen = [files[index] for index in _spread(len(files), STRIP_COLUMNS)]
    columns: list[NDArray[np.uint8]] = []
    labels = []
    for file in chosen:
        try:
            with Image.open(file) as image:
                columns.append(cut(np.asarray(image.convert("L")), resolution))
                labels.append(_kimg(file))
        except (OSError, ValueError):
            continue
    if not columns:
        return None
    rows = _spread(min(len(tiles) for tiles in columns), STRIP_ROWS)
    side = shown_side(resolution, len(rows) * len(columns) * 3)
    tiles_NHW = np.stack([_reduced(tiles[row], side) for row in rows for tiles in columns])
    room = min(room, STRIP_TILE * len(columns))
    return picture(_borderless(tiles_NHW, len(columns)), SYNTHETIC_TEXT, room), labels


def _kimg(file: Path) -> str:
    number = file.stem.rpartition("-")[2]
    return f"{int(number) / 1000:g}" if number.isdigit() else ""


def _spread(count: int, at_most: int) -> list[int]:
    return sorted({round(index) for index in np.linspace(0, count - 1, min(count, at_most))}) if count else []


def _of_class(data: DataSet, name: str | None) -> NDArray[np.int64]:
    if name is None:
        return np.arange(len(data))
    return data.of_class(data.class_names.index(name)) if name in data.class_names else np.arange(0)


def _samples(
    data: DataSet, indices: NDArray[np.int64], count: int, side: int, seed: tuple[int, int, int]
) -> NDArray[np.uint8] | None:
    if not len(indices):
        return None
    chosen = np.random.default_rng(seed).choice(indices, count, replace=False)
    return np.stack([_shown(data, int(index), side) for index in chosen])


def _sheet(
    images_NHW: NDArray[np.uint8] | None, columns: int, text: dict[str, str], room: int
) -> Picture | None:
    return None if images_NHW is None else picture(_borderless(images_NHW, columns), text, room)


def _borderless(images_NHW: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    return grid(images_NHW, columns)[2:-2, 2:-2]  # the outermost images line up with the text


def _shown(data: DataSet, index: int, side: int) -> NDArray[np.uint8]:
    return _reduced(as_bytes(data.image(index)), side)


def _reduced(image_HW: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    if image_HW.shape[0] <= side:
        return image_HW
    return np.asarray(Image.fromarray(image_HW).resize((side, side), Image.Resampling.BOX))

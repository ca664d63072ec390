"""Single images of the archives as small pictures on the page; text still in them is covered, its place outlined."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from gist.images.sheets import as_bytes
from gist.intake.data_page.overview import Shown
from gist.pages.pictures import data_uri

SIDE = 160
_OUTLINE = (224, 122, 31)


def small_pictures(folder: Path, images: Sequence[Shown]) -> list[str]:
    """Data URIs of the images, at most SIDE pixels wide."""
    archives: dict[str, zipfile.ZipFile] = {}
    try:
        uris = []
        for image in images:
            if image.archive not in archives:
                archives[image.archive] = zipfile.ZipFile(folder / f"{image.archive}.zip")
            uris.append(data_uri(_small(archives[image.archive].read(image.name), image)))
        return uris
    finally:
        for archive in archives.values():
            archive.close()


def _small(png: bytes, image: Shown) -> bytes:
    with Image.open(io.BytesIO(png)) as stored:
        levels = as_bytes(np.asarray(stored))
    covered = levels.copy()
    for box in () if image.painted_over else image.text:
        covered[box.top : box.bottom, box.left : box.right] = levels[
            box.top : box.bottom, box.left : box.right
        ].mean(axis=(0, 1))
    picture = Image.fromarray(covered)
    side = min(SIDE, picture.width)
    picture = picture.resize((side, side), Image.Resampling.BOX)
    if image.text:
        picture = picture.convert("RGB")
        pen = ImageDraw.Draw(picture)
        for box in image.text:
            corners = [
                length * side / levels.shape[0] for length in (box.left, box.top, box.right, box.bottom)
            ]
            right, bottom = max(corners[0], corners[2] - 1), max(corners[1], corners[3] - 1)
            pen.rectangle((corners[0], corners[1], right, bottom), outline=_OUTLINE)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()

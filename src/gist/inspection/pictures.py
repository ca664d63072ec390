"""A judged image for a page: itself, its heat map and the training image most like it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gist.images.archive import DataSet
from gist.images.png import encode_png
from gist.images.sheets import as_bytes
from gist.metrics.artifacts.heat_maps import encode_colour_png, heat_over
from gist.metrics.artifacts.table import JudgedImage

_SYNTHETIC = {"Synthetic": "YES", "Software": "gist", "Comment": "Synthetic images - not for diagnosis"}
_REAL = {"Synthetic": "NO", "Software": "gist"}


@dataclass(frozen=True)
class JudgedPicture:
    """Pictures as data URIs."""

    judged: JudgedImage
    image: str
    heat_map: str
    nearest: str | None
    """None where the training image must not be shown."""


def judged_pictures(
    judged: Sequence[JudgedImage],
    rows: Sequence[int],
    heat_NHW: NDArray[np.float32],
    synthetic: DataSet,
    training: DataSet,
    hidden: frozenset[str],
    *,
    side: int,
    others_side: int,
) -> Iterator[JudgedPicture]:
    """Pictures of the chosen rows of the table.

    Args:
        judged, heat_NHW: the table and its heat maps.
        hidden: names of training images that must not be shown.
        rows: which of them, in this order.
        side: largest side of the synthetic image.
        others_side: largest side of the heat map and of the real image.
    """
    made = {name: index for index, name in enumerate(synthetic.names)}
    known = {name: index for index, name in enumerate(training.names)}
    for row in rows:
        image = as_bytes(synthetic.image(made[judged[row].image]))
        nearest = judged[row].nearest
        real = None
        if nearest not in hidden:
            real = _at_most(as_bytes(training.image(known[nearest])), others_side)
        heat_map = heat_over(_at_most(image, others_side), heat_NHW[row])
        yield JudgedPicture(
            judged[row],
            _uri(encode_png(_at_most(image, side), _SYNTHETIC)),
            _uri(encode_colour_png(heat_map, _SYNTHETIC)),
            None if real is None else _uri(encode_png(real, _REAL)),
        )


def _at_most(image_HW: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    if image_HW.shape[0] <= side:
        return image_HW
    return np.asarray(Image.fromarray(image_HW).resize((side, side), Image.Resampling.BOX))


def _uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()

"""A judged image for a page: itself, its heat map and the training image most like it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gist.images.archive import DataSet
from gist.images.png import encode_png
from gist.images.sheets import as_bytes
from gist.metrics.artifacts.heat_maps import encode_colour_png, heat_over
from gist.metrics.artifacts.table import JudgedImage
from gist.pages.pictures import REAL_TEXT, SYNTHETIC_TEXT, at_most, data_uri, shown


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
            real = shown(training, known[nearest], others_side)
        heat_map = heat_over(at_most(image, others_side), heat_NHW[row])
        yield JudgedPicture(
            judged[row],
            data_uri(encode_png(at_most(image, side), SYNTHETIC_TEXT)),
            data_uri(encode_colour_png(heat_map, SYNTHETIC_TEXT)),
            None if real is None else data_uri(encode_png(real, REAL_TEXT)),
        )

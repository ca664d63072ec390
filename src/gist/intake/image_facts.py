"""What simple measurements tell of a finished picture: a few numbers, its view and where text was found."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gist.intake.burned_in_text import TextBox
from gist.intake.geometry import FloatImage

# View codes of DICOM (PS3.3 C.8.1.2.1.1, C.8.7.1.1.1, CID 4010 and 4014) and of everyday use; others are withheld.
_VIEWS = frozenset(
    {"AP", "PA", "LL", "RL", "RLD", "LLD", "RLO", "LLO", "LAT", "LATERAL", "OBLIQUE", "AXIAL", "TANGENTIAL"}
    | {"SUNRISE", "SKYLINE", "MERCHANT", "ROSENBERG", "NOTCH", "FROG", "CC", "MLO", "ML", "LM", "SWIMMERS"}
)


class ImageFacts(NamedTuple):
    """Measured on the finished square, borders of pure black left out."""

    mean_grey: float
    """0-1."""
    contrast: float
    """Grey between the 5th and the 95th percentile of pixels, 0-1."""
    sharpness: float
    """Standard deviation of the Laplacian over that of the picture: halves or so with each doubling of a blur."""
    view: str | None
    """View code, where the file gives a known one."""
    text: tuple[TextBox, ...]
    """Where text was found, in pixels of the square."""


def measure(square: FloatImage, view: str, text: tuple[TextBox, ...]) -> ImageFacts:
    """Facts of a float32 [R, R] picture of values in 0-1; `view` is the text of the file's view attribute."""
    shown = _without_black_lines(square)
    counts = np.bincount(
        (shown * np.float32(255.0) + np.float32(0.5)).astype(np.uint8).ravel(), minlength=256
    )
    below = np.cumsum(counts) / shown.size
    low, high = np.searchsorted(below, (0.05, 0.95)).tolist()
    mean, spread = _moments(shown)
    code = view.strip().upper()
    return ImageFacts(
        mean_grey=round(mean, 4),
        contrast=round((high - low) / 255, 4),
        sharpness=round(_moments(_laplacian(shown))[1] / spread, 4) if spread > 0 else 0.0,
        view=code if code in _VIEWS else None,
        text=text,
    )


def _without_black_lines(square: FloatImage) -> FloatImage:
    lit = square > 0
    rows, columns = lit.any(axis=1), lit.any(axis=0)
    if (rows.all() and columns.all()) or min(np.count_nonzero(rows), np.count_nonzero(columns)) < 3:
        return square
    return square[np.ix_(rows, columns)]


def _laplacian(shown: FloatImage) -> FloatImage:
    """Of all but the outermost pixels. All rows are worked on as one; where two meet is cut off in the end."""
    width = shown.shape[1]
    greys = shown.ravel()
    stop = greys.size - width - 1
    result = np.empty_like(greys)
    middle = np.multiply(greys[width + 1 : stop], np.float32(4.0), out=result[width + 1 : stop])
    for step in (-width, width, -1, 1):
        middle -= greys[width + 1 + step : stop + step]
    return result.reshape(shown.shape)[1:-1, 1:-1]


def _moments(values: FloatImage) -> tuple[float, float]:
    """Mean and standard deviation."""
    mean = float(np.add.reduce(values, axis=None)) / values.size
    apart = (values - np.float32(mean)).ravel()
    return mean, math.sqrt(float(apart @ apart) / values.size)

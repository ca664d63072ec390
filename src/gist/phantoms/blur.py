"""Wide Gaussian blurs as two matrix products, whose cost does not grow with the width of the blur."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from gist.phantoms.grid import Map


def wide_blur(image: Map, sigma_rows: float, sigma_columns: float) -> Map:
    """Gaussian blur of [height, width], widths in pixels; what lies beyond the border has no weight."""
    height, width = image.shape
    return np.asarray(_kernel(height, sigma_rows) @ image @ _kernel(width, sigma_columns).T, np.float32)


def _kernel(count: int, sigma: float) -> Map:
    offsets = np.arange(1 - count, count, dtype=np.float32) / np.float32(sigma)
    rows = sliding_window_view(np.exp(-0.5 * offsets * offsets), count)[::-1]
    return np.asarray(rows / rows.sum(1, keepdims=True), np.float32)

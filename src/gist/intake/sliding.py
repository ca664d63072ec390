"""Minimum and maximum over square windows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def sliding(extreme: np.ufunc, values_HW: NDArray[Any], side: int, fill: float) -> NDArray[Any]:
    """`extreme` (np.minimum or np.maximum) over windows of side x side (odd), by windows that double.

    Beyond the picture lies `fill`. All rows are worked on as one: a window that runs on into the next row starts
    beyond the picture and is cut off in the end.
    """
    height, width = values_HW.shape
    beyond, step = side // 2, width + side - 1
    padded = np.full((height + side, step), fill, values_HW.dtype)
    padded[beyond : beyond + height, beyond : beyond + width] = values_HW
    windows = padded.ravel()
    for stride in (step, 1):
        reached = 1
        while reached < side:
            shift = min(reached, side - reached)
            windows = extreme(windows[: -shift * stride], windows[shift * stride :])
            reached += shift
    return windows[: height * step].reshape(height, step)[:, :width]

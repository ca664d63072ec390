"""Minimum and maximum over square windows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def sliding(extreme: np.ufunc, values_HW: NDArray[Any], side: int, fill: float) -> NDArray[Any]:
    """`extreme` (np.minimum or np.maximum) over windows of side x side (odd), by windows that double.

    Beyond the picture lies `fill`.
    """
    beyond = side // 2
    windows = np.full([length + 2 * beyond for length in values_HW.shape], fill, values_HW.dtype)
    windows[beyond:-beyond, beyond:-beyond] = values_HW
    reached = 1
    while reached < side:
        shift = min(reached, side - reached)
        windows = extreme(windows[:-shift], windows[shift:])
        windows = extreme(windows[:, :-shift], windows[:, shift:])
        reached += shift
    return windows

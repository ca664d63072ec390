"""Grey and colour."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in a grey image (ITU-R BT.601, as JPEG itself has them)."""
_WEIGHTS = np.array(LUMA, np.float32)


def luma(x: NDArray[np.float32], axes: int = 2) -> NDArray[np.float32]:
    """Grey of pictures in 0-1: themselves if they have `axes` axes, [H, W] or with 3 [N, H, W]; else weighed."""
    grey: NDArray[np.float32] = x if x.ndim == axes else x @ _WEIGHTS
    return grey


def grey_levels(image: NDArray[Any]) -> NDArray[Any]:
    """Luma of a picture [H, W, 3] in its own levels; grey ones as they are."""
    return np.rint(luma(image.astype(np.float32))).astype(image.dtype) if image.ndim == 3 else image


def with_channels(image: NDArray[Any], channels: int) -> NDArray[Any]:
    """A picture [H, W] or [H, W, 3] as one of 1 or of 3 channels."""
    return grey_levels(image) if channels == 1 else in_colour(image)


def in_colour(image: NDArray[Any]) -> NDArray[Any]:
    """A picture [H, W, 3]: itself, or a grey one as three equal colours."""
    return np.repeat(image[..., np.newaxis], 3, axis=-1) if image.ndim == 2 else image

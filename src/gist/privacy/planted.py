"""Copies of training images, changed as a memorising generator might change them: what they are found with is power."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Images = NDArray[np.float32]

SHIFT = 1 / 16
"""Of the side: 4 pixels of 64."""
DEGREES = 3.0
CROP = 0.05
"""Cut off at each edge; the rest is brought back to size."""
NOISE = 0.03
BLUR = 1 / 64
"""Standard deviation as a share of the side: 1 pixel of 64."""


def planted(kind: str, x_NHW: Images, rng: np.random.Generator) -> Images:
    """Copies of one of `KINDS` of images [N, H, W] in 0-1."""
    return np.clip(KINDS[kind](x_NHW, rng), 0, 1).astype(np.float32)


def turned(x_NHW: Images, degrees: float) -> Images:
    return np.asarray(ndimage.rotate(x_NHW, degrees, axes=(1, 2), reshape=False, order=1, mode="nearest"))


def magnified(x_NHW: Images, factor: float) -> Images:
    """About the centre; below 1 the edges are drawn out."""
    side = x_NHW.shape[1]
    offset = (side - 1) / 2 * (1 - 1 / factor)
    return np.asarray(
        ndimage.affine_transform(
            x_NHW, [1, 1 / factor, 1 / factor], [0, offset, offset], order=1, mode="nearest"
        )
    )


def _shifted(x_NHW: Images, rng: np.random.Generator) -> Images:
    pixels = max(1, round(SHIFT * x_NHW.shape[1]))
    by = rng.choice([-pixels, pixels], (len(x_NHW), 2)) * rng.permuted(
        np.tile([0, 1], (len(x_NHW), 1)), axis=1
    )
    return np.stack([ndimage.shift(x, s, order=0, mode="nearest") for x, s in zip(x_NHW, by, strict=True)])


def _turned(x_NHW: Images, rng: np.random.Generator) -> Images:
    clockwise = rng.random(len(x_NHW)) < 0.5
    return np.where(clockwise[:, None, None], turned(x_NHW, -DEGREES), turned(x_NHW, DEGREES))


def _mixed(x_NHW: Images, rng: np.random.Generator) -> Images:
    partner = np.roll(rng.permutation(len(x_NHW)), 1)
    return 0.5 * x_NHW + 0.5 * x_NHW[np.where(partner == np.arange(len(x_NHW)), partner - 1, partner)]


KINDS: dict[str, Callable[[Images, np.random.Generator], Images]] = {
    "exact": lambda x, _: x,
    "shifted": _shifted,
    "rotated": _turned,
    "re-exposed": lambda x, _: 1.2 * (x**0.8 - 0.5) + 0.5,
    "cropped": lambda x, _: magnified(x, 1 / (1 - 2 * CROP)),
    "blurred": lambda x, _: ndimage.gaussian_filter(x, (0, BLUR * x.shape[1], BLUR * x.shape[1])),
    "noisy": lambda x, rng: x + rng.normal(0, NOISE, x.shape).astype(np.float32),
    "mirrored": lambda x, _: x[:, :, ::-1],
    "mixed half and half": _mixed,
}

"""Colour without brightness: the two chroma components of JPEG (ITU-R BT.601), which are 0 for grey."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gist.images.colour import luma
from gist.metrics.extractors.intensity import PERCENTILES, Columns, moments, pooled, signed_log

_PARTS = {"blue": (2, 0.564), "red": (0, 0.713)}
"""Component -> channel whose difference from luma it is, and the factor that brings it to -1/2 to 1/2."""
_LAYOUT_SIDE = 4


def chroma(x_NHWC: NDArray[np.float32]) -> Columns:
    """Moments, percentiles, fine detail and coarse layout of each component, and how the two go together."""
    columns: Columns = {}
    luma_NHW = luma(x_NHWC, 3)
    parts = {
        name: ((x_NHWC[..., channel] - luma_NHW) * np.float32(factor))
        for name, (channel, factor) in _PARTS.items()
    }
    for name, part_NHW in parts.items():
        at = f"chroma/{name}/"
        flat = part_NHW.reshape(len(part_NHW), -1)
        mean, std, skewness, kurtosis = moments(flat)
        columns |= {at + "mean": mean, at + "std": std}
        columns |= {at + "skewness": signed_log(skewness), at + "kurtosis": signed_log(kurtosis)}
        ranked = np.sort(flat, axis=1)
        for percent in PERCENTILES:
            columns[f"{at}p{percent}"] = ranked[:, round(percent / 100 * (flat.shape[1] - 1))].astype(
                np.float64
            )
        half = pooled(part_NHW, 2)
        fine = part_NHW - half.repeat(2, axis=1).repeat(2, axis=2)
        columns[at + "detail"] = np.sqrt(np.square(fine, dtype=np.float64).mean(axis=(1, 2)))
        coarse = pooled(part_NHW, part_NHW.shape[1] // _LAYOUT_SIDE).reshape(len(part_NHW), -1)
        columns |= {
            f"{at}layout/{place}": coarse[:, place].astype(np.float64) for place in range(coarse.shape[1])
        }
    blue, red = (part.reshape(len(part), -1).astype(np.float64) for part in parts.values())
    together = ((blue - blue.mean(axis=1, keepdims=True)) * (red - red.mean(axis=1, keepdims=True))).mean(
        axis=1
    )
    columns["chroma/together"] = together / np.maximum(blue.std(axis=1) * red.std(axis=1), 1e-6)
    return columns

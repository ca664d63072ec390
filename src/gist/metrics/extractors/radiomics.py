"""Radiomics-type image features that need no trained weights.

Classes of features follow the Image Biomarker Standardisation Initiative (Zwanenburg 2020) where it defines
them, over the whole image instead of a region: intensity, co-occurrence and run-length textures, local binary
patterns, gradient orientations, pyramid, wavelet and Fourier band energies, coarse layout. They see texture,
sharpness, noise, exposure and rough anatomy; they do not understand anatomy, so a distance of theirs is named
FD[radiomics] or KID[radiomics] and is no substitute for a reader.

Every image is first rounded to 256 grey levels, so that 8-bit and 16-bit sets are compared on equal terms:
several texture features would otherwise respond to the bit depth alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gist.images.colour import luma
from gist.metrics.extractors.chroma import chroma
from gist.metrics.extractors.edges import binary_patterns, gradients
from gist.metrics.extractors.frequency import haar, pyramid, spectrum
from gist.metrics.extractors.grey_levels import cooccurrence, quantised, run_lengths
from gist.metrics.extractors.intensity import Columns, first_order, layout

VERSION = 1
BATCH = 64


class Radiomics:
    """The extractor `radiomics`; `resolution` is the side of the square images, a power of two from 32."""

    name = "radiomics"
    batch = BATCH
    standardised = True

    def __init__(self, resolution: int) -> None:
        self.resolution = resolution

    @property
    def identity(self) -> str:
        """Everything that decides what the features of an image are."""
        return f"radiomics/{VERSION} weights=none resize=none size={self.resolution} range=0-1 levels=256"

    def features(self, x_NHW: NDArray[np.float32]) -> NDArray[np.float64]:
        """Images [N, H, W] or [N, H, W, 3] in 0-1 -> features [N, F], not standardised; of colours, those of the luma
        and of the chroma.
        """
        columns = self.columns(luma(x_NHW, 3))
        if x_NHW.ndim == 4:
            columns |= chroma((np.rint(np.clip(x_NHW, 0.0, 1.0) * 255) / 255).astype(np.float32))
        return np.stack(list(columns.values()), axis=1)

    def columns(self, x_NHW: NDArray[np.float32]) -> Columns:
        """The same features by name, [N] each."""
        levels = np.rint(np.clip(x_NHW, 0.0, 1.0) * 255).astype(np.int64)
        x_NHW = levels.astype(np.float32) / np.float32(255)
        q_NHW = quantised(x_NHW)
        return (
            first_order(x_NHW)
            | layout(x_NHW)
            | cooccurrence(q_NHW)
            | run_lengths(q_NHW)
            | binary_patterns(levels)
            | gradients(x_NHW)
            | pyramid(x_NHW)
            | haar(x_NHW)
            | spectrum(x_NHW)
        )

"""Feature extractors: images in, vectors out, with an identity that decides what may be compared."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gist.errors import InputError
from gist.evaluation.extractors.radiomics import Radiomics

__all__ = ["Extractor", "Radiomics", "extractor_named"]


class Extractor(Protocol):
    """Turns images into feature vectors."""

    @property
    def name(self) -> str:
        """Name in square brackets of a score: FD[name]."""

    @property
    def identity(self) -> str:
        """Version, weights and preprocessing: everything that decides the features of an image."""

    @property
    def batch(self) -> int:
        """Images per call that suit this extractor."""

    def features(self, x_NHW: NDArray[np.float32]) -> NDArray[np.float64]:
        """Images [N, H, W] in 0-1 -> features [N, F]."""


def extractor_named(name: str, resolution: int) -> Extractor:
    """The extractor of a name in the settings, for square images of side `resolution` pixels.

    Raises:
        InputError: there is no such extractor.
    """
    if name == "radiomics":
        return Radiomics(resolution)
    raise InputError(f"There is no feature extractor '{name}'; set evaluate.extractor to radiomics.")

"""Feature extractors: images in, vectors out, with an identity that decides what may be compared."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray

from gist.errors import InputError
from gist.metrics.extractors.radiomics import Radiomics
from gist.metrics.weights import Unavailable

__all__ = ["EXTRACTORS", "Extractor", "Radiomics", "extractor_named"]

_HERE = "gist.metrics.extractors"
_NETWORKS = {
    "inception": f"{_HERE}.fidelity",
    "dinov2": f"{_HERE}.vision_transformer",
    "swav": f"{_HERE}.backbones",
    "squeezenet": f"{_HERE}.squeezenet",
    "resnet50": f"{_HERE}.backbones",
    "resnet101": f"{_HERE}.backbones",
    "inception_v3": f"{_HERE}.backbones",
    "vgg16": f"{_HERE}.fidelity",
    "vgg19": f"{_HERE}.backbones",
}
"""Extractor -> module with a function of its name; imported only when asked for, as torchvision is slow to load."""
EXTRACTORS = ("radiomics", *_NETWORKS)
_AUTOMATIC = ("inception", "dinov2", "resnet50", "squeezenet")
"""What `auto` looks for, best first; SwAV's licence is for the user to judge."""


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

    @property
    def standardised(self) -> bool:
        """Whether features have units of their own, and are centred and scaled before they are compared."""

    def features(self, x_NHW: NDArray[np.float32]) -> NDArray[np.float64]:
        """Images [N, H, W], or [N, H, W, 3] of colours, in 0-1 -> features [N, F]."""


def extractor_named(
    name: str,
    resolution: int,
    *,
    weights: Path | None = None,
    device: torch.device | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> Extractor:
    """The extractor of a name in the settings, for square images of side `resolution` pixels.

    `auto` is the best one whose weights are found, else radiomics; `note` is told which.

    Raises:
        InputError: there is no such extractor, or its weights are missing, damaged or another network's.
    """
    device = device or torch.device("cpu")
    if weights is not None and name not in _NETWORKS:
        raise InputError(
            f"evaluate.weights names a file, so evaluate.extractor must say whose weights it holds, not '{name}'."
        )
    if name == "radiomics":
        return Radiomics(resolution)
    if name == "auto":
        return _automatic(resolution, device, note)
    if name not in _NETWORKS:
        raise InputError(
            f"There is no feature extractor '{name}'; set evaluate.extractor to one of {', '.join(EXTRACTORS)}."
        )
    return _network(name, weights, device)


def _network(name: str, weights: Path | None, device: torch.device) -> Extractor:
    build = getattr(importlib.import_module(_NETWORKS[name]), name)
    return cast(Extractor, build(weights, device))


def _automatic(resolution: int, device: torch.device, note: Callable[[str], None]) -> Extractor:
    for name in _AUTOMATIC:
        try:
            extractor = _network(name, None, device)
        except Unavailable:
            continue
        note(f"Images were compared by {name} features, the best whose weights were found here.")
        return extractor
    note(
        "No pretrained weights were found, so images were compared by radiomics features, which need none; "
        "`gist weights` lists what is missing and where to get it."
    )
    return Radiomics(resolution)

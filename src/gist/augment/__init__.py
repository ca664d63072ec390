"""Adaptive discriminator augmentation (Karras et al. 2020), safe for radiographs."""

from gist.augment.controller import AdaController, AdaSettings
from gist.augment.parameters import PRESETS, AugmentParameters, Preset, PresetName
from gist.augment.pipeline import AugmentPipe, strongest

__all__ = [
    "PRESETS",
    "AdaController",
    "AdaSettings",
    "AugmentParameters",
    "AugmentPipe",
    "Preset",
    "PresetName",
    "strongest",
]

"""Adaptive discriminator augmentation (Karras et al. 2020), safe for radiographs."""

from gist.generators.augment.controller import AdaController, AdaSettings
from gist.generators.augment.parameters import PRESETS, AugmentParameters, Preset, PresetName
from gist.generators.augment.pipeline import AugmentPipe, strongest

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

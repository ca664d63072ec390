"""What an augmentation does to each image: presets, and the per-image parameters drawn from them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

import torch
from torch import Tensor

PresetName = Literal["radiograph", "colour", "bgc", "none"]


@dataclass(frozen=True)
class Preset:
    """Strengths of the transformations; zero or False leaves one out. Normals end at `normal_limit` std."""

    mirror: bool = False
    quarter_turns: bool = False
    integer_translation: float = 0.0
    """Largest whole-pixel shift as a share of the image size, uniform in both directions."""
    scale_log2_std: float = 0.0
    rotation_std_degrees: float = 0.0
    """Of each of two rotations, before and after the anisotropic scale; infinite means any angle."""
    anisotropy_log2_std: float = 0.0
    translation_std: float = 0.0
    """Standard deviation of the sub-pixel shift as a share of the image size."""
    brightness_std: float = 0.0
    contrast_log2_std: float = 0.0
    luma_flip: bool = False
    hue: bool = False
    saturation_log2_std: float = 0.0
    normal_limit: float = math.inf


# Upright, right way round, bone bright: nothing that would turn a radiograph into one nobody could take.
_RADIOGRAPH = Preset(
    integer_translation=0.125,
    scale_log2_std=0.2,
    rotation_std_degrees=5.0,
    anisotropy_log2_std=0.1,
    translation_std=0.125,
    brightness_std=0.2,
    contrast_log2_std=0.5,
    normal_limit=2.5,
)

PRESETS: dict[PresetName, Preset] = {
    "radiograph": _RADIOGRAPH,
    # The same, with hue and saturation as Karras et al. 2020 have them.
    "colour": replace(_RADIOGRAPH, hue=True, saturation_log2_std=1.0),
    # Karras et al. 2020, appendix B: pixel blitting, general geometric and colour transformations.
    "bgc": Preset(
        mirror=True,
        quarter_turns=True,
        integer_translation=0.125,
        scale_log2_std=0.2,
        rotation_std_degrees=math.inf,
        anisotropy_log2_std=0.2,
        translation_std=0.125,
        brightness_std=0.2,
        contrast_log2_std=0.5,
        luma_flip=True,
        hue=True,
        saturation_log2_std=1.0,
    ),
    "none": Preset(),
}

# One row of uniforms per image, in this order: for each transformation whether it happens, then its value.
_COLUMNS = (
    *("mirror?", "mirror"),
    *("quarter_turns?", "quarter_turns"),
    *("integer_translation?", "integer_translation_x", "integer_translation_y"),
    *("scale?", "scale"),
    *("pre_rotation?", "pre_rotation"),
    *("anisotropy?", "anisotropy"),
    *("post_rotation?", "post_rotation"),
    *("translation?", "translation_x", "translation_y"),
    *("brightness?", "brightness"),
    *("contrast?", "contrast"),
    *("luma_flip?", "luma_flip"),
    *("hue?", "hue"),
    *("saturation?", "saturation"),
)
_COLUMN = {name: index for index, name in enumerate(_COLUMNS)}
_GATES = [index for index, name in enumerate(_COLUMNS) if name.endswith("?")]


@dataclass(frozen=True)
class AugmentParameters:
    """One value per image and transformation, float64 [N] on CPU; `AugmentPipe.apply` replays them.

    Sizes are relative to the image, so one set of parameters serves every resolution.
    """

    mirror: Tensor
    """1 where left and right are exchanged, else 0."""
    quarter_turns: Tensor
    """0, 1, 2 or 3 turns by 90 degrees."""
    integer_translation: Tensor
    """[N, 2], x and y, share of the image size; rounded to whole pixels on application."""
    scale: Tensor
    pre_rotation: Tensor
    """Radians."""
    anisotropy: Tensor
    """Factor of the width; the height is divided by it."""
    post_rotation: Tensor
    translation: Tensor
    """[N, 2], x and y, share of the image size."""
    brightness: Tensor
    """Added to the image, before contrast."""
    contrast: Tensor
    """Positive factor."""
    luma_flip: Tensor
    """1 where bright and dark are exchanged, else 0."""
    hue: Tensor
    """Radians; colour images only."""
    saturation: Tensor
    """Factor; colour images only."""

    def __len__(self) -> int:
        return len(self.scale)

    def __getitem__(self, images: slice | Tensor) -> "AugmentParameters":
        """The parameters of some of the images, for example of one micro-batch."""
        return AugmentParameters(**{field.name: getattr(self, field.name)[images] for field in fields(self)})

    @classmethod
    def joined(cls, parts: "Sequence[AugmentParameters]") -> "AugmentParameters":
        """The parameters of several batches as of one."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: torch.cat([getattr(part, name) for part in parts]) for name in names})


def draw_uniforms(n: int, generator: torch.Generator) -> Tensor:
    """[n, columns] float64 uniforms from a CPU generator; row i does not depend on how many rows follow."""
    return torch.rand(n, len(_COLUMNS), generator=generator, dtype=torch.float64)


def extreme_uniforms(n: int, tail: float) -> Tensor:
    """[n, columns]: every transformation at its `tail` or `1 - tail` quantile, in a fixed random pattern."""
    upper = draw_uniforms(n, torch.Generator().manual_seed(0)) < 0.5
    uniforms = torch.where(upper, 1 - tail, tail).to(torch.float64)
    uniforms[:, _GATES] = 0.0
    return uniforms


def parameters_from_uniforms(uniforms: Tensor, preset: Preset, p: float) -> AugmentParameters:
    """Parameters as a function of one row of uniforms per image, by inverse distribution functions.

    Raising p with the same uniforms only adds transformations. Each happens with probability p, and each of
    the two rotations with 1 - sqrt(1 - p), so that an image is rotated with probability p (Karras et al.
    2020, appendix B, algorithm 1).
    """
    p_rotation = 1 - math.sqrt(1 - p)

    def happens(operation: str, probability: float = p) -> Tensor:
        return uniforms[:, _COLUMN[operation + "?"]] < probability

    def uniform(name: str) -> Tensor:
        return uniforms[:, _COLUMN[name]]

    def normal(name: str) -> Tensor:
        below = 0.5 * math.erfc(preset.normal_limit / math.sqrt(2))
        inside = below + uniform(name) * (1 - 2 * below)
        # A uniform of exactly zero would be minus infinity.
        quantile: Tensor = torch.special.ndtri(inside.clamp(2.0**-54, 1 - 2.0**-53))
        return quantile

    def factor(name: str, log2_std: float) -> Tensor:
        return torch.where(happens(name), torch.exp2(log2_std * normal(name)), 1.0)

    def angle(name: str) -> Tensor:
        if math.isinf(preset.rotation_std_degrees):
            value = math.pi * (2 * uniform(name) - 1)
        else:
            value = math.radians(preset.rotation_std_degrees) * normal(name)
        return torch.where(happens(name, p_rotation), value, 0.0)

    def switch(name: str, allowed: bool) -> Tensor:
        return (happens(name) & (uniform(name) < 0.5) & allowed).to(torch.float64)

    turns = (uniform("quarter_turns") * 4).floor() * preset.quarter_turns
    whole = 2 * torch.stack([uniform(f"integer_translation_{axis}") for axis in "xy"], 1) - 1
    shift = torch.stack([normal(f"translation_{axis}") for axis in "xy"], 1)
    return AugmentParameters(
        mirror=switch("mirror", preset.mirror),
        quarter_turns=torch.where(happens("quarter_turns"), turns, 0.0),
        integer_translation=torch.where(
            happens("integer_translation")[:, None], preset.integer_translation * whole, 0.0
        ),
        scale=factor("scale", preset.scale_log2_std),
        pre_rotation=angle("pre_rotation"),
        anisotropy=factor("anisotropy", preset.anisotropy_log2_std),
        post_rotation=angle("post_rotation"),
        translation=torch.where(happens("translation")[:, None], preset.translation_std * shift, 0.0),
        brightness=torch.where(happens("brightness"), preset.brightness_std * normal("brightness"), 0.0),
        contrast=factor("contrast", preset.contrast_log2_std),
        luma_flip=switch("luma_flip", preset.luma_flip),
        hue=torch.where(happens("hue") & preset.hue, math.pi * (2 * uniform("hue") - 1), 0.0),
        saturation=factor("saturation", preset.saturation_log2_std),
    )

"""What a generator and its discriminator look like, in actual numbers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gist.errors import InputError
from gist.generators.gan.family import GanFamily
from gist.generators.registry import family_named

RESOLUTIONS = (16, 32, 64, 128, 256, 512, 1024, 2048)


@dataclass(frozen=True)
class NetworkSpec:
    """Everything needed to build a generator G and its discriminator D.

    Fields that default to 0 are filled in at construction with what the papers use for the
    architecture, so a finished spec always holds actual numbers. Where a paper gives the generator wider
    layers, the configuration widens `channel_base` and `channel_max`, and the discriminator's channels
    (`d_channel_*`) default to what they were before.

    Raises InputError for a combination that cannot be built.
    """

    architecture: str
    """Name of its family."""
    resolution: int
    """Height and width of the images in pixels, a power of two."""
    channels: int = 1
    """1 for grey images, 3 for RGB."""
    classes: int = 0
    """Length of the one-hot class vector c; 0 for unconditional networks."""
    z_dim: int = 512
    """Length of the Gaussian input latent z."""
    w_dim: int = 512
    """Length of the intermediate latent w."""
    mapping_layers: int = 0
    """Depth of G's mapping network; defaults to the paper's."""
    mapping_lr_multiplier: float = 0.01
    """Learning rate of the mapping network's layers relative to the rest."""
    w_avg_beta: float = 0.998
    """Decay per update of the moving average of w."""
    channel_base: int = 32768
    """Overall multiplier of G's channels."""
    channel_max: int = 512
    """Upper limit of G's channels per layer."""
    conv_clamp: float | None = 256.0
    """Limit of G's activations; None for no limit."""

    layers: int = 14
    """alias-free: synthesis layers, input and ToRGB not counted."""
    critical_layers: int = 2
    """alias-free: critically sampled layers at the end."""
    first_cutoff: float = 2.0
    """alias-free: cutoff frequency of the first layer, in cycles per image side."""
    first_stopband: float = 2.0**2.1
    """alias-free: minimum stopband of the first layer, in cycles per image side."""
    last_stopband_rel: float = 2.0**0.3
    """alias-free: minimum stopband of the last layer relative to its cutoff."""
    margin: int = 10
    """alias-free: pixels kept around the target canvas."""
    filter_size: int = 6
    """alias-free: low-pass filter taps per unit of up- or downsampling."""
    lrelu_upsampling: int = 2
    """alias-free: oversampling around each nonlinearity."""
    conv_kernel: int = 0
    """alias-free: convolution size; defaults to the paper's, 3 or 1."""
    output_scale: float = 0.25
    """alias-free: factor on the ToRGB output."""
    magnitude_ema_beta: float = 0.999
    """alias-free: decay per step of the input magnitude averages."""

    d_channel_base: int = 0
    """Overall multiplier of D's channels; defaults to G's before it is widened."""
    d_channel_max: int = 0
    """Upper limit of D's channels per layer; defaults to G's before it is widened."""
    d_detail: float = 0.0
    """Factor on the details among the Haar bands that D sees; 0 where it sees pixels."""
    d_mapping_layers: int = 8
    """Depth of D's class mapping network."""
    d_conv_clamp: float | None = 256.0
    """Limit of D's activations; None for no limit."""
    mbstd_group: int = 4
    """Images per group of D's minibatch standard deviation."""

    def __post_init__(self) -> None:
        family = self.family
        own = {
            "mapping_layers": family.mapping_layers,
            "conv_kernel": family.conv_kernel,
            "d_channel_base": self.channel_base // family.generator_widening,
            "d_channel_max": self.channel_max // family.generator_widening,
        }
        for name, value in own.items():
            if getattr(self, name) == 0:
                object.__setattr__(self, name, value)
        self._check()

    @property
    def family(self) -> GanFamily:
        """The architecture's own facts. Raises InputError where there is no such architecture."""
        family = family_named(self.architecture)
        if not isinstance(family, GanFamily):
            raise InputError(
                f"architecture '{self.architecture}' has no generator and discriminator of this kind."
            )
        return family

    def to_json(self) -> dict[str, Any]:
        """The spec as a dict that `json` can write."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> NetworkSpec:
        """The spec written by `to_json`. Raises InputError for unknown, missing or mistyped fields."""
        known = {field.name: str(field.type) for field in dataclasses.fields(cls)}
        values: dict[str, Any] = {}
        for name, value in fields.items():
            if name not in known:
                raise InputError(
                    f"the network description has an unknown field '{name}'; a newer version may read it."
                )
            values[name] = _typed(name, value, known[name])
        for name in ("architecture", "resolution"):
            if name not in values:
                raise InputError(f"the network description lacks the field '{name}'.")
        return cls(**values)

    def _check(self) -> None:
        if self.resolution not in RESOLUTIONS:
            raise InputError(
                f"resolution {self.resolution} is not possible; choose a power of two from "
                f"{RESOLUTIONS[0]} to {RESOLUTIONS[-1]}."
            )
        largest = self.family.largest_resolution
        if largest is not None and self.resolution > largest:
            raise InputError(
                f"{self.architecture} draws images of at most {largest}x{largest}; choose a smaller resolution "
                "or another architecture."
            )
        if self.channels not in (1, 3):
            raise InputError(f"channels must be 1 (grey) or 3 (RGB), not {self.channels}.")
        if self.conv_kernel not in (1, 3):
            raise InputError(f"conv_kernel must be 1 or 3, not {self.conv_kernel}.")
        limits = {
            "classes": (0, 100_000),
            "z_dim": (1, 8192),
            "w_dim": (1, 8192),
            "mapping_layers": (1, 64),
            "d_mapping_layers": (1, 64),
            "channel_base": (self.resolution, 2**20),
            "d_channel_base": (self.resolution, 2**20),
            "channel_max": (1, 8192),
            "d_channel_max": (1, 8192),
            "layers": (2, 64),
            "critical_layers": (0, self.layers - 1),
            "margin": (0, 256),
            "filter_size": (1, 64),
            "mbstd_group": (1, 1024),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"{name} must be from {low} to {high}, not {value}.")
        if self.lrelu_upsampling not in (1, 2, 4):
            raise InputError(f"lrelu_upsampling must be 1, 2 or 4, not {self.lrelu_upsampling}.")
        for name in ("conv_clamp", "d_conv_clamp"):
            clamp = getattr(self, name)
            if clamp is not None and not (math.isfinite(clamp) and clamp > 0):
                raise InputError(f"{name} must be above 0 or null, not {clamp}.")
        for name in ("w_avg_beta", "magnitude_ema_beta"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 0 and below 1, not {getattr(self, name)}.")
        if not (math.isfinite(self.mapping_lr_multiplier) and self.mapping_lr_multiplier > 0):
            raise InputError(f"mapping_lr_multiplier must be above 0, not {self.mapping_lr_multiplier}.")
        if not 0 <= self.d_detail <= 64:
            raise InputError(f"d_detail must be from 0 to 64, not {self.d_detail:g}.")
        if not math.isfinite(self.output_scale):
            raise InputError(f"output_scale must be a finite number, not {self.output_scale}.")
        self._check_frequencies()

    def _check_frequencies(self) -> None:
        if not 0 < self.first_cutoff < self.first_stopband:
            raise InputError(
                f"first_cutoff ({self.first_cutoff:g}) must lie between 0 and first_stopband "
                f"({self.first_stopband:g})."
            )
        if self.first_cutoff >= self.resolution / 2:
            raise InputError(
                f"first_cutoff ({self.first_cutoff:g}) must be below half the resolution ({self.resolution})."
            )
        if not 1 <= self.last_stopband_rel <= 16:
            raise InputError(f"last_stopband_rel must be from 1 to 16, not {self.last_stopband_rel:g}.")


def _typed(name: str, value: Any, annotation: str) -> Any:
    """`value` if it is of the field's annotated type (an int also counts as a float)."""
    right = {
        "str": isinstance(value, str),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "float": isinstance(value, (int, float)) and not isinstance(value, bool),
    }
    if value is None and annotation.endswith("| None"):
        return None
    kind = annotation.removesuffix("| None").strip()
    if not right[kind]:
        raise InputError(
            f"the network description's field '{name}' holds {type(value).__name__} instead of {kind}."
        )
    return float(value) if kind == "float" else value

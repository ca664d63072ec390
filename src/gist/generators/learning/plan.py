"""What a training is planned from, and what a plan is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fingerprint:
    """What the choice of settings depends on."""

    images: int
    resolution: int
    class_names: tuple[str, ...]
    on_gpu: bool


@dataclass(frozen=True)
class TrainingPlan:
    """Settings of a training run with nothing left to choose."""

    architecture: str
    conditional: bool
    kimg: float
    batch: int
    micro_batch: int
    gamma: float
    generator_lr: float
    discriminator_lr: float
    channel_base: int
    channel_max: int
    discriminator_channel_max: int
    z_dim: int
    w_dim: int
    mapping_layers: int
    ema_kimg: float
    generator_waits_kimg: float
    snapshot_kimg: float
    early_blur: bool
    """Whether the discriminator's eyes are blurred at first (Karras et al. 2021, appendix D.3)."""
    reasons: dict[str, str]

    def settings(self) -> dict[str, Any]:
        """The chosen values without their reasons."""
        return {name: value for name, value in vars(self).items() if name != "reasons"}

"""The train stage: prepared archive to snapshots of a generator."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from gist.stages.promise import Auto, Fraction, Result, Section


class TrainConfig(Section):
    """Training of the generator."""

    architecture: Auto | Literal["stylegan3-t", "stylegan3-r", "stylegan2", "dcgan"] = "auto"
    """stylegan3-t: translation-equivariant; stylegan3-r: rotation too; stylegan2: quickest; dcgan: simple baseline."""
    conditional: Auto | bool = "auto"
    """Learn one generator that draws any class on request. auto: yes with two classes or more."""
    start_from: str | None = None
    """Network to continue from: a network file, an official .pkl, or `phantom-knee-64`, which ships with gist."""
    kimg: Auto | Annotated[float, Field(gt=0)] = Field("auto", json_schema_extra={"restarts": False})
    """Training length in thousands of real images shown to the discriminator."""
    hours: Annotated[float, Field(gt=0)] | None = Field(None, json_schema_extra={"restarts": False})
    """Stop after this many hours of training even if `kimg` is not reached."""
    batch: Auto | Annotated[int, Field(ge=2, le=4096)] = "auto"
    """Images per step."""
    micro_batch: Auto | Annotated[int, Field(ge=1)] = "auto"
    """Images per forward pass; smaller needs less memory. Must divide `batch`."""
    gamma: Auto | Annotated[float, Field(ge=0)] = "auto"
    """Weight of the R1 penalty on the discriminator's gradient at real images."""
    generator_lr: Auto | Annotated[float, Field(gt=0)] = "auto"
    """Adam learning rate of the generator. auto: 0.0025, for dcgan 0.0002."""
    discriminator_lr: Auto | Annotated[float, Field(gt=0)] = "auto"
    """Adam learning rate of the discriminator. auto: 0.002 for stylegan3, 0.0025 for stylegan2, 0.0002 for dcgan."""
    channel_base: Auto | Annotated[int, Field(ge=256)] = "auto"
    """Network capacity: channels at a resolution are channel_base / resolution, up to channel_max."""
    channel_max: Auto | Annotated[int, Field(ge=8, le=2048)] = "auto"
    """Largest number of channels of any layer of the generator."""
    discriminator_channel_max: Auto | Annotated[int, Field(ge=8, le=2048)] = "auto"
    """Largest number of channels of any layer of the discriminator."""
    z_dim: Auto | Annotated[int, Field(ge=8, le=2048)] = "auto"
    """Length of the latent vector z."""
    w_dim: Auto | Annotated[int, Field(ge=8, le=2048)] = "auto"
    """Length of the intermediate latent vector w."""
    mapping_layers: Auto | Annotated[int, Field(ge=1, le=16)] = "auto"
    """Layers of the mapping network. auto: 2 for stylegan3, 8 for stylegan2, 1 for dcgan."""
    ema_kimg: Auto | Annotated[float, Field(gt=0)] = "auto"
    """Half-life of the averaged generator G_ema in thousands of images. auto: batch * 10 / 32."""
    generator_waits_kimg: Auto | Annotated[float, Field(ge=0)] = "auto"
    """Thousands of images for which only the discriminator learns. auto: 1 where a start has no discriminator."""
    early_blur: Auto | bool = "auto"
    """Blur what the discriminator sees at first, less and less over 6250 batches. auto: stylegan3-r from scratch."""
    augment: Literal["radiograph", "bgc", "none"] = "radiograph"
    """Adaptive discriminator augmentation: radiograph never mirrors, inverts or turns by 90 degrees."""
    augment_target: Fraction = 0.6
    """Share of positive discriminator outputs on real images that the augmentation strength is steered to."""
    augment_p_max: Fraction = 0.85
    """Upper bound of the augmentation probability, against leaking augmentations into the images."""
    allow_mirror: bool = False
    """Allow left-right mirroring; only sound where laterality does not matter."""
    freeze_discriminator_layers: Annotated[int, Field(ge=0, le=20)] = 0
    """Highest-resolution layers of the discriminator kept fixed in transfer learning (Freeze-D)."""
    snapshot_kimg: Auto | Annotated[float, Field(gt=0)] = Field("auto", json_schema_extra={"restarts": False})
    """A snapshot and a picture grid are written every so many thousand images."""
    best_by: Literal["auto", "kid", "none"] = Field("auto", json_schema_extra={"restarts": False})
    """How the best snapshot is told. kid: KID[radiomics] of 200 images to held-out ones. auto: kid if it is cheap."""
    patience_kimg: Annotated[float, Field(gt=0)] | None = Field(None, json_schema_extra={"restarts": False})
    """Stop when no snapshot has been better than the best one for so many thousand images; needs `best_by`."""
    checkpoint_minutes: Annotated[float, Field(gt=0)] = Field(5.0, json_schema_extra={"restarts": False})
    """A resumable checkpoint is written at least this often."""
    precision: Literal["auto", "float32", "tf32", "bfloat16", "float16"] = Field(
        "auto", json_schema_extra={"restarts": False}
    )
    """Precision of the inner layers. auto: bfloat16 or float16 on a GPU, float32 on a CPU."""
    checkpointing: bool = Field(False, json_schema_extra={"restarts": False})
    """Compute the generator's inner values again instead of keeping them: a third to half the memory, third slower."""
    tensorboard: bool = Field(False, json_schema_extra={"restarts": False})
    """Also write TensorBoard events (needs `pip install gist-synth[tensorboard]`)."""

    @model_validator(mode="after")
    def _micro_batch_divides(self) -> TrainConfig:
        if self.batch != "auto" and self.micro_batch != "auto" and self.batch % self.micro_batch:
            raise ValueError(f"micro_batch {self.micro_batch} does not divide batch {self.batch}")
        return self


class Snapshot(Result):
    file: str
    kimg: float
    kid: float | None = None
    """KID[radiomics] against held-out images, where it was scored."""
    kid_error: float | None = None
    """Standard error of `kid`."""
    variety: float | None = None
    """Variety of the grid's images as a share of the real ones'."""


class TrainResult(Result):
    snapshots: tuple[Snapshot, ...]
    """Oldest first; every file holds G_ema and its configuration only."""
    kimg: float
    seconds: float
    """Training time over all sittings."""
    device: str
    device_reason: str
    resolution: int
    class_names: tuple[str, ...]
    """Classes that can be asked for; empty for an unconditional generator."""
    settings: dict[str, Any]
    """Settings in use after `auto` was resolved."""
    reasons: dict[str, str]
    """Why each `auto` setting became what it is."""
    log: str
    """JSONL, one line per tick."""
    grid_real: str
    grids: tuple[str, ...]
    """Pictures of fixed latents, oldest first."""
    stopped_because: Literal["kimg reached", "hours reached", "no longer better"]
    best: str | None = None
    """The snapshot with the lowest KID, where snapshots were scored."""
    progress_animation: str | None = None
    """Pictures of fixed latents from first to last, as animated WebP."""
    operations: str = ""
    """Implementation of the networks' inner loops that ran; empty in runs of before this was noted."""
    precision: str = "float32"
    """Of the inner layers."""

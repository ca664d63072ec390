"""The settings of each stage as keywords: made by scripts/typed_settings.py, and held equal by a test.

None sets the default again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypedDict


class PrepareSettings(TypedDict, total=False):
    """Of the stage prepare; see `gist prepare --help`."""

    held_out: str | Path | None
    labels: str | Path | None
    label_source: Literal["auto", "folders", "pattern", "table", "tag", "dataset.json", "none"] | None
    label_tag: str | None
    label_pattern: str | None
    file_column: str | None
    label_column: str | None
    patient_column: str | None
    patient_pattern: str | None
    split_column: str | None
    parts: Mapping[str, Literal["train", "val", "test", "none"]] | None
    side_column: str | None
    subgroup_columns: Sequence[str] | None
    classes: Sequence[str] | None
    where: str | None
    resolution: Literal["auto"] | Literal[32, 64, 128, 256, 512, 1024] | None
    fit: Literal["pad", "crop", "stretch"] | None
    colour: Literal["auto", "grey", "rgb"] | None
    bits: Literal[8, 16] | None
    frame: Literal["first", "middle", "last"] | int | None
    every: int | None
    plane: Literal["axial", "coronal", "sagittal"] | None
    crop_borders: bool | None
    mm_per_pixel: float | None
    flip_to_side: Literal["left", "right"] | None
    window: Literal["auto", "tag", "percentile", "full", "bone", "lung", "soft-tissue", "brain"] | None
    percentiles: Sequence[float] | None
    test_fraction: float | None
    val_fraction: float | None
    burned_in_text: Literal["flag", "mask", "reject", "ignore"] | None
    burned_in_text_ocr: Literal["auto", "off"] | None
    near_duplicates: Literal["list", "remove", "ignore"] | None
    masks: Literal["keep", "remove"] | None
    allow_upsampling: bool | None
    max_pixels: int | None
    max_file_mebibytes: int | None


class TrainSettings(TypedDict, total=False):
    """Of the stage train; see `gist train --help`."""

    architecture: str | None
    conditional: Literal["auto"] | bool | None
    start_from: Literal["phantom-knee-64", "knee-64"] | str | Path | None
    kimg: Literal["auto"] | float | None
    hours: float | None
    batch: Literal["auto"] | int | None
    micro_batch: Literal["auto"] | int | None
    allow_mirror: bool | None
    snapshot_kimg: Literal["auto"] | float | None
    best_by: Literal["auto", "kid", "none"] | None
    patience_kimg: float | None
    checkpoint_minutes: float | None
    precision: Literal["auto", "float32", "tf32", "bfloat16", "float16"] | None
    tensorboard: bool | None
    gamma: Literal["auto"] | float | None
    generator_lr: Literal["auto"] | float | None
    discriminator_lr: Literal["auto"] | float | None
    channel_base: Literal["auto"] | int | None
    channel_max: Literal["auto"] | int | None
    discriminator_channel_max: Literal["auto"] | int | None
    discriminator_detail: Literal["auto"] | float | None
    z_dim: Literal["auto"] | int | None
    w_dim: Literal["auto"] | int | None
    mapping_layers: Literal["auto"] | int | None
    ema_kimg: Literal["auto"] | float | None
    generator_waits_kimg: Literal["auto"] | float | None
    class_fade_kimg: Literal["auto"] | float | None
    early_blur: Literal["auto"] | bool | None
    augment: Literal["radiograph", "colour", "bgc", "none"] | None
    augment_target: float | None
    augment_p_max: float | None
    freeze_discriminator_layers: int | None
    checkpointing: bool | None


class GenerateSettings(TypedDict, total=False):
    """Of the stage generate; see `gist generate --help`."""

    source: str | Path | None
    labels: str | Path | None
    network: Literal["latest", "best"] | Literal["phantom-knee-64", "knee-64"] | str | Path | None
    count: int | None
    per_class: Mapping[str, int] | None
    first_seed: int | None
    truncation_psi: float | None
    truncation_cutoff: int | None
    reject_artifacts: float | None
    min_novelty: float | None
    watermark: bool | None
    metadata: bool | None
    fingerprints: bool | None
    credentials: str | Path | None


class EvaluateSettings(TypedDict, total=False):
    """Of the stage evaluate; see `gist evaluate --help`."""

    extractor: (
        Literal[
            "radiomics",
            "auto",
            "inception",
            "dinov2",
            "swav",
            "squeezenet",
            "resnet50",
            "resnet101",
            "inception_v3",
            "vgg16",
            "vgg19",
        ]
        | None
    )
    weights: str | Path | None
    literature: bool | None
    max_images: int | None
    neighbours: int | None
    permutations: int | None
    shown: int | None


class UtilitySettings(TypedDict, total=False):
    """Of the stage utility; see `gist utility --help`."""

    classifiers: Sequence[Literal["small", "inception_v3", "resnet101", "vgg19"]] | None
    seeds: Literal["auto"] | int | None
    steps: Literal["auto"] | int | None
    max_per_class: int | None
    validation_fraction: float | None
    pretrained: bool | None
    weights_folder: str | Path | None


class PrivacySettings(TypedDict, total=False):
    """Of the stage privacy; see `gist privacy --help`."""

    steps: Literal["auto"] | int | None
    max_images: int | None
    repeats: int | None
    snapshots: int | None
    shown: int | None


class ReportSettings(TypedDict, total=False):
    """Of the stage report; see `gist report --help`."""

    title: str | None
    licence: str | None
    samples_per_class: int | None

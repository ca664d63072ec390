"""Pictures of two kinds: a bright bar over textured ground, thin or thick, in noise that hides some of them."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from gist.data_set import ArchiveWriter, encode_png
from gist.results import GenerateResult, PrepareResult, Result
from gist.run_folder import RunFolder, StageName, StageRecord

Images = NDArray[np.uint8]
Labelled = Mapping[str, Images]
WIDTHS = {"thin": (0.03, 0.07), "thick": (0.12, 0.18)}
"""Shares of the side."""


def bars(name: str, count: int, seed: int, *, side: int = 16) -> Images:
    """uint8 [count, side, side]; every seed and name gives other pictures."""
    rng = np.random.default_rng([seed, len(name)])
    ground = gaussian_filter(rng.normal(size=(count, side, side)), (0, 1, 1))
    ground *= 0.1 / ground.std(axis=(1, 2), keepdims=True)
    columns = np.arange(side)[None, None, :]
    centre = rng.uniform(0.35, 0.65, (count, 1, 1)) * side
    width = rng.uniform(*WIDTHS[name], (count, 1, 1)) * side
    bar = 0.4 * np.exp(-(((columns - centre) / width) ** 2))
    return np.rint(np.clip(ground + bar + 0.3, 0, 1) * 255).astype(np.uint8)


def both(count: int, seed: int) -> dict[str, Images]:
    return {name: bars(name, count, seed) for name in WIDTHS}


def write_run(
    folder: Path, *, train: Labelled, test: Labelled | None, synthetic: Labelled, per_patient: int = 2
) -> RunFolder:
    """A run folder in which prepare and generate are done; every patient has `per_patient` images."""
    run = RunFolder(folder)
    rows = []
    for part, images in (("train", train), ("test", test)):
        if images is not None:
            written = _write_archive(run.path / "prepare" / f"{part}.zip", images)
            rows += [(name, part, f"{part}{k // per_patient:04d}") for k, name in enumerate(written)]
    with (run.path / "prepare" / "records.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "split", "patient"), *rows])
    _write_archive(run.path / "generate" / "synthetic.zip", synthetic)
    _record(run, "prepare", _prepared(train, test))
    _record(run, "generate", _generated(synthetic))
    return run


def _write_archive(path: Path, images: Labelled) -> list[str]:
    names = [name for name in images if name]
    with ArchiveWriter(path, names) as writer:
        return [
            writer.add(encode_png(image), names.index(name) if name else None)
            for name, stack in images.items()
            for image in stack
        ]


def _record(run: RunFolder, stage: StageName, result: Result) -> None:
    run.write_record(
        StageRecord(
            stage=stage,
            state="done",
            settings={},
            continued_settings={},
            inputs={},
            result=result.model_dump(mode="json"),
            started="2026-01-01T00:00:00+00:00",
        )
    )


def _total(images: Labelled | None) -> int:
    return sum(map(len, images.values())) if images else 0


def _prepared(train: Labelled, test: Labelled | None) -> PrepareResult:
    return PrepareResult(
        resolution=16,
        class_names=tuple(name for name in train if name),
        train_archive="prepare/train.zip",
        test_archive="prepare/test.zip" if test is not None else None,
        train_images=_total(train),
        test_images=_total(test),
        class_counts={name: {"train": len(images)} for name, images in train.items()},
        patients=None,
        rejected={},
        rejected_table="prepare/rejected.csv",
        source_digest="0" * 64,
        upsampled=0,
        notes=(),
    )


def _generated(synthetic: Labelled) -> GenerateResult:
    return GenerateResult(
        archive="generate/synthetic.zip",
        images_folder="generate/images",
        labels_table="generate/labels.csv",
        images=_total(synthetic),
        class_counts={},
        network="network.safetensors",
        network_sha256="0" * 64,
        truncation_psi=1.0,
        first_seed=0,
        seconds=1.0,
        images_per_second=1.0,
        device="cpu",
    )

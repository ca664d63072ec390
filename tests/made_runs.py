"""Archives and records of prepare and generate with known images, made without running those stages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gist.images.archive import ArchiveWriter
from gist.images.png import encode_png
from gist.runs.folder import RunFolder, StageRecord
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.stages.promise import Result, StageName

Images = NDArray[np.uint8] | NDArray[np.uint16]
Labelled = Mapping[str, Images]
"""Class name -> images [N, H, W]; the empty name for images without labels."""


def write_archive(path: Path, images: Labelled) -> list[str]:
    """Images by class name, "" for none; returns their names in the archive."""
    names = [name for name in images if name]
    with ArchiveWriter(path, names) as writer:
        return [
            writer.add(encode_png(image), names.index(name) if name else None)
            for name, stack in images.items()
            for image in stack
        ]


def write_text_flags(run: RunFolder, *rows: tuple[str, str, str, str]) -> None:
    """The columns of records.csv that say which images show text: image, split, remarks, text."""
    lines = ["image,split,remarks,text", *(",".join(row) for row in rows)]
    (run.path / "prepare/records.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def finish(run: RunFolder, stage: StageName, result: Result) -> None:
    """Records a stage as done with this result."""
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


def prepared(train: Labelled, test: Labelled | None) -> PrepareResult:
    return PrepareResult(
        resolution=next(iter(train.values())).shape[1],
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


def generated(synthetic: Labelled) -> GenerateResult:
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

"""Run folders with known images, made without the stages before evaluate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from known_images import Labelled, write_archive

from gist.results import GenerateResult, PrepareResult, Result
from gist.run_folder import RunFolder, StageName, StageRecord

MakeRun = Callable[..., RunFolder]


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


@pytest.fixture
def make_run(folder: Path) -> MakeRun:
    """`make_run(train, test or None, synthetic)`, images by class name -> a run ready to evaluate."""

    def make(train: Labelled, test: Labelled | None, synthetic: Labelled) -> RunFolder:
        run = RunFolder(folder / "run")
        for name, images in (
            ("prepare/train", train),
            ("prepare/test", test),
            ("generate/synthetic", synthetic),
        ):
            if images is not None:
                write_archive(run.path / f"{name}.zip", images)
        _record(run, "prepare", _prepared(train, test))
        _record(run, "generate", _generated(synthetic))
        return run

    return make


def _total(images: Labelled | None) -> int:
    return sum(map(len, images.values())) if images else 0


def _prepared(train: Labelled, test: Labelled | None) -> PrepareResult:
    return PrepareResult(
        resolution=next(iter(train.values())).shape[1],
        class_names=tuple(name for name in train if name),
        train_archive="prepare/train.zip",
        test_archive="prepare/test.zip" if test is not None else None,
        train_images=_total(train),
        test_images=_total(test),
        class_counts={},
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

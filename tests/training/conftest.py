"""A small prepared run folder: phantoms at 32x32, two patients' worth of everything a training needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gist.config import Config, build_config
from gist.data_set import ArchiveWriter, encode_png
from gist.phantoms import CLASS_NAMES, phantom_batch
from gist.results import PrepareResult
from gist.run_folder import RunFolder, StageRecord, sha256_of

SMALL_NETWORK = {
    "channel_base": 512,
    "channel_max": 16,
    "z_dim": 32,
    "w_dim": 32,
    "batch": 4,
    "snapshot_kimg": 0.016,
    "gamma": 0.1,
}
"""Settings of a network that takes milliseconds per image."""


@pytest.fixture(scope="session")
def phantom_pngs() -> list[bytes]:
    return [encode_png(image) for image in phantom_batch(range(24), 32)]


@pytest.fixture
def prepared(folder: Path, phantom_pngs: list[bytes]) -> Callable[..., tuple[Config, RunFolder]]:
    """Makes a run folder with 24 phantoms in it and settings for a small network."""

    def make(name: str = "run", *, labelled: bool = True, **train: object) -> tuple[Config, RunFolder]:
        run = RunFolder(folder / name)
        names = CLASS_NAMES if labelled else ()
        archive = run.stage_folder("prepare") / "train.zip"
        with ArchiveWriter(archive, names) as writer:
            for i, png in enumerate(phantom_pngs):
                writer.add(png, i % 3 if labelled else None)
        result = PrepareResult(
            resolution=32,
            class_names=names,
            train_archive="prepare/train.zip",
            test_archive=None,
            train_images=24,
            test_images=0,
            class_counts={name: {"train": 8, "test": 0} for name in names},
            patients=12,
            rejected={},
            rejected_table="",
            source_digest="",
            upsampled=0,
            notes=(),
        )
        config = build_config(
            {
                "folder": str(run.path),
                "device": "cpu",
                "threads": 1,
                "train": SMALL_NETWORK | {"kimg": 0.032} | train,
            }
        )
        run.write_record(
            StageRecord(
                stage="prepare",
                state="done",
                settings={"seed": 0, **config.prepare.model_dump(mode="json", exclude={"source", "labels"})},
                continued_settings={},
                inputs={},
                outputs={"prepare/train.zip": sha256_of(archive)},
                result=result.model_dump(mode="json"),
                started="",
            )
        )
        return config, run

    return make

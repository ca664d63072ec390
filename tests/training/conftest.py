"""A small prepared run folder: phantoms at 32x32, two patients' worth of everything a training needs."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from gist.config import Config, build_config
from gist.files import sha256_of
from gist.images.archive import ArchiveWriter
from gist.images.png import encode_png
from gist.phantoms import CLASS_NAMES, phantom_batch
from gist.runs.folder import RunFolder, StageRecord
from gist.stages.prepare import PrepareResult

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
def processes() -> Iterator[ForkServerContext]:
    """Starts real processes that have imported gist already, which saves seconds for each."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["gist.training.stage", "gist.phantoms", "gist.runs.pipeline"])
    yield context
    for child in multiprocessing.active_children():
        child.kill()
        child.join()


@pytest.fixture(scope="session")
def phantom_pngs() -> list[bytes]:
    return [encode_png(image) for image in phantom_batch(range(24), 32)]


@pytest.fixture
def prepared(folder: Path, phantom_pngs: list[bytes]) -> Callable[..., tuple[Config, RunFolder]]:
    """Makes a run folder with 24 phantoms in it and settings for a small network."""

    def make(
        name: str = "run",
        *,
        labelled: bool = True,
        class_names: tuple[str, ...] = CLASS_NAMES,
        held_out: int = 0,
        **train: object,
    ) -> tuple[Config, RunFolder]:
        run = RunFolder(folder / name)
        names = class_names if labelled else ()
        archive = run.stage_folder("prepare") / "train.zip"
        with ArchiveWriter(archive, names) as writer:
            for i, png in enumerate(phantom_pngs):
                writer.add(png, i % 3 if labelled else None)
        if held_out:
            with ArchiveWriter(archive.with_name("test.zip"), names) as writer:
                for i, image in enumerate(phantom_batch(range(100, 100 + held_out), 32)):
                    writer.add(encode_png(image), i % 3 if labelled else None)
        result = PrepareResult(
            resolution=32,
            class_names=names,
            train_archive="prepare/train.zip",
            test_archive="prepare/test.zip" if held_out else None,
            train_images=24,
            test_images=held_out,
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
                "train": SMALL_NETWORK | {"architecture": "stylegan3-t", "kimg": 0.032} | train,
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

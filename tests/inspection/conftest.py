"""A small evaluated run: phantom knees as real images, others, some of them spoilt, as synthetic ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gist.config import build_config
from gist.files import sha256_of
from gist.images.archive import ArchiveWriter
from gist.images.png import encode_png
from gist.phantoms import phantom_batch
from gist.progress import Silent
from gist.runs.folder import RunFolder, StageRecord
from gist.runs.pipeline import run_stages
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.stages.promise import Result, StageName

CLASSES = ("mild", "severe")
SIDE = 32


def _archive(run: RunFolder, name: str, images: NDArray[np.uint8]) -> dict[str, str]:
    file = run.path / name
    with ArchiveWriter(file, CLASSES) as writer:
        for number, image in enumerate(images):
            writer.add(encode_png(image), number % 2)
    return {name: sha256_of(file)}


def _done(run: RunFolder, stage: StageName, result: Result, outputs: dict[str, str]) -> None:
    earlier = run.record("prepare")
    record = StageRecord(
        stage=stage,
        state="done",
        settings={"seed": 0},
        continued_settings={},
        inputs={} if earlier is None else {"prepare": earlier.digest},
        outputs=outputs,
        result=result.model_dump(mode="json"),
        started="2026-01-01T00:00:00+00:00",
    )
    run.write_record(record)


@pytest.fixture(scope="session")
def evaluated_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run, evaluated; tests take copies."""
    run = RunFolder(tmp_path_factory.mktemp("inspection") / "run")
    images = phantom_batch(range(134), SIDE)
    made = images[104:].copy()
    made[:5, :, ::2] = 255 - made[:5, :, ::2]
    archives = _archive(run, "prepare/train.zip", images[:64]) | _archive(
        run, "prepare/test.zip", images[64:104]
    )
    prepared = PrepareResult(
        resolution=SIDE,
        class_names=CLASSES,
        train_archive="prepare/train.zip",
        test_archive="prepare/test.zip",
        train_images=64,
        test_images=40,
        class_counts={name: {"train": 32, "test": 20} for name in CLASSES},
        patients=104,
        rejected={},
        rejected_table="prepare/rejected.csv",
        source_digest="0" * 64,
        upsampled=0,
        notes=(),
        body_part="KNEE",
    )
    _done(run, "prepare", prepared, archives)
    generated = GenerateResult(
        archive="generate/synthetic.zip",
        images_folder="generate/images",
        labels_table="generate/labels.csv",
        images=30,
        class_counts=dict.fromkeys(CLASSES, 15),
        network="network.safetensors",
        network_sha256="ab" * 32,
        truncation_psi=1.0,
        first_seed=0,
        seconds=1.0,
        images_per_second=None,
        device="cpu",
    )
    _done(run, "generate", generated, _archive(run, "generate/synthetic.zip", made))
    config = build_config(
        {"name": "knee", "folder": str(run.path), "evaluate": {"permutations": 9, "shown": 4}}
    )
    run_stages(config, ["evaluate"], Silent())
    return run.path


@pytest.fixture
def run_folder(evaluated_once: Path, folder: Path) -> Path:
    """An evaluated run of 30 synthetic images, of which the first five are spoilt."""
    return Path(shutil.copytree(evaluated_once, folder / "run"))

"""A run folder with generated images as the generate stage leaves them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gist.config import as_yaml, build_config
from gist.files import write_atomic
from gist.images.archive import ArchiveWriter
from gist.images.png import encode_png
from gist.runs.folder import RunFolder, StageRecord
from gist.stages.generate import GenerateResult

SIDE = 64
LABELS = ["normal", "arthrosis", "normal", "arthrosis"]


@pytest.fixture(autouse=True)
def settings_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the salt of the tests out of the user's own settings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))


@pytest.fixture(scope="session")
def pictures() -> list[NDArray[np.uint8]]:
    """One per image of the run; their greys reach from 0 to 255."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    waves = [np.sin((2 + n) * x * 3 + n) * np.cos(y * (3 + n)) for n in range(len(LABELS))]
    scaled = [(wave - wave.min()) / (wave.max() - wave.min()) for wave in waves]
    return [np.rint(255 * wave).astype(np.uint8) for wave in scaled]


@pytest.fixture
def run(folder: Path, pictures: list[NDArray[np.uint8]]) -> RunFolder:
    run = RunFolder(folder / "runs" / "a run")
    stage = run.stage_folder("generate")
    write_atomic(run.config_file, as_yaml(build_config({"name": "exported"})).encode())
    names = tuple(dict.fromkeys(LABELS))
    rows = [["file", "label", "seed"]]
    with ArchiveWriter(stage / "synthetic.zip", names) as archive:
        for seed, (pixels, label) in enumerate(zip(pictures, LABELS, strict=True), start=7):
            png = encode_png(pixels, {"Synthetic": "YES", "Seed": str(seed)})
            archive.add(png, names.index(label))
            write_atomic(stage / "images" / f"seed{seed:08d}.png", png)
            rows.append([f"images/seed{seed:08d}.png", label, str(seed)])
    with (stage / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    result = GenerateResult(
        archive="generate/synthetic.zip",
        images_folder="generate/images",
        labels_table="generate/labels.csv",
        images=len(LABELS),
        class_counts={"normal": 2, "arthrosis": 2},
        network="network-000001.safetensors",
        network_sha256="0" * 64,
        truncation_psi=1.0,
        first_seed=7,
        seconds=1.0,
        images_per_second=4.0,
        device="CPU",
    )
    record = StageRecord(
        stage="generate",
        state="done",
        settings={},
        continued_settings={},
        inputs={},
        result=result.model_dump(mode="json"),
        started="2026-01-02T03:04:05+00:00",
        finished="2026-01-02T03:05:06+00:00",
        seconds=61.0,
    )
    run.write_record(record)
    return run

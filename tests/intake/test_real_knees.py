"""A few dozen real knee radiographs through the stage, and a look at them beforehand."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from prepare_call import PrepareCall

from gist.images.archive import read_data_set
from gist.intake.survey import inspect
from gist.runs.folder import RunFolder
from gist.stages.prepare import PrepareConfig


@pytest.fixture
def knees(shared_dir: Path, folder: Path) -> Path:
    """Sixteen files of each class and split, with their rows of the table."""
    origin, source = shared_dir / "data" / "knee", folder / "knees"
    with (origin / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    chosen = []
    for split, grade in sorted({(row["split"], row["kl_grade"]) for row in rows}):
        chosen += [row for row in rows if (row["split"], row["kl_grade"]) == (split, grade)][:16]
    for row in chosen:
        (source / row["file"]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(origin / row["file"], source / row["file"])
    with (source / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(chosen)
    return source


COLUMNS = {
    "labels": "labels.csv",
    "label_column": "kl_grade",
    "patient_column": "patient_id",
    "split_column": "split",
}


def test_the_given_split_and_grades_are_kept(knees: Path, run: RunFolder, prepare_stage: PrepareCall) -> None:
    result = prepare_stage(knees, resolution="auto", **COLUMNS)
    assert result.resolution == 64
    assert result.class_names == ("0", "3", "4")
    assert result.class_counts == {grade: {"train": 16, "test": 16} for grade in "034"}
    assert result.rejected == {"is held out but belongs to a class without training images": 32}
    train = read_data_set(run.path / result.train_archive)
    assert (len(train), train.resolution, train.class_names) == (48, 64, ("0", "3", "4"))
    pictures = train.array()
    assert pictures.std(axis=(1, 2)).min() > 0.02
    assert len(np.unique(train.labels)) == 3


def test_a_look_tells_what_is_there_without_writing(knees: Path, folder: Path) -> None:
    before = sorted(path.name for path in folder.rglob("*"))
    summary = inspect(PrepareConfig(source=knees, **COLUMNS), "cpu")
    assert (summary.files, summary.types) == (128, {"png": 128})
    assert summary.classes == {"0": 32, "1": 16, "2": 16, "3": 32, "4": 32}
    assert (summary.short_side_median, summary.short_side_min, summary.bits) == (224, 224, {8: 128})
    assert (summary.resolution, summary.looked_at, summary.readable) == (64, 128, 128)
    assert summary.patients is not None
    assert 60 < summary.patients < 128
    assert inspect(PrepareConfig(source=knees, **COLUMNS), "cuda").resolution == 128
    assert sorted(path.name for path in folder.rglob("*")) == before

"""One class written in two ways: capitals, spaces, composed letters; by two hospitals, in tables and on disks."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prepare_call import PrepareCall
from radiograph_files import dicom, dicom_bytes, picture, save_png

from gist.intake.labelling import label_source
from gist.intake.survey import inspect
from gist.stages.prepare import PrepareConfig
from gist.stages.vocabulary import Reason

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
NOTE = "2 class names with other capitals or spaces than another one: read as one class with that."


def two_hospitals(source: Path) -> Path:
    source.mkdir()
    for number in range(18):
        first = number < 12
        part = (("KNEE", "HAND  LEFT") if first else ("Knee", "Hand left "))[number % 2]
        dataset = dicom(picture(number, top=4095), PatientID=f"X{number}", BodyPartExamined=part)
        (source / f"{number}.dcm").write_bytes(dicom_bytes(dataset))
    return source


def test_two_hospitals_spellings_of_a_tag_are_one_class(folder: Path, prepare_stage: PrepareCall) -> None:
    source = two_hospitals(folder / "s")
    result = prepare_stage(source, label_tag="BodyPartExamined")
    assert result.class_names == ("HAND  LEFT", "KNEE")
    assert [sum(parts.values()) for parts in result.class_counts.values()] == [9, 9]
    assert NOTE in result.notes
    summary = inspect(PrepareConfig(source=source, label_tag="BodyPartExamined"), "cpu")
    assert summary.classes == {"HAND  LEFT": 9, "KNEE": 9}
    assert NOTE in summary.notes


def test_a_chosen_class_takes_every_spelling_of_a_tag_and_is_called_as_chosen(
    folder: Path, prepare_stage: PrepareCall
) -> None:
    result = prepare_stage(two_hospitals(folder / "s"), label_tag="BodyPartExamined", classes=["knee"])
    assert result.class_names == ("knee",)
    assert result.train_images + result.test_images == 9
    assert result.rejected == {Reason.OTHER_CLASS.value: 9}


def labels(source: Path, **settings: Any) -> list[str | None]:
    found = label_source(PrepareConfig(source=source, **settings), 0, bytes(32))
    return [candidate.class_name for candidate in found.candidates]


def test_spellings_in_a_table_are_one_class_unless_chosen_apart(folder: Path) -> None:
    rows = ["file,label"]
    for number, label in enumerate(["Worn", " worn ", "Worn", "WORN", "normal"]):
        save_png(folder / "s" / f"{number}.png", picture(number).astype(np.uint8))
        rows.append(f"{number}.png,{label}")
    (folder / "s" / "t.csv").write_text("\n".join(rows))
    table = Path("t.csv")
    assert labels(folder / "s", labels=table) == ["Worn", "Worn", "Worn", "Worn", "normal"]
    assert labels(folder / "s", labels=table, classes=("worn", "normal")) == ["worn"] * 4 + ["normal"]
    assert labels(folder / "s", labels=table, classes=("worn", "WORN")) == ["worn", "WORN"]


def test_folders_that_two_disks_have_written_are_one_class(folder: Path) -> None:
    for number, form in enumerate(("NFC", "NFD", "NFC")):
        called = unicodedata.normalize(form, "Größer")
        save_png(folder / "s" / called / f"{number}.png", picture(number).astype(np.uint8))
    save_png(folder / "s" / "klein" / "3.png", picture(3).astype(np.uint8))
    assert labels(folder / "s").count("Größer") == 3


def test_the_shared_two_hospitals(folder: Path, shared_dir: Path, prepare_stage: PrepareCall) -> None:
    maker = shared_dir / "faults" / "label_tag_case.py"
    if not maker.is_file():
        pytest.skip("no maker of spellings beside the checkout")
    subprocess.run([sys.executable, maker.name, str(folder / "made")], cwd=maker.parent, check=True)
    result = prepare_stage(folder / "made", label_tag="BodyPartExamined")
    assert [name.casefold() for name in result.class_names] == ["hand", "knee"]
    assert [sum(parts.values()) for parts in result.class_counts.values()] == [20, 20]

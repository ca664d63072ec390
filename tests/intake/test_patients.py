"""Who is on which side of the split: patients in paths, in folders, and known by their examination only."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from prepare_call import PrepareCall
from radiograph_files import dicom, dicom_bytes, picture, save_png

from gist.errors import InputError
from gist.runs.folder import RunFolder


def mura(source: Path, called: str = "patient{:05d}") -> Path:
    for n in range(24):
        study = "study1_positive" if n // 2 % 2 else "study1_negative"
        path = source / "XR_WRIST" / called.format(n // 2) / study / f"image{n % 2 + 1}.png"
        save_png(path, picture(n).astype(np.uint8))
    return source


def sides(run: RunFolder) -> dict[str, set[str]]:
    """Patient -> parts of the split."""
    found = defaultdict(set)
    with (run.path / "prepare/records.csv").open(newline="") as table:
        for row in csv.DictReader(table):
            found[row["patient"]].add(row["split"])
    return found


def test_a_pattern_finds_patients_in_folders(
    folder: Path, prepare_stage: PrepareCall, run: RunFolder
) -> None:
    source = mura(folder / "s", "case{:05d}")
    result = prepare_stage(
        source, label_pattern="_(positive|negative)/", patient_pattern="case([0-9]+)", test_fraction=0.4
    )
    assert (result.class_names, result.patients) == (("negative", "positive"), 12)
    assert all(len(parts) == 1 for parts in sides(run).values())


def test_folders_called_like_patients_are_patients_and_no_classes(
    folder: Path, prepare_stage: PrepareCall, run: RunFolder
) -> None:
    result = prepare_stage(mura(folder / "s"), test_fraction=0.4)
    assert (result.class_names, result.patients) == ((), 12)
    assert all(len(parts) == 1 for parts in sides(run).values())


def test_a_pattern_looks_at_the_name_before_the_folders(folder: Path, prepare_stage: PrepareCall) -> None:
    for n in range(12):
        save_png(folder / f"s/2019/p{n // 2}_{n % 2}.png", picture(n).astype(np.uint8))
    assert prepare_stage(folder / "s", patient_pattern="([0-9]+)").patients == 6


def test_a_pattern_that_fits_nothing_is_refused_and_one_that_fits_some_is_told(
    folder: Path, prepare_stage: PrepareCall
) -> None:
    source = mura(folder / "s")
    with pytest.raises(InputError, match=r"prepare\.patient_pattern fits .* none of the 24 files"):
        prepare_stage(source, patient_pattern="subject([0-9]+)", label_pattern="positive|negative")
    result = prepare_stage(source, patient_pattern="patient0000([0-9])", label_pattern="positive|negative")
    assert any("prepare.patient_pattern fits 20 of 24 files" in note for note in result.notes)


@pytest.mark.parametrize("patient", ["", "ANON"])
def test_images_of_one_examination_stay_together_where_no_patient_is_known(
    folder: Path, prepare_stage: PrepareCall, patient: str
) -> None:
    source = folder / "s"
    source.mkdir()
    for n in range(40):
        kind = "ab"[n // 4 % 2]
        dataset = dicom(picture(n, top=4095), PatientID=patient, StudyInstanceUID=f"2.25.{100 + n // 4}")
        (source / kind).mkdir(exist_ok=True)
        (source / kind / f"{n}.dcm").write_bytes(dicom_bytes(dataset))
    result = prepare_stage(source, test_fraction=0.3)
    assert result.patients is None
    assert result.test_images
    assert all(
        sum(counts.values()) % 4 == 0 and counts["test"] % 4 == 0 for counts in result.class_counts.values()
    )
    assert any(
        "40 images without a known patient were split by their 10 examinations" in note
        for note in result.notes
    )


def test_one_examination_for_all_is_ignored(folder: Path, prepare_stage: PrepareCall) -> None:
    source = folder / "s"
    source.mkdir()
    for n in range(10):
        dataset = dicom(picture(n, top=4095), PatientID="", StudyInstanceUID="2.25.7")
        (source / f"{n}.dcm").write_bytes(dicom_bytes(dataset))
    result = prepare_stage(source)
    assert (result.train_images, result.test_images) == (8, 2)

"""Generated images leave a run as marked PNG folders or as conforming DICOM of nobody."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import config, dcmread
from pydicom.uid import SecondaryCaptureImageStorage

import gist
from gist.config import build_config
from gist.errors import InputError
from gist.images.archive import read_data_set
from gist.intake.stage import prepare
from gist.progress import Silent
from gist.runs.folder import RunFolder
from gist.stages.prepare import PrepareResult

LABELS = ["normal", "arthrosis", "normal", "arthrosis"]


def test_png_files_go_to_class_folders_with_their_synthetic_mark(
    run: RunFolder, folder: Path, pictures: list[NDArray[np.uint8]]
) -> None:
    result = gist.export_images(run.path, "folder", folder / "out")
    assert result.images == 4
    with result.labels_table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == LABELS
    assert [row["seed"] for row in rows] == ["7", "8", "9", "10"]
    for row, pixels in zip(rows, pictures, strict=True):
        assert row["file"].startswith(row["label"] + "/")
        with Image.open(folder / "out" / row["file"]) as image:
            assert np.array_equal(np.asarray(image), pixels)
            assert image.text["Synthetic"] == "YES"


def test_dicom_files_declare_themselves_synthetic_and_name_nobody(run: RunFolder, folder: Path) -> None:
    pytest.importorskip("highdicom")
    gist.export_images(run.path, "dicom", folder / "out")
    files = sorted((folder / "out").rglob("*.dcm"))
    assert len(files) == 4
    identifiers = set()
    for file in files:
        dataset = dcmread(file)
        assert dataset.SOPClassUID == SecondaryCaptureImageStorage
        assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
        assert dataset["SyntheticData"].tag == 0x0008001C
        assert dataset.SyntheticData == "YES"
        assert dataset.BurnedInAnnotation == "NO"
        assert str(dataset.PatientName).startswith("SYNTHETIC^")
        assert dataset.PatientID.startswith("SYNTHETIC-")
        assert not dataset.PatientBirthDate
        assert not dataset.PatientSex
        assert not dataset.get("ReferringPhysicianName")
        assert dataset.PhotometricInterpretation == "MONOCHROME2"
        uids = (dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID)
        assert all(uid.is_valid for uid in uids)
        identifiers.update(uids)
    assert len(identifiers) == 12


def test_dicom_files_hold_what_the_standard_demands_in_valid_form(run: RunFolder, folder: Path) -> None:
    highdicom = pytest.importorskip("highdicom")
    gist.export_images(run.path, "dicom", folder / "out")
    file = next((folder / "out").rglob("*.dcm"))
    before = config.settings.reading_validation_mode
    config.settings.reading_validation_mode = config.RAISE
    try:
        dataset = dcmread(file)
        assert len(list(dataset.iterall())) > 40
    finally:
        config.settings.reading_validation_mode = before
    standard = Path(highdicom.__file__).parent / "_standard"
    modules = json.loads((standard / "iod_module_map.json").read_text())["secondary-capture-image"]
    attributes = json.loads((standard / "module_attribute_map.json").read_text())
    checked = 0
    for module in modules:
        for attribute in attributes[module["key"]] if module["usage"] == "M" else ():
            if attribute["path"] or attribute["type"] not in ("1", "2"):
                continue
            assert attribute["keyword"] in dataset, attribute
            checked += 1
            if attribute["type"] == "1":
                assert dataset[attribute["keyword"]].value not in (None, ""), attribute
    assert checked > 20


def test_exporting_again_gives_the_same_bytes(run: RunFolder, folder: Path) -> None:
    pytest.importorskip("highdicom")
    for name in ("one", "two"):
        gist.export_images(run.path, "dicom", folder / name)
    for file in (folder / "one").rglob("*.dcm"):
        assert file.read_bytes() == (folder / "two" / file.relative_to(folder / "one")).read_bytes()


@pytest.mark.parametrize("form", ["folder", "dicom"])
def test_prepare_reads_an_export_back_pixel_by_pixel(
    form: str, run: RunFolder, folder: Path, pictures: list[NDArray[np.uint8]]
) -> None:
    if form == "dicom":
        pytest.importorskip("highdicom")
    gist.export_images(run.path, form, folder / "out")  # type: ignore[arg-type]
    result, again = _prepared(folder / "out", folder / "again")
    assert result.class_names == ("arthrosis", "normal")
    read = read_data_set(again.path / result.train_archive)
    found = {
        pixels.tobytes(): read.class_names[label]
        for pixels, label in zip(read.images(), read.labels, strict=True)
    }
    assert found == {pixels.tobytes(): label for pixels, label in zip(pictures, LABELS, strict=True)}


def test_a_folder_that_holds_something_is_left_alone(run: RunFolder, folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        gist.export_images(run.path, "folder", folder / "out")
    assert [file.name for file in (folder / "out").iterdir()] == ["mine.txt"]


def test_a_missing_image_leaves_no_half_export(run: RunFolder, folder: Path) -> None:
    (run.path / "generate" / "images" / "seed00000009.png").unlink()
    with pytest.raises(InputError, match="gone"):
        gist.export_images(run.path, "folder", folder / "out")
    assert not (folder / "out").exists()
    assert not list(folder.glob(".*.part"))


def test_an_empty_folder_in_which_the_user_stands_is_filled(
    run: RunFolder, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "out").mkdir()
    monkeypatch.chdir(folder / "out")
    assert gist.export_images(run.path, "folder", ".").images == 4
    assert sorted(path.name for path in Path().iterdir()) == ["arthrosis", "labels.csv", "normal"]
    assert not list(folder.glob(".*.part"))


def test_a_class_name_that_cannot_be_a_folder_becomes_a_number(run: RunFolder, folder: Path) -> None:
    table = run.path / "generate" / "labels.csv"
    table.write_text(table.read_text().replace("arthrosis", "../KL 3/4"))
    result = gist.export_images(run.path, "folder", folder / "out")
    with result.labels_table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["file"].split("/")[0] for row in rows} == {"normal", "class 1"}
    assert {row["label"] for row in rows} == {"normal", "../KL 3/4"}
    assert not list(folder.glob("KL*"))


def test_dicom_without_highdicom_says_what_to_install(
    run: RunFolder, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(InputError, match="dicom-export"):
        gist.export_images(run.path, "dicom", folder / "out")
    assert not (folder / "out").exists()


def test_the_command_line_exports(run: RunFolder, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from gist.cli.app import app

    app(["export", str(run.path), "--to", "folder", "--out", str(folder / "out")], standalone_mode=False)
    assert "4 images" in capsys.readouterr().out
    assert len(list((folder / "out").rglob("*.png"))) == 4


def _prepared(source: Path, folder: Path) -> tuple[PrepareResult, RunFolder]:
    run = RunFolder(folder)
    settings = {"source": str(source), "resolution": 64, "test_fraction": 0.0, "label_source": "folders"}
    return prepare(build_config({"prepare": settings, "device": "cpu"}), run, Silent()), run


def test_where_a_run_lies_is_not_in_what_leaves_it(run: RunFolder, folder: Path) -> None:
    pytest.importorskip("highdicom")
    planted = [f"QX{number:03d}ZJ" for number in range(40)]
    home = folder.joinpath(*planted[:20])
    home.mkdir(parents=True)
    moved = run.path.rename(home / planted[20])
    out = folder.joinpath(*planted[21:39])
    out.mkdir(parents=True)
    for form in ("folder", "dicom"):
        gist.export_images(moved, form, out / form)  # type: ignore[arg-type]
        files = [file for file in (out / form).rglob("*") if file.is_file()]
        assert len(files) == 5
        for file in files:
            held = str(file.relative_to(out)).encode() + file.read_bytes()
            assert not [secret for secret in planted if secret.encode() in held]

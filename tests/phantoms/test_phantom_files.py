"""Phantom files: every encoding decodes to the radiograph drawn, and carries identity that must not leak."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from gist.errors import InputError, StageError
from gist.phantoms import PhantomTruth, draw_phantom, write_phantom_data_set
from gist.phantoms.data_set import LABEL_COLUMNS
from gist.phantoms.dicom_export import Encoding, dicom_bytes
from gist.phantoms.radiograph import draw_unclipped

COUNT = 60


@pytest.fixture(scope="module")
def phantom_folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[PhantomTruth]]:
    folder = tmp_path_factory.mktemp("phantom data")
    return folder, write_phantom_data_set(folder, count=COUNT, size_range=(90, 140))


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def presented(dataset: Dataset) -> NDArray[np.float64]:
    """The radiograph as a conforming viewer shows it, 0..1, bone bright."""
    slope, intercept = float(dataset.get("RescaleSlope", 1)), float(dataset.get("RescaleIntercept", 0))
    darkest, brightest = intercept, (2**dataset.BitsStored - 1) * slope + intercept
    values = apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset)
    shown = (values.astype(np.float64) - darkest) / (brightest - darkest)
    return 1 - shown if dataset.PhotometricInterpretation == "MONOCHROME1" else shown


def test_every_dicom_file_decodes_to_the_radiograph_that_was_drawn(
    phantom_folder: tuple[Path, list[PhantomTruth]],
) -> None:
    folder, truths = phantom_folder
    for row, truth in zip(rows_of(folder), truths, strict=True):
        dataset = pydicom.dcmread(folder / row["file"])
        image, own_truth = draw_phantom(truth.seed, size=(dataset.Rows, dataset.Columns))
        assert own_truth == truth
        assert np.abs(presented(dataset) - image).max() < 0.006


@pytest.mark.parametrize("voi", ["none", "LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("rescale", [None, (0.5, 100.0), (2.0, -1000.0)])
def test_every_combination_of_window_polarity_and_rescale_decodes_alike(
    voi: str, inverted: bool, rescale: tuple[float, float] | None, tmp_path: Path
) -> None:
    unclipped, truth = draw_unclipped(11, size=(60, 48))
    encoding = Encoding("DX", 12, inverted, rescale, voi, second_window=voi == "LINEAR", implicit=inverted)
    (tmp_path / "knee.dcm").write_bytes(dicom_bytes(unclipped, truth, encoding))
    dataset = pydicom.dcmread(tmp_path / "knee.dcm")
    assert np.abs(presented(dataset) - np.clip(unclipped, 0, 1)).max() < 0.006
    assert ("WindowWidth" in dataset) == (voi != "none")
    assert dataset.file_meta.TransferSyntaxUID.is_implicit_VR == inverted


def test_a_reader_that_ignores_window_or_polarity_gets_another_picture(
    phantom_folder: tuple[Path, list[PhantomTruth]],
) -> None:
    folder, _ = phantom_folder
    datasets = [pydicom.dcmread(folder / row["file"]) for row in rows_of(folder)]
    inverted = [d for d in datasets if d.PhotometricInterpretation == "MONOCHROME1"]
    windowed = [d for d in datasets if "WindowWidth" in d and d.PhotometricInterpretation == "MONOCHROME2"]
    assert inverted
    assert windowed
    for dataset in inverted + windowed:
        careless = dataset.pixel_array / (2**dataset.BitsStored - 1)
        assert np.abs(careless - presented(dataset)).mean() > 0.03


def test_the_encodings_really_vary(phantom_folder: tuple[Path, list[PhantomTruth]]) -> None:
    folder, _ = phantom_folder
    datasets = [pydicom.dcmread(folder / row["file"]) for row in rows_of(folder)]
    assert {d.BitsStored for d in datasets} == {12, 14, 16}
    assert {d.PhotometricInterpretation for d in datasets} == {"MONOCHROME1", "MONOCHROME2"}
    assert {d.Modality for d in datasets} == {"DX", "CR"}
    assert {d.file_meta.TransferSyntaxUID.is_implicit_VR for d in datasets} == {True, False}
    assert {d.get("VOILUTFunction") for d in datasets} == {None, "LINEAR", "LINEAR_EXACT", "SIGMOID"}
    assert {"RescaleSlope" in d for d in datasets} == {True, False}
    assert {"WindowWidth" in d for d in datasets} == {True, False}
    assert any(d.get("WindowWidth") is not None and d["WindowWidth"].VM == 2 for d in datasets)
    sizes = {(d.Rows, d.Columns) for d in datasets}
    assert len(sizes) > COUNT / 2
    assert any(rows != columns for rows, columns in sizes)
    assert all(90 <= edge <= 140 for size in sizes for edge in size)
    assert {t.marker for t in phantom_folder[1]} == {t.collimated for t in phantom_folder[1]} == {True, False}


def test_files_carry_invented_identity_for_de_identification_to_remove(
    phantom_folder: tuple[Path, list[PhantomTruth]],
) -> None:
    folder, truths = phantom_folder
    uids = set()
    for row, truth in zip(rows_of(folder), truths, strict=True):
        dataset = pydicom.dcmread(folder / row["file"])
        name = f"PHANTOM^FIGURE{truth.patient:05d}"
        assert dataset.PatientName == name
        assert dataset.PatientID == row["patient_id"] == f"PHANTOM-{truth.patient:06d}"
        assert dataset.PatientBirthDate.startswith("1901")
        assert all(
            name in str(dataset[tag].value)
            for tag in ("StudyDescription", "ImageComments", "PatientComments")
        )
        assert name in str(dataset.private_block(0x0011, "PHANTOM PRIVATE")[0x01].value)
        assert dataset.AccessionNumber.startswith("FAKE")
        assert dataset.BodyPartExamined == "KNEE"
        assert dataset.ViewPosition == "AP"
        assert dataset.ImageLaterality == truth.side == row["side"]
        assert dataset.BurnedInAnnotation == "NO"
        assert float(dataset.PixelSpacing[0]) == pytest.approx(truth.pixel_mm, abs=1e-5)
        uids.add(dataset.SOPInstanceUID)
    assert len(uids) == COUNT
    left, right = (pydicom.dcmread(folder / row["file"]) for row in rows_of(folder)[:2])
    assert left.StudyInstanceUID == right.StudyInstanceUID
    assert left.SeriesInstanceUID != right.SeriesInstanceUID


def test_labels_name_every_file_once_in_the_folder_of_its_class(
    phantom_folder: tuple[Path, list[PhantomTruth]],
) -> None:
    folder, truths = phantom_folder
    rows = rows_of(folder)
    assert tuple(rows[0])[: len(LABEL_COLUMNS)] == LABEL_COLUMNS
    assert {row["file"] for row in rows} == {p.relative_to(folder).as_posix() for p in folder.rglob("*.dcm")}
    for row, truth in zip(rows, truths, strict=True):
        assert row["file"].split("/")[0] == row["label"] == truth.class_name
        assert int(row["grade"]) == truth.grade
        assert float(row["jsw_medial_mm"]) == pytest.approx(truth.jsw_medial_mm, abs=1e-3)


def test_writing_the_same_data_set_again_gives_the_same_bytes(folder: Path) -> None:
    for copy in ("first", "second"):
        write_phantom_data_set(folder / copy, count=6, seed=30, size_range=(40, 60))
    first, second = (
        {p.relative_to(folder / copy): p.read_bytes() for p in (folder / copy).rglob("*") if p.is_file()}
        for copy in ("first", "second")
    )
    assert len(first) == 7
    assert first == second


def test_png_phantoms_are_grey_8_bit_and_the_same_radiographs(folder: Path) -> None:
    told: list[tuple[float, float, str]] = []

    class Listener:
        def note(self, text: str) -> None:
            raise AssertionError(text)

        def advance(self, done: float, total: float, unit: str, detail: str = "") -> None:
            told.append((done, total, unit + detail))

    truths = write_phantom_data_set(
        folder, count=4, seed=7, format="png", size_range=(50, 70), progress=Listener()
    )
    assert told == [(done, 4, "phantoms") for done in (1, 2, 3, 4)]
    for row, truth in zip(rows_of(folder), truths, strict=True):
        with Image.open(folder / row["file"]) as picture:
            assert picture.mode == "L"
            pixels = np.asarray(picture)
        image, _ = draw_phantom(truth.seed, size=pixels.shape)
        assert np.abs(pixels / 255 - image).max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"count": 0}, "at least 1"),
        ({"count": 1, "format": "bmp"}, "bmp"),
        ({"count": 1, "size_range": (300, 200)}, "300 to 200"),
        ({"count": 1, "seed": -4}, "seed"),
    ],
)
def test_an_impossible_data_set_is_refused_and_leaves_no_labels(
    arguments: dict[str, object], named: str, folder: Path
) -> None:
    with pytest.raises(InputError, match=named):
        write_phantom_data_set(folder, **arguments)
    assert not any(folder.iterdir())


def test_a_folder_that_cannot_be_written_is_one_sentence_and_leaves_no_labels(folder: Path) -> None:
    for class_name in ("healthy", "moderate", "severe"):
        (folder / class_name).write_text("in the way")
    with pytest.raises(StageError, match="could not be written"):
        write_phantom_data_set(folder, count=3, size_range=(40, 60))
    assert not (folder / "labels.csv").exists()

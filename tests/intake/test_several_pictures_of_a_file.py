"""Every n-th frame or slice: as many pictures as asked for, those of one file on one side of the split."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from prepare_call import PrepareCall
from radiograph_files import dicom, dicom_bytes, picture
from test_nifti import SHAPE, body, stored

from gist.images.archive import read_data_set
from gist.intake.frames import taken_of
from gist.runs.folder import RunFolder

SETTINGS = {"resolution": 32, "label_source": "none", "burned_in_text": "ignore", "near_duplicates": "ignore"}


def parts(run: RunFolder) -> dict[str, set[str]]:
    """Salted id of a file -> parts in which its pictures are."""
    found: dict[str, set[str]] = {}
    with (run.path / "prepare/records.csv").open(newline="") as table:
        for row in csv.DictReader(table):
            found.setdefault(row["file"], set()).add(row["split"])
    return found


def clips(source: Path, count: int, frames: int) -> Path:
    """Multi-frame DICOM of nobody."""
    source.mkdir()
    for number in range(count):
        stack = np.stack([picture(100 * number + frame, 48, 4095) for frame in range(frames)])
        (source / f"{number}.dcm").write_bytes(dicom_bytes(dicom(stack, Modality="US")))
    return source


def test_every_third_frame_of_a_clip_arrives_and_no_clip_crosses(
    prepare_stage: PrepareCall, run: RunFolder, folder: Path
) -> None:
    result = prepare_stage(source=clips(folder / "clips", 8, 9), every=3, test_fraction=0.4, **SETTINGS)
    assert result.train_images + result.test_images == 8 * 3
    found = parts(run)
    assert len(found) == 8
    assert all(len(sides) == 1 for sides in found.values())
    assert {"train", "test"} == set.union(*found.values())


def test_the_frames_are_those_said(prepare_stage: PrepareCall, run: RunFolder, folder: Path) -> None:
    stack = np.stack([picture(frame, 32) * (frame + 1) // 10 for frame in range(9)]).astype(np.uint16)
    (folder / "clips").mkdir()
    (folder / "clips/one.dcm").write_bytes(dicom_bytes(dicom(stack, bits=8, Modality="US")))
    prepare_stage(source=folder / "clips", every=3, window="full", test_fraction=0.0, **SETTINGS)
    data = read_data_set(run.path / "prepare/train.zip")
    expected = {stack[frame].tobytes() for frame in (1, 4, 7)}
    assert {data.image(number).astype(np.uint16).tobytes() for number in range(len(data))} == expected


@pytest.mark.parametrize("plane", ["axial", "coronal"])
def test_slices_of_volumes(prepare_stage: PrepareCall, run: RunFolder, folder: Path, plane: str) -> None:
    for subject in range(5):
        file = folder / f"volumes/v{subject}.nii"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(stored(body(subject)).to_bytes())
    result = prepare_stage(source=folder / "volumes", every=10, plane=plane, test_fraction=0.4, **SETTINGS)
    along = {"axial": 2, "coronal": 1}[plane]
    assert result.train_images + result.test_images == 5 * taken_of(SHAPE[along], 10)
    assert all(len(sides) == 1 for sides in parts(run).values())


def test_files_with_one_picture_stay_as_they_are(prepare_stage: PrepareCall, folder: Path) -> None:
    source = clips(folder / "clips", 3, 4)
    Image.fromarray(picture(7, 48).astype(np.uint8)).save(source / "alone.png")
    result = prepare_stage(source=source, every=100, test_fraction=0.0, **SETTINGS)
    assert result.train_images == 4


@given(frames=st.integers(1, 500), every=st.one_of(st.none(), st.integers(1, 600)))
def test_a_file_gives_at_least_one_picture_and_about_its_share(frames: int, every: int | None) -> None:
    taken = taken_of(frames, every)
    assert 1 <= taken <= frames
    if every is not None:
        assert abs(taken - frames / every) < 1

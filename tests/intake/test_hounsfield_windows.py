"""CT under windows by name: as the standard's formula has it, and nothing else than CT in Hounsfield units."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_windowing
from radiograph_files import decode, dicom, dicom_bytes, picture

from gist.intake.grey_window import HOUNSFIELD_WINDOWS
from gist.stages.vocabulary import Reason, Remark, SetAside

SIDE = 32


def slice_of(stored: Any, slope: float = 1.0, intercept: float = -1024.0, **attributes: Any) -> Dataset:
    """A CT slice of 12 bits."""
    said = {
        "Modality": "CT",
        "RescaleSlope": slope,
        "RescaleIntercept": intercept,
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    }
    return dicom(stored, **{**said, **attributes})


def expected(dataset: Dataset, name: str) -> Any:
    """By pydicom's reading of the standard, from the same stored values."""
    windowed = Dataset()
    windowed.update(dataset)
    windowed.WindowCenter, windowed.WindowWidth = HOUNSFIELD_WINDOWS[name]
    hounsfield = apply_modality_lut(dataset.pixel_array, dataset)
    shown = apply_windowing(hounsfield, windowed)
    low, high = (apply_windowing(np.array([end]), windowed)[0] for end in (-1e6, 1e6))
    return (shown - low) / (high - low) * 255


@pytest.mark.parametrize("name", HOUNSFIELD_WINDOWS)
@given(
    slope=st.sampled_from([1.0, 0.5, 2.0]),
    intercept=st.sampled_from([-1024.0, -1000.0, 0.0]),
    seed=st.integers(0, 99),
)
@settings(max_examples=10, deadline=None)
def test_a_named_window_is_the_formula_of_the_standard(
    tmp_path_factory: pytest.TempPathFactory, name: str, slope: float, intercept: float, seed: int
) -> None:
    dataset = slice_of(picture(seed, SIDE, 3000), slope, intercept)
    right = expected(dataset, name)
    folder = tmp_path_factory.mktemp("slice")
    if np.rint(right).min() == np.rint(right).max():
        with pytest.raises(SetAside):
            decode(folder / "x", dicom_bytes(dataset), window=name)
        return
    accepted, found = decode(folder / "x", dicom_bytes(dataset), window=name)
    assert np.abs(found - right).max() <= 1
    assert Remark.HOUNSFIELD_WINDOW in accepted.remarks


def test_a_window_of_the_file_does_not_matter(tmp_path: Path) -> None:
    stored = picture(3, SIDE, 3000)
    _, without = decode(tmp_path / "a", dicom_bytes(slice_of(stored)), window="bone")
    _, given_one = decode(
        tmp_path / "b", dicom_bytes(slice_of(stored, WindowCenter=0, WindowWidth=10)), window="bone"
    )
    assert (without == given_one).all()


@pytest.mark.parametrize(
    "dataset",
    [
        slice_of(picture(1, SIDE, 3000), Modality="DX"),
        slice_of(picture(1, SIDE, 3000), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]),
        slice_of(picture(1, SIDE, 3000), RescaleType="US"),
        slice_of(picture(1, SIDE, 3000), intercept=None, slope=None),
    ],
    ids=["radiograph", "scout", "other units", "no rescale"],
)
def test_what_has_no_hounsfield_units_is_set_aside(tmp_path: Path, dataset: Dataset) -> None:
    with pytest.raises(SetAside) as refused:
        decode(tmp_path / "x", dicom_bytes(dataset), window="lung")
    assert refused.value.reason is Reason.NO_HOUNSFIELD


def test_so_is_a_picture_file(tmp_path: Path) -> None:
    from test_colour import file_of

    for pixels in (picture(1, SIDE).astype(np.uint8), picture(1, SIDE, 65535)):
        with pytest.raises(SetAside) as refused:
            decode(tmp_path / "x", file_of(pixels), window="lung")
        assert refused.value.reason is Reason.NO_HOUNSFIELD


def test_a_real_slice(shared_dir: Path, tmp_path: Path) -> None:
    file = shared_dir / "data/dicom/pydicom/CT_small.dcm"
    _, found = decode(tmp_path / "x", file.read_bytes(), window="soft-tissue", resolution=128)
    assert np.abs(found - expected(dcmread(file), "soft-tissue")).max() <= 1

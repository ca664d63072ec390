"""NIfTI volumes: the slice that an anatomist would name, however the file stores its axes."""

from __future__ import annotations

import gzip
import itertools
import struct
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from numpy.typing import NDArray
from prepare_call import PrepareCall
from radiograph_files import decode

from gist.intake.file_type import HEAD_BYTES, file_type
from gist.intake.grey_window import HOUNSFIELD_WINDOWS
from gist.intake.nifti import open_nifti
from gist.intake.picture import Picture, ToneSettings
from gist.stages.vocabulary import Reason, Remark, SetAside

SHAPE = (34, 40, 48)
"""Voxels towards the right, the front and the head."""
KINDS = {"NIfTI-1": nibabel.Nifti1Image, "NIfTI-2": nibabel.Nifti2Image}
CODES = [
    letters for order in itertools.permutations(("RL", "AP", "SI")) for letters in itertools.product(*order)
]
"""The 48 ways in which axes may be stored, as nibabel calls them: towards the right, the front, the head, …"""


def body(seed: int = 0) -> NDArray[np.int16]:
    """A volume [right, front, head] in Hounsfield units: air, a soft body, a bone to the right, in front and above."""
    rng = np.random.default_rng(seed)
    volume = np.full(SHAPE, -1000, np.int16)
    volume[5:29, 6:34, 4:44] = 40
    volume[20:26, 22:30, 26:40] = 900
    return volume + rng.integers(-10, 11, SHAPE).astype(np.int16)


def stored(
    volume: NDArray[Any], codes: tuple[str, ...] = ("R", "A", "S"), sizes: tuple[float, ...] = (1, 1, 1)
) -> Any:
    """The same volume as an image whose axes run as `codes` say; `sizes` in millimetres towards right, front, head."""
    affine = np.diag([*sizes, 1.0])
    affine[:3, 3] = (-20.0, 11.0, 7.0)
    image = nibabel.Nifti1Image(volume, affine)
    return image.as_reoriented(ornt_transform(io_orientation(affine), axcodes2ornt(codes)))


def shown(volume: NDArray[Any], plane: str, number: int) -> NDArray[Any]:
    """The slice as a radiologist sees it, by indices alone."""
    right, front, head = volume.shape
    if plane == "axial":
        return np.array(
            [[volume[right - 1 - x, front - 1 - y, number] for x in range(right)] for y in range(front)]
        )
    if plane == "coronal":
        return np.array(
            [[volume[right - 1 - x, number, head - 1 - z] for x in range(right)] for z in range(head)]
        )
    return np.array(
        [[volume[number, front - 1 - y, head - 1 - z] for y in range(front)] for z in range(head)]
    )


def in_window(values: NDArray[Any], name: str) -> NDArray[Any]:
    centre, width = HOUNSFIELD_WINDOWS[name]
    return 255 * np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)


def sliced(
    data: bytes, plane: Any, frame: Any = "first", window: Any = "bone"
) -> tuple[NDArray[Any], Picture]:
    """Levels of 0 to 255 before anything is squared."""
    _, decoded = open_nifti(data, 1 << 20, 64 << 20, plane)
    picture = decoded(ToneSettings(window, (0.5, 99.5), 1 << 20, frame))
    return 255 * picture.tones.astype(np.float64), picture


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
@given(
    codes=st.sampled_from(CODES),
    kind=st.sampled_from(sorted(KINDS)),
    packed=st.booleans(),
    seed=st.integers(0, 9),
)
@settings(max_examples=20, deadline=None)
def test_any_order_of_axes_gives_the_same_slice(
    plane: str,
    codes: tuple[str, ...],
    kind: str,
    packed: bool,
    seed: int,
) -> None:
    image = stored(body(seed), codes)
    data = KINDS[kind](np.asarray(image.dataobj), image.affine).to_bytes()
    data = gzip.compress(data) if packed else data
    assert file_type(data[:HEAD_BYTES]) == "nifti"
    number = {"axial": 30, "coronal": 25, "sagittal": 22}[plane]
    found, picture = sliced(data, plane, number + 1)
    assert np.abs(found - in_window(shown(body(seed), plane, number), "bone")).max() < 0.01
    assert (picture.header.height, picture.header.width) == found.shape
    assert picture.remarks == (Remark.NOT_RADIOGRAPH, Remark.ONE_FRAME, Remark.HOUNSFIELD_WINDOW)


def test_thick_slices_keep_their_proportions(tmp_path: Path) -> None:
    image = stored(body(), sizes=(1.0, 1.0, 4.0))
    _, found = decode(
        tmp_path / "x", image.to_bytes(), plane="coronal", frame=26, window="bone", burned_in_text="ignore"
    )
    lit = np.flatnonzero((found > 20).any(axis=1)), np.flatnonzero((found > 20).any(axis=0))
    high, wide = (len(one) for one in lit)
    assert high / wide == pytest.approx((40 * 4) / 24, rel=0.2)


@pytest.mark.parametrize("slope", [2.0, 0.0])
def test_scale_and_shift_of_the_file_are_applied_unless_the_scale_is_nought(slope: float) -> None:
    data = bytearray(stored(body()).to_bytes())
    struct.pack_into("<2f", data, 112, slope, -30.0)  # scl_slope and scl_inter
    found, _ = sliced(bytes(data), "axial", 31)
    values = shown(body(), "axial", 30) * slope - 30.0 if slope else shown(body(), "axial", 30)
    assert np.abs(found - in_window(values, "bone")).max() < 0.01


def test_sizes_are_those_of_the_orientation_that_is_used() -> None:
    data = bytearray(stored(body(), sizes=(1.0, 2.0, 4.0)).to_bytes())
    struct.pack_into("<3f", data, 80, 9.0, 9.0, 9.0)  # pixdim, which belongs to the other orientation
    _, picture = sliced(bytes(data), "sagittal", 23)
    assert picture.header.spacing == (4.0, 2.0)
    assert picture.header.aspect == 2.0


def test_the_middle_slice_is_taken_where_nobody_chooses(tmp_path: Path) -> None:
    data = stored(body()).to_bytes()
    accepted, found = decode(tmp_path / "x", data, burned_in_text="ignore")
    _, middle = decode(tmp_path / "y", data, frame="middle", burned_in_text="ignore")
    assert (found == middle).all()
    assert Remark.ONE_FRAME in accepted.remarks


def test_a_volume_that_does_not_say_how_it_lies_is_told(tmp_path: Path) -> None:
    image = stored(body())
    image.header["sform_code"] = image.header["qform_code"] = 0
    bare = nibabel.Nifti1Image(np.asarray(image.dataobj), None, image.header)
    bare.header["sform_code"] = bare.header["qform_code"] = 0
    accepted, _ = decode(tmp_path / "x", bare.to_bytes(), burned_in_text="ignore")
    assert Remark.ORIENTATION_UNKNOWN in accepted.remarks


@pytest.mark.parametrize("kind", [np.complex64, "colours"])
def test_what_is_no_real_number_is_set_aside(tmp_path: Path, kind: Any) -> None:
    values = body().astype(np.complex64)
    if kind == "colours":
        values = np.zeros(SHAPE, [("R", "u1"), ("G", "u1"), ("B", "u1")])
    with pytest.raises(SetAside) as refused:
        decode(tmp_path / "x", nibabel.Nifti1Image(values, np.eye(4)).to_bytes())
    assert refused.value.reason is Reason.UNSUPPORTED_PIXELS


def test_mr_is_no_ct(tmp_path: Path) -> None:
    volume = (body() + 1010).astype(np.int16)
    with pytest.raises(SetAside) as refused:
        decode(tmp_path / "x", stored(volume).to_bytes(), window="brain", frame=31)
    assert refused.value.reason is Reason.NO_HOUNSFIELD


def test_volumes_that_inflate_beyond_the_limit_and_broken_ones_are_set_aside(tmp_path: Path) -> None:
    packed = gzip.compress(stored(body()).to_bytes())
    for data, limit, reason in (
        (packed, 100_000, Reason.TOO_LARGE_FILE),
        (packed[: len(packed) // 2], 64 << 20, Reason.DAMAGED),
        (stored(body()).to_bytes()[:20_000], 64 << 20, Reason.DAMAGED),
    ):
        with pytest.raises(SetAside) as refused:
            decode(tmp_path / "x", data, max_file_bytes=limit)
        assert refused.value.reason is reason


def test_a_gzip_of_anything_else_is_an_archive(tmp_path: Path) -> None:
    with pytest.raises(SetAside) as refused:
        decode(tmp_path / "x", gzip.compress(b"no volume" * 100))
    assert refused.value.reason is Reason.ARCHIVE


def test_a_folder_of_volumes_becomes_a_set(prepare_stage: PrepareCall, folder: Path) -> None:
    for subject in range(6):
        place = folder / f"source/sub-{subject:02d}/anat"
        place.mkdir(parents=True)
        (place / "t1.nii.gz").write_bytes(gzip.compress(stored(body(subject), CODES[subject]).to_bytes()))
    result = prepare_stage(source=folder / "source", resolution=32, label_source="none", burned_in_text="ignore",
                           near_duplicates="ignore")  # fmt: skip
    assert result.train_images + result.test_images == 6
    assert (result.patients, result.kind, result.channels) == (6, "image", 1)

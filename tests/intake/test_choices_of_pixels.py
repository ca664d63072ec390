"""Bits, frames, borders, scale and side, on pictures written here."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from prepare_call import PrepareCall
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from radiograph_files import decode, dicom, dicom_bytes, picture, save_png
from scipy.ndimage import gaussian_filter

from gist.images.archive import read_data_set
from gist.intake.borders import content_box
from gist.intake.geometry import scaled_view, show, square_view
from gist.phantoms import draw_phantom
from gist.runs.folder import RunFolder
from gist.stages.vocabulary import Reason, Remark, SetAside

SIDE = 32


def unit(seed: int, height: int, width: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(0.2, 0.8, (height, width)).astype(np.float32)


def test_sixteen_bits_reach_the_archive_and_come_back(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    source = folder / "s"
    originals = [picture(number, SIDE, 65535) for number in range(6)]
    for number, pixels in enumerate(originals):
        save_png(source / f"{number}.png", pixels)
    result = prepare_stage(source, resolution=SIDE, bits=16, window="full", test_fraction=0)
    data = read_data_set(run.path / result.train_archive)
    images = list(data.images())
    assert {image.dtype for image in images} == {np.dtype(np.uint16)}
    stored = {image.tobytes() for image in images}
    assert stored == {pixels.tobytes() for pixels in originals}
    with Image.open(run.path / "prepare" / "contact-0.png") as sheet:
        assert len(np.unique(np.asarray(sheet))) > 50
    assert np.abs(data.array() - np.stack(images) / np.float32(65535)).max() < 1e-6


def test_the_chosen_frame_of_a_dicom_is_taken(folder: Path) -> None:
    frames = np.stack([picture(seed, SIDE, 4095) for seed in range(5)])
    data = dicom_bytes(dicom(frames))
    for choice, index in [("first", 0), ("middle", 2), ("last", 4), (4, 3)]:
        accepted, grey = decode(folder / "a", data, frame=choice)
        assert (grey == decode(folder / "b", dicom_bytes(dicom(frames[index])))[1]).all()
        assert Remark.ONE_FRAME in accepted.remarks
    with pytest.raises(SetAside) as caught:
        decode(folder / "a", data, frame=6)
    assert caught.value.reason is Reason.NO_SUCH_FRAME


PLACES = [30.0, 10.0, 50.0, 20.0, 40.0]
"""Of the frames in a file; the fourth lies second, the first in the middle."""


def per_frame(sequence: str, keyword: str, values: list[Any]) -> dict[str, Any]:
    groups = []
    for value in values:
        group, inner = Dataset(), Dataset()
        setattr(inner, keyword, value)
        setattr(group, sequence, Sequence([inner]))
        groups.append(group)
    return {"PerFrameFunctionalGroupsSequence": Sequence(groups)}


TELLING_PLACES: dict[str, dict[str, Any]] = {
    "along the body": per_frame(
        "PlanePositionSequence", "ImagePositionPatient", [[5, -7, z] for z in PLACES]
    ),
    "askew": per_frame("PlanePositionSequence", "ImagePositionPatient", [[z, 3 - z, z / 9] for z in PLACES]),
    "downwards": per_frame("PlanePositionSequence", "ImagePositionPatient", [[0, 0, -z] for z in PLACES]),
    "in a volume": per_frame(
        "PlanePositionVolumeSequence", "ImagePositionVolume", [[0, z, 0] for z in PLACES]
    ),
    "in a stack": per_frame("FrameContentSequence", "InStackPositionNumber", [round(z / 10) for z in PLACES]),
    "slice locations": {"SliceLocationVector": PLACES, "FrameIncrementPointer": [0x00182005]},
    "slice numbers": {"SliceVector": [round(z / 10) for z in PLACES]},
    "grid": {"GridFrameOffsetVector": PLACES},
}
SILENT_ON_PLACES: dict[str, dict[str, Any]] = {
    "times": {"FrameTimeVector": [0, 30, 10, 50, 20], "FrameIncrementPointer": [0x00181065]},
    "one place": per_frame("PlanePositionSequence", "ImagePositionPatient", [[5, -7, 3]] * 5),
    "some places": per_frame(
        "PlanePositionSequence", "ImagePositionPatient", [[0, 0, z] for z in PLACES[:3]]
    ),
    "broken places": per_frame("PlanePositionSequence", "ImagePositionPatient", [[0, z] for z in PLACES]),
    "too many": {"SliceVector": [3, 1, 5, 2, 4, 6]},
}


@pytest.mark.parametrize("told", [*TELLING_PLACES, *SILENT_ON_PLACES])
def test_the_middle_frame_lies_in_the_middle_where_the_file_tells_places(folder: Path, told: str) -> None:
    frames = np.stack([picture(seed, SIDE, 4095) for seed in range(5)])
    places = TELLING_PLACES.get(told) or SILENT_ON_PLACES[told]
    data = dicom_bytes(dicom(frames, **places))
    stored = {"first": 0, "middle": 0 if told in TELLING_PLACES else 2, "last": 4, 4: 3}
    for choice, index in stored.items():
        expected = decode(folder / "b", dicom_bytes(dicom(frames[index])))[1]
        assert (decode(folder / "a", data, frame=choice)[1] == expected).all()


@pytest.mark.parametrize("places", [[1, 2, 3, 4], [4, 3, 2, 1], [1, 1, 2, 2]])
def test_of_an_even_number_of_frames_in_order_the_second_of_the_file_is_the_middle(
    folder: Path, places: list[int]
) -> None:
    frames = np.stack([picture(seed, SIDE, 4095) for seed in range(4)])
    middle = decode(folder / "a", dicom_bytes(dicom(frames, SliceVector=places)), frame="middle")[1]
    assert (middle == decode(folder / "b", dicom_bytes(dicom(frames[1])))[1]).all()


def test_of_a_file_with_one_picture_that_is_taken_whatever_frame_is_asked_for(folder: Path) -> None:
    pixels = picture(1, SIDE).astype(np.uint8)
    png = save_png(folder / "whole.png", pixels).read_bytes()
    for data in (dicom_bytes(dicom(pixels, bits=8)), png):
        accepted, grey = decode(folder / "a", data, frame=2)
        assert (grey == decode(folder / "a", data)[1]).all()
        assert Remark.ONLY_FRAME in accepted.remarks
        assert Remark.ONLY_FRAME not in decode(folder / "a", data, frame=1)[0].remarks


def test_the_frames_own_window_is_used(folder: Path) -> None:
    frames = np.stack([picture(3, SIDE, 4095)] * 2)
    dataset = dicom(frames)
    groups = []
    for centre in (500, 2500):
        window, group = Dataset(), Dataset()
        window.WindowCenter, window.WindowWidth = centre, 1000
        group.FrameVOILUTSequence = Sequence([window])
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = Sequence(groups)
    expected = dicom_bytes(dicom(frames[1], WindowCenter=2500, WindowWidth=1000))
    assert (decode(folder / "a", dicom_bytes(dataset), frame=2)[1] == decode(folder / "b", expected)[1]).all()


def test_the_chosen_page_of_a_tiff_is_taken(folder: Path) -> None:
    pages = [Image.fromarray(picture(seed, SIDE).astype(np.uint8)) for seed in range(3)]
    buffer = io.BytesIO()
    pages[0].save(buffer, format="TIFF", save_all=True, append_images=pages[1:])
    assert (decode(folder / "a", buffer.getvalue(), frame="last")[1] == np.asarray(pages[2])).all()


@settings(deadline=None, max_examples=40)
@given(
    st.tuples(*[st.integers(0, 60)] * 4),
    st.sampled_from([0.0, 1.0, 0.9, 0.03]),
    st.integers(0, 99),
    st.integers(180, 600),
)
def test_straight_borders_of_one_grey_are_found(
    widths: tuple[int, int, int, int], grey: float, seed: int, side: int
) -> None:
    rng = np.random.default_rng(seed)
    top, bottom, left, right = (width if width >= 6 else 0 for width in widths)
    image = np.full((side, side), grey, np.float32) + rng.normal(0, 0.005, (side, side)).astype(np.float32)
    size = (side - left - right, side - top - bottom)
    coarse = Image.fromarray(rng.uniform(0.15, 0.8, (12, 12)).astype(np.float32))
    inner = np.asarray(coarse.resize(size, Image.Resampling.BILINEAR))
    image[top : side - bottom, left : side - right] = inner
    found = content_box(np.clip(image, 0, 1))
    expected = (top, side - bottom, left, side - right)
    step = 2 + 2 * side // 256  # a reduced pixel that a border touches goes with it
    assert all(abs(one - other) <= step for one, other in zip(found, expected, strict=True)), (
        found,
        expected,
    )


def test_a_limb_on_black_air_loses_nothing() -> None:
    y, x = np.mgrid[:300, :200] / 200
    limb = np.where(np.abs(x - 0.5 - 0.1 * y) < 0.2, 0.7, 0.0).astype(np.float32)
    assert content_box(limb) == (0, 300, 0, 200)


@pytest.mark.parametrize("grey", [0.0, 0.95])
@pytest.mark.parametrize("degrees", [3, 8, -20])
def test_of_a_tilted_field_an_upright_rectangle_is_left(degrees: float, grey: float) -> None:
    left_over = []
    for seed in range(3):
        knee = draw_phantom(seed, size=(300, 280))[0] * 0.75
        field = tilted_rectangle(knee.shape, degrees, (90 + 15 * seed, 120))
        blurred = gaussian_filter(field.astype(np.float32), 1.5)
        top, bottom, left, right = content_box((knee * blurred + grey * (1 - blurred)).astype(np.float32))
        assert field[top:bottom, left:right].mean() > 0.995
        left_over.append((bottom - top) * (right - left) / field.sum())
    assert min(left_over) > 0.5


def tilted_rectangle(
    shape: tuple[int, ...], degrees: float, half_sides: tuple[float, float]
) -> NDArray[np.bool_]:
    y, x = np.indices(shape) - np.reshape([shape[0] / 2, shape[1] / 2], (2, 1, 1))
    turn = np.deg2rad(degrees)
    across, along = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    inside: NDArray[np.bool_] = (np.abs(across) < half_sides[0]) & (np.abs(along) < half_sides[1])
    return inside


@pytest.mark.parametrize("degrees", [4, 12, 30])
def test_a_tilted_limb_on_air_is_no_tilted_field(degrees: float) -> None:
    limb = gaussian_filter(tilted_rectangle((300, 300), degrees, (70, 400)).astype(np.float32), 6) * 0.6
    assert content_box(limb) == (0, 300, 0, 300)


def test_a_side_marker_on_the_border_does_not_keep_it() -> None:
    image = np.zeros((400, 400), np.float32)
    image[60:, :] = unit(1, 340, 400)
    image[20:40, 30:45] = 1.0
    assert content_box(image)[0] == pytest.approx(60, abs=3)


def test_borders_are_cut_before_the_square_is_made_and_said_so(folder: Path) -> None:
    inner = picture(3, 64).astype(np.uint8) // 2 + 60
    framed = np.zeros((128, 96), np.uint8)
    framed[32:96, 16:80] = inner
    accepted, grey = decode(folder / "a", png(framed), crop_borders=True)
    assert Remark.BORDERS_CUT in accepted.remarks
    assert np.abs(grey.astype(float) - decode(folder / "b", png(inner))[1]).mean() < 6
    assert Remark.BORDERS_CUT not in decode(folder / "a", png(framed))[0].remarks


def png(pixels: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def disc(height: int, width: int, spacing: tuple[float, float], radius_mm: float) -> NDArray[np.uint16]:
    y = (np.arange(height) - (height - 1) / 2) * spacing[0]
    x = (np.arange(width) - (width - 1) / 2) * spacing[1]
    return ((y[:, None] ** 2 + x[None] ** 2 < radius_mm**2) * 3000 + 500).astype(np.uint16)


@pytest.mark.parametrize(
    ("size", "spacing"), [((300, 200), (0.2, 0.2)), ((150, 200), (0.4, 0.2)), ((90, 90), (0.5, 0.5))]
)
def test_one_scale_makes_equal_things_equally_large(
    folder: Path, size: tuple[int, int], spacing: tuple[float, float]
) -> None:
    dataset = dicom(
        disc(*size, spacing, 12.0), ImagerPixelSpacing=list(spacing), WindowCenter=2000, WindowWidth=3000
    )
    accepted, grey = decode(folder / "a", dicom_bytes(dataset), mm_per_pixel=1.0)
    assert accepted.spacing == spacing
    inside = grey > (int(grey.min()) + int(grey.max())) / 2
    assert inside.sum() == pytest.approx(np.pi * 12**2, rel=0.05)
    assert Remark.SPACING_UNKNOWN not in accepted.remarks


IMAGER, NOMINAL, MAGNIFIED = (
    "ImagerPixelSpacing",
    "NominalScannedPixelSpacing",
    "EstimatedRadiographicMagnificationFactor",
)


@pytest.mark.parametrize("factor", [1, 1.5, 1.8])
@pytest.mark.parametrize("keyword", [IMAGER, NOMINAL])
def test_a_disc_has_its_size_in_the_body_at_any_magnification(
    folder: Path, keyword: str, factor: float
) -> None:
    """A disc of 20 mm casts a larger shadow the nearer it is to the tube."""
    pixels = disc(300, 300, (0.2, 0.2), 10.0 * factor)
    attributes = {keyword: [0.2, 0.2], MAGNIFIED: factor, "WindowCenter": 2000, "WindowWidth": 3000}
    accepted, grey = decode(folder / "a", dicom_bytes(dicom(pixels, **attributes)), mm_per_pixel=1.0)
    assert (grey > 128).sum() == pytest.approx(np.pi * 10**2, rel=0.05)
    assert Remark.SCALE_BY_MAGNIFICATION in accepted.remarks


SCALES: dict[str, tuple[dict[str, Any], float, Remark]] = {
    "calibrated": ({"PixelSpacing": [0.4, 0.4], IMAGER: [0.6, 0.6]}, 0.4, Remark.SCALE_CALIBRATED),
    "calibrated, scanned": ({"PixelSpacing": [0.4, 0.4], NOMINAL: [0.6, 0.6]}, 0.4, Remark.SCALE_CALIBRATED),
    "calibrated, magnified": (
        {"PixelSpacing": [0.4, 0.4], IMAGER: [0.6, 0.6], MAGNIFIED: 1.2},
        0.4,
        Remark.SCALE_CALIBRATED,
    ),
    "calibrated by its own word": (
        {
            "PixelSpacing": [0.6, 0.6],
            IMAGER: [0.6, 0.6],
            MAGNIFIED: 1.2,
            "PixelSpacingCalibrationType": "FIDUCIAL",
        },
        0.6,
        Remark.SCALE_CALIBRATED,
    ),
    "copied from the detector": (
        {"PixelSpacing": [0.6, 0.6], IMAGER: [0.60001, 0.6], MAGNIFIED: 1.2},
        0.5,
        Remark.SCALE_BY_MAGNIFICATION,
    ),
    "copied, not magnified": (
        {"PixelSpacing": [0.6, 0.6], IMAGER: [0.6, 0.6]},
        0.6,
        Remark.SCALE_OF_DETECTOR,
    ),
    "at the detector": ({IMAGER: [0.6, 0.6]}, 0.6, Remark.SCALE_OF_DETECTOR),
    "no magnification": ({IMAGER: [0.6, 0.6], MAGNIFIED: 0}, 0.6, Remark.SCALE_OF_DETECTOR),
    "no such magnification": ({IMAGER: [0.6, 0.6], MAGNIFIED: 0.6}, 0.6, Remark.SCALE_OF_DETECTOR),
    "of the patient or not": ({"PixelSpacing": [0.6, 0.6], MAGNIFIED: 1.2}, 0.6, Remark.SCALE_UNEXPLAINED),
}


@pytest.mark.parametrize("kind", SCALES)
def test_the_scale_is_that_in_the_body_as_near_as_the_file_tells_and_named(folder: Path, kind: str) -> None:
    attributes, spacing, remark = SCALES[kind]
    data = dicom_bytes(dicom(picture(1, 48, 4095), **attributes))
    accepted, _ = decode(folder / "a", data, mm_per_pixel=1.0)
    assert accepted.spacing == pytest.approx((spacing, spacing), rel=1e-4)
    assert [one for one in accepted.remarks if one.name.startswith("S")] == [remark]
    assert remark not in decode(folder / "b", data)[0].remarks


def test_notes_and_records_say_by_which_spacing_images_were_scaled(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    (folder / "s").mkdir()
    for number, (attributes, _, _) in enumerate(SCALES.values()):
        data = dicom_bytes(dicom(picture(number, SIDE, 4095), PatientID=f"P{number}", **attributes))
        (folder / "s" / f"{number}.dcm").write_bytes(data)
    notes = prepare_stage(folder / "s", mm_per_pixel=1.0, allow_upsampling=True, test_fraction=0).notes
    assert any(note.startswith("4 images were scaled by a calibrated pixel spacing") for note in notes)
    assert any(note.startswith("4 images were scaled by the spacing at the detector, as") for note in notes)
    records = (run.path / "prepare" / "records.csv").read_text()
    for _, _, remark in SCALES.values():
        assert remark in records


def test_unknown_spacing_is_told(folder: Path) -> None:
    accepted, grey = decode(folder / "b", dicom_bytes(dicom(picture(1, 48, 4095))), mm_per_pixel=1.0)
    assert Remark.SPACING_UNKNOWN in accepted.remarks
    assert (grey == decode(folder / "c", dicom_bytes(dicom(picture(1, 48, 4095))))[1]).all()


@pytest.mark.parametrize(
    "attributes", [{"PixelSpacing": [0.4, 0.2]}, {"PixelAspectRatio": [2, 1]}], ids=["spacing", "ratio"]
)
def test_oblong_pixels_become_square(folder: Path, attributes: dict[str, Any]) -> None:
    dataset = dicom(disc(100, 200, (2.0, 1.0), 60.0), WindowCenter=2000, WindowWidth=3000, **attributes)
    inside = decode(folder / "a", dicom_bytes(dataset), resolution=64)[1] > 128
    assert inside.any(axis=1).sum() == pytest.approx(inside.any(axis=0).sum(), abs=1)


def test_scaling_to_the_images_own_spacing_changes_nothing() -> None:
    image = unit(2, 64, 64)
    assert np.abs(show(image, scaled_view(64, 64, 64, (0.7, 0.7), 0.7), 64) - image).max() < 1e-5
    wide = show(image, scaled_view(64, 64, 64, (0.7, 0.7), 1.4), 64)
    assert wide[:16].max() == 0
    assert wide[16:48, 16:48].mean() == pytest.approx(image.mean(), abs=1e-4)
    assert square_view(64, 64, "pad", 1.0).enlarges(65)


def test_the_other_side_is_mirrored_and_no_unknown_one(folder: Path) -> None:
    def found(**attributes: str) -> tuple[tuple[Remark, ...], NDArray[np.uint8]]:
        data = dicom_bytes(dicom(picture(4, SIDE, 4095), **attributes))
        accepted, grey = decode(folder / "a", data, flip_to_side="L")
        return accepted.remarks, grey

    plain = decode(folder / "b", dicom_bytes(dicom(picture(4, SIDE, 4095))))[1]
    remarks, grey = found(ImageLaterality="R")
    assert Remark.MIRRORED in remarks
    assert (grey == plain[:, ::-1]).all()
    for attributes in ({"Laterality": "L"}, {"ImageLaterality": "B"}, {}):
        remarks, grey = found(**attributes)
        assert Remark.MIRRORED not in remarks
        assert (Remark.SIDE_UNKNOWN in remarks) == ("Laterality" not in attributes)
        assert (grey == plain).all()


def test_a_side_column_decides_for_files_that_cannot_say(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    source = folder / "s"
    pictures = [picture(number, SIDE).astype(np.uint8) for number in range(4)]
    for number, pixels in enumerate(pictures):
        save_png(source / f"{number}.png", pixels)
    rows = [f"{number}.png,0,{side}" for number, side in enumerate(["L", "right", "Left", "R"])]
    (source / "t.csv").write_text("\n".join(["file,label,side", *rows]))
    choices = {"labels": "t.csv", "side_column": "side", "flip_to_side": "right", "test_fraction": 0}
    result = prepare_stage(source, resolution=SIDE, **choices)
    stored = {image.tobytes() for image in read_data_set(run.path / result.train_archive).images()}
    expected = [pictures[0][:, ::-1], pictures[1], pictures[2][:, ::-1], pictures[3]]
    assert stored == {image.tobytes() for image in expected}
    assert "2 images were mirrored to the side that prepare.flip_to_side asks for." in result.notes

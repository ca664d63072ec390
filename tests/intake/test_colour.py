"""Pictures kept in colour: sRGB by the file's own profile, transparency on black, every form that DICOM has."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms
from prepare_call import PrepareCall
from pydicom.dataset import Dataset
from radiograph_files import class_folders, decode, dicom, dicom_bytes, picture, save_png

from gist.errors import InputError
from gist.images.archive import read_data_set
from gist.runs.folder import RunFolder
from gist.stages.vocabulary import Reason, Remark, SetAside

SIDE = 32


def coloured(seed: int = 0, side: int = SIDE) -> NDArray[np.uint8]:
    """Three different pictures as red, green and blue."""
    return np.dstack([picture(10 * seed + channel, side).astype(np.uint8) for channel in range(3)])


def file_of(pixels: NDArray[Any] | Image.Image, form: str = "PNG", **options: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def kept(folder: Path, data: bytes, **changes: Any) -> tuple[tuple[Remark, ...], NDArray[np.int64]]:
    accepted, pixels = decode(folder / "file", data, colour=True, **changes)
    return accepted.remarks, pixels.astype(np.int64)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "BMP"])
def test_colours_of_lossless_files_arrive_as_they_are(tmp_path: Path, form: str) -> None:
    remarks, found = kept(tmp_path, file_of(coloured(), form))
    assert (found == coloured()).all()
    assert remarks == ()


def test_without_being_asked_for_colours_become_grey_as_before(tmp_path: Path) -> None:
    accepted, found = decode(tmp_path / "file", file_of(coloured()))
    assert found.shape == (SIDE, SIDE)
    assert accepted.remarks == (Remark.COLOUR_TO_GREY,)


def linear_profile(swapped: bool) -> bytes:
    """An ICC profile (ICC.1:2001, 6.3.1.2) of sRGB's primaries and levels in proportion to light; red and green may be
    called by each other's name."""
    columns = {
        "rXYZ": (0.4361, 0.2225, 0.0139),
        "gXYZ": (0.3851, 0.7169, 0.0971),
        "bXYZ": (0.1431, 0.0606, 0.7141),
    }
    if swapped:
        columns["rXYZ"], columns["gXYZ"] = columns["gXYZ"], columns["rXYZ"]

    def xyz(values: tuple[float, float, float]) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(65536 * value) for value in values))

    white = xyz((0.9642, 1.0, 0.8249))
    text = b"linear"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + b"\0" + bytes(78)
    tags = {"desc": description, "cprt": b"text\0\0\0\0none\0", "wtpt": white}
    tags |= {name: xyz(values) for name, values in columns.items()}
    tags |= {name: b"curv\0\0\0\0" + struct.pack(">I", 0) for name in ("rTRC", "gTRC", "bTRC")}
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name.encode() + struct.pack(">II", start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    size = start + len(body)
    header = struct.pack(">I4s4s4s4s4s", size, bytes(4), b"\x02\x10\0\0", b"mntr", b"RGB ", b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061) + bytes(48)
    return header + struct.pack(">I", len(tags)) + table + body


def srgb_of_light(levels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """IEC 61966-2-1: levels in proportion to light, 0 to 255, as levels of sRGB."""
    light = levels / 255
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_a_profile_brings_colours_to_srgb(tmp_path: Path, form: str) -> None:
    options = (
        {"quality": 100, "subsampling": 0} if form == "JPEG" else {"lossless": True} if form == "WEBP" else {}
    )
    data = file_of(coloured(), form, icc_profile=linear_profile(swapped=True), **options)
    remarks, found = kept(tmp_path, data)
    assert Remark.TO_SRGB in remarks
    with Image.open(io.BytesIO(data)) as image:
        stored = np.asarray(image.convert("RGB"))
    assert np.abs(found - srgb_of_light(stored)[..., [1, 0, 2]]).max() <= 1.01


def test_sixteen_bits_of_colour_become_eight(tmp_path: Path) -> None:
    from test_deep_colour import tiff

    levels = np.dstack([picture(channel, SIDE, 65535) for channel in range(3)])
    remarks, found = kept(tmp_path, tiff(levels))
    assert np.abs(found - levels / 257).max() <= 0.51
    assert remarks == ()


@pytest.mark.parametrize(
    "profile", [b"no profile at all", ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()]
)
def test_a_profile_that_says_nothing_of_such_pixels_is_told(tmp_path: Path, profile: bytes) -> None:
    remarks, found = kept(tmp_path, file_of(coloured(), icc_profile=profile))
    assert (found == coloured()).all()
    assert remarks == (Remark.PROFILE_UNUSABLE,)


def test_transparency_lies_on_black_in_colour_too(tmp_path: Path) -> None:
    opacity = picture(7, SIDE).astype(np.uint8)
    remarks, found = kept(tmp_path, file_of(np.dstack([coloured(), opacity])))
    assert np.abs(found - coloured() * (opacity[..., None] / 255)).max() <= 0.51
    assert remarks == (Remark.TRANSPARENCY,)


def test_the_orientation_tag_turns_colours(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the first row of the file is the right side
    remarks, found = kept(tmp_path, file_of(coloured(), exif=exif))
    assert (found == np.rot90(coloured(), -1)).all()
    assert remarks == (Remark.TURNED,)


def test_four_inks_become_colours(tmp_path: Path) -> None:
    inks = np.dstack([coloured(), np.full((SIDE, SIDE), 40, np.uint8)])
    remarks, found = kept(tmp_path, file_of(Image.fromarray(inks, "CMYK"), "TIFF"))
    expected = (255 - inks[..., :3].astype(float)) * (255 - 40) / 255
    assert np.abs(found - expected).max() <= 1
    assert remarks == ()


def test_grey_in_a_set_in_colour_becomes_three_equal_colours(tmp_path: Path) -> None:
    grey = picture(3, SIDE).astype(np.uint8)
    remarks, found = kept(tmp_path, file_of(grey))
    assert (found == grey[..., None]).all()
    assert remarks == (Remark.GREY_TO_COLOUR,)


def ybr(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """PS3.3 C.7.6.3.1.2, YBR_FULL."""
    red, green, blue = (rgb[..., channel].astype(float) for channel in range(3))
    return np.stack(
        [
            0.2990 * red + 0.5870 * green + 0.1140 * blue,
            -0.1687 * red - 0.3313 * green + 0.5 * blue + 128,
            0.5 * red - 0.4187 * green - 0.0813 * blue + 128,
        ],
        axis=-1,
    )


def rgb_of(full: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The way back, as the standard's matrix inverted gives it."""
    luminance, blue, red = (full[..., channel].astype(float) for channel in range(3))
    blue, red = blue - 128, red - 128
    return np.stack(
        [luminance + 1.402 * red, luminance - 0.34414 * blue - 0.71414 * red, luminance + 1.772 * blue],
        axis=-1,
    ).clip(0, 255)


def in_colour(photometric: str, stored: NDArray[np.uint8], planar: int = 0) -> Dataset:
    dataset = dicom(stored, "RGB", bits=8)
    dataset.Rows, dataset.Columns = SIDE, SIDE
    dataset.PhotometricInterpretation = photometric
    dataset.PlanarConfiguration = planar
    dataset.Modality = "US"
    return dataset


@pytest.mark.parametrize("planar", [0, 1])
def test_rgb_of_dicom_by_pixel_and_by_plane(tmp_path: Path, planar: int) -> None:
    stored = coloured() if planar == 0 else coloured().transpose(2, 0, 1).copy()
    _, found = kept(tmp_path, dicom_bytes(in_colour("RGB", stored, planar)))
    assert (found == coloured()).all()


def test_ybr_full_of_dicom(tmp_path: Path) -> None:
    stored = np.rint(ybr(coloured())).clip(0, 255).astype(np.uint8)
    _, found = kept(tmp_path, dicom_bytes(in_colour("YBR_FULL", stored)))
    assert np.abs(found - rgb_of(stored)).max() <= 1


def test_ybr_full_422_of_dicom_shares_chroma_between_two_pixels(tmp_path: Path) -> None:
    full = np.rint(ybr(coloured())).clip(0, 255).astype(np.uint8)
    pairs = np.stack([full[:, 0::2, 0], full[:, 1::2, 0], full[:, 0::2, 1], full[:, 0::2, 2]], axis=-1)
    _, found = kept(tmp_path, dicom_bytes(in_colour("YBR_FULL_422", pairs.copy())))
    shared = full.copy()
    shared[:, 1::2, 1:] = full[:, 0::2, 1:]
    assert np.abs(found - rgb_of(shared)).max() <= 1


def test_a_palette_of_dicom_keeps_its_colours(tmp_path: Path) -> None:
    from test_palettes import palette

    indices = picture(5, SIDE).astype(np.uint8)
    ramps = [np.arange(256), 255 - np.arange(256), (np.arange(256) * 7) % 256]
    tables = [ramp.astype(np.uint8).tobytes() for ramp in ramps]
    _, found = kept(tmp_path, dicom_bytes(palette(indices, [256, 0, 8], *tables)))
    assert (found == np.stack([ramp[indices] for ramp in ramps], axis=-1)).all()


def test_real_dicom_in_colour_agrees_with_the_stored_samples(shared_dir: Path, tmp_path: Path) -> None:
    import pydicom
    from pydicom.pixels import convert_color_space

    folder = shared_dir / "data/dicom/pydicom"
    for name in (
        "ExplVR_BigEnd.dcm",
        "examples_rgb_color.dcm",
        "examples_ybr_color.dcm",
        "examples_palette.dcm",
    ):
        dataset = pydicom.dcmread(folder / name)
        first = pydicom.pixels.pixel_array(dataset, index=0, raw=True)
        if dataset.PhotometricInterpretation == "PALETTE COLOR":
            first = (pydicom.pixels.apply_color_lut(first, dataset) >> 8).astype(np.uint8)
        elif dataset.PhotometricInterpretation != "RGB":
            first = convert_color_space(first, "YBR_FULL", "RGB")
        square = min(first.shape[:2])
        top, left = ((length - square) // 2 for length in first.shape[:2])
        cut = first[top : top + square, left : left + square].astype(float)
        side = next(side for side in (256, 128, 64, 32) if side <= square)
        _, found = decode(
            tmp_path / "x",
            (folder / name).read_bytes(),
            colour=True,
            resolution=side,
            fit="crop",
            burned_in_text="ignore",
        )
        rows = np.repeat(cut, side, axis=0).reshape(side, square, square, 3).mean(axis=1)
        means = np.repeat(rows, side, axis=1).reshape(side, side, square, 3).mean(axis=2)
        assert np.abs(found - means).max() <= 1, name


def colour_folders(source: Path, per_class: int = 6) -> Path:
    for label, name in enumerate(("naevus", "scar")):
        for number in range(per_class):
            save_png(source / name / f"{number}.png", coloured(100 * label + number, 48))
    return source


def test_auto_keeps_colours_where_most_pictures_have_them(
    prepare_stage: PrepareCall, run: RunFolder, folder: Path
) -> None:
    colour_folders(folder / "source")
    save_png(folder / "source/scar/one grey.png", picture(99, 48).astype(np.uint8))
    result = prepare_stage(source=folder / "source", resolution=32)
    assert (result.channels, result.kind) == (3, "image")
    data = read_data_set(run.path / result.train_archive)
    assert data.channels == 3
    assert data.image(0).shape == (32, 32, 3)
    assert "1 image is grey in a set in colour, and stored as three equal colours." in result.notes


@pytest.mark.parametrize("writing", [False, True])
def test_auto_stays_grey_where_three_colours_are_equal_or_only_mark_a_corner(
    prepare_stage: PrepareCall, run: RunFolder, folder: Path, writing: bool
) -> None:
    for number in range(6):
        three = np.repeat(picture(number, 48).astype(np.uint8)[..., None], 3, axis=2)
        if writing:
            three[2:8, 2:20] = (255, 220, 0)
        save_png(folder / f"source/{number % 2}/{number}.png", three)
    result = prepare_stage(source=folder / "source", resolution=32, burned_in_text="ignore")
    assert (result.channels, result.kind) == (1, "radiograph")
    assert read_data_set(run.path / result.train_archive).channels == 1


def test_grey_asked_for_is_grey(prepare_stage: PrepareCall, folder: Path) -> None:
    result = prepare_stage(source=colour_folders(folder / "source"), resolution=32, colour="grey")
    assert result.channels == 1


def test_colour_asked_for_of_grey_pictures(prepare_stage: PrepareCall, run: RunFolder, folder: Path) -> None:
    result = prepare_stage(source=class_folders(folder / "source"), resolution=32, colour="rgb")
    data = read_data_set(run.path / result.train_archive)
    assert (data.image(0)[..., 0] == data.image(0)[..., 2]).all()


def test_sixteen_bits_are_for_grey(prepare_stage: PrepareCall, folder: Path) -> None:
    with pytest.raises((InputError, ValueError), match="only grey images keep"):
        prepare_stage(source=colour_folders(folder / "source"), colour="rgb", bits=16)


def test_a_box_of_text_is_painted_over_in_every_colour(tmp_path: Path) -> None:
    from PIL import ImageDraw

    image = Image.new("RGB", (256, 256), (150, 90, 60))
    ImageDraw.Draw(image).text((20, 100), "SMITH JOHN 1970", fill=(255, 255, 255), font_size=22)
    accepted, found = decode(
        tmp_path / "x", file_of(image), colour=True, resolution=256, burned_in_text="mask"
    )
    assert Remark.TEXT_PAINTED_OVER in accepted.remarks
    assert np.abs(found.astype(int) - (150, 90, 60)).max() <= 12


def test_signed_colours_are_set_aside(tmp_path: Path) -> None:
    dataset = in_colour("RGB", coloured())
    dataset.PixelRepresentation = 1
    with pytest.raises(SetAside) as refused:
        kept(tmp_path, dicom_bytes(dataset))
    assert refused.value.reason in (Reason.UNSUPPORTED_PIXELS, Reason.DAMAGED)

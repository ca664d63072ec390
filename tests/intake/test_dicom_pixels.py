"""Grey values of DICOM files against the formulas of the standard, on pixels written here."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless
from radiograph_files import decode, dicom, dicom_bytes, picture

from gist.intake.picture import colour_to_grey
from gist.stages.vocabulary import Reason, Remark, SetAside

SIDE = 32  # the decoded square has the size of the file, so every pixel can be compared


def stored(top: int = 4095) -> NDArray[np.uint16]:
    return picture(3, SIDE, top)


def linear(value: float, centre: float, width: float) -> float:
    """PS3.3 C.11.2.1.2.1, case by case as printed there, for an output range of 0-255."""
    if value <= centre - 0.5 - (width - 1) / 2:
        return 0.0
    if value > centre - 0.5 + (width - 1) / 2:
        return 255.0
    return ((value - (centre - 0.5)) / (width - 1) + 0.5) * 255.0


def expected_linear(values: NDArray[Any], centre: float, width: float) -> NDArray[np.float64]:
    return np.vectorize(lambda value: linear(float(value), centre, width))(values)


def assert_greys(actual: NDArray[np.uint8], expected: NDArray[Any]) -> None:
    """Equal but for the last rounding."""
    assert np.abs(actual.astype(float) - expected).max() <= 0.5 + 1e-3


def test_a_window_maps_as_the_standard_prints_it(folder: Path) -> None:
    dataset = dicom(stored(), WindowCenter=1800, WindowWidth=1500)
    accepted, grey = decode(folder / "a", dicom_bytes(dataset))
    assert_greys(grey, expected_linear(stored(), 1800, 1500))
    assert Remark.WINDOW_FROM_FILE in accepted.remarks


def test_the_first_of_several_windows_is_used(folder: Path) -> None:
    dataset = dicom(stored(), WindowCenter=[1800, 400], WindowWidth=[1500, 90])
    assert_greys(decode(folder / "a", dicom_bytes(dataset))[1], expected_linear(stored(), 1800, 1500))


def test_rescale_comes_before_the_window(folder: Path) -> None:
    dataset = dicom(stored(), RescaleSlope=0.5, RescaleIntercept=-1000, WindowCenter=0, WindowWidth=900)
    assert_greys(
        decode(folder / "a", dicom_bytes(dataset))[1], expected_linear(stored() * 0.5 - 1000, 0, 900)
    )


def test_signed_pixels_keep_their_sign(folder: Path) -> None:
    signed = (stored().astype(np.int16) - 2048).astype(np.int16)
    dataset = dicom(signed, WindowCenter=-100, WindowWidth=1000)
    assert_greys(decode(folder / "a", dicom_bytes(dataset))[1], expected_linear(signed, -100, 1000))


def test_monochrome1_is_inverted_after_the_window(folder: Path) -> None:
    dataset = dicom(stored(), "MONOCHROME1", WindowCenter=1200, WindowWidth=1001)
    accepted, grey = decode(folder / "a", dicom_bytes(dataset))
    assert_greys(grey, 255.0 - expected_linear(stored(), 1200, 1001))
    assert Remark.INVERTED in accepted.remarks


def test_the_negative_stored_as_monochrome1_looks_like_the_positive(folder: Path) -> None:
    plain = decode(folder / "a", dicom_bytes(dicom(stored())))[1]
    negative = decode(folder / "b", dicom_bytes(dicom(4095 - stored(), "MONOCHROME1")))[1]
    assert_greys(negative, plain)


def test_asymmetric_percentiles_mean_the_same_in_both_polarities(folder: Path) -> None:
    plain = decode(folder / "a", dicom_bytes(dicom(stored())), percentiles=(0.0, 90.0))[1]
    negative = dicom_bytes(dicom(4095 - stored(), "MONOCHROME1"))
    assert_greys(decode(folder / "b", negative, percentiles=(0.0, 90.0))[1], plain)
    assert plain.max() == 255
    assert (plain == 255).mean() == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("function", ["LINEAR_EXACT", "SIGMOID"])
def test_other_window_functions_follow_their_formulas(folder: Path, function: str) -> None:
    dataset = dicom(stored(), WindowCenter=2000, WindowWidth=1600, VOILUTFunction=function)
    values = (stored().astype(float) - 2000) / 1600
    expected = 255 / (1 + np.exp(-4 * values)) if function == "SIGMOID" else np.clip(values + 0.5, 0, 1) * 255
    assert_greys(decode(folder / "a", dicom_bytes(dataset))[1], expected)


def lut_item(entries: NDArray[np.uint16], first: int, bits: int) -> Dataset:
    item = Dataset()
    item.LUTDescriptor = [len(entries), first, bits]
    item["LUTDescriptor"].VR = "US"
    item.LUTData = entries.tolist()
    item["LUTData"].VR = "US"
    return item


def test_a_voi_lut_is_preferred_to_a_window_and_holds_its_ends(folder: Path) -> None:
    curve = np.rint(1023 * np.linspace(0, 1, 3000) ** 2).astype(np.uint16)
    dataset = dicom(
        stored(), WindowCenter=1, WindowWidth=2, VOILUTSequence=Sequence([lut_item(curve, 500, 10)])
    )
    accepted, grey = decode(folder / "a", dicom_bytes(dataset))
    assert_greys(grey, curve[np.clip(stored().astype(int) - 500, 0, 2999)] / 1023 * 255)
    assert Remark.LUT_FROM_FILE in accepted.remarks


def test_lut_entries_beyond_the_declared_bits_are_white(folder: Path) -> None:
    curve = np.rint(2000 * np.linspace(0, 1, 4096)).astype(np.uint16)
    dataset = dicom(stored(), VOILUTSequence=Sequence([lut_item(curve, 0, 10)]))
    _, grey = decode(folder / "a", dicom_bytes(dataset))
    assert_greys(grey, np.minimum(curve[stored()] / 1023, 1) * 255)


@pytest.mark.parametrize(("top", "bits"), [(4095, 16), (65535, 8)])
def test_bits_of_a_lut_that_are_far_off_make_it_neither_dark_nor_white(
    folder: Path, top: int, bits: int
) -> None:
    curve = np.rint(top * np.linspace(0, 1, 4096)).astype(np.uint16)
    dataset = dicom(stored(), VOILUTSequence=Sequence([lut_item(curve, 0, bits)]))
    assert_greys(decode(folder / "a", dicom_bytes(dataset))[1], stored() / 4095 * 255)


def test_decoded_grey_in_three_channels_beyond_the_declared_bits_is_white() -> None:
    """As decoders of compressed pixels give it; uncompressed ones are masked on reading."""
    values = stored(8000)
    grey, coloured = colour_to_grey(np.dstack([values] * 3), 12)
    assert not coloured
    assert np.abs(grey - np.minimum(values / 4095, 1)).max() < 1e-6


def test_a_modality_lut_comes_before_the_window(folder: Path) -> None:
    table = np.rint(20000 * np.sqrt(np.arange(4096) / 4095)).astype(np.uint16)
    sequence = Sequence([lut_item(table, 0, 16)])
    dataset = dicom(stored(), ModalityLUTSequence=sequence, WindowCenter=12000, WindowWidth=9000)
    assert_greys(decode(folder / "a", dicom_bytes(dataset))[1], expected_linear(table[stored()], 12000, 9000))


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_pixel_padding_is_black_and_does_not_move_the_percentiles(folder: Path, photometric: str) -> None:
    values = np.clip(stored(3000), 600, 2900).astype(np.uint16)
    padded = values.copy()
    padded[:, :8] = 4000
    attributes = {"PixelPaddingValue": 3990, "PixelPaddingRangeLimit": 4095}
    with_padding = dicom(padded, photometric, **attributes)
    with_padding["PixelPaddingValue"].VR = with_padding["PixelPaddingRangeLimit"].VR = "US"
    _, grey = decode(folder / "a", dicom_bytes(with_padding), percentiles=(0.0, 100.0))
    low, high = values[:, 8:].min(), values[:, 8:].max()
    expected = (values[:, 8:].astype(float) - low) / (high - low) * 255
    assert_greys(grey[:, 8:], expected if photometric == "MONOCHROME2" else 255 - expected)
    assert (grey[:, :8] == 0).all()


def test_eight_bits_without_a_window_pass_unchanged(folder: Path) -> None:
    values = np.clip(picture(5, SIDE), 30, 200).astype(np.uint8)
    assert (decode(folder / "a", dicom_bytes(dicom(values, bits=8)))[1] == values).all()


def test_the_full_range_is_that_of_the_bits_stored(folder: Path) -> None:
    dataset = dicom(stored(2000), bits=12, WindowCenter=300, WindowWidth=100)
    _, grey = decode(folder / "a", dicom_bytes(dataset), window="full")
    assert_greys(grey, stored(2000) / 4095 * 255)


def test_without_a_window_tag_the_choice_tag_sets_the_file_aside(folder: Path) -> None:
    with pytest.raises(SetAside) as caught:
        decode(folder / "a", dicom_bytes(dicom(stored())), window="tag")
    assert caught.value.reason is Reason.NO_WINDOW


def test_a_window_that_shows_nothing_is_replaced_and_said_so(folder: Path) -> None:
    dataset = dicom(stored(), WindowCenter=60000, WindowWidth=10)
    accepted, grey = decode(folder / "a", dicom_bytes(dataset))
    assert Remark.WINDOW_UNUSABLE in accepted.remarks
    assert grey.max() == 255


@pytest.mark.parametrize("width", [100_000, 4])
def test_a_window_that_shows_next_to_nothing_is_replaced_too(folder: Path, width: int) -> None:
    """Too wide for any contrast, or past all but a few pixels."""
    values = np.clip(stored(), 0, 3000).astype(np.uint16)
    values[0, 0] = 4095
    dataset = dicom(values, WindowCenter=4000, WindowWidth=width)
    assert Remark.WINDOW_UNUSABLE in decode(folder / "a", dicom_bytes(dataset))[0].remarks
    with pytest.raises(SetAside) as caught:
        decode(folder / "a", window="tag")
    assert caught.value.reason is Reason.NO_WINDOW


def test_a_flat_window_of_the_file_is_kept(folder: Path) -> None:
    dataset = dicom(stored(), WindowCenter=2048, WindowWidth=16384)
    accepted, grey = decode(folder / "a", dicom_bytes(dataset))
    assert Remark.WINDOW_FROM_FILE in accepted.remarks
    assert_greys(grey, expected_linear(stored(), 2048, 16384))


def test_an_overlay_leaves_no_trace(folder: Path) -> None:
    plain, overlaid = dicom(stored()), dicom(stored())
    overlaid.add_new(0x60000010, "US", SIDE)
    overlaid.add_new(0x60000011, "US", SIDE)
    overlaid.add_new(0x60000050, "SS", [1, 1])
    overlaid.add_new(0x60000100, "US", 1)
    overlaid.add_new(0x60000102, "US", 0)
    overlaid.add_new(0x60003000, "OW", b"\xff" * (SIDE * SIDE // 8))
    assert (
        decode(folder / "a", dicom_bytes(plain))[1] == decode(folder / "b", dicom_bytes(overlaid))[1]
    ).all()


def test_the_first_frame_of_several_is_taken_and_noted(folder: Path) -> None:
    frames = np.stack([stored(), np.flipud(stored())])
    accepted, grey = decode(folder / "a", dicom_bytes(dicom(frames)))
    assert Remark.ONE_FRAME in accepted.remarks
    assert (grey == decode(folder / "b", dicom_bytes(dicom(stored())))[1]).all()


def test_colour_becomes_luma_with_a_remark(folder: Path) -> None:
    rgb = np.stack([picture(seed, SIDE) for seed in (1, 2, 3)], axis=-1).astype(np.uint8)
    accepted, grey = decode(folder / "a", dicom_bytes(dicom(rgb, "RGB", bits=8)))
    assert_greys(grey, rgb @ np.array([0.299, 0.587, 0.114]))
    assert Remark.COLOUR_TO_GREY in accepted.remarks


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless], ids=lambda uid: uid.name)
def test_lossless_compression_changes_nothing(folder: Path, syntax: str) -> None:
    plain = decode(
        folder / "a", dicom_bytes(dicom(stored(), "MONOCHROME1", WindowCenter=1500, WindowWidth=2000))
    )[1]
    compressed = dicom(stored(), "MONOCHROME1", WindowCenter=1500, WindowWidth=2000)
    compressed.compress(syntax, generate_instance_uid=False)
    assert (decode(folder / "b", dicom_bytes(compressed))[1] == plain).all()


def test_baseline_jpeg_is_decoded(folder: Path) -> None:
    values = picture(5, SIDE).astype(np.uint8)
    jpeg = io.BytesIO()
    Image.fromarray(values).save(jpeg, format="JPEG", quality=98)
    dataset = dicom(values, bits=8)
    dataset.PixelData = encapsulate([jpeg.getvalue()])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    _, grey = decode(folder / "a", dicom_bytes(dataset))
    assert np.abs(grey.astype(float) - values).mean() < 3


@pytest.mark.parametrize("implicit", [True, False])
def test_a_file_without_preamble_and_meta_is_read(folder: Path, implicit: bool) -> None:
    dataset = dicom(stored(), WindowCenter=1800, WindowWidth=1500)
    del dataset.file_meta
    buffer = io.BytesIO()
    dataset.save_as(buffer, implicit_vr=implicit, little_endian=True)
    assert buffer.getvalue()[128:132] != b"DICM"
    assert_greys(decode(folder / "a", buffer.getvalue())[1], expected_linear(stored(), 1800, 1500))

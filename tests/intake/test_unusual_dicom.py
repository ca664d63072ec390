"""DICOM as old, careless or foreign software writes it: right, or set aside with the right reason."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pydicom.data
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels.utils import pixel_array
from pydicom.sequence import Sequence
from pydicom.uid import (
    MPEG2MPML,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGLSNearLossless,
    RLELossless,
)
from radiograph_files import SETTINGS, decode, dicom, dicom_bytes, picture

from gist.intake.decode_job import JobSettings, run_job
from gist.intake.dicom import open_dicom
from gist.intake.dicom_header import complete, describe
from gist.intake.dicom_pixels import stored_pixels
from gist.intake.dicom_stream import parse_dicom
from gist.stages.vocabulary import Reason, Remark, SetAside

SIDE = 32


def stored(top: int = 4095) -> NDArray[np.uint16]:
    return picture(3, SIDE, top)


def greys(folder: Path, dataset: Dataset, **changes: Any) -> NDArray[np.uint8]:
    return decode(folder / "file", dicom_bytes(dataset), **changes)[1]


def plain(folder: Path, **attributes: Any) -> NDArray[np.uint8]:
    return greys(folder, dicom(stored(), **attributes))


def reason(folder: Path, dataset: Dataset) -> Reason:
    with pytest.raises(SetAside) as caught:
        decode(folder / "file", dicom_bytes(dataset))
    return caught.value.reason


@pytest.mark.filterwarnings("ignore")
def test_every_file_that_comes_with_pydicom_is_read_as_pydicom_reads_it_or_has_a_reason() -> None:
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    root = Path(pydicom.data.__file__).parent
    settings = JobSettings(**{**SETTINGS, "allow_upsampling": True, "max_pixels": 64_000_000})
    accepted: list[Path] = []
    for path in sorted(path for path in root.rglob("*") if path.suffix == ".dcm"):
        with contextlib.suppress(SetAside):
            run_job(str(path), "decode", settings)
            accepted.append(path)
    twelve_bit_jpeg = {"JPGExtended.dcm", "JPEG-lossy.dcm"}  # pydicom does not ask GDCM for these
    for path in (path for path in accepted if path.name not in twelve_bit_jpeg):
        dataset = parse_dicom(path.read_bytes(), 1 << 28)
        complete(dataset)
        ours = stored_pixels(dataset, describe(dataset, 64_000_000))
        assert np.array_equal(ours, pixel_array(pydicom.dcmread(path, force=True), index=0)), path.name
    assert len(accepted) > 60


@pytest.mark.parametrize(
    "missing", ["PhotometricInterpretation", "SamplesPerPixel", "PixelRepresentation", "HighBit"]
)
def test_a_missing_description_of_obvious_value_is_filled_in(folder: Path, missing: str) -> None:
    dataset = dicom(stored())
    del dataset[missing]
    accepted, grey = decode(folder / "file", dicom_bytes(dataset))
    assert (grey == plain(folder)).all()
    assert (Remark.POLARITY_ASSUMED in accepted.remarks) == (missing == "PhotometricInterpretation")


def test_stored_bits_at_the_upper_end_of_their_words_are_moved_down(folder: Path) -> None:
    dataset = dicom((stored() << 4).astype(np.uint16), WindowCenter=2000, WindowWidth=3000)
    dataset.HighBit = 15
    assert (greys(folder, dataset) == plain(folder, WindowCenter=2000, WindowWidth=3000)).all()


def test_what_else_lies_in_the_words_is_cut_off(folder: Path) -> None:
    window = {"WindowCenter": 2000, "WindowWidth": 3000}
    dirty = stored() | (np.arange(SIDE, dtype=np.uint16) % 16 << 12)
    assert (greys(folder, dicom(dirty, **window)) == plain(folder, **window)).all()
    signed = stored().astype(np.int16) - 2048
    clean, unextended = dicom(signed, **window), dicom((signed & 0x0FFF).astype(np.int16), **window)
    assert (greys(folder, unextended) == greys(folder, clean)).all()


@pytest.mark.parametrize("dtype", [np.uint32, np.int32, np.uint16, np.int16, np.uint8, np.int8])
def test_all_integer_widths_give_the_same_picture(folder: Path, dtype: Any) -> None:
    values = picture(3, SIDE, 100)
    dataset = dicom(values.astype(dtype), bits=8 * np.dtype(dtype).itemsize, WindowCenter=50, WindowWidth=101)
    reference = dicom(values, bits=12, WindowCenter=50, WindowWidth=101)
    assert (greys(folder, dataset) == greys(folder, reference)).all()


@pytest.mark.parametrize(
    ("keyword", "dtype"), [("FloatPixelData", np.float32), ("DoubleFloatPixelData", np.float64)]
)
def test_real_numbers_are_read_and_infinite_ones_left_black(folder: Path, keyword: str, dtype: Any) -> None:
    values = (stored() / 4095).astype(dtype)
    values[0, 0], values[0, 1] = np.nan, np.inf
    dataset = dicom(stored())
    del dataset.PixelData, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation
    dataset.BitsAllocated = 8 * values.itemsize
    setattr(dataset, keyword, values.tobytes())
    _, grey = decode(folder / "file", dicom_bytes(dataset), percentiles=(0.0, 100.0))
    assert grey[0, 0] == grey[0, 1] == 0
    assert np.abs(grey[1:].astype(float) - stored()[1:] / 4095 * 255).max() < 3


def test_one_bit_is_black_and_white(folder: Path) -> None:
    bits = (stored() > 2000).astype(np.uint8)
    dataset = dicom(bits, bits=1)
    dataset.BitsAllocated = 1
    dataset.PixelData = np.packbits(bits.ravel(), bitorder="little").tobytes()
    assert (greys(folder, dataset, window="full") == bits * 255).all()


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian], ids=lambda uid: uid.name)
def test_byte_orders_make_no_difference(folder: Path, syntax: Any) -> None:
    dataset = dicom(stored(), WindowCenter=2000, WindowWidth=3000)
    expected = greys(folder, dataset)
    if syntax is ExplicitVRBigEndian:
        dataset.PixelData = stored().astype(">u2").tobytes()
    dataset.file_meta.TransferSyntaxUID = syntax
    assert (greys(folder, dataset) == expected).all()


@pytest.mark.parametrize("entries", ["words", "bytes", "packed bytes"])
def test_tables_of_eight_and_sixteen_bits_are_looked_up(folder: Path, entries: str) -> None:
    curve = np.rint(255 * np.linspace(0, 1, 4096) ** 2).astype(np.uint16)
    item = Dataset()
    item.LUTDescriptor = [4096, 0, 8]
    item["LUTDescriptor"].VR = "US"
    item.LUTData = curve.tolist() if entries == "words" else curve.astype(np.uint8).tobytes()
    item["LUTData"].VR = "US" if entries == "words" else "OW"
    if entries == "bytes":
        item.LUTData = curve.tobytes()
    grey = greys(folder, dicom(stored(), VOILUTSequence=Sequence([item])))
    assert np.abs(grey.astype(float) - curve[stored()]).max() <= 0.5 + 1e-3


def test_items_of_tables_that_hold_nothing_are_no_tables(folder: Path) -> None:
    hollow = Dataset()
    hollow.LUTDescriptor = hollow.LUTData = None
    hollow["LUTDescriptor"].VR = hollow["LUTData"].VR = "US"
    tables = {"ModalityLUTSequence": Sequence([hollow]), "VOILUTSequence": Sequence([hollow])}
    window = {"WindowCenter": 1800, "WindowWidth": 1500}
    assert (plain(folder, **tables, **window) == plain(folder, **window)).all()
    assert (plain(folder, **tables) == plain(folder)).all()


@pytest.mark.parametrize("descriptor", [[4096, 0, 12], [3000, 0], [3000, 0, 40]])
def test_a_broken_table_gives_way_to_the_window(folder: Path, descriptor: list[int]) -> None:
    table = Dataset()
    table.LUTDescriptor, table.LUTData = descriptor, list(range(3000))
    table["LUTDescriptor"].VR = table["LUTData"].VR = "US"
    window = {"WindowCenter": 1800, "WindowWidth": 1500}
    assert (plain(folder, VOILUTSequence=Sequence([table]), **window) == plain(folder, **window)).all()
    assert reason(folder, dicom(stored(), ModalityLUTSequence=Sequence([table]))) is Reason.DAMAGED


def test_an_empty_element_of_pixels_is_no_picture_and_packed_words_are_not_read(folder: Path) -> None:
    empty, packed = dicom(stored()), dicom(stored())
    empty.PixelData = b""
    packed.BitsAllocated = 12
    assert reason(folder, empty) is Reason.NO_PICTURE
    assert reason(folder, packed) is Reason.UNSUPPORTED_PIXELS


def test_a_palette_of_greys_is_applied(folder: Path) -> None:
    indices = picture(3, SIDE)
    ramp = np.arange(256, dtype=np.uint16)[::-1] * 257
    dataset = dicom(indices.astype(np.uint8), "PALETTE COLOR", bits=8)
    for colour in ("Red", "Green", "Blue"):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        dataset[f"{colour}PaletteColorLookupTableDescriptor"].VR = "US"
        setattr(dataset, f"{colour}PaletteColorLookupTableData", ramp.tobytes())
    assert np.abs(greys(folder, dataset).astype(int) - (255 - indices.astype(int))).max() <= 1


@pytest.mark.parametrize("planes", [0, 1])
def test_colour_by_pixel_and_by_plane_is_the_same(folder: Path, planes: int) -> None:
    rgb = np.stack([picture(seed, SIDE) for seed in (1, 2, 3)], axis=-1).astype(np.uint8)
    dataset = dicom(rgb, "RGB", bits=8)
    dataset.PlanarConfiguration = planes
    dataset.PixelData = (rgb if planes == 0 else np.ascontiguousarray(np.moveaxis(rgb, 2, 0))).tobytes()
    assert np.abs(greys(folder, dataset) - rgb @ np.array([0.299, 0.587, 0.114])).max() <= 0.5 + 1e-3


def test_halved_colour_of_a_grey_picture_is_that_grey(folder: Path) -> None:
    values = picture(3, SIDE).astype(np.uint8)
    packed = np.full((SIDE, SIDE // 2, 4), 128, np.uint8)
    packed[..., 0], packed[..., 1] = values[:, ::2], values[:, 1::2]
    dataset = dicom(np.stack([values] * 3, axis=-1), "RGB", bits=8)
    dataset.PhotometricInterpretation = "YBR_FULL_422"
    dataset.PixelData = packed.tobytes()
    assert np.abs(greys(folder, dataset).astype(int) - values).max() <= 1


def test_twelve_bit_colour_is_not_dark(folder: Path) -> None:
    rgb = np.stack([stored()] * 3, axis=-1)
    dataset = dicom(rgb, "RGB", bits=12)
    assert np.abs(greys(folder, dataset, window="full") - stored() / 4095 * 255).max() <= 0.5 + 1e-3


def test_nearly_lossless_jpeg_ls_stays_within_its_bound(folder: Path) -> None:
    dataset = dicom(stored(), WindowCenter=2047.5, WindowWidth=4096)
    expected = greys(folder, dataset).astype(int)
    dataset.compress(JPEGLSNearLossless, jls_error=16, generate_instance_uid=False)
    assert np.abs(greys(folder, dataset).astype(int) - expected).max() <= 2


def test_a_run_length_file_of_odd_length_is_read(folder: Path) -> None:
    odd = picture(5, 33, 4095)
    dataset = dicom(odd)
    expected = greys(folder, dataset)
    dataset.compress(RLELossless, generate_instance_uid=False)
    assert (greys(folder, dataset) == expected).all()


def test_videos_links_and_documents_are_set_aside_as_what_they_are(folder: Path) -> None:
    video = dicom(stored(), bits=12)
    video.PixelData = encapsulate([b"\x00\x00\x01\xb3" + bytes(100)])
    video.file_meta.TransferSyntaxUID = MPEG2MPML
    assert reason(folder, video) is Reason.UNSUPPORTED_SYNTAX
    linked = dicom(stored())
    del linked.PixelData
    linked.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.94"  # JPIP Referenced
    assert reason(folder, linked) is Reason.NO_PICTURE
    document = dicom(stored())
    del document.PixelData
    document.EncapsulatedDocument = b"%PDF-1.4 "
    assert reason(folder, document) is Reason.NO_PICTURE
    four = dicom(stored())
    four.SamplesPerPixel = 4
    assert reason(folder, four) is Reason.UNSUPPORTED_PIXELS
    unknown = dicom(stored(), "HSV")
    assert reason(folder, unknown) is Reason.UNSUPPORTED_PIXELS


def test_a_stream_of_another_kind_than_its_header_says_is_set_aside(folder: Path) -> None:
    dataset = dicom(stored())
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PixelData = encapsulate([stored().tobytes()])
    assert reason(folder, dataset) is Reason.DAMAGED


def test_the_header_alone_tells_scale_side_and_wanted_attributes() -> None:
    dataset = dicom(stored(), ImagerPixelSpacing=[0.15, 0.15], Laterality="R", BodyPartExamined="KNEE")
    header, _ = open_dicom(
        dicom_bytes(dataset), 10_000, ["BodyPartExamined", "ViewPosition", "ImageLaterality"]
    )
    assert (header.spacing, header.side) == ((0.15, 0.15), "R")
    assert header.attributes == {"BodyPartExamined": "KNEE", "ViewPosition": "", "ImageLaterality": "R"}

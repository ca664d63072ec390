"""DICOM pixels in the order the standard sets: modality LUT or rescale, VOI LUT or window, polarity last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID

from gist.intake.codestream import stream_header
from gist.intake.deidentify import PLAIN_RADIOGRAPHY, allowed_modality
from gist.intake.dicom_stream import parse_dicom
from gist.intake.grey_window import (
    Doubles,
    Stored,
    WindowFunction,
    dicom_window,
    percentile_range,
    range_window,
    shows_something,
    tabulate,
)
from gist.intake.picture import GreySettings, Header, Picture, check_size, colour_to_grey
from gist.intake.vocabulary import Reason, Remark, SetAside

_JPEG_LOSSLESS = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
_JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
_MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
_INFLATED_PER_PIXEL = 16  # 64-bit pixels, and as much again for everything else in the file


def read_header(data: bytes, max_pixels: int) -> Header:
    """Size, bits, modality and patient of a DICOM file.

    Raises:
        SetAside: there is no picture, or it is too large.
    """
    return _header(parse_dicom(data, _INFLATED_PER_PIXEL * max_pixels), max_pixels)


def read_picture(data: bytes, settings: GreySettings) -> Picture:
    """Decodes the first frame of a DICOM file.

    Raises:
        SetAside: with the reason; any other exception means the file is damaged.
    """
    dataset = parse_dicom(data, _INFLATED_PER_PIXEL * settings.max_pixels)
    header = _header(dataset, settings.max_pixels)
    pixels = stored_pixels(dataset, header)
    remarks: list[Remark] = []
    if int(dataset.get("NumberOfFrames") or 1) > 1:
        remarks.append(Remark.FIRST_FRAME)
    if str(dataset.get("BurnedInAnnotation", "")).strip().upper() == "YES":
        remarks.append(Remark.BURNED_IN)
    if header.modality is not None and header.modality not in PLAIN_RADIOGRAPHY:
        remarks.append(Remark.NOT_RADIOGRAPH)
    photometric = str(dataset.get("PhotometricInterpretation", "MONOCHROME2")).strip()
    if photometric == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, dataset)
    if pixels.ndim == 3:
        grey, coloured = colour_to_grey(pixels)
        if coloured:
            remarks.append(Remark.COLOUR_TO_GREY)
    elif photometric in _MONOCHROME:
        grey, steps = monochrome_to_grey(dataset, pixels, header.bits, settings)
        remarks.extend(steps)
    else:
        raise SetAside(Reason.UNSUPPORTED_PIXELS)
    return Picture(grey, header, tuple(remarks))


def stored_pixels(dataset: Dataset, header: Header, frame: int = 0) -> NDArray[np.generic]:
    """One frame as stored, before any LUT: [rows, columns] or [rows, columns, 3] (RGB).

    Raises:
        SetAside: no decoder, a compressed stream that claims another size, or a decoded shape that differs.
    """
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise SetAside(Reason.UNSUPPORTED_SYNTAX) from None
    if not decoder.is_available:
        raise SetAside(Reason.NEEDS_GDCM if syntax in _JPEG_LOSSLESS else Reason.UNSUPPORTED_SYNTAX)
    if syntax.is_encapsulated:
        _check_stream(dataset, syntax, header, frame)
    pixels: NDArray[np.generic] = pixel_array(dataset, index=frame, view_only=True)
    if pixels.shape[:2] != (header.height, header.width) or pixels.shape[2:] not in ((), (3,)):
        raise SetAside(Reason.DAMAGED)
    return pixels


def monochrome_to_grey(
    dataset: Dataset, pixels: NDArray[np.generic], bits: int, settings: GreySettings
) -> tuple[NDArray[np.float32], list[Remark]]:
    """Grey in 0-1 of stored monochrome pixels, black as air, and what was done."""
    padding = _padding(dataset)
    stored = tabulate(pixels, padding)
    values = _modality(dataset, stored.values)
    inverted = str(dataset.get("PhotometricInterpretation", "")).strip() == "MONOCHROME1"
    shown, remarks = _window(dataset, stored, values, bits, inverted, settings)
    if inverted:
        shown = 1.0 - shown
        remarks.append(Remark.INVERTED)
    if padding is not None and bool(
        ((stored.values >= min(padding)) & (stored.values <= max(padding))).any()
    ):
        remarks.append(Remark.PADDING_EXCLUDED)
    return stored.picture(shown), remarks


def _header(dataset: Dataset, max_pixels: int) -> Header:
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    check_size(rows, columns, int(dataset.get("SamplesPerPixel") or 1), max_pixels)
    allocated = int(dataset.BitsAllocated)
    bits = int(dataset.get("BitsStored") or allocated)
    patient = str(dataset.get("PatientID") or "").strip()
    modality = allowed_modality(dataset.get("Modality"))
    name = str(dataset.get("PatientName") or "").strip()
    return Header(rows, columns, min(bits, allocated), modality, patient or None, name or None)


def _check_stream(dataset: Dataset, syntax: UID, header: Header, frame: int) -> None:
    frames = int(dataset.get("NumberOfFrames") or 1)
    claimed = stream_header(get_frame(dataset.PixelData, frame, number_of_frames=frames))
    if claimed is None:
        return
    if (claimed.height, claimed.width) != (header.height, header.width) or claimed.components > 4:
        raise SetAside(Reason.CONTRADICTORY)
    # Of pydicom's decoders only pylibjpeg-libjpeg reads 12 bits here; its licence keeps it from being required.
    if (
        syntax == _JPEG_EXTENDED
        and claimed.bits > 8
        and "pylibjpeg" not in get_decoder(syntax).available_plugins
    ):
        raise SetAside(Reason.TWELVE_BIT_JPEG)


def _window(
    dataset: Dataset, stored: Stored, values: Doubles, bits: int, inverted: bool, settings: GreySettings
) -> tuple[Doubles, list[Remark]]:
    remarks: list[Remark] = []
    if settings.window in ("auto", "tag"):
        from_file = _window_of_file(dataset, values)
        if from_file is not None:
            shown, remark = from_file
            if shows_something(shown, stored.counts):
                return shown, [remark]
            remarks.append(Remark.WINDOW_UNUSABLE)
        if settings.window == "tag":
            raise SetAside(Reason.NO_WINDOW)
    if settings.window == "full" or (settings.window == "auto" and bits <= 8 and not remarks):
        ends = _modality(dataset, _storable(dataset, bits, stored.values))
        return range_window(values, float(ends.min()), float(ends.max())), remarks
    low, high = settings.percentiles
    percentiles = (100.0 - high, 100.0 - low) if inverted else (low, high)
    shown = range_window(values, *percentile_range(values, stored.counts, percentiles))
    return shown, [*remarks, Remark.PERCENTILE_WINDOW]


def _window_of_file(dataset: Dataset, values: Doubles) -> tuple[Doubles, Remark] | None:
    for group in _groups(dataset, "FrameVOILUTSequence"):
        if group.get("VOILUTSequence"):
            item = group.VOILUTSequence[0]
            return _look_up(dataset, item, values) / float(
                2 ** int(item.LUTDescriptor[2]) - 1
            ), Remark.LUT_FROM_FILE
        centre, width = _first(group.get("WindowCenter")), _first(group.get("WindowWidth"))
        if centre is not None and width is not None and width > 0:
            name = str(group.get("VOILUTFunction") or "LINEAR").strip().upper()
            function: WindowFunction = name if name in ("LINEAR_EXACT", "SIGMOID") else "LINEAR"  # type: ignore[assignment]
            return dicom_window(values, centre, width, function), Remark.WINDOW_FROM_FILE
    return None


def _modality(dataset: Dataset, values: Doubles) -> Doubles:
    for group in _groups(dataset, "PixelValueTransformationSequence"):
        if group.get("ModalityLUTSequence"):
            return _look_up(dataset, group.ModalityLUTSequence[0], values)
        slope, intercept = _first(group.get("RescaleSlope")), _first(group.get("RescaleIntercept"))
        if slope is not None and intercept is not None and slope != 0:
            return values * slope + intercept
    return values


def _groups(dataset: Dataset, functional_group: str) -> Iterator[Dataset]:
    """The data set itself, then the functional groups where multi-frame objects keep the same attributes."""
    yield dataset
    for sequence in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        items = dataset.get(sequence)
        if items and items[0].get(functional_group):
            yield items[0].get(functional_group)[0]


def _look_up(dataset: Dataset, item: Dataset, values: Doubles) -> Doubles:
    """Maps values through a LUT item (PS3.3 C.11.1.1.1); values outside it take its first or last entry."""
    entries, first, bits = (int(number) for number in item.LUTDescriptor)
    entries = entries or 1 << 16
    if first >= 1 << 15 and values.min() < 0:
        first -= 1 << 16
    data = item.LUTData
    if isinstance(data, bytes):
        wide = len(data) >= 2 * entries
        order = ">" if dataset.original_encoding[1] is False else "<"
        table = np.frombuffer(data, dtype=f"{order}u2" if wide else np.uint8)
    else:
        table = np.atleast_1d(np.asarray(data))
    table = np.asarray(table[:entries], dtype=np.float64)
    if table.size < entries or not 1 <= bits <= 16:
        raise SetAside(Reason.DAMAGED)
    index = np.clip(np.rint(values) - first, 0, entries - 1).astype(np.intp)
    looked_up: Doubles = table[index]
    return looked_up


def _padding(dataset: Dataset) -> tuple[float, float] | None:
    value = _first(dataset.get("PixelPaddingValue"))
    if value is None:
        return None
    limit = _first(dataset.get("PixelPaddingRangeLimit"))
    return _signed(dataset, value), _signed(dataset, value if limit is None else limit)


def _signed(dataset: Dataset, value: float) -> float:
    """Padding is sometimes written unsigned into a signed picture."""
    if dataset.get("PixelRepresentation") == 1 and value >= 1 << 15:
        return value - (1 << 16)
    return value


def _storable(dataset: Dataset, bits: int, values: Doubles) -> Doubles:
    """Smallest and largest stored value that the declared bits can hold."""
    if bits > 16:
        return np.array([values.min(), values.max()])
    signed = dataset.get("PixelRepresentation") == 1
    low = -(1 << (bits - 1)) if signed else 0
    return np.array([low, low + (1 << bits) - 1], dtype=np.float64)


def _first(value: Any) -> float | None:
    """A number, or the first of several; None where there is none or it is not finite."""
    if value is None or value == "":
        return None
    if not isinstance(value, (int, float, str)) and hasattr(value, "__iter__"):
        items = list(value)
        if not items:
            return None
        value = items[0]
    number = float(value)
    return number if np.isfinite(number) else None

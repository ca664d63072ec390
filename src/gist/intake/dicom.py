"""DICOM pixels in the order the standard sets: modality LUT or rescale, VOI LUT or window, polarity last."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from gist.intake.deidentify import PLAIN_RADIOGRAPHY
from gist.intake.dicom_header import (
    MONOCHROME,
    complete,
    describe,
    first_number,
    functional_groups,
    middle_frame,
    polarity,
)
from gist.intake.dicom_lut import apply_palette, read_lut
from gist.intake.dicom_pixels import stored_pixels
from gist.intake.dicom_stream import parse_dicom
from gist.intake.grey_window import (
    HOUNSFIELD_WINDOWS,
    Doubles,
    Stored,
    WindowFunction,
    dicom_window,
    percentile_range,
    range_window,
    shows_something,
    tabulate,
)
from gist.intake.picture import Header, Picture, ToneSettings, as_float, as_levels, chosen_frame, shown_colour
from gist.stages.vocabulary import Reason, Remark, SetAside

_INFLATED_PER_PIXEL = 16  # 64-bit pixels, and as much again for everything else in the file


def open_dicom(
    data: bytes, max_pixels: int, attributes: Collection[str] = ()
) -> tuple[Header, Callable[[ToneSettings], Picture]]:
    """What a DICOM file says of its picture, with the text of the wanted attributes, and how to decode it.

    Raises:
        SetAside: there is no picture, or it is too large; any other exception, now or when decoding, means the
            file is damaged.
    """
    dataset = parse_dicom(data, _INFLATED_PER_PIXEL * max_pixels)
    remarks = complete(dataset)
    header = describe(dataset, max_pixels, attributes)
    return header, partial(_picture, dataset, header, remarks)


def _picture(dataset: Dataset, header: Header, so_far: tuple[Remark, ...], settings: ToneSettings) -> Picture:
    frames = int(dataset.get("NumberOfFrames") or 1)
    frame, of_frame = chosen_frame(frames, settings.frame)
    if settings.frame == "middle":
        frame = middle_frame(dataset, frames)
    if settings.window in HOUNSFIELD_WINDOWS and not _in_hounsfield_units(dataset, frame):
        raise SetAside(Reason.NO_HOUNSFIELD)
    pixels = stored_pixels(dataset, header, frame)
    remarks = [*so_far, *of_frame]
    if str(dataset.get("BurnedInAnnotation") or "NO").strip().upper() != "NO":
        remarks.append(Remark.BURNED_IN)
    if header.modality is not None and header.modality not in PLAIN_RADIOGRAPHY:
        remarks.append(Remark.NOT_RADIOGRAPH)
    photometric = polarity(dataset)
    bits = header.bits
    if photometric == "PALETTE COLOR":
        pixels, bits = apply_palette(dataset, pixels)
    if pixels.ndim == 3:
        tones, of_colour = shown_colour(pixels, bits, settings)
        remarks += of_colour
        deep = bits > 8 and photometric != "PALETTE COLOR" and not settings.colour
        if deep and settings.window in ("auto", "percentile"):
            grey = as_float(tones)
            stored = tabulate(as_levels(grey, bits) if bits <= 16 else grey)
            ends = percentile_range(stored.values, stored.counts, settings.percentiles)
            tones = stored.picture(range_window(stored.values, *ends))
            remarks.append(Remark.PERCENTILE_WINDOW)
    elif photometric in MONOCHROME:
        tones, steps = monochrome_to_grey(dataset, pixels, header.bits, settings, frame)
        remarks.extend(steps)
    else:
        raise SetAside(Reason.UNSUPPORTED_PIXELS)
    return Picture(tones, header, tuple(remarks))


def monochrome_to_grey(
    dataset: Dataset, pixels: NDArray[np.generic], bits: int, settings: ToneSettings, frame: int = 0
) -> tuple[NDArray[np.float32], list[Remark]]:
    """Grey in 0-1 of the stored monochrome pixels of a frame, black as air, and what was done."""
    padding = _padding(dataset)
    stored = tabulate(pixels, padding)
    values = _modality(dataset, stored.values, frame)
    inverted = polarity(dataset) == "MONOCHROME1"
    shown, remarks = _window(dataset, stored, values, bits, inverted, settings, frame)
    if inverted:
        shown = 1.0 - shown
        remarks.append(Remark.INVERTED)
    if padding is not None and bool(
        ((stored.values >= min(padding)) & (stored.values <= max(padding))).any()
    ):
        remarks.append(Remark.PADDING_EXCLUDED)
    return stored.picture(shown), remarks


def _window(
    dataset: Dataset,
    stored: Stored,
    values: Doubles,
    bits: int,
    inverted: bool,
    settings: ToneSettings,
    frame: int,
) -> tuple[Doubles, list[Remark]]:
    remarks: list[Remark] = []
    if settings.window in HOUNSFIELD_WINDOWS:
        return dicom_window(values, *HOUNSFIELD_WINDOWS[settings.window], "LINEAR"), [
            Remark.HOUNSFIELD_WINDOW
        ]
    if settings.window in ("auto", "tag"):
        from_file = _window_of_file(dataset, values, frame)
        if from_file is not None:
            shown, remark = from_file
            if shows_something(shown, stored.counts):
                return shown, [remark]
            remarks.append(Remark.WINDOW_UNUSABLE)
        if settings.window == "tag":
            raise SetAside(Reason.NO_WINDOW)
    if settings.window == "full" or (settings.window == "auto" and bits <= 8 and not remarks):
        ends = _modality(dataset, _storable(dataset, bits, stored.values), frame)
        return range_window(values, float(ends.min()), float(ends.max())), remarks
    low, high = settings.percentiles
    percentiles = (100.0 - high, 100.0 - low) if inverted else (low, high)
    shown = range_window(values, *percentile_range(values, stored.counts, percentiles))
    return shown, [*remarks, Remark.PERCENTILE_WINDOW]


def _window_of_file(dataset: Dataset, values: Doubles, frame: int) -> tuple[Doubles, Remark] | None:
    for group in functional_groups(dataset, "FrameVOILUTSequence", frame):
        try:
            lut = read_lut(dataset, group, "VOILUTSequence")
        except (SetAside, TypeError, ValueError):
            lut = None  # the pixels do not need it: there may be a window beside it, or percentiles will do
        if lut is not None:
            return np.clip(lut(values) / lut.white, 0.0, 1.0), Remark.LUT_FROM_FILE
        centre, width = first_number(group.get("WindowCenter")), first_number(group.get("WindowWidth"))
        if centre is not None and width is not None and width > 0:
            name = str(group.get("VOILUTFunction") or "LINEAR").strip().upper()
            function: WindowFunction = name if name in ("LINEAR_EXACT", "SIGMOID") else "LINEAR"  # type: ignore[assignment]
            return dicom_window(values, centre, width, function), Remark.WINDOW_FROM_FILE
    return None


def _modality(dataset: Dataset, values: Doubles, frame: int) -> Doubles:
    for group in functional_groups(dataset, "PixelValueTransformationSequence", frame):
        lut = read_lut(dataset, group, "ModalityLUTSequence")
        if lut is not None:
            return lut(values)
        slope = first_number(group.get("RescaleSlope"))
        intercept = first_number(group.get("RescaleIntercept"))
        if slope is not None and intercept is not None and slope != 0:
            return values * slope + intercept
    return values


def _in_hounsfield_units(dataset: Dataset, frame: int) -> bool:
    """Whether rescaled values are Hounsfield units (PS3.3 C.8.2.1.1.2): of CT, except scouts, with a rescale."""
    scout = "LOCALIZER" in [str(value).upper() for value in dataset.get("ImageType") or ()]
    if str(dataset.get("Modality") or "").strip().upper() != "CT" or scout:
        return False
    groups = functional_groups(dataset, "PixelValueTransformationSequence", frame)
    rescaled = [group for group in groups if first_number(group.get("RescaleIntercept")) is not None]
    units = {str(group.get("RescaleType") or "HU").strip().upper() for group in rescaled}
    return units == {"HU"}


def _padding(dataset: Dataset) -> tuple[float, float] | None:
    value = first_number(dataset.get("PixelPaddingValue"))
    if value is None:
        return None
    limit = first_number(dataset.get("PixelPaddingRangeLimit"))
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

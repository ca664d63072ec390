"""What a DICOM data set says of its picture, apart from the grey values."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from gist.intake.deidentify import allowed_body_part, allowed_modality
from gist.intake.dicom_identity import identity
from gist.intake.picture import Header, Side, body_side, check_size
from gist.stages.vocabulary import Reason, Remark, SetAside

MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
_WORDS = (1, 8, 16, 32, 64)
"""Bits that a sample may take up; only ACR-NEMA, from before DICOM, packed others."""
_FINEST_MM, _COARSEST_MM = 0.001, 20.0  # anything else is no radiograph's
_MOST_MAGNIFIED = 10.0
_SAME = 1e-3
"""Relative difference that rounding explains; a calibration changes more."""
_MOST_OBLONG = 5.0
_PLACES = (
    ("PlanePositionSequence", "ImagePositionPatient"),
    ("PlanePositionVolumeSequence", "ImagePositionVolume"),
    ("FrameContentSequence", "InStackPositionNumber"),
)
"""Where multi-frame objects keep the place of each frame."""
_PLACE_VECTORS = ("SliceLocationVector", "SliceVector", "GridFrameOffsetVector")
"""Where older ones keep those of all."""
_SIDES = ("ImageLaterality", "FrameLaterality", "Laterality")


def describe(dataset: Dataset, max_pixels: int, attributes: Collection[str] = ()) -> Header:
    """Size, bits, modality, patient, scale and side, and the text of the wanted attributes.

    Raises:
        SetAside: the size is impossible or too large, or samples are of an unknown number or size.
    """
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    samples = int(dataset.get("SamplesPerPixel") or 1)
    if samples not in (1, 3):
        raise SetAside(Reason.UNSUPPORTED_PIXELS)
    check_size(rows, columns, samples, max_pixels)
    allocated = int(dataset.BitsAllocated)
    if allocated not in _WORDS:
        raise SetAside(Reason.UNSUPPORTED_PIXELS)
    bits = int(dataset.get("BitsStored") or allocated)
    patient = str(dataset.get("PatientID") or "").strip()
    spacing, scale = _spacing(dataset)
    return Header(
        height=rows,
        width=columns,
        bits=min(bits, allocated),
        frames=int(dataset.get("NumberOfFrames") or 1),
        may_be_coloured=samples == 3 or polarity(dataset) == "PALETTE COLOR",
        modality=allowed_modality(dataset.get("Modality")),
        body_part=allowed_body_part(dataset.get("BodyPartExamined")),
        patient=patient or None,
        examination=str(dataset.get("StudyInstanceUID") or "").strip() or None,
        identity=identity(dataset),
        spacing=spacing,
        scale=scale,
        aspect=_aspect(dataset, spacing),
        side=_side(dataset),
        attributes={keyword: _text(dataset, keyword) for keyword in attributes},
    )


def complete(dataset: Dataset) -> tuple[Remark, ...]:
    """Adds what the standard demands and careless software leaves out, as far as there is only one likely value."""
    if not dataset.get("SamplesPerPixel"):
        dataset.SamplesPerPixel = 1
    if dataset.get("PixelRepresentation") is None:
        dataset.PixelRepresentation = 0
    if not dataset.get("BitsStored"):
        dataset.BitsStored = dataset.BitsAllocated
    if dataset.get("HighBit") is None:
        dataset.HighBit = int(dataset.BitsStored) - 1
    if dataset.SamplesPerPixel == 1 and not polarity(dataset):
        dataset.PhotometricInterpretation = "MONOCHROME2"
        return (Remark.POLARITY_ASSUMED,)
    return ()


def polarity(dataset: Dataset) -> str:
    """The photometric interpretation, empty where the file does not say."""
    return str(dataset.get("PhotometricInterpretation") or "").strip().upper()


def functional_groups(dataset: Dataset, name: str, frame: int = 0) -> Iterator[Dataset]:
    """The data set itself, then the functional groups where multi-frame objects keep the same attributes."""
    yield dataset
    for sequence, item in (
        ("SharedFunctionalGroupsSequence", 0),
        ("PerFrameFunctionalGroupsSequence", frame),
    ):
        items = dataset.get(sequence)
        if items and len(items) > item and items[item].get(name):
            yield items[item].get(name)[0]


def middle_frame(dataset: Dataset, frames: int) -> int:
    """Number, from 0, of the frame in the middle: by places in the body or volume if the file tells these, else as
    stored."""
    places = next((found for found in _places(dataset) if len(found) == frames), None)
    if places is None:
        return (frames - 1) // 2
    # Places and numbers in a stack lie on a line, in whatever direction: that of the largest spread.
    apart = places - places.mean(axis=0)
    along = apart @ np.linalg.svd(apart, full_matrices=False)[2][0]
    along = np.round(along / (np.ptp(along) or 1.0), 9)  # several frames of one place are equal
    order = np.argsort(along if along[0] <= along[-1] else -along, kind="stable")
    return int(order[(frames - 1) // 2])


def _places(dataset: Dataset) -> Iterator[NDArray[np.float64]]:
    """Places [frames, 1 or 3] in all ways in which the file tells them."""
    frames = dataset.get("PerFrameFunctionalGroupsSequence") or []
    for sequence, keyword in _PLACES:
        groups = [(frame.get(sequence) or [Dataset()])[0] for frame in frames]
        points = [_plain_numbers(group.get(keyword)) for group in groups]
        if points and {len(point) for point in points} in ({1}, {3}):
            yield np.array(points)
    for keyword in _PLACE_VECTORS:
        yield np.array(_plain_numbers(dataset.get(keyword)))[:, None]


def first_number(value: Any) -> float | None:
    """A number, or the first of several; None where there is none or it is not finite."""
    numbers = _numbers(value)
    return numbers[0] if numbers else None


def _numbers(value: Any) -> list[float]:
    if value is None or value == "":
        return []
    several = not isinstance(value, (int, float, str)) and hasattr(value, "__iter__")
    numbers = [float(item) for item in (value if several else [value])]
    return numbers if all(map(np.isfinite, numbers)) else []


def _spacing(dataset: Dataset) -> tuple[tuple[float, float] | None, Remark]:
    """Distance of rows and columns in the patient, as near as the file tells (PS3.3 10.7.1.1), and which that is."""
    in_patient = _distances(dataset, "PixelSpacing")
    received = _distances(dataset, "ImagerPixelSpacing") or _distances(dataset, "NominalScannedPixelSpacing")
    calibrated = bool(dataset.get("PixelSpacingCalibrationType"))
    if in_patient and (
        calibrated or not received or not np.allclose(in_patient, received, rtol=_SAME, atol=0)
    ):
        return in_patient, Remark.SCALE_CALIBRATED if calibrated or received else Remark.SCALE_UNEXPLAINED
    factor, *_ = (*_plain_numbers(dataset.get("EstimatedRadiographicMagnificationFactor")), 0.0)
    if received and 1 <= factor <= _MOST_MAGNIFIED:
        return (received[0] / factor, received[1] / factor), Remark.SCALE_BY_MAGNIFICATION
    return received, Remark.SCALE_OF_DETECTOR if received else Remark.SPACING_UNKNOWN


def _distances(dataset: Dataset, keyword: str) -> tuple[float, float] | None:
    for group in functional_groups(dataset, "PixelMeasuresSequence"):
        distances = _plain_numbers(group.get(keyword))
        if len(distances) == 2 and min(distances) >= _FINEST_MM and max(distances) <= _COARSEST_MM:
            return distances[0], distances[1]
    return None


def _aspect(dataset: Dataset, spacing: tuple[float, float] | None) -> float:
    height, width = spacing or (*_plain_numbers(dataset.get("PixelAspectRatio")), 0.0, 0.0)[:2]
    if min(height, width) <= 0 or not 1 / _MOST_OBLONG <= height / width <= _MOST_OBLONG:
        return 1.0
    return height / width


def _side(dataset: Dataset) -> Side | None:
    for group in functional_groups(dataset, "FrameAnatomySequence"):
        for keyword in _SIDES:
            side = body_side(str(group.get(keyword) or ""))
            if side is not None:
                return side
    return None


def _text(dataset: Dataset, keyword: str) -> str:
    """The value as text, several joined by a backslash as DICOM does; empty where absent."""
    if keyword in _SIDES:
        return _side(dataset) or ""
    value = dataset.get(keyword)
    if value is None:
        return ""
    return "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value).strip()


def _plain_numbers(value: Any) -> list[float]:
    """Numbers of an attribute that is only good to know: a broken one is as good as none."""
    try:
        return _numbers(value)
    except (TypeError, ValueError):
        return []

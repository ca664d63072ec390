"""What tells of one file that it is synthetic: all marks looked for, one after the other."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from gist.errors import InputError
from gist.images.png import Pixels
from gist.marking.credentials import Credentials, read_credentials
from gist.marking.fingerprint import Fingerprints, Match
from gist.marking.metadata import declared, declared_in_dicom
from gist.marking.watermark import Detection, detect

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
_MOST_PIXELS = 100_000_000
_LEAST_SIDE = 16
_DICOM_MAGIC = b"DICM"
_KINDS = {
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"II*\0": "image/tiff",
    b"MM\0*": "image/tiff",
    b"RIFF": "image/webp",
}
_UNSIGNED, _UNMARKED = Credentials("none"), Detection(False, 1.0, None)
_UNREADABLE = "It is no image that gist can read, or damaged; give PNG, JPEG, TIFF, BMP, WebP or DICOM."


@dataclass(frozen=True)
class Verified:
    """Everything that was found of one file."""

    file: Path
    credentials: Credentials = _UNSIGNED
    watermark: Detection = _UNMARKED
    metadata: tuple[str, ...] = ()
    fingerprint: Match | None = None
    """None where no table was given, or none of its pictures is this one."""
    fault: str = ""
    """Why nothing but the credentials could be looked at."""

    @property
    def synthetic(self) -> bool:
        """Whether any mark says so."""
        said = bool(self.metadata) or self.credentials.synthetic
        return said or self.watermark.found or self.fingerprint is not None


def verify(file: Path, tables: Sequence[Fingerprints] = ()) -> Verified:
    """Looks for every mark in a file, which may be anything."""
    try:
        data = file.read_bytes()
    except OSError as error:
        return Verified(
            file, fault=f"It cannot be read ({error.strerror}); check the path and its permissions."
        )
    kind = next((kind for magic, kind in _KINDS.items() if data.startswith(magic)), "")
    credentials = read_credentials(data, kind) if kind else _UNSIGNED
    try:
        image, metadata = _dicom(data) if data[128:132] == _DICOM_MAGIC else _raster(data)
    except InputError as error:
        return Verified(file, credentials, fault=str(error))
    except Exception:  # decoders of damaged files raise whatever they like
        return Verified(file, credentials, fault=_UNREADABLE)
    matches = [match for table in tables if (match := table.match(image)) is not None]
    nearest = min(matches, key=lambda match: (not match.same_pixels, match.bits), default=None)
    return Verified(file, credentials, detect(image), metadata, nearest)


def _raster(data: bytes) -> tuple[Pixels, tuple[str, ...]]:
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        _check_size(*image.size)
        image.load()
        deep = image.mode.startswith("I") or image.mode == "F"
        pixels = np.asarray(image if deep else image.convert("L"))
        info: Mapping[str | tuple[int, int], object] = image.info | getattr(image, "text", {})
    grey = pixels.clip(0, 65535).astype(np.uint16) if deep else pixels
    return grey, declared(info)


def _dicom(data: bytes) -> tuple[Pixels, tuple[str, ...]]:
    from pydicom import dcmread

    dataset = dcmread(io.BytesIO(data))
    _check_size(int(dataset.Columns), int(dataset.Rows))
    pixels = dataset.pixel_array.astype(np.int64)
    if int(dataset.get("NumberOfFrames") or 1) > 1:
        pixels = pixels[0]
    if pixels.ndim == 3:
        pixels = pixels.mean(axis=2)
    levels = 2 ** int(dataset.BitsStored) - 1
    grey = (pixels - pixels.min()) * (65535 / levels)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        grey = grey.max() - grey
    return np.round(grey.clip(0, 65535)).astype(np.uint16), declared_in_dicom(dataset)


def _check_size(width: int, height: int) -> None:
    if width * height > _MOST_PIXELS or min(width, height) < _LEAST_SIDE:
        raise InputError(
            f"It has {width}x{height} pixels; give images of {_LEAST_SIDE}x{_LEAST_SIDE} to {_MOST_PIXELS // 10**6} "
            "million pixels."
        )

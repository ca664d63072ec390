"""One file -> one small square picture, or the reason why not. Runs inside a guarded child process."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gist.intake import raster
from gist.intake.deidentify import Patient, names_patient, patient
from gist.intake.file_bytes import read_file
from gist.intake.file_type import HEAD_BYTES, file_type
from gist.intake.geometry import Fit, covered_pixels, thumbnail, to_square
from gist.intake.picture import GreySettings, Header, Picture, WindowChoice
from gist.intake.vocabulary import Reason, Remark, SetAside

Task = Literal["look", "decode"]
SECONDS_PER_MEBIBYTE = 2


@dataclass(frozen=True)
class JobSettings:
    """Everything a decoding process needs to know, as plain JSON values."""

    resolution: int
    fit: Fit
    window: WindowChoice
    percentiles: tuple[float, float]
    allow_upsampling: bool
    max_pixels: int
    max_file_bytes: int
    seed: int
    salt: str
    """Hexadecimal."""
    memory_bytes: int
    """What a decoding process may take beyond what it starts with."""
    seconds: int = 4
    """Processor time that decoding may take, with SECONDS_PER_MEBIBYTE more for the size of the file."""

    def seconds_for(self, file_bytes: int) -> int:
        """Processor time that decoding a file of this size may take."""
        return self.seconds + SECONDS_PER_MEBIBYTE * (file_bytes >> 20)


@dataclass(frozen=True)
class Accepted:
    """What leaves a decoding process besides the pixels; only allow-listed facts."""

    type: str
    height: int
    width: int
    bits: int
    modality: str | None
    patient: Patient | None
    file_sha256: str
    pixel_sha256: str
    """Of the finished square; equal for equal pictures whatever file type they came in."""
    thumbnail: str
    """Of the finished square, hexadecimal; for finding nearly equal pictures."""
    enlarged: bool
    remarks: tuple[Remark, ...]

    def as_json(self) -> dict[str, Any]:
        named = None if self.patient is None else vars(self.patient)
        return {**vars(self), "patient": named}

    @staticmethod
    def from_json(value: dict[str, Any]) -> Accepted:
        named = value["patient"]
        return Accepted(
            **{
                **value,
                "patient": None if named is None else Patient(**named),
                "remarks": tuple(Remark(text) for text in value["remarks"]),
            }
        )


def run_job(
    path: str, task: Task, settings: JobSettings, member: str = "", folder: str = ""
) -> tuple[Accepted, bytes]:
    """Looks at a file's header, or decodes it into a PNG of the square picture (no PNG bytes for `look`).

    `member` is the file's name if `path` is a zip archive, `folder` the class folder it lies in.

    Raises:
        SetAside: the file cannot be used, with the reason.
    """
    try:
        data = read_file(path, member, settings.max_file_bytes)
        kind = file_type(data[:HEAD_BYTES])
        if kind is None:
            raise SetAside(Reason.NOT_AN_IMAGE if data else Reason.EMPTY)
        if task == "look":
            header = _look(data, kind, settings)
            _check_folder(header, folder)
            return _accepted(kind, header, settings, data), b""
        return _decode(data, kind, settings, folder)
    except (SetAside, KeyboardInterrupt):
        raise
    except MemoryError:
        raise SetAside(Reason.TOO_MUCH_MEMORY) from None
    except Exception:  # decoders raise anything on damaged files: each is set aside, none stops the rest
        raise SetAside(Reason.DAMAGED) from None


def _check_folder(header: Header, folder: str) -> None:
    if names_patient(folder, header.patient, header.patient_name):
        raise SetAside(Reason.FOLDER_IS_PATIENT)


def _look(data: bytes, kind: str, settings: JobSettings) -> Header:
    if kind == "dicom":
        from gist.intake import dicom

        return dicom.read_header(data, settings.max_pixels)
    return raster.read_header(data, settings.max_pixels)


def _decode(data: bytes, kind: str, settings: JobSettings, folder: str) -> tuple[Accepted, bytes]:
    from gist.data_set import encode_png

    grey_settings = GreySettings(settings.window, settings.percentiles, settings.max_pixels)
    picture = _picture(data, kind, grey_settings)
    _check_folder(picture.header, folder)
    height, width = picture.grey.shape
    enlarged = covered_pixels(height, width, settings.fit) < settings.resolution
    if enlarged and not settings.allow_upsampling:
        raise SetAside(Reason.TOO_SMALL)
    square = to_square(picture.grey, settings.resolution, settings.fit)
    eight_bits = np.rint(square * 255.0).astype(np.uint8)
    if eight_bits.min() == eight_bits.max():
        raise SetAside(Reason.BLANK)
    remarks = (*picture.remarks, Remark.ENLARGED) if enlarged else picture.remarks
    small = thumbnail(square).hex()
    digest = hashlib.sha256(eight_bits.tobytes()).hexdigest()
    accepted = _accepted(kind, picture.header, settings, data, digest, small, enlarged, remarks)
    return accepted, encode_png(eight_bits)


def _picture(data: bytes, kind: str, settings: GreySettings) -> Picture:
    if kind == "dicom":
        from gist.intake import dicom

        return dicom.read_picture(data, settings)
    return raster.read_picture(data, settings)


def _accepted(
    kind: str,
    header: Header,
    settings: JobSettings,
    data: bytes,
    pixel_sha256: str = "",
    small: str = "",
    enlarged: bool = False,
    remarks: tuple[Remark, ...] = (),
) -> Accepted:
    named = None
    if header.patient is not None:
        named = patient(bytes.fromhex(settings.salt), settings.seed, header.patient)
    return Accepted(
        type=kind,
        height=header.height,
        width=header.width,
        bits=header.bits,
        modality=header.modality,
        patient=named,
        file_sha256=hashlib.sha256(data).hexdigest(),
        pixel_sha256=pixel_sha256,
        thumbnail=small,
        enlarged=enlarged,
        remarks=remarks,
    )

"""One file -> one small square picture, or the reason why not. Runs inside a guarded child process."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np

from gist.intake.borders import content_box
from gist.intake.burned_in_text import TextBox, find_text, find_words, paint_over, united
from gist.intake.deidentify import Patient, patient
from gist.intake.file_bytes import read_file
from gist.intake.file_type import ARCHIVES, HEAD_BYTES, file_type, is_pointer
from gist.intake.filter_expression import parse_filter
from gist.intake.fine_structure import thumbnail
from gist.intake.geometry import Fit, FloatImage, View, scaled_view, show, square_view
from gist.intake.image_facts import ImageFacts, measure
from gist.intake.masks import looks_like_a_mask
from gist.intake.patient_names import Naming, naming
from gist.intake.picture import (
    FrameChoice,
    Header,
    Picture,
    Plane,
    Side,
    Tones,
    ToneSettings,
    WindowChoice,
    as_float,
    grey_of,
)
from gist.intake.png_rows import with_stored_rows
from gist.stages.vocabulary import Reason, Remark, SetAside

Task = Literal["look", "decode"]
SECONDS_PER_MEBIBYTE = 2
_CLEARLY = 0.1
"""Difference, of 1, between the strongest and the weakest of three colours that is more than noise or a tint."""


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
    bits: Literal[8, 16] = 8
    colour: bool = False
    """Whether colours are kept."""
    frame: FrameChoice = "first"
    plane: Plane = "axial"
    crop_borders: bool = False
    burned_in_text: Literal["flag", "mask", "reject", "ignore"] = "flag"
    read_words: bool = False
    """Whether text is looked for by reading, too."""
    masks: Literal["keep", "remove"] = "keep"
    mm_per_pixel: float | None = None
    flip_to_side: Side | None = None
    label_tag: str | None = None
    """DICOM keyword of the attribute that gives the class."""
    where: str | None = None
    """The filter, where it takes the file's own attributes to decide."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Name in the filter -> DICOM keyword."""
    seconds: int = 4
    """Processor time that decoding may take, with SECONDS_PER_MEBIBYTE more for the size of the file."""

    def seconds_for(self, file_bytes: int) -> int:
        """Processor time that decoding a file of this size may take."""
        return self.seconds + SECONDS_PER_MEBIBYTE * (file_bytes >> 20)


class Accepted(NamedTuple):
    """What leaves a decoding process besides the pixels, as a list in JSON; only allow-listed facts."""

    type: str
    height: int
    width: int
    bits: int
    modality: str | None
    patient: Patient | None
    pixel_sha256: str
    """Of the finished square; equal for equal pictures whatever file type they came in."""
    thumbnail: str
    """Of the finished square, hexadecimal; for finding nearly equal pictures."""
    enlarged: bool
    remarks: tuple[Remark, ...]
    label: str | None = None
    """As the file's own attribute says, where that gives the class."""
    kept: bool = True
    """Whether the filter keeps the file; if not, it has not been decoded."""
    spacing: tuple[float, float] | None = None
    """Of rows and columns, in millimetres."""
    facts: ImageFacts | None = None
    """Of the finished square; None where only the header was read."""
    examination: Patient | None = None
    """Keeps images together of which no patient is known."""
    naming: Naming = Naming.UNTOLD
    """Whether its class is called like its patient; where that is sure, it has not been decoded."""
    body_part: str | None = None
    """Code of DICOM, where the file gives one."""
    may_be_coloured: bool = False
    """Whether a pixel is more than one grey level."""
    frames: int = 1
    coloured: float = 0.0
    """Share of the finished square that is clearly coloured; 0 where colours are not kept."""

    @staticmethod
    def from_json(values: list[Any]) -> Accepted:
        read = Accepted(*values)
        facts = read.facts
        if facts is not None:
            mean_grey, contrast, sharpness, view, text = facts
            boxes = tuple(TextBox(*box) for box in text)
            facts = ImageFacts(mean_grey, contrast, sharpness, view, boxes)
        return read._replace(
            patient=None if read.patient is None else Patient(*read.patient),
            examination=None if read.examination is None else Patient(*read.examination),
            remarks=tuple(Remark(text) for text in read.remarks),
            spacing=None if read.spacing is None else (read.spacing[0], read.spacing[1]),
            facts=facts,
            naming=Naming(read.naming),
        )


@dataclass(frozen=True)
class Row:
    """What the user said of a file, as far as decoding needs it."""

    class_name: str = ""
    """Which must not be the patient's."""
    side: Side | None = None
    """Of the body."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Values of the label table that the filter asks for."""
    named_mask: bool = False
    """Whether the file is called like the mask of another."""
    frame: int | None = None
    """Which frame is asked for, from 1, where a file gives several pictures."""


def run_job(
    path: str, task: Task, settings: JobSettings, member: str = "", row: Row | None = None
) -> tuple[Accepted, bytes]:
    """Looks at a file's header, or decodes it into a PNG of the square picture (no PNG bytes for `look`).

    `member` is the file's name if `path` is a zip archive.

    Raises:
        SetAside: the file cannot be used, with the reason.
    """
    try:
        return _run(read_file(path, member, settings.max_file_bytes), task, settings, row or Row())
    except (SetAside, KeyboardInterrupt):
        raise
    except MemoryError:
        raise SetAside(Reason.TOO_MUCH_MEMORY) from None
    except Exception:  # decoders raise anything on damaged files: each is set aside, none stops the rest
        raise SetAside(Reason.DAMAGED) from None


def _run(data: bytes, task: Task, settings: JobSettings, row: Row) -> tuple[Accepted, bytes]:
    kind = file_type(data[:HEAD_BYTES])
    if kind is None and is_pointer(data[:HEAD_BYTES]):
        raise SetAside(Reason.NOT_FETCHED)
    if kind is None:
        other = Reason.ARCHIVE if data.startswith(ARCHIVES) else Reason.NOT_AN_IMAGE
        raise SetAside(other if data else Reason.EMPTY)
    header, decode = _open(data, kind, settings)
    if row.frame is not None and header.examination is None:  # the pictures of a file stay together
        header = replace(header, examination=hashlib.sha256(data).hexdigest())
    label = header.attributes.get(settings.label_tag, "") if settings.label_tag else ""
    seen = _accepted(kind, header, settings)._replace(
        label=label or None,
        kept=_is_kept(header, settings, row),
        naming=naming(label or row.class_name, header.identity),
    )
    if task == "look" or not seen.kept or seen.naming is Naming.SURELY:
        return seen, b""
    tones = ToneSettings(
        settings.window,
        settings.percentiles,
        settings.max_pixels,
        row.frame or settings.frame,
        settings.colour,
    )
    picture = decode(tones)
    remarks = list(picture.remarks)
    if looks_like_a_mask(picture.grey, row.named_mask):
        if row.named_mask and settings.masks == "remove":
            raise SetAside(Reason.MASK)
        remarks.append(Remark.MASK if row.named_mask else Remark.TWO_GREYS)
    square, enlarged, text = _square(picture, settings, row, remarks)
    if settings.colour and square.ndim == 2:
        remarks.append(Remark.GREY_TO_COLOUR)
        square = np.repeat(square[..., np.newaxis], 3, axis=2)
    grey = as_float(grey_of(square))
    levels = np.float32(255 if settings.bits == 8 else 65535)
    stored = np.rint(square * levels).astype(np.uint8 if settings.bits == 8 else np.uint16)
    if stored.min() == stored.max():
        raise SetAside(Reason.BLANK)
    accepted = seen._replace(
        pixel_sha256=hashlib.sha256(stored).hexdigest(),
        thumbnail=thumbnail(grey).hex(),
        enlarged=enlarged,
        remarks=tuple(remarks),
        coloured=_coloured(square),
        facts=measure(grey, header.attributes.get("ViewPosition", ""), text),
    )
    from gist.images.png import encode_png

    return accepted, encode_png(stored)


def _coloured(square: FloatImage) -> float:
    if square.ndim == 2:
        return 0.0
    return float((np.ptp(square, axis=2) > _CLEARLY).mean())


def _open(data: bytes, kind: str, settings: JobSettings) -> tuple[Header, Callable[[ToneSettings], Picture]]:
    """Imports what the file needs and no more, because decoding processes must start quickly."""
    if kind == "dicom":
        from gist.intake.dicom import open_dicom

        named = {settings.label_tag} if settings.label_tag else set()
        return open_dicom(
            data, settings.max_pixels, named | {"ViewPosition"} | set(settings.attributes.values())
        )
    if kind == "nifti":
        from gist.intake.nifti import open_nifti

        return open_nifti(data, settings.max_pixels, settings.max_file_bytes, settings.plane)
    from gist.intake.raster import open_raster

    return open_raster(with_stored_rows(data) if kind == "png" else data, settings.max_pixels)


def _is_kept(header: Header, settings: JobSettings, row: Row) -> bool:
    if settings.where is None:
        return True
    own = {name: header.attributes.get(keyword, "") for name, keyword in settings.attributes.items()}
    return parse_filter(settings.where).keeps({**own, **row.columns})


def _square(
    picture: Picture, settings: JobSettings, row: Row, remarks: list[Remark]
) -> tuple[FloatImage, bool, tuple[TextBox, ...]]:
    """The finished square in 0-1, whether it has been enlarged, and where it shows text; adds to the remarks."""
    text = _text(picture, settings, remarks)
    tones = picture.tones
    if text and settings.burned_in_text == "mask":
        tones = paint_over(as_float(tones), text)
        grey = grey_of(tones)
        if find_text(grey, sure=True) or (settings.read_words and find_words(grey)):
            raise SetAside(Reason.TEXT_REMAINS)
    top = left = 0
    if settings.crop_borders:
        top, bottom, left, right = content_box(as_float(grey_of(tones)))
        if tones.shape[:2] != (bottom - top, right - left):
            tones = tones[top:bottom, left:right]
            remarks.append(Remark.BORDERS_CUT)
    view = _view(tones, picture.header, settings, remarks)
    enlarged = view.enlarges(settings.resolution)
    if enlarged and not settings.allow_upsampling:
        raise SetAside(Reason.TOO_SMALL)
    if enlarged:
        remarks.append(Remark.ENLARGED)
    square = show(tones, view, settings.resolution)
    seen = [box.seen(top, left, view, settings.resolution) for box in text]
    boxes = tuple(box for box in seen if box is not None)
    if settings.flip_to_side is not None:
        side = row.side or picture.header.side
        if side is None:
            remarks.append(Remark.SIDE_UNKNOWN)
        elif side != settings.flip_to_side:
            square = np.ascontiguousarray(square[:, ::-1])
            boxes = tuple(box.mirrored(settings.resolution) for box in boxes)
            remarks.append(Remark.MIRRORED)
    return square, enlarged, boxes


def _text(picture: Picture, settings: JobSettings, remarks: list[Remark]) -> tuple[TextBox, ...]:
    """Where the whole picture shows text, before anything is cut off or made smaller."""
    if settings.burned_in_text == "ignore":
        return ()
    words = find_words(picture.grey) if settings.read_words else ()
    found = united((*find_text(picture.grey, sure=Remark.BURNED_IN in remarks), *words))
    if settings.burned_in_text == "reject" and (found or Remark.BURNED_IN in remarks):
        raise SetAside(Reason.BURNED_IN_TEXT)
    if found:
        masked = settings.burned_in_text == "mask"
        remarks.append(Remark.TEXT_PAINTED_OVER if masked else Remark.TEXT_FOUND)
    if words:
        remarks.append(Remark.TEXT_READ)
    return found


def _view(tones: Tones, header: Header, settings: JobSettings, remarks: list[Remark]) -> View:
    height, width = tones.shape[:2]
    if settings.mm_per_pixel is not None:
        remarks.append(header.scale)
        if header.spacing is not None:
            return scaled_view(height, width, settings.resolution, header.spacing, settings.mm_per_pixel)
    return square_view(height, width, settings.fit, header.aspect)


def _accepted(kind: str, header: Header, settings: JobSettings) -> Accepted:
    """What the header alone tells."""
    salt = bytes.fromhex(settings.salt)
    named, examination = (
        None if text is None else patient(salt, settings.seed, text)
        for text in (header.patient, header.examination)
    )
    return Accepted(
        type=kind,
        height=header.height,
        width=header.width,
        bits=header.bits,
        may_be_coloured=header.may_be_coloured,
        frames=header.frames,
        modality=header.modality,
        patient=named,
        pixel_sha256="",
        thumbnail="",
        enlarged=False,
        remarks=(),
        spacing=header.spacing,
        examination=examination,
        body_part=header.body_part,
    )

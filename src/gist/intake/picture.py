"""A picture on its way through intake: header first, then pixels as shown, grey or colour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gist.images.colour import LUMA, luma
from gist.intake.patient_names import NOBODY, Identity
from gist.stages.vocabulary import Reason, Remark, SetAside

WindowChoice = Literal["auto", "tag", "percentile", "full", "bone", "lung", "soft-tissue", "brain"]
FrameChoice = Literal["first", "middle", "last"] | int
Plane = Literal["axial", "coronal", "sagittal"]
Side = Literal["L", "R"]
_LUMA = np.array(LUMA, np.float32)


@dataclass(frozen=True)
class ToneSettings:
    """How stored values become those shown."""

    window: WindowChoice
    percentiles: tuple[float, float]
    max_pixels: int
    frame: FrameChoice = "first"
    colour: bool = False
    """Whether colours are kept; if not, they become grey."""


@dataclass(frozen=True)
class Header:
    """What is known of a picture before its pixels are decoded."""

    height: int
    width: int
    bits: int
    """Bits per sample that carry information."""
    frames: int = 1
    may_be_coloured: bool = False
    """Whether a pixel is more than one grey level, such as three equal ones."""
    modality: str | None = None
    body_part: str | None = None
    """Code of DICOM."""
    patient: str | None = None
    """As the file says; never leaves the decoding process."""
    examination: str | None = None
    """Nor does this: its StudyInstanceUID."""
    identity: Identity = NOBODY
    """Neither does this."""
    spacing: tuple[float, float] | None = None
    """Distance of rows and of columns in millimetres, in the body as far as the file knows."""
    scale: Remark = Remark.SPACING_UNKNOWN
    """Where the spacing comes from."""
    aspect: float = 1.0
    """Height of a pixel over its width."""
    side: Side | None = None
    """Of the body."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Those that were asked for, by DICOM keyword; empty where absent."""


Tones = NDArray[np.float32] | NDArray[np.uint8]
"""float32 in 0-1, or bytes in 0-255: small pictures of eight bits are several times quicker worked on as they are."""


def as_float(tones: Tones) -> NDArray[np.float32]:
    """The picture in 0-1."""
    return tones * np.float32(1 / 255.0) if tones.dtype == np.uint8 else tones.astype(np.float32, copy=False)


@dataclass(frozen=True)
class Picture:
    """A display-ready picture, a radiograph's air and borders black."""

    tones: Tones
    """[H, W], or [H, W, 3] in sRGB where colours are kept."""
    header: Header
    remarks: tuple[Remark, ...]

    @cached_property
    def grey(self) -> Tones:
        """[H, W], by which text, borders and masks are found."""
        return grey_of(self.tones)


def check_size(height: int, width: int, samples: int, max_pixels: int) -> None:
    """Raises SetAside for an impossible or too large picture of `samples` samples per pixel."""
    if height < 1 or width < 1:
        raise SetAside(Reason.DAMAGED)
    if height * width > max_pixels or samples > 4:
        raise SetAside(Reason.TOO_MANY_PIXELS)


def chosen_frame(frames: int, choice: FrameChoice) -> tuple[int, tuple[Remark, ...]]:
    """Number, from 0, of the frame to take of so many, and what to say of that; a single one is taken in any case.

    Raises:
        SetAside: there are several, but not as many.
    """
    if frames == 1:
        return 0, (Remark.ONLY_FRAME,) if isinstance(choice, int) and choice > 1 else ()
    if isinstance(choice, int):
        if choice > frames:
            raise SetAside(Reason.NO_SUCH_FRAME)
        return choice - 1, (Remark.ONE_FRAME,)
    number = {"first": 0, "middle": (frames - 1) // 2, "last": frames - 1}[choice]
    return number, (Remark.ONE_FRAME,)


def body_side(text: str | None) -> Side | None:
    """Left or right as tags and tables write it; None for both, neither or anything else."""
    match (text or "").strip().casefold():
        case "l" | "left":
            return "L"
        case "r" | "right":
            return "R"
    return None


def grey_of(tones: Tones) -> Tones:
    """Grey [H, W] of a picture: itself, or the luma in 0-1 of colours [H, W, 3]."""
    return tones if tones.ndim == 2 else luma(as_float(tones))


def shown_colour(
    colour: NDArray[Any], bits: int | None, settings: ToneSettings
) -> tuple[Tones, list[Remark]]:
    """Unsigned samples [H, W, 3] of `bits` bits as shown, and what was done; colour is ready for display as it is.

    Raises:
        SetAside: the samples are signed or not integers.
    """
    if not settings.colour:
        grey, coloured = colour_to_grey(colour, bits)
        return grey, [Remark.COLOUR_TO_GREY] if coloured else []
    if colour.dtype.kind != "u":
        raise SetAside(Reason.UNSUPPORTED_PIXELS)
    if colour.dtype == np.uint8 and bits in (None, 8):
        return colour, []
    top = np.float32((1 << (bits or 8 * colour.dtype.itemsize)) - 1)
    return np.minimum(colour.astype(np.float32) / top, np.float32(1.0)), []


def colour_to_grey(colour: NDArray[Any], bits: int | None = None) -> tuple[NDArray[np.float32], bool]:
    """Luma in 0-1 of unsigned [H, W, 3] samples of `bits` bits, and whether there was colour at all.

    Raises:
        SetAside: the samples are signed or not integers.
    """
    if colour.dtype.kind != "u":
        raise SetAside(Reason.UNSUPPORTED_PIXELS)
    top = np.float32((1 << (bits or 8 * colour.dtype.itemsize)) - 1)
    red, green, blue = (colour[..., channel] for channel in range(3))
    if np.array_equal(red, green) and np.array_equal(red, blue):
        return np.minimum(red.astype(np.float32) / top, np.float32(1.0)), False
    grey: NDArray[np.float32] = colour[..., :3].astype(np.float32) @ (_LUMA / top)
    return np.clip(grey, 0.0, 1.0), True


def palette_colour(
    indices: NDArray[np.integer[Any]], palette: NDArray[np.uint16], bits: int
) -> tuple[NDArray[np.uint16], int]:
    """Samples [H, W, 3] of a palette [3, entries], whose last entry stands for all beyond, and the bits of a sample.

    `bits` are those declared. Writers declare 16 for entries of 8, and 8 for entries that they hold in the lower or the
    upper half of words; what the entries themselves use decides.
    """
    if not (palette & 0xFF).any():
        palette = np.right_shift(palette, 8)
    used = next(enough for enough in (8, bits, 16) if palette.max() < 1 << enough)
    colours: NDArray[np.uint16] = palette.T.take(np.clip(indices, 0, palette.shape[1] - 1), axis=0)
    return colours, used


def as_levels(grey: NDArray[np.float32], bits: int) -> NDArray[np.uint16]:
    """A picture in 0-1 as levels of up to 16 bits."""
    levels: NDArray[np.uint16] = np.rint(grey * np.float32((1 << bits) - 1)).astype(np.uint16)
    return levels

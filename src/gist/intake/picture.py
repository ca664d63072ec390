"""A radiograph on its way through intake: header first, then grey pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gist.intake.vocabulary import Reason, Remark, SetAside

WindowChoice = Literal["auto", "tag", "percentile", "full"]
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, the weights JPEG itself uses


@dataclass(frozen=True)
class GreySettings:
    """How stored values become grey."""

    window: WindowChoice
    percentiles: tuple[float, float]
    max_pixels: int


@dataclass(frozen=True)
class Header:
    """What is known of a picture before its pixels are decoded."""

    height: int
    width: int
    bits: int
    """Bits per sample that carry information."""
    modality: str | None = None
    patient: str | None = None
    """As the file says; never leaves the decoding process."""
    patient_name: str | None = None
    """Neither does this."""


@dataclass(frozen=True)
class Picture:
    """A display-ready radiograph: float32 [H, W] in 0-1, air and borders black."""

    grey: NDArray[np.float32]
    header: Header
    remarks: tuple[Remark, ...]


def check_size(height: int, width: int, samples: int, max_pixels: int) -> None:
    """Raises SetAside for an impossible or too large picture of `samples` samples per pixel."""
    if height < 1 or width < 1:
        raise SetAside(Reason.DAMAGED)
    if height * width > max_pixels or samples > 4:
        raise SetAside(Reason.TOO_MANY_PIXELS)


def colour_to_grey(colour: NDArray[Any]) -> tuple[NDArray[np.float32], bool]:
    """Luma in 0-1 of unsigned [H, W, 3] samples, and whether there was colour at all.

    Raises:
        SetAside: the samples are signed or not integers.
    """
    if colour.dtype.kind != "u":
        raise SetAside(Reason.UNSUPPORTED_PIXELS)
    top = np.float32(np.iinfo(colour.dtype).max)
    red, green, blue = (colour[..., channel] for channel in range(3))
    if np.array_equal(red, green) and np.array_equal(red, blue):
        return red.astype(np.float32) / top, False
    grey: NDArray[np.float32] = colour[..., :3].astype(np.float32) @ (_LUMA / top)
    return np.clip(grey, 0.0, 1.0), True

"""PNG, JPEG, TIFF, BMP and WebP; 16 bits of grey stay 16 bits."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from gist.intake.deep_colour import deep_colour, know_grey_with_alpha
from gist.intake.grey_window import HOUNSFIELD_WINDOWS, percentile_range, range_window, tabulate
from gist.intake.picture import (
    Header,
    Picture,
    Tones,
    ToneSettings,
    as_float,
    check_size,
    chosen_frame,
    palette_colour,
    shown_colour,
)
from gist.intake.srgb import in_srgb
from gist.stages.vocabulary import Reason, Remark, SetAside

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
_ORIENTATION = 0x0112
_TIFF_BITS, _TIFF_COMPRESSION, _TIFF_PHOTOMETRIC, _TIFF_PALETTE = 258, 259, 262, 320
_TIFF_WEBP, _WHITE_IS_ZERO = 50001, 0
_PNG_BITS = 24  # position of the bit depth in IHDR
_SMALL = 1000  # pixels a side, from which on the text search and the area mean want floats
_WITH_ALPHA = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})

Image.MAX_IMAGE_PIXELS = None  # prepare.max_pixels is checked here instead, before anything is decoded


def open_raster(data: bytes, max_pixels: int) -> tuple[Header, Callable[[ToneSettings], Picture]]:
    """Size and bits of a picture file, and how to decode it.

    Raises:
        SetAside: the picture is too large, or its header tells nothing to the decoder; any other exception, now or
            when decoding, means the file is damaged.
    """
    if data[:2] in (b"II", b"MM"):
        know_grey_with_alpha()
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except OSError:
        raise SetAside(Reason.UNKNOWN_VARIANT) from None
    header = _header(image, data, max_pixels)
    return header, partial(_picture, image, header, data)


def _picture(image: Image.Image, header: Header, data: bytes, settings: ToneSettings) -> Picture:
    if settings.window in HOUNSFIELD_WINDOWS:
        raise SetAside(Reason.NO_HOUNSFIELD)
    frames = _frames(image)
    frame, of_frame = chosen_frame(frames, settings.frame)
    remarks = list(of_frame)
    if frames > 1:
        image.seek(frame)
        header = _header(image, data, settings.max_pixels)
    if _tiff_tag(image, _TIFF_COMPRESSION) == _TIFF_WEBP:  # not every build of Pillow reads it
        try:
            image.load()
        except OSError:
            raise SetAside(Reason.UNKNOWN_VARIANT) from None
    white_is_zero = _tiff_tag(image, _TIFF_PHOTOMETRIC) == _WHITE_IS_ZERO
    palette = getattr(image, "tag_v2", {}).get(_TIFF_PALETTE) if image.mode == "P" else None
    single = image.mode in ("I", "F") or image.mode.startswith("I;16")
    if image.getexif().get(_ORIENTATION, 1) not in (0, 1):
        remarks.append(Remark.TURNED)
    tones: Tones
    if header.bits > 8 and not single:
        levels, of_colour = deep_colour(data, frame, settings.colour)
        if levels.ndim == 3:
            tones, of_window = _deep_in_srgb(levels, image.info.get("icc_profile"))
        else:
            tones, of_window = _deep(levels, header.bits, False, settings)
        return Picture(tones, header, (*remarks, *of_colour, *of_window))
    if Remark.TURNED in remarks:
        image = ImageOps.exif_transpose(image)
    if single:
        tones, of_pixels = _deep(np.asarray(image), header.bits, white_is_zero, settings)
    else:
        tones, of_pixels = _shallow(image, palette, settings)
    return Picture(tones, header, (*remarks, *of_pixels))


def _deep_in_srgb(levels: NDArray[np.uint16], profile: bytes | None) -> tuple[Tones, list[Remark]]:
    """Colours [H, W, 3] of 16 bits; where there is a profile, brought to sRGB in eight, which is all that is kept."""
    shown = levels.astype(np.float32) / np.float32(65535.0)
    if not profile:
        return shown, []
    image = Image.fromarray(np.rint(shown * np.float32(255.0)).astype(np.uint8))
    image.info["icc_profile"] = profile
    return in_srgb(image)


def _header(image: Image.Image, data: bytes, max_pixels: int) -> Header:
    check_size(image.height, image.width, 1, max_pixels)
    bits = data[_PNG_BITS] if image.format == "PNG" else _tiff_tag(image, _TIFF_BITS) or 8
    may_be_coloured = not image.mode.startswith(("1", "L", "I", "F"))
    return Header(image.height, image.width, bits, _frames(image), may_be_coloured)


def _frames(image: Image.Image) -> int:
    return getattr(image, "n_frames", 1) if image.format != "PNG" else 1


def _tiff_tag(image: Image.Image, number: int) -> int | None:
    """The first value of a TIFF tag; None where it is absent or the file is no TIFF."""
    value = getattr(image, "tag_v2", {}).get(number)
    first = value[0] if isinstance(value, tuple) else value
    return None if first is None else int(first)


def _deep(
    pixels: NDArray[np.generic], bits: int, white_is_zero: bool, settings: ToneSettings
) -> tuple[NDArray[np.float32], list[Remark]]:
    """More than eight bits: these carry no window of their own, so percentiles or all of the range."""
    if settings.window == "tag":
        raise SetAside(Reason.NO_WINDOW)
    stored = tabulate(pixels)
    remarks: list[Remark] = []
    if settings.window == "full" and pixels.dtype.kind == "u":
        shown = range_window(stored.values, 0.0, float((1 << bits) - 1))
    elif settings.window == "full":
        shown = range_window(stored.values, *percentile_range(stored.values, stored.counts, (0.0, 100.0)))
    else:
        low, high = settings.percentiles
        percentiles = (100.0 - high, 100.0 - low) if white_is_zero else (low, high)
        shown = range_window(stored.values, *percentile_range(stored.values, stored.counts, percentiles))
        remarks.append(Remark.PERCENTILE_WINDOW)
    if white_is_zero:
        shown = 1.0 - shown
        remarks.append(Remark.INVERTED)
    return stored.picture(shown), remarks


def _shallow(
    image: Image.Image, palette: tuple[int, ...] | None, settings: ToneSettings
) -> tuple[Tones, list[Remark]]:
    """Eight bits or fewer per channel are display-ready as they are; entries of a TIFF's palette have sixteen."""
    if image.mode in ("L", "1"):
        levels = np.asarray(image if image.mode == "L" else image.convert("L"))
        return levels if max(levels.shape) <= _SMALL else as_float(levels), []
    remarks: list[Remark] = []
    opacity: NDArray[np.float32] | None = None
    if image.mode in _WITH_ALPHA or (image.mode == "P" and "transparency" in image.info):
        image = image.convert("RGBA")
        opacity = np.asarray(image.getchannel("A"), dtype=np.float32) / np.float32(255.0)
    if palette is not None:
        entries = np.array(palette, np.uint16).reshape(3, -1)
        tones, of_colour = shown_colour(*palette_colour(np.asarray(image), entries, 16), settings)
    elif settings.colour:
        tones, of_colour = in_srgb(image)
    else:
        tones, of_colour = shown_colour(np.asarray(image.convert("RGB")), None, settings)
    remarks += of_colour
    if opacity is not None and float(opacity.min()) < 1.0:
        tones = as_float(tones) * (opacity if tones.ndim == 2 else opacity[..., np.newaxis])
        remarks.append(Remark.TRANSPARENCY)
    return tones, remarks

"""NIfTI volumes: one slice, by the patient's axes, with right proportions (NIfTI-1 and -2 single files, plain or gzip).

Orientation and scaling are nibabel's reading. Slices lie as radiologists look at them: axial from the feet and coronal
from the front, the right of the body on the left side; sagittal from the left, the face to the left.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gist.intake.grey_window import HOUNSFIELD_WINDOWS, dicom_window, percentile_range, range_window, tabulate
from gist.intake.picture import Header, Picture, Plane, ToneSettings, check_size, chosen_frame
from gist.stages.vocabulary import Reason, Remark, SetAside

_GZIP = b"\x1f\x8b\x08"
_MAGIC = {(344, b"n+1\0"): "Nifti1Image", (4, b"n+2\0\r\n\x1a\n"): "Nifti2Image"}
"""Where each kind of single file says what it is."""
_AIR = -500.0
"""Hounsfield units below which CT of a body always has some air around it."""
_ACROSS: dict[Plane, tuple[int, int, int]] = {"axial": (1, 0, 2), "coronal": (2, 0, 1), "sagittal": (2, 1, 0)}
"""Plane -> axis of the volume (0 towards the right, 1 the front, 2 the head) that runs up the picture, that runs to the
left, and that counts the slices."""


@lru_cache(maxsize=1)  # slices of one volume are asked for one after the other
def open_nifti(
    data: bytes, max_pixels: int, max_bytes: int, plane: Plane
) -> tuple[Header, Callable[[ToneSettings], Picture]]:
    """Size and spacing of the slices of a volume, and how to decode one.

    Raises:
        SetAside: nibabel is not installed, or the volume is too large or of another kind than real numbers; any other
            exception, now or when decoding, means the file is damaged.
    """
    try:
        import nibabel
    except ImportError:
        raise SetAside(Reason.NEEDS_NIBABEL) from None
    plain = _inflated(data, max_bytes)
    kinds = [name for (start, magic), name in _MAGIC.items() if plain[start : start + len(magic)] == magic]
    if not kinds:
        raise SetAside(Reason.UNKNOWN_VARIANT)
    image: Any = getattr(nibabel, kinds[0]).from_bytes(plain)
    known = bool(image.header["sform_code"] or image.header["qform_code"])
    if image.header.get_data_dtype().kind not in "uif" or len(image.shape) < 3:
        raise SetAside(Reason.UNSUPPORTED_PIXELS)
    canonical: Any = nibabel.as_closest_canonical
    image = canonical(image)
    up, left, along = _ACROSS[plane]
    check_size(image.shape[up], image.shape[left], 1, max_pixels)
    # Of the affine that orientation was taken from: the sizes beside it in the header may be of another.
    zooms = np.sqrt(np.square(image.affine[:3, :3]).sum(axis=0)).tolist()
    in_millimetres = image.header.get_xyzt_units()[0] in ("mm", "unknown") and min(zooms) > 0
    header = Header(
        height=image.shape[up],
        width=image.shape[left],
        frames=image.shape[along],
        bits=8 * image.header.get_data_dtype().itemsize,
        spacing=(zooms[up], zooms[left]) if in_millimetres else None,
        scale=Remark.SCALE_CALIBRATED if in_millimetres else Remark.SPACING_UNKNOWN,
        aspect=zooms[up] / zooms[left] if min(zooms) > 0 else 1.0,
    )
    return header, partial(_picture, image, header, along, known)


def _picture(image: Any, header: Header, along: int, oriented: bool, settings: ToneSettings) -> Picture:
    # The first slice of a volume is empty, and nobody's choice.
    frame, of_frame = chosen_frame(
        image.shape[along], "middle" if settings.frame == "first" else settings.frame
    )
    remarks = [Remark.NOT_RADIOGRAPH, *of_frame]
    if not oriented:
        remarks.append(Remark.ORIENTATION_UNKNOWN)
    place: list[Any] = [slice(None)] * 3 + [0] * (len(image.shape) - 3)
    place[along] = frame
    values = np.asarray(image.dataobj[tuple(place)], np.float64)
    upright: NDArray[np.float64] = np.ascontiguousarray(values.T[::-1, ::-1])
    stored = tabulate(upright)
    if settings.window in HOUNSFIELD_WINDOWS:
        if stored.values.min() > _AIR:
            raise SetAside(Reason.NO_HOUNSFIELD)
        shown = dicom_window(stored.values, *HOUNSFIELD_WINDOWS[settings.window], "LINEAR")
        remarks.append(Remark.HOUNSFIELD_WINDOW)
    elif settings.window == "tag":
        raise SetAside(Reason.NO_WINDOW)
    else:
        percentiles = (0.0, 100.0) if settings.window == "full" else settings.percentiles
        shown = range_window(stored.values, *percentile_range(stored.values, stored.counts, percentiles))
        remarks.append(Remark.PERCENTILE_WINDOW)
    return Picture(stored.picture(shown), header, tuple(remarks))


def _inflated(data: bytes, most: int) -> bytes:
    """The volume itself; what it inflates to counts, not what it claims."""
    if not data.startswith(_GZIP):
        return data
    stream = zlib.decompressobj(31)
    plain = stream.decompress(data, most + 1)
    if len(plain) > most:
        raise SetAside(Reason.TOO_LARGE_FILE)
    if not stream.eof:
        raise SetAside(Reason.DAMAGED)
    return plain

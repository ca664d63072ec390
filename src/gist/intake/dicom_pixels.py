"""The pixels of a DICOM file as they were stored, out of whatever they are packed in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID, JPEGExtended12Bit

from gist.intake import twelve_bit_jpeg
from gist.intake.codestream import stream_header
from gist.intake.picture import Header
from gist.stages.vocabulary import Reason, SetAside

_JPEG_LOSSLESS = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")


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
    packed = syntax.is_encapsulated
    stream = _checked_stream(dataset, header, frame) if packed else b""
    if syntax == JPEGExtended12Bit and header.bits > 8 and _bits(stream) > 8:
        if not twelve_bit_jpeg.available():
            raise SetAside(Reason.TWELVE_BIT_JPEG)
        samples = twelve_bit_jpeg.decode_twelve_bits(stream, header.height, header.width)
        signed = dataset.PixelRepresentation == 1
        return _stored_bits(samples.view(np.int16), header.bits, 0) if signed else samples
    pixels = pixel_array(dataset, index=frame, view_only=True, correct_unused_bits=packed)
    if not packed:
        pixels = _stored_bits(pixels, header.bits, _left_shift(dataset))
    if pixels.shape[:2] != (header.height, header.width) or pixels.shape[2:] not in ((), (3,)):
        raise SetAside(Reason.DAMAGED)
    stored: NDArray[np.generic] = pixels
    return stored


def _stored_bits(pixels: NDArray[Any], bits: int, shift: int) -> NDArray[Any]:
    """Pixels without what else their words hold, such as overlays; looking first is quicker than always cutting."""
    if not np.issubdtype(pixels.dtype, np.integer) or bits >= 8 * pixels.itemsize:
        return pixels
    low, high = (0, 1 << bits) if pixels.dtype.kind == "u" else (-(1 << (bits - 1)), 1 << (bits - 1))
    if shift == 0 and low <= int(pixels.min()) and int(pixels.max()) < high:
        return pixels
    above = 8 * pixels.itemsize - bits
    cut: NDArray[Any] = np.right_shift(np.left_shift(pixels, above - shift), above)
    return cut


def _left_shift(dataset: Dataset) -> int:
    """Bits by which stored values stand too high in their words, as old files have it (HighBit)."""
    allocated = int(dataset.BitsAllocated)
    high, bits = dataset.get("HighBit"), int(dataset.get("BitsStored") or allocated)
    if high is None or not bits <= int(high) + 1 <= allocated or "PixelData" not in dataset:
        return 0
    return int(high) + 1 - bits


def _checked_stream(dataset: Dataset, header: Header, frame: int) -> bytes:
    """The compressed frame, which must not claim another size than the data set."""
    frames = int(dataset.get("NumberOfFrames") or 1)
    stream = bytes(get_frame(dataset.PixelData, frame, number_of_frames=frames))
    claimed = stream_header(stream)
    if claimed is None:
        return stream
    samples = int(dataset.get("SamplesPerPixel") or 1)
    if (claimed.height, claimed.width, claimed.components) != (header.height, header.width, samples):
        raise SetAside(Reason.CONTRADICTORY)
    return stream


def _bits(stream: bytes) -> int:
    claimed = stream_header(stream)
    return 0 if claimed is None else claimed.bits

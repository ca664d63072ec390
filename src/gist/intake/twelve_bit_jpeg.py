"""12-bit JPEG (DICOM's JPEG Extended) through GDCM, an extra; pydicom's own bridge to it leaves these out."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import JPEGExtended12Bit


def available() -> bool:
    """Whether GDCM is installed."""
    return find_spec("gdcm") is not None


def decode_twelve_bits(stream: bytes, height: int, width: int) -> NDArray[np.uint16]:
    """The samples of a grey stream, [height, width].

    Raises:
        ValueError: the stream is damaged.
    """
    gdcm = import_module("gdcm")
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(stream)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    pixel_data = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    pixel_data.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((width, height, 1))
    image.SetDataElement(pixel_data)
    image.SetPhotometricInterpretation(
        gdcm.PhotometricInterpretation(gdcm.PhotometricInterpretation.MONOCHROME2)
    )
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(str(JPEGExtended12Bit))))
    image.SetPixelFormat(gdcm.PixelFormat(1, 16, 12, 11, 0))
    samples = np.frombuffer(image.GetBuffer().encode("utf-8", "surrogateescape"), np.uint16)
    return samples.reshape(height, width)  # a ValueError where samples are missing

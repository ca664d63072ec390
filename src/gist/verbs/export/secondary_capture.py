"""Generated images as DICOM Secondary Capture (PS3.3 A.8.1), declared synthetic and of nobody."""

from __future__ import annotations

import hashlib
import io
import unicodedata
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import UID

from gist.errors import InputError
from gist.marking.metadata import DESCRIPTION
from gist.verbs.export.anatomy import Anatomy
from gist.version import __version__

_UNKNOWN_UID = "2.25.0"
"""Until all else is known that a file holds."""


@dataclass(frozen=True)
class SecondaryCaptures:
    """Writes the images of one network.

    Every image is a subject, study and series of its own: nothing suggests that two show one person. The subject's
    identifier follows from picture, network and seed; UIDs follow from all that is in the file, so that the same file
    is the same object and any other is a new one, which archives do not take for what they hold already.
    """

    network_sha256: str
    made: str
    """ISO date and time at which the images were generated."""
    shown: Mapping[str, Anatomy]
    """Class name -> what of the body its images show."""

    def __post_init__(self) -> None:
        try:
            import highdicom  # noqa: F401 - asked for before the first image, not amid the export
        except ImportError:
            raise InputError(
                "Export to DICOM needs highdicom, which is not installed: pip install 'gist-synth[dicom-export]'."
            ) from None

    def encode(self, png: bytes, label: str, seed: int) -> bytes:
        """A PNG, grey or in colour, as the bytes of a DICOM file."""
        from highdicom.sc import SCImage

        with Image.open(io.BytesIO(png)) as image:
            pixels = np.asarray(image)
        subject = hashlib.sha256(f"{self.network_sha256}\0{seed}\0".encode() + pixels.tobytes()).hexdigest()
        day, clock = self.made[:10].replace("-", ""), self.made[11:19].replace(":", "")
        capture = SCImage(
            pixel_array=pixels,
            photometric_interpretation="MONOCHROME2" if pixels.ndim == 2 else "RGB",
            bits_allocated=8 * pixels.dtype.itemsize,
            coordinate_system="PATIENT",
            study_instance_uid=_UNKNOWN_UID,
            series_instance_uid=_UNKNOWN_UID,
            series_number=1,
            sop_instance_uid=_UNKNOWN_UID,
            instance_number=1,
            manufacturer="GIST (synthetic images)",
            patient_id=f"SYNTHETIC-{seed:08d}-{subject[:16]}",
            patient_name=f"SYNTHETIC^{seed:08d}",
            study_id="1",  # of this subject; a seed may be longer than the 16 characters of a study id
            study_date=day,
            study_time=clock,
            patient_orientation=("L", "F"),
        )
        self._declare(capture, label, seed, day, clock)
        self.shown[label].declare(capture)
        content = hashlib.sha256(_file(capture)).digest()
        capture.StudyInstanceUID, capture.SeriesInstanceUID, capture.SOPInstanceUID = (
            _uid(level + content) for level in (b"study", b"series", b"image")
        )
        capture.file_meta.MediaStorageSOPInstanceUID = capture.SOPInstanceUID
        return _file(capture)

    def _declare(self, capture: Dataset, label: str, seed: int, day: str, clock: str) -> None:
        capture.SpecificCharacterSet = "ISO_IR 192"
        # These stay when a file is de-identified by the basic profile (PS3.15 annex E); names, comments and
        # descriptions go.
        capture.SyntheticData = "YES"
        capture.ConversionType = "SYN"
        capture.ImageType = ["DERIVED", "SECONDARY", "SYNTHETIC"]
        capture.ManufacturerModelName = "GAN Image Synthesis Tool: not of a person, not for diagnosis"
        capture.SoftwareVersions = __version__
        capture.BurnedInAnnotation = "NO"
        capture.PatientOrientation = None  # nobody was positioned; it must be there and may be empty
        capture.ImageComments = f"{DESCRIPTION} Class: {_line(label, 1000)}" if label else DESCRIPTION
        capture.StudyDescription = "Synthetic image, not for diagnosis"
        capture.SeriesDescription = _line(f"Synthetic, class {label}", 64) if label else "Synthetic"
        capture.DerivationDescription = f"Seed {seed}, network SHA-256 {self.network_sha256}"
        capture.TimezoneOffsetFromUTC = "+0000"
        capture.ContentDate = capture.InstanceCreationDate = day
        capture.ContentTime = capture.InstanceCreationTime = clock
        capture.DateOfSecondaryCapture, capture.TimeOfSecondaryCapture = day, clock
        generator = Dataset()
        generator.Manufacturer = "GIST"
        generator.ManufacturerModelName = "GAN Image Synthesis Tool"
        generator.SoftwareVersions = __version__
        generator.ContributionDescription = DESCRIPTION
        purpose = Dataset()
        purpose.CodeValue, purpose.CodingSchemeDesignator = "109102", "DCM"
        purpose.CodeMeaning = "Processing Equipment"
        generator.PurposeOfReferenceCodeSequence = [purpose]
        capture.ContributingEquipmentSequence.append(generator)
        for equipment in capture.ContributingEquipmentSequence:  # highdicom adds itself with the present time
            equipment.ContributionDateTime = f"{day}{clock}+0000"


def _file(capture: Dataset) -> bytes:
    buffer = io.BytesIO()
    capture.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _uid(content: bytes) -> UID:
    """A UID from a UUID (PS3.5 B.2), which needs no registered root."""
    return UID(f"2.25.{uuid.UUID(bytes=hashlib.sha256(content).digest()[:16], version=5).int}")


def _line(text: str, most: int) -> str:
    """Text as one line without the separator of values.

    DICOM allows `most` characters; it is cut to as many bytes, because validators count these, and readers count the
    byte by which a value of odd length is filled up.
    """
    composed = unicodedata.normalize("NFC", text).replace("\\", "/")
    line = "".join(letter if letter.isprintable() else " " for letter in composed)
    return line.encode()[:most].decode(errors="ignore")

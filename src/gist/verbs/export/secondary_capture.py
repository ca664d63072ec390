"""Generated images as DICOM Secondary Capture (PS3.3 A.8.1), declared synthetic and of nobody."""

from __future__ import annotations

import hashlib
import io
import uuid
from dataclasses import dataclass

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset

from gist.errors import InputError
from gist.version import __version__

DESCRIPTION = "Synthetic radiograph made by a generative network; not of a person, not for diagnosis."


@dataclass(frozen=True)
class SecondaryCaptures:
    """Writes the images of one archive.

    Every image is a subject, study and series of its own: nothing suggests that two show one person. All identifiers
    follow from the archive's digest and the image's seed, so exporting again gives the same objects.
    """

    archive_sha256: str
    network_sha256: str
    made: str
    """ISO date and time at which the images were generated."""

    def __post_init__(self) -> None:
        try:
            import highdicom  # noqa: F401 - asked for before the first image, not amid the export
        except ImportError:
            raise InputError(
                "Export to DICOM needs highdicom, which is not installed: pip install 'gist-synth[dicom-export]'."
            ) from None

    def encode(self, png: bytes, label: str, seed: int) -> bytes:
        """A grey PNG as the bytes of a DICOM file."""
        from highdicom.sc import SCImage

        with Image.open(io.BytesIO(png)) as image:
            pixels = np.asarray(image)
        day, clock = self.made[:10].replace("-", ""), self.made[11:19].replace(":", "")
        capture = SCImage(
            pixel_array=pixels,
            photometric_interpretation="MONOCHROME2",
            bits_allocated=8 * pixels.dtype.itemsize,
            coordinate_system="PATIENT",
            study_instance_uid=self._uid("study", seed),
            series_instance_uid=self._uid("series", seed),
            series_number=1,
            sop_instance_uid=self._uid("image", seed),
            instance_number=1,
            manufacturer="GIST",
            patient_id=f"SYNTHETIC-{seed:08d}",
            patient_name=f"SYNTHETIC^{seed:08d}",
            study_id=f"{seed}",
            study_date=day,
            study_time=clock,
            patient_orientation=("L", "F"),
        )
        self._declare(capture, label, seed, day, clock)
        buffer = io.BytesIO()
        capture.save_as(buffer, enforce_file_format=True)
        return buffer.getvalue()

    def _declare(self, capture: Dataset, label: str, seed: int, day: str, clock: str) -> None:
        capture.SpecificCharacterSet = "ISO_IR 192"
        capture.SyntheticData = "YES"
        capture.BurnedInAnnotation = "NO"
        capture.PatientOrientation = (
            None  # nobody was positioned; the attribute must be there and may be empty
        )
        capture.ImageComments = DESCRIPTION
        capture.StudyDescription = "Synthetic image, not for diagnosis"
        capture.SeriesDescription = _line(f"Synthetic, class {label}") if label else "Synthetic"
        capture.DerivationDescription = f"Seed {seed}, network SHA-256 {self.network_sha256}"
        capture.ManufacturerModelName = "GAN Image Synthesis Tool"
        capture.SoftwareVersions = __version__
        capture.ContentDate = capture.InstanceCreationDate = day
        capture.ContentTime = capture.InstanceCreationTime = clock
        capture.DateOfSecondaryCapture, capture.TimeOfSecondaryCapture = day, clock
        for equipment in capture.ContributingEquipmentSequence:  # highdicom adds itself with the present time
            equipment.ContributionDateTime = day + clock

    def _uid(self, kind: str, seed: int) -> str:
        """A UID from a UUID (PS3.5 B.2), which needs no registered root."""
        digest = hashlib.sha256(f"{kind}\0{self.archive_sha256}\0{seed}".encode()).digest()
        return f"2.25.{uuid.UUID(bytes=digest[:16], version=5).int}"


def _line(text: str) -> str:
    """Text as a value of the representation LO: one line of at most 64 characters, without the separator of values."""
    return "".join(letter for letter in text if letter.isprintable() and letter != "\\")[:64]

"""A phantom as a DICOM file, with the variety of encodings and the identifying tags of hospitals' files.

Every name, date and number is invented after a pattern that shows it (PHANTOM, FAKE, the year 1901), so that
a trace of one in any output proves a leak.
"""

import hashlib
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from gist.phantoms.grid import Map
from gist.phantoms.radiograph import PhantomTruth

ENCODING_STREAM = 6
PATIENT_PREFIX = "PHANTOM-"
SOP_CLASSES = {"DX": UID("1.2.840.10008.5.1.4.1.1.1.1"), "CR": UID("1.2.840.10008.5.1.4.1.1.1")}
MARGIN = 0.25
"""A windowed file also stores this much beyond either end of its window, as detectors do."""
STEEPEST_LOGIT = 5.3


@dataclass(frozen=True)
class Encoding:
    """How pixels are stored; `rescale` is (slope, intercept), `voi` a VOI LUT function or `none`."""

    modality: str
    bits_stored: int
    inverted: bool
    rescale: tuple[float, float] | None
    voi: str
    second_window: bool
    implicit: bool


def draw_encoding(seed: int) -> Encoding:
    """Draw the encoding of a seed."""
    rng = np.random.default_rng([ENCODING_STREAM, seed])
    rescales = (None, None, (1.0, 0.0), (2.0, -1000.0), (0.5, 100.0))
    functions = ("none", "none", "none", "LINEAR", "LINEAR", "LINEAR", "LINEAR_EXACT", "SIGMOID")
    return Encoding(
        modality="DX" if rng.random() < 0.6 else "CR",
        bits_stored=int(rng.choice([12, 12, 14, 16])),
        inverted=bool(rng.random() < 0.4),
        rescale=rescales[rng.integers(len(rescales))],
        voi=functions[rng.integers(len(functions))],
        second_window=bool(rng.random() < 0.2),
        implicit=bool(rng.random() < 0.2),
    )


def fake_patient_id(patient: int) -> str:
    """The invented patient's identifier."""
    return f"{PATIENT_PREFIX}{patient:06d}"


def dicom_bytes(unclipped: Map, truth: PhantomTruth, encoding: Encoding) -> bytes:
    """A Part 10 file of a radiograph [height, width] as `draw_unclipped` gives it."""
    dataset = Dataset()
    _add_identity(dataset, truth)
    _add_acquisition(dataset, truth, encoding)
    _add_pixels(dataset, unclipped, encoding)
    syntax = ImplicitVRLittleEndian if encoding.implicit else ExplicitVRLittleEndian
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    file = BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def _uid(*parts: object) -> str:
    digest = hashlib.sha256("/".join(map(str, ("phantom", *parts))).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:15], 'big')}"


def _add_identity(dataset: Dataset, truth: PhantomTruth) -> None:
    name = f"PHANTOM^FIGURE{truth.patient:05d}"
    day = truth.patient % 28 + 1
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = name
    dataset.PatientID = fake_patient_id(truth.patient)
    dataset.PatientBirthDate = f"1901{truth.patient % 12 + 1:02d}{day:02d}"
    dataset.PatientSex = "FMO"[truth.patient % 3]
    dataset.PatientAddress = f"{truth.patient} FAKE STREET, PHANTOMVILLE"
    dataset.PatientComments = f"Invented patient {name}"
    dataset.InstitutionName = "PHANTOM HOSPITAL"
    dataset.ReferringPhysicianName = "PHANTOM^REFERRER"
    dataset.OperatorsName = "PHANTOM^RADIOGRAPHER"
    dataset.AccessionNumber = f"FAKE{truth.seed:08d}"
    dataset.StudyID = f"FAKE{truth.patient}"
    dataset.StudyDescription = f"Knee of {name}"
    dataset.ImageComments = f"{name} {truth.class_name}"
    dataset.DeviceSerialNumber = "FAKE-SERIAL-1901"
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = (
        f"190202{day:02d}"
    )
    dataset.StudyTime = dataset.SeriesTime = dataset.ContentTime = "120000"
    private = dataset.private_block(0x0011, "PHANTOM PRIVATE", create=True)
    private.add_new(0x01, "LO", f"FAKE NOTE ON {name}")


def _add_acquisition(dataset: Dataset, truth: PhantomTruth, encoding: Encoding) -> None:
    dataset.SOPClassUID = SOP_CLASSES[encoding.modality]
    dataset.SOPInstanceUID = _uid("image", truth.seed, truth.grade)
    dataset.StudyInstanceUID = _uid("study", truth.patient)
    dataset.SeriesInstanceUID = _uid("series", truth.seed)
    dataset.Modality = encoding.modality
    dataset.Manufacturer = "PHANTOM WORKS"
    dataset.SeriesNumber = "1"
    dataset.InstanceNumber = str(truth.seed % 2 + 1)
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.BodyPartExamined = "KNEE"
    dataset.ViewPosition = "AP"
    dataset.PatientOrientation = ["L", "F"]
    dataset.ImageLaterality = truth.side
    dataset.BurnedInAnnotation = "NO"
    dataset.KVP = "65"
    dataset.ExposureInuAs = round(4000 * truth.exposure)
    spacing = f"{truth.pixel_mm:.5f}"
    dataset.ImagerPixelSpacing = [spacing, spacing]
    dataset.PixelSpacing = [spacing, spacing]
    if encoding.modality == "DX":
        dataset.PresentationIntentType = "FOR PRESENTATION"
        dataset.PixelIntensityRelationship = "LOG" if truth.logarithmic else "LIN"
        dataset.PixelIntensityRelationshipSign = 1 if encoding.inverted else -1
        dataset.PresentationLUTShape = "INVERSE" if encoding.inverted else "IDENTITY"


def _add_pixels(dataset: Dataset, unclipped: Map, encoding: Encoding) -> None:
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME1" if encoding.inverted else "MONOCHROME2"
    dataset.Rows, dataset.Columns = unclipped.shape
    dataset.BitsAllocated = 16
    dataset.BitsStored = encoding.bits_stored
    dataset.HighBit = encoding.bits_stored - 1
    dataset.PixelRepresentation = 0
    largest = 2**encoding.bits_stored - 1
    slope, intercept = encoding.rescale or (1.0, 0.0)
    if encoding.rescale is not None:
        dataset.RescaleSlope, dataset.RescaleIntercept = f"{slope:g}", f"{intercept:g}"
        dataset.RescaleType = "US"
    shown = 1 - unclipped if encoding.inverted else unclipped
    stored_share, first, last = _stored_share(shown, encoding.voi)
    if encoding.voi != "none":
        darkest, brightest = (slope * largest * end + intercept for end in (first, last))
        _add_window(dataset, darkest, brightest, encoding)
    dataset.PixelData = np.rint(stored_share * largest).astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"


def _stored_share(shown: Map, voi: str) -> tuple[NDArray[np.float64], float, float]:
    """Share of the stored range each pixel takes, and the shares at which the window starts and ends."""
    if voi == "none":
        return np.clip(shown, 0, 1).astype(np.float64), 0.0, 1.0
    if voi == "SIGMOID":
        # The inverse of DICOM PS3.3 C.11.2.1.3.1, so that the sigmoid window shows what was meant.
        least = 1 / (1 + np.exp(STEEPEST_LOGIT))
        inside = np.clip(shown.astype(np.float64), least, 1 - least)
        logit = np.log(inside / (1 - inside))
        return 0.5 + logit / (2 * STEEPEST_LOGIT), 0.5 - 1 / STEEPEST_LOGIT, 0.5 + 1 / STEEPEST_LOGIT
    span = 1 + 2 * MARGIN
    share = (np.clip(shown.astype(np.float64), -MARGIN, 1 + MARGIN) + MARGIN) / span
    return share, MARGIN / span, (1 + MARGIN) / span


def _add_window(dataset: Dataset, darkest: float, brightest: float, encoding: Encoding) -> None:
    """Window whose ends show as black and white; the plain linear function counts whole steps."""
    half_step = 0.5 if encoding.voi == "LINEAR" else 0.0
    centre = f"{(darkest + brightest) / 2 + half_step:.2f}"
    width = f"{brightest - darkest + 2 * half_step:.2f}"
    if encoding.second_window:
        narrow = f"{(brightest - darkest) / 3:.2f}"
        dataset.WindowCenter, dataset.WindowWidth = [centre, centre], [width, narrow]
        dataset.WindowCenterWidthExplanation = ["NORMAL", "HARDER"]
    else:
        dataset.WindowCenter, dataset.WindowWidth = centre, width
    if encoding.voi != "LINEAR" or encoding.second_window:
        dataset.VOILUTFunction = encoding.voi

"""Writes small radiograph files whose pixels are known."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from gist.intake.decode_job import Accepted, JobSettings, run_job

SETTINGS: dict[str, Any] = {
    "resolution": 32,
    "fit": "pad",
    "window": "auto",
    "percentiles": (0.5, 99.5),
    "allow_upsampling": False,
    "max_pixels": 4_000_000,
    "max_file_bytes": 64 << 20,
    "seed": 0,
    "salt": "5a" * 32,
    "memory_bytes": 512 << 20,
}


def picture(seed: int, side: int = 48, top: int = 255) -> NDArray[np.uint16]:
    """A blob on a slope, different for every seed, using the whole range 0..top."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    centre = rng.uniform(0.3, 0.7, 2)
    values = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) * 12) + rng.uniform(-0.4, 0.4) * x
    values = values + 0.02 * rng.standard_normal((side, side))
    values = (values - values.min()) / (values.max() - values.min())
    return np.rint(values * top).astype(np.uint16)


def save_png(path: Path, pixels: NDArray[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, format="PNG")
    return path


def class_folders(
    source: Path, per_class: int = 4, classes: tuple[str, ...] = ("0", "1"), side: int = 48
) -> Path:
    """8-bit PNGs in class sub-folders."""
    for label, name in enumerate(classes):
        for number in range(per_class):
            pixels = picture(1000 * label + number, side).astype(np.uint8)
            save_png(source / name / f"knee {number}.png", pixels)
    return source


def dicom(
    pixels: NDArray[Any], photometric: str = "MONOCHROME2", bits: int = 12, **attributes: Any
) -> Dataset:
    """An uncompressed data set with the given stored pixels."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID
    dataset.Modality = "DX"
    frames = pixels.shape[0] if pixels.ndim == 3 and photometric.startswith("MONO") else 1
    if frames > 1:
        dataset.NumberOfFrames = frames
    dataset.Rows, dataset.Columns = pixels.shape[1:3] if frames > 1 else pixels.shape[:2]
    dataset.SamplesPerPixel = 3 if photometric == "RGB" else 1
    if photometric == "RGB":
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = photometric
    dataset.BitsAllocated = 8 * pixels.dtype.itemsize
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW" if pixels.dtype.itemsize > 1 else "OB"
    return dataset


def dicom_bytes(dataset: Dataset) -> bytes:
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def decode(path: Path, data: bytes | None = None, **changes: Any) -> tuple[Accepted, NDArray[np.uint8]]:
    """Runs the decoding of one file in this process and returns its facts and its square picture."""
    if data is not None:
        path.write_bytes(data)
    accepted, png = run_job(str(path), "decode", JobSettings(**{**SETTINGS, **changes}))
    with Image.open(io.BytesIO(png)) as image:
        return accepted, np.asarray(image)

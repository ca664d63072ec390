"""A folder of phantoms: class sub-folders of DICOM or PNG files and a table of labels and truth."""

import csv
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO, StringIO
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from gist.errors import InputError, StageError
from gist.files import write_atomic
from gist.phantoms.dicom_export import dicom_bytes, draw_encoding, fake_patient_id
from gist.phantoms.grid import Map
from gist.phantoms.radiograph import SMALLEST_PIXELS, PhantomTruth, draw_unclipped
from gist.progress import Progress

SIZE_STREAM = 7
MOST_UNDER_WAY = 8
LABEL_COLUMNS = ("file", "label", "grade", "patient_id", "side")
TRUTH_COLUMNS = ("jsw_medial_mm", "jsw_lateral_mm", "osteophyte_mm", "marker", "collimated")


def write_phantom_data_set(
    folder: Path,
    *,
    count: int,
    seed: int = 0,
    format: Literal["dicom", "png"] = "dicom",
    size_range: tuple[int, int] = (180, 420),
    progress: Progress | None = None,
) -> list[PhantomTruth]:
    """Write phantoms of the seeds `seed` to `seed + count - 1` and return their truth.

    Files lie in a sub-folder per class; `labels.csv` names file, label (the class), grade, patient and side,
    then the truth behind them. Height and width in pixels are drawn separately from `size_range`, both ends
    included. Writing the same data set again gives the same bytes.
    Errors: InputError for impossible numbers, StageError where the disk refuses.
    """
    least, most = size_range
    if count < 1:
        raise InputError(f"A phantom data set needs at least 1 image, not {count}.")
    if seed < 0:
        raise InputError(f"A phantom data set's seed must be 0 or more, not {seed}.")
    if format not in ("dicom", "png"):
        raise InputError(f"Phantoms are written as dicom or png, not {format!r}.")
    if not SMALLEST_PIXELS <= least <= most:
        raise InputError(
            f"Phantom sizes start at {SMALLEST_PIXELS} pixels and do not go from {least} to {most}."
        )
    files: list[str] = []
    truths: list[PhantomTruth] = []
    under_way: deque[Future[None]] = deque()
    try:
        # Waiting for the disk to sync takes as long as drawing, so both happen at once.
        with ThreadPoolExecutor(max_workers=4) as writers:
            for own_seed in range(seed, seed + count):
                file, content, truth = _draw_file(own_seed, format, size_range)
                under_way.append(writers.submit(write_atomic, folder / file, content))
                if len(under_way) > MOST_UNDER_WAY:
                    under_way.popleft().result()
                files.append(file)
                truths.append(truth)
                if progress is not None:
                    progress.advance(len(truths), count, "phantoms")
            for writing in under_way:
                writing.result()
        write_atomic(folder / "labels.csv", _labels_csv(files, truths))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StageError(
            f"The phantom data set could not be written: {reason}. Mend that and repeat."
        ) from error
    return truths


def _draw_file(seed: int, format: str, size_range: tuple[int, int]) -> tuple[str, bytes, PhantomTruth]:
    least, most = size_range
    height, width = np.random.default_rng([SIZE_STREAM, seed]).integers(least, most + 1, 2).tolist()
    unclipped, truth = draw_unclipped(seed, size=(height, width))
    if format == "dicom":
        content, suffix = dicom_bytes(unclipped, truth, draw_encoding(seed)), "dcm"
    else:
        content, suffix = _png_bytes(np.clip(unclipped, 0, 1)), "png"
    return f"{truth.class_name}/knee{truth.patient:05d}{truth.side}.{suffix}", content, truth


def _png_bytes(image: Map) -> bytes:
    file = BytesIO()
    Image.fromarray(np.rint(image * 255).astype(np.uint8)).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _labels_csv(files: list[str], truths: list[PhantomTruth]) -> bytes:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(LABEL_COLUMNS + TRUTH_COLUMNS)
    for file, truth in zip(files, truths, strict=True):
        labels = (file, truth.class_name, truth.grade, fake_patient_id(truth.patient), truth.side)
        lengths = (truth.jsw_medial_mm, truth.jsw_lateral_mm, truth.osteophyte_mm)
        writer.writerow((*labels, *(f"{mm:.3f}" for mm in lengths), int(truth.marker), int(truth.collimated)))
    return text.getvalue().encode()

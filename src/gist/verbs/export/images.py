"""The generated images of a run, copied out: which there are, where they go, in which form."""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gist.errors import InputError
from gist.files import sha256_of, write_atomic
from gist.progress import Progress
from gist.runs.folder import RunFolder
from gist.runs.results import finished_result
from gist.stages.generate import GenerateResult

Form = Literal["folder", "dicom"]
_SAFE_NAME = re.compile(r"[^\W_][\w .()+-]{0,99}")
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class GeneratedImage:
    """One image of a run."""

    file: Path
    label: str
    """Class name; empty without classes."""
    seed: int


@dataclass(frozen=True)
class ExportResult:
    """What was written."""

    folder: Path
    images: int
    labels_table: Path
    """CSV of file, label and seed."""


def export_images(run: RunFolder, form: Form, out: Path, progress: Progress) -> ExportResult:
    """Copies the generated images of a run into class sub-folders of `out`, with `labels.csv` beside them.

    `folder` gives the PNG files as they are, with the text chunks that mark them as synthetic; `dicom` gives Secondary
    Capture objects whose identifiers follow from the images and their seeds alone. `out` appears only when complete.

    Raises:
        InputError: nothing has been generated, `out` is not empty, an image is gone, or highdicom is not installed.
    """
    out = out.resolve()  # `.` has no name of its own
    result = _generated(run)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} exists and is not empty; choose a new folder, so that exports do not mix.")
    images = list(_images(run, result))
    if form == "dicom":
        from gist.verbs.export.secondary_capture import SecondaryCaptures

        record = run.record("generate")
        assert record is not None
        archive_sha256 = sha256_of(run.path / result.archive)
        written = SecondaryCaptures(archive_sha256, result.network_sha256, record.finished or record.started)
    unfinished = out.with_name(f".{out.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        table = io.StringIO(newline="")
        rows = csv.writer(table, lineterminator="\n")
        rows.writerow(["file", "label", "seed"])
        folders = _folder_names([image.label for image in images])
        for number, image in enumerate(images, start=1):
            relative = (
                Path(folders[image.label])
                / image.file.with_suffix(".dcm" if form == "dicom" else ".png").name
            )
            png = _read(image, run)
            write_atomic(
                unfinished / relative,
                written.encode(png, image.label, image.seed) if form == "dicom" else png,
            )
            rows.writerow([relative.as_posix(), image.label, image.seed])
            progress.advance(number, len(images), "images")
        write_atomic(unfinished / "labels.csv", table.getvalue().encode())
        if out.exists():
            # Filled, not replaced: it may be the folder in which the user's shell stands.
            for entry in sorted(unfinished.iterdir(), key=lambda entry: entry.name == "labels.csv"):
                entry.rename(out / entry.name)
        else:
            unfinished.rename(out)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return ExportResult(out, len(images), out / "labels.csv")


def _generated(run: RunFolder) -> GenerateResult:
    result = finished_result(run, GenerateResult)
    if result is None:
        raise InputError(f"{run.path} holds no finished synthetic images; run `gist generate` on it first.")
    return result


def _images(run: RunFolder, result: GenerateResult) -> Iterator[GeneratedImage]:
    table = run.path / result.labels_table
    try:
        with table.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                yield GeneratedImage(table.parent / row["file"], row["label"], int(row["seed"]))
    except (OSError, KeyError, ValueError):
        raise InputError(f"{table} is missing or not as gist wrote it; run `gist generate` again.") from None


def _read(image: GeneratedImage, run: RunFolder) -> bytes:
    try:
        return image.file.read_bytes()
    except OSError:
        raise InputError(
            f"{image.file.name} is gone from {run.path}; run `gist generate` on it again."
        ) from None


def _folder_names(labels: list[str]) -> dict[str, str]:
    """A folder for each class: its name, or its number where the name cannot be a folder everywhere."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for number, label in enumerate(dict.fromkeys(labels)):
        usable = _SAFE_NAME.fullmatch(label) and not _DEVICES.fullmatch(label) and label[-1] not in " ."
        name = label if usable and label.casefold() not in taken else f"class {number}"
        names[label] = name if label else ""
        taken.add(name.casefold())
    return names

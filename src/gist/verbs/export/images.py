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

from gist.config import Config
from gist.errors import InputError
from gist.files import write_atomic
from gist.progress import Progress
from gist.runs.folder import RunFolder
from gist.runs.results import finished_result
from gist.stages.generate import GenerateResult
from gist.verbs.export.anatomy import Anatomy, Side, anatomy_of_class, asked_anatomy
from gist.verbs.new_folder import move_into, new_folder

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


def export_images(
    run: RunFolder,
    config: Config,
    form: Form,
    out: Path,
    progress: Progress,
    body_part: str | None = None,
    side: Side | None = None,
) -> ExportResult:
    """Copies the generated images of a run into class sub-folders of `out`, with `labels.csv` beside them.

    `folder` gives the PNG files as they are, with the text chunks that mark them as synthetic; `dicom` gives Secondary
    Capture objects whose identifiers follow from what is in them; these can say which part and side of the body they
    show. `out` appears only when complete.

    Raises:
        InputError: nothing has been generated, `out` is not empty, an image is gone, highdicom is not installed, or
            body part and side fit neither each other nor DICOM.
    """
    result = _generated(run)
    out, unfinished = new_folder(out)
    images = list(_images(run, result))
    folders = _folder_names([image.label for image in images])
    asked = asked_anatomy(body_part, side)
    if form == "folder" and asked != Anatomy():
        raise InputError(
            "Only DICOM says which part and side of the body is shown; leave them out for a folder."
        )
    if form == "dicom":
        from gist.verbs.export.secondary_capture import SecondaryCaptures

        record = run.record("generate")
        assert record is not None
        own_network = result.network.startswith("train/")
        shown = {
            label: anatomy_of_class(label, asked, config, run) if own_network else asked for label in folders
        }
        written = SecondaryCaptures(result.network_sha256, record.finished or record.started, shown)
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        table = io.StringIO(newline="")
        rows = csv.writer(table, lineterminator="\n")
        rows.writerow(["file", "label", "seed"])
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
        move_into(unfinished, out)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return ExportResult(out, len(images), out / "labels.csv")


def _generated(run: RunFolder) -> GenerateResult:
    result = finished_result(run, GenerateResult)
    if result is None:
        raise InputError(
            f"{run.path} holds no finished synthetic images; run `{run.command('generate')}` first."
        )
    if result.made_elsewhere:
        raise InputError(f"Another program made the synthetic images of {run.path}; take them from there.")
    return result


def _images(run: RunFolder, result: GenerateResult) -> Iterator[GeneratedImage]:
    table = run.path / result.labels_table
    try:
        with table.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                yield GeneratedImage(table.parent / row["file"], row["label"], int(row["seed"]))
    except (OSError, KeyError, ValueError):
        raise InputError(
            f"{table} is missing or not as gist wrote it; run `{run.command('generate')}` again."
        ) from None


def _read(image: GeneratedImage, run: RunFolder) -> bytes:
    try:
        return image.file.read_bytes()
    except OSError:
        raise InputError(
            f"{image.file.name} is gone from {run.path}; run `{run.command('generate')}` again."
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

"""What the stage leaves in its folder: the archives, the tables and a contact sheet per class."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from gist.data_set import ArchiveWriter
from gist.intake.contact_sheet import MOST_PICTURES, contact_sheet
from gist.intake.decode_job import Accepted
from gist.intake.label_table import Split
from gist.intake.spool import Spool
from gist.intake.vocabulary import Reason
from gist.run_folder import write_atomic

_FILE_COLUMNS = ("width", "height", "bits", "type", "modality", "enlarged", "remarks")
_RECORD_COLUMNS = ("image", "split", "class", "file", "patient", *_FILE_COLUMNS)


@dataclass(frozen=True, slots=True)
class Placed:
    """A picture with its place in the data set."""

    offset: int
    """Where the spool holds it."""
    split: Split
    class_index: int | None
    file: str
    """Salted id."""
    patient: str | None
    """Salted id."""


@dataclass(frozen=True)
class Files:
    """Paths of what was written."""

    train: Path
    test: Path | None
    rejected: Path


def write_outputs(
    folder: Path,
    placed: Sequence[Placed],
    rejected: Iterable[tuple[str, Reason]],
    class_names: tuple[str, ...],
    spool: Spool,
) -> Files:
    """Writes train.zip, test.zip, records.csv, rejected.csv and contact-<class number>.png, each atomically.

    `placed` comes in the order of the archives; `rejected` holds salted file ids.
    """
    train, test = folder / "train.zip", folder / "test.zip"
    held_out = any(picture.split == "test" for picture in placed)
    rows: list[list[object]] = []
    shown: defaultdict[int, list[bytes]] = defaultdict(list)
    with ExitStack() as stack:
        writers = {"train": stack.enter_context(ArchiveWriter(train, class_names))}
        if held_out:
            writers["test"] = stack.enter_context(ArchiveWriter(test, class_names))
        for picture in placed:
            record, png = spool.read(picture.offset)
            name = writers[picture.split].add(png, picture.class_index)
            rows.append(_row(name, picture, Accepted.from_json(record["accepted"]), class_names))
            sheet = shown[picture.class_index or 0]
            if picture.split == "train" and len(sheet) < MOST_PICTURES:
                sheet.append(png)
    write_atomic(folder / "records.csv", _table(_RECORD_COLUMNS, rows))
    write_atomic(folder / "rejected.csv", _table(("file", "reason"), sorted(rejected)))
    for class_index, pngs in sorted(shown.items()):
        if pngs:
            write_atomic(folder / f"contact-{class_index}.png", contact_sheet(pngs))
    return Files(train, test if held_out else None, folder / "rejected.csv")


def _row(name: str, picture: Placed, accepted: Accepted, class_names: tuple[str, ...]) -> list[object]:
    return [
        name,
        picture.split,
        "" if picture.class_index is None else class_names[picture.class_index],
        picture.file,
        picture.patient or "",
        accepted.width,
        accepted.height,
        accepted.bits,
        accepted.type,
        accepted.modality or "",
        "yes" if accepted.enlarged else "no",
        "; ".join(accepted.remarks),
    ]


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()

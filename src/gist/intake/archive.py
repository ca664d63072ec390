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
from gist.intake.vocabulary import Reason, Remark
from gist.run_folder import write_atomic

_FILE_COLUMNS = ("width", "height", "bits", "type", "modality", "view", "enlarged", "remarks")
_FACT_COLUMNS = ("mean_grey", "contrast", "sharpness", "text")
"""`text` holds a box of four numbers for each line found: top, left, bottom, right in pixels of the square."""
_RECORD_COLUMNS = (
    "image",
    "split",
    "class",
    "file",
    "patient",
    "near_copy_of",
    *_FILE_COLUMNS,
    *_FACT_COLUMNS,
)


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
    near_copy_of: str | None = None
    """Salted id of the file whose picture is nearly the same."""


@dataclass(frozen=True)
class Files:
    """Paths of what was written."""

    train: Path
    val: Path | None
    test: Path | None
    rejected: Path


def write_outputs(
    folder: Path,
    placed: Sequence[Placed],
    rejected: Iterable[tuple[str, Reason]],
    class_names: tuple[str, ...],
    spool: Spool,
) -> Files:
    """Writes train.zip, val.zip, test.zip, records.csv, rejected.csv and contact-<class number>.png, each atomically.

    `placed` comes in the order of the archives; `rejected` holds salted file ids.
    """
    parts = {"train", *(picture.split for picture in placed)}
    archives: dict[str, Path] = {part: folder / f"{part}.zip" for part in sorted(parts)}
    rows: list[list[object]] = []
    shown: defaultdict[int, list[bytes]] = defaultdict(list)
    with ExitStack() as stack:
        writers = {
            part: stack.enter_context(ArchiveWriter(path, class_names)) for part, path in archives.items()
        }
        for picture in placed:
            record, png = spool.read(picture.offset)
            name = writers[picture.split].add(png, picture.class_index)
            accepted = Accepted.from_json(record["accepted"])
            rows.append(_row(name, picture, accepted, class_names))
            sheet = shown[picture.class_index or 0]
            found_text = accepted.facts is not None and accepted.facts.text
            shows_text = found_text or Remark.BURNED_IN in accepted.remarks
            if picture.split == "train" and len(sheet) < MOST_PICTURES and not shows_text:
                sheet.append(png)
    write_atomic(folder / "records.csv", _table(_RECORD_COLUMNS, rows))
    write_atomic(folder / "rejected.csv", _table(("file", "reason"), sorted(rejected)))
    for class_index, pngs in sorted(shown.items()):
        if pngs:
            write_atomic(folder / f"contact-{class_index}.png", contact_sheet(pngs))
    return Files(archives["train"], archives.get("val"), archives.get("test"), folder / "rejected.csv")


def _row(name: str, picture: Placed, accepted: Accepted, class_names: tuple[str, ...]) -> list[object]:
    facts = accepted.facts
    assert facts is not None  # every decoded picture has been measured
    return [
        name,
        picture.split,
        "" if picture.class_index is None else class_names[picture.class_index],
        picture.file,
        picture.patient or "",
        picture.near_copy_of or "",
        accepted.width,
        accepted.height,
        accepted.bits,
        accepted.type,
        accepted.modality or "",
        facts.view or "",
        "yes" if accepted.enlarged else "no",
        "; ".join(accepted.remarks),
        facts.mean_grey,
        facts.contrast,
        facts.sharpness,
        "; ".join(f"{box.top} {box.left} {box.bottom} {box.right}" for box in facts.text),
    ]


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()

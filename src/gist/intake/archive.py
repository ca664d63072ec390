"""What the stage leaves in its folder: the archives, the tables and a contact sheet per class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from gist.files import write_atomic
from gist.images.archive import ArchiveWriter
from gist.intake.contact_sheet import MOST_PICTURES, contact_sheet
from gist.intake.parts import Split
from gist.intake.record_table import PICTURE_COLUMNS, PLACE_COLUMNS, csv_line
from gist.intake.spool import Spool
from gist.runs.subgroups import SUBGROUP
from gist.stages.vocabulary import Reason


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
    near_copy_of: str | None
    """Salted id of the file whose picture is nearly the same."""
    shows_text: bool
    columns: str
    """Its part of its row in records.csv."""
    groups: tuple[str, ...] = ()
    """Its category of each subgroup column, empty where it has none or a rare one."""


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
    subgroups: Sequence[str] = (),
) -> Files:
    """Writes train.zip, val.zip, test.zip, records.csv, rejected.csv and contact-<class number>.png, each atomically.

    `placed` comes in the order of the archives; `rejected` holds salted file ids; `subgroups` names the columns
    of the categories.
    """
    parts = {"train", *(picture.split for picture in placed)}
    archives: dict[str, Path] = {part: folder / f"{part}.zip" for part in sorted(parts)}
    rows = [csv_line((*PLACE_COLUMNS, *PICTURE_COLUMNS, *(f"{SUBGROUP}{name}" for name in subgroups)))]
    quoted = [csv_line((name,)) for name in class_names]
    shown: defaultdict[int, list[bytes]] = defaultdict(list)
    with ExitStack() as stack:
        writers = {
            part: stack.enter_context(ArchiveWriter(path, class_names)) for part, path in archives.items()
        }
        for picture in placed:
            png = spool.png(picture.offset)
            name = writers[picture.split].add(png, picture.class_index)
            class_name = "" if picture.class_index is None else quoted[picture.class_index]
            ids = f"{picture.file},{picture.patient or ''},{picture.near_copy_of or ''}"
            groups = f",{csv_line(picture.groups)}" if picture.groups else ""
            rows.append(f"{name},{picture.split},{class_name},{ids},{picture.columns}{groups}")
            sheet = shown[picture.class_index or 0]
            if picture.split == "train" and len(sheet) < MOST_PICTURES and not picture.shows_text:
                sheet.append(png)
    write_atomic(folder / "records.csv", _lines(rows))
    write_atomic(folder / "rejected.csv", _lines(map(csv_line, [("file", "reason"), *sorted(rejected)])))
    for class_index, pngs in sorted(shown.items()):
        if pngs:
            write_atomic(folder / f"contact-{class_index}.png", contact_sheet(pngs))
    return Files(archives["train"], archives.get("val"), archives.get("test"), folder / "rejected.csv")


def _lines(rows: Iterable[str]) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode()

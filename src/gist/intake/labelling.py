"""Which class, patient and split each file of the source has, before any of them is decoded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from gist.errors import InputError
from gist.intake.archive_index import INDEX_NAME, rows_from_index
from gist.intake.attributes import attribute, label_attribute, may_filter
from gist.intake.deidentify import Patient, patient
from gist.intake.filter_expression import Filter, parse_filter
from gist.intake.folder_labels import UNLABELLED, Rows, refuse_patient_folders, rows_from_folders
from gist.intake.label_table import LabelTable, Split, find_label_table, read_label_table
from gist.intake.picture import Side
from gist.intake.source import Listing, SourceFile, list_source
from gist.numerals import counted
from gist.stages.prepare import PrepareConfig
from gist.stages.vocabulary import Reason

Origin = Literal["folders", "table", "tag", "dataset.json"]
Refused = list[tuple[str, Reason]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that is to be decoded, and what the user said of it."""

    file: SourceFile
    class_name: str | None
    patient: Patient | None
    split: Split | None
    side: Side | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    """Columns that the filter asks for beside attributes of the file itself."""


@dataclass(frozen=True)
class Labelled:
    """The source with everything the user said of its files."""

    listing: Listing
    candidates: tuple[Candidate, ...]
    refused: tuple[tuple[str, Reason], ...]
    """Relative path and reason."""
    notes: tuple[str, ...]
    origin: Origin
    """Where classes come from; folders in hospital exports may be named after patients."""
    label_tag: str | None = None
    """DICOM keyword, where classes come from the files themselves."""
    where: str | None = None
    """The filter, where it takes the files themselves to decide; else it has been applied."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Name in that filter -> DICOM keyword."""


def label_source(config: PrepareConfig, seed: int, salt: bytes, leave_out: tuple[Path, ...] = ()) -> Labelled:
    """Lists the source and joins to it the label table, or its dataset.json, or its class sub-folders.

    Raises:
        InputError: about the source, the label table, the filter, or classes that do not occur.
    """
    if config.source is None:
        raise InputError("prepare.source is not set; name the folder that holds the images.")
    notes: list[str] = []
    listing = list_source(config.source, leave_out)
    origin = _origin(config, listing)
    chosen = None if config.where is None else parse_filter(config.where)
    table = None
    if config.labels is not None:
        data, listing = find_label_table(config.labels, listing)
        names = frozenset() if chosen is None else chosen.names
        table = read_label_table(data, config, with_classes=origin == "table", filter_names=names)
    attributes = _attributes(chosen, table)
    refused: Refused = []
    rows: Rows = [(file, UNLABELLED) for file in listing.files]
    if origin == "dataset.json":
        indexed = rows_from_index(listing, notes)
        if indexed is not None:
            rows, listing = indexed
        elif config.label_source == "dataset.json":
            raise InputError(
                f"The source holds no {INDEX_NAME} of the StyleGAN kind; see prepare.label_source."
            )
        else:
            origin = "folders"
    if origin == "folders":
        rows, refused = rows_from_folders(listing, notes)
        if config.labels is None and any(_is_table(relative) for relative, _ in refused):
            notes.append(
                "The source holds a table beside its folders; prepare.labels=FILE takes classes from it."
            )
        if config.classes is None:
            refuse_patient_folders(rows)
    if table is not None:
        rows = _joined(rows, table, origin, config, notes)
    if origin != "tag":
        rows = _of_chosen_classes(rows, config, notes)
    if chosen is not None and not attributes:
        rows = _filtered(rows, chosen, origin, refused, notes)
    pattern = None if config.patient_pattern is None else re.compile(config.patient_pattern)
    candidates = []
    for file, row in rows:
        text = row.patient or _patient_in_name(pattern, file)
        named = None if text is None else patient(salt, seed, text)
        values = row.values if attributes else {}
        candidates.append(Candidate(file, row.label, named, row.split, row.side, values))
    return Labelled(
        listing=listing,
        candidates=tuple(candidates),
        refused=(*refused, *listing.refused),
        notes=tuple(notes),
        origin=origin,
        label_tag=label_attribute(config.label_tag) if origin == "tag" and config.label_tag else None,
        where=config.where if attributes else None,
        attributes=attributes,
    )


def class_balance(before: Counter[str | None], after: Counter[str | None]) -> str:
    """What a filter does to the classes, in one sentence."""
    text = f"prepare.where keeps {after.total()} of {before.total()} images"
    shares = [f"{name}: {after[name]} of {before[name]}" for name in sorted(name for name in before if name)]
    return f"{text} ({'; '.join(shares)})." if shares else f"{text}."


def _origin(config: PrepareConfig, listing: Listing) -> Origin:
    if config.label_source != "auto":
        return config.label_source
    if config.label_tag is not None:
        return "tag"
    if config.labels is not None:
        return "table"
    return "dataset.json" if any(file.relative == INDEX_NAME for file in listing.files) else "folders"


def _joined(rows: Rows, table: LabelTable, origin: Origin, config: PrepareConfig, notes: list[str]) -> Rows:
    matched = table.match([file.relative for file, _ in rows])
    present = [
        (file, found if origin == "table" else replace(found, label=row.label))
        for (file, row), found in zip(rows, matched, strict=True)
        if found is not None
    ]
    absent = len(table.rows) - len(present)
    if absent:
        notes.append(
            counted(
                absent,
                "row of the label table names a file that is",
                "rows of the label table name files that are",
            )
            + " not in the source."
        )
    if len(present) < len(rows):
        notes.append(
            counted(
                len(rows) - len(present),
                "file is not in the label table and was left out.",
                "files are not in the label table and were left out.",
            )
        )
    if origin == "table":
        labelled = [(file, row) for file, row in present if row.label is not None]
        if len(labelled) < len(present):
            notes.append(
                counted(
                    len(present) - len(labelled),
                    "file has no class in the label table and was left out.",
                    "files have no class in the label table and were left out.",
                )
            )
        present = labelled
    if config.split_column is None:
        return present
    split = [(file, row) for file, row in present if row.split is not None]
    if len(split) < len(present):
        notes.append(
            counted(
                len(present) - len(split),
                "file has no split in the label table and was left out.",
                "files have no split in the label table and were left out.",
            )
        )
    return split


def _is_table(relative: str) -> bool:
    return relative.casefold().endswith((".csv", ".tsv"))


def _attributes(chosen: Filter | None, table: LabelTable | None) -> dict[str, str]:
    """DICOM keyword of each name of the filter that is no column of the table."""
    columns = frozenset() if table is None else table.filter_names
    keywords = {}
    for name in sorted((frozenset() if chosen is None else chosen.names) - columns):
        keyword = attribute(name)
        if keyword is None:
            raise InputError(
                f"prepare.where asks for '{name}', which is neither a column of prepare.labels nor a DICOM attribute."
            )
        if not may_filter(keyword):
            raise InputError(
                f"prepare.where asks for {keyword}, but settings are kept in the run folder, where no patient may "
                "be named; filter by codes, numbers or descriptions."
            )
        keywords[name] = keyword
    return keywords


def _filtered(rows: Rows, chosen: Filter, origin: Origin, refused: Refused, notes: list[str]) -> Rows:
    kept = [(file, row) for file, row in rows if chosen.keeps(row.values)]
    left_out = {file.relative for file, _ in rows} - {file.relative for file, _ in kept}
    refused.extend((relative, Reason.FILTERED_OUT) for relative in sorted(left_out))
    told = origin != "folders"  # a folder may yet prove to bear its patient's name
    before, after = (Counter(row.label if told else None for _, row in some) for some in (rows, kept))
    notes.append(class_balance(before, after))
    if not kept:
        raise InputError("prepare.where keeps no image at all; check the values it asks for.")
    return kept


def _of_chosen_classes(rows: Rows, config: PrepareConfig, notes: list[str]) -> Rows:
    if config.classes is None:
        return rows
    chosen = set(config.classes)
    missing = [name for name in config.classes if all(row.label != name for _, row in rows)]
    if missing:
        raise InputError(
            f"prepare.classes asks for '{missing[0]}', which no file of the source has; check the spelling, "
            "or prepare.label_column."
        )
    kept = [(file, row) for file, row in rows if row.label in chosen]
    if len(kept) < len(rows):
        notes.append(
            counted(
                len(rows) - len(kept),
                "file belongs to a class outside prepare.classes and was left out.",
                "files belong to classes outside prepare.classes and were left out.",
            )
        )
    return kept


def _patient_in_name(pattern: re.Pattern[str] | None, file: SourceFile) -> str | None:
    if pattern is None:
        return None
    found = pattern.search(PurePosixPath(file.relative).name)
    return (found.group(1) or None) if found else None

"""Which class, patient and split each file of the source has, before any of them is decoded."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gist.config import PrepareConfig
from gist.errors import InputError
from gist.intake.deidentify import Patient, patient
from gist.intake.label_table import Row, Split, find_label_table, read_label_table
from gist.intake.source import Listing, SourceFile, list_source
from gist.intake.vocabulary import Reason

_MANY_FOLDERS = 12
_FEW_FILES = 6.0
_NO_ROW = Row(None, None, None)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that is to be decoded, and what the user said of it."""

    file: SourceFile
    class_name: str | None
    patient: Patient | None
    split: Split | None


@dataclass(frozen=True)
class Labelled:
    """The source with everything the user said of its files."""

    listing: Listing
    candidates: tuple[Candidate, ...]
    refused: tuple[tuple[str, Reason], ...]
    """Relative path and reason."""
    notes: tuple[str, ...]


def label_source(config: PrepareConfig, seed: int, salt: bytes, leave_out: tuple[Path, ...] = ()) -> Labelled:
    """Lists the source and joins class sub-folders or the label table to it.

    Raises:
        InputError: about the source folder, the label table, or classes that do not occur.
    """
    if config.source is None:
        raise InputError("prepare.source is not set; name the folder that holds the images.")
    notes: list[str] = []
    if config.labels is None:
        listing = list_source(config.source, leave_out)
        rows, refused = _rows_from_folders(listing)
        if config.classes is None:
            _refuse_patient_folders(rows)
    else:
        table = find_label_table(config.labels, config.source)
        listing = list_source(config.source, (*leave_out, table))
        rows, refused = _rows_from_table(listing, table, config, notes), []
    rows = _of_chosen_classes(rows, config, notes)
    pattern = None if config.patient_pattern is None else re.compile(config.patient_pattern)
    candidates = []
    for file, row in rows:
        text = row.patient or _patient_in_name(pattern, file)
        named = None if text is None else patient(salt, seed, text)
        candidates.append(Candidate(file, row.label, named, row.split))
    return Labelled(listing, tuple(candidates), (*refused, *listing.refused), tuple(notes))


_Rows = list[tuple[SourceFile, Row]]


def _rows_from_folders(listing: Listing) -> tuple[_Rows, list[tuple[str, Reason]]]:
    if not any("/" in file.relative for file in listing.files):
        return [(file, _NO_ROW) for file in listing.files], []
    rows: _Rows = []
    refused = []
    for file in listing.files:
        folder, slash, _ = file.relative.partition("/")
        if slash:
            rows.append((file, Row(folder, None, None)))
        else:
            refused.append((file.relative, Reason.NO_CLASS_FOLDER))
    return rows, refused


def _rows_from_table(listing: Listing, table: Path, config: PrepareConfig, notes: list[str]) -> _Rows:
    labels = read_label_table(table, config)
    matched = labels.match([file.relative for file in listing.files])
    present = [(file, row) for file, row in zip(listing.files, matched, strict=True) if row is not None]
    rows = [(file, row) for file, row in present if row.label is not None]
    absent = len(labels.rows) - len(present)
    if absent:
        notes.append(f"{absent} rows of the label table name files that are not in the source.")
    if len(present) < len(listing.files):
        notes.append(
            f"{len(listing.files) - len(present)} files are not in the label table and were left out."
        )
    if len(rows) < len(present):
        notes.append(f"{len(present) - len(rows)} files have no class in the label table and were left out.")
    if config.split_column is None:
        return rows
    split = [(file, row) for file, row in rows if row.split is not None]
    if len(split) < len(rows):
        notes.append(f"{len(rows) - len(split)} files have no split in the label table and were left out.")
    return split


def _of_chosen_classes(rows: _Rows, config: PrepareConfig, notes: list[str]) -> _Rows:
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
            f"{len(rows) - len(kept)} files belong to classes outside prepare.classes and were left out."
        )
    return kept


def _refuse_patient_folders(rows: _Rows) -> None:
    """Hospital exports have a folder per patient: its name must become neither a class nor an output."""
    sizes = Counter(row.label for _, row in rows if row.label is not None)
    if len(sizes) >= _MANY_FOLDERS and sum(sizes.values()) / len(sizes) < _FEW_FILES:
        raise InputError(
            f"The source has {len(sizes)} sub-folders with few files each, which look like patients, not "
            "classes; sort the images into class folders, or give a label table (prepare.labels), or list "
            "prepare.classes."
        )


def _patient_in_name(pattern: re.Pattern[str] | None, file: SourceFile) -> str | None:
    if pattern is None:
        return None
    found = pattern.search(PurePosixPath(file.relative).name)
    return (found.group(1) or None) if found else None

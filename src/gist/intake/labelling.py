"""Which class, patient and split each file of the source has, before any of them is decoded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gist.config import PrepareConfig
from gist.errors import InputError
from gist.intake.archive_index import rows_from_index
from gist.intake.deidentify import Patient, patient
from gist.intake.folder_labels import Rows, refuse_patient_folders, rows_from_folders
from gist.intake.label_table import Split, find_label_table, read_label_table
from gist.intake.source import Listing, SourceFile, list_source
from gist.intake.vocabulary import Reason


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
    classes_are_folders: bool
    """Class names come from folders, which in hospital exports may be named after patients."""


def label_source(config: PrepareConfig, seed: int, salt: bytes, leave_out: tuple[Path, ...] = ()) -> Labelled:
    """Lists the source and joins to it the label table, or its dataset.json, or its class sub-folders.

    Raises:
        InputError: about the source, the label table, or classes that do not occur.
    """
    if config.source is None:
        raise InputError("prepare.source is not set; name the folder that holds the images.")
    notes: list[str] = []
    refused: list[tuple[str, Reason]] = []
    listing = list_source(config.source, leave_out)
    classes_are_folders = False
    if config.labels is not None:
        table, listing = find_label_table(config.labels, listing)
        rows = _rows_from_table(listing, table, config, notes)
    elif (indexed := rows_from_index(listing, notes)) is not None:
        rows, listing = indexed
    else:
        rows, refused = rows_from_folders(listing, notes)
        classes_are_folders = True
        if config.classes is None:
            refuse_patient_folders(rows)
    rows = _of_chosen_classes(rows, config, notes)
    pattern = None if config.patient_pattern is None else re.compile(config.patient_pattern)
    candidates = []
    for file, row in rows:
        text = row.patient or _patient_in_name(pattern, file)
        named = None if text is None else patient(salt, seed, text)
        candidates.append(Candidate(file, row.label, named, row.split))
    all_refused = (*refused, *listing.refused)
    return Labelled(listing, tuple(candidates), all_refused, tuple(notes), classes_are_folders)


def _rows_from_table(listing: Listing, table: bytes, config: PrepareConfig, notes: list[str]) -> Rows:
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
            f"{len(rows) - len(kept)} files belong to classes outside prepare.classes and were left out."
        )
    return kept


def _patient_in_name(pattern: re.Pattern[str] | None, file: SourceFile) -> str | None:
    if pattern is None:
        return None
    found = pattern.search(PurePosixPath(file.relative).name)
    return (found.group(1) or None) if found else None

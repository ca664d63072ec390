"""Which class, patient and split each file of the source has, before any of them is decoded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from gist.errors import InputError
from gist.intake.archive_index import INDEX_NAME, rows_from_index
from gist.intake.attributes import attribute, label_attribute, may_filter
from gist.intake.class_names import in_one_spelling
from gist.intake.deidentify import Patient, patient
from gist.intake.filter_expression import Filter, parse_filter
from gist.intake.folder_labels import (
    UNLABELLED,
    Refused,
    Rows,
    folder_split,
    patient_of_folders,
    refuse_patient_folders,
    rows_from_folders,
)
from gist.intake.label_paths import has_image_ending
from gist.intake.label_table import LabelTable, Row, find_label_table, read_label_table
from gist.intake.masks import named_as_masks
from gist.intake.parts import Split
from gist.intake.patient_names import Identity, Naming, naming
from gist.intake.picture import Side
from gist.intake.source import Listing, SourceFile, list_source
from gist.numerals import counted
from gist.stages.prepare import PrepareConfig
from gist.stages.vocabulary import Reason

Origin = Literal["folders", "pattern", "table", "tag", "dataset.json", "none"]
NAMED_ON_DISK = frozenset({"folders", "pattern"})
"""Origins whose class names are names of files and folders, which may be those of patients."""
NOT_THERE = " not in the source."
_DOCUMENT = re.compile(
    r"\.(csv|docx?|html?|ini|ipynb|json|log|md|ods|pdf|py|rtf|sh|tsv|txt|xlsx?|xml|ya?ml)$", re.IGNORECASE
)
_UNLISTED = Row(None, None, None)
"""Stands for the row of a file that the table does not name."""


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
    naming: Naming = Naming.UNTOLD
    """Whether the class is called like the patient, as far as the user names both."""
    named_mask: bool = False
    """Whether it is called like the mask of another file."""
    groups: tuple[str, ...] = ()
    """Its category in each of `prepare.subgroup_columns`."""
    frame: int | None = None
    """Which frame, from 1, where a file gives several pictures."""


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
    classes: frozenset[str] = frozenset()
    """All that folders or the table name and the user did not leave out, also where no file is left of them."""
    rows: int = 0
    """Of the label table."""
    rows_without_file: int = 0
    filtered: tuple[Counter[str | None], Counter[str | None]] | None = None
    """Files of each class before and after a filter that has been applied; a class may yet prove to be a patient."""


def label_source(config: PrepareConfig, seed: int, salt: bytes, leave_out: tuple[Path, ...] = ()) -> Labelled:
    """Lists the source and joins to it the label table, or its dataset.json, or its class sub-folders.

    Raises:
        InputError: about the source, the label table, the filter, or classes that do not occur.
    """
    if config.source is None:
        raise InputError("prepare.source is not set; name the folder that holds the images.")
    notes: list[str] = []
    refused: Refused = []
    listing = list_source(config.source, leave_out)
    origin = _origin(config, listing)
    chosen = None if config.where is None else parse_filter(config.where)
    table = None
    if config.labels is not None:
        data, listing = find_label_table(config.labels, listing)
        table = read_label_table(data, config, with_classes=origin == "table", chosen=chosen)
    _check_parts(config, listing, table)
    documents = [file.relative for file in listing.files if _is_document(file.relative)]
    listing = listing.without(*documents)
    attributes = _attributes(chosen, table)
    rows: Rows = [(file, UNLABELLED) for file in listing.files]
    if origin == "dataset.json":
        indexed = rows_from_index(listing, notes)
        if indexed is not None:
            rows, refused, listing = indexed
        elif config.label_source == "dataset.json":
            raise InputError(
                f"The source holds no {INDEX_NAME} of the StyleGAN kind; see prepare.label_source."
            )
        else:
            origin = "folders"
    if origin == "folders":
        rows, refused = rows_from_folders(listing, config.parts, notes)
        if config.labels is None and any(map(_is_table, documents)):
            notes.append(
                "The source holds a table beside its folders; prepare.labels=FILE takes classes from it."
            )
    elif config.split_column is None and origin != "dataset.json":
        rows = _with_folder_split(rows, origin, config, notes)
    if origin == "pattern":
        rows = _by_pattern(rows, re.compile(config.label_pattern or ""), refused, notes)
    if origin in NAMED_ON_DISK and config.classes is None:
        refuse_patient_folders(rows)
    absent: list[Row] = []
    if table is not None:
        rows, absent = _joined(rows, table, origin, config, refused, notes)
    given = [*absent, *(row for _, row in rows)]
    rows = _left_after(rows, lambda row: row.split != "none", Reason.OTHER_PART, refused, notes)
    rows = in_one_spelling(rows, config.classes or (), notes)
    if origin != "tag":
        rows = _of_chosen_classes(rows, config, refused, notes)
    filtered = None
    if chosen is not None and not attributes:
        rows, filtered = _filtered(rows, chosen, refused)
        given = [row for row in given if chosen.keeps(row.values)]
    patients = _patients(rows, config, notes)
    masks = named_as_masks([file.relative for file in listing.files])
    candidates = []
    for (file, row), text in zip(rows, patients, strict=True):
        named = None if text is None else patient(salt, seed, text)
        values = row.values if attributes else {}
        part = None if row.split == "none" else row.split
        told = Naming.UNTOLD if text is None else naming(row.label or "", Identity((text,), (text,)))
        is_mask = file.relative in masks
        candidates.append(
            Candidate(file, row.label, named, part, row.side, values, told, is_mask, row.groups)
        )
    return Labelled(
        listing=listing,
        candidates=tuple(candidates),
        refused=(*refused, *((relative, Reason.DOCUMENT) for relative in documents), *listing.refused),
        notes=tuple(notes),
        origin=origin,
        label_tag=label_attribute(config.label_tag) if origin == "tag" and config.label_tag else None,
        where=config.where if attributes else None,
        attributes=attributes,
        classes=frozenset(
            row.label
            for row in given
            if row.label and (config.classes is None or row.label in config.classes)
        ),
        rows=0 if table is None else len(table.rows),
        rows_without_file=len(absent),
        filtered=filtered,
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
    if config.label_pattern is not None:
        return "pattern"
    if config.labels is not None:
        return "table"
    indexed = any(file.relative.rpartition("/")[2] == INDEX_NAME for file in listing.files)
    return "dataset.json" if indexed else "folders"


def _check_parts(config: PrepareConfig, listing: Listing, table: LabelTable | None) -> None:
    """Raises InputError where `prepare.parts` explains a word that is nowhere: most likely it is mistyped."""
    folders = {file.relative.rpartition("/")[0] for file in listing.files}
    words = {name.casefold() for folder in folders for name in folder.split("/")}
    words |= frozenset() if table is None else table.split_words
    for word in config.parts or ():
        if word.casefold() not in words:
            where = (
                f"cell of the column '{config.split_column}'"
                if config.split_column
                else "folder of the source"
            )
            raise InputError(
                f"prepare.parts explains '{word}', but no {where} is called so; check its spelling."
            )


def _with_folder_split(rows: Rows, origin: Origin, config: PrepareConfig, notes: list[str]) -> Rows:
    """What folders called train and test say, where they do not give the classes."""
    places = folder_split([file for file, _ in rows if has_image_ending(file.relative)], config.parts)
    if not places:
        return rows
    if origin not in ("pattern", "none"):
        notes.append(
            "The folders called train, val or test were not used as a split; prepare.split_column names a column, "
            "and prepare.label_source=folders takes both classes and split from folders."
        )
        return rows
    notes.append("The folders called train, val or test were taken as a ready-made split.")
    return [
        (file, replace(row, split=place.part if (place := places.get(file.relative)) else "none"))
        for file, row in rows
    ]


def _by_pattern(rows: Rows, pattern: re.Pattern[str], refused: Refused, notes: list[str]) -> Rows:
    """The class of each file is what the pattern finds in its path: the first group, or all of it without one."""
    found = [(file, row, pattern.search(file.relative)) for file, row in rows]
    labelled = [
        (file, replace(row, label=None if match is None else (match[match.re.groups > 0] or None)))
        for file, row, match in found
    ]
    kept = _left_after(labelled, lambda row: row.label is not None, Reason.NO_PATTERN, refused, notes)
    if not kept:
        raise InputError(
            f"prepare.label_pattern fits the path of none of the {len(rows)} files; it is searched for in paths below "
            "the source."
        )
    return kept


def _joined(
    rows: Rows, table: LabelTable, origin: Origin, config: PrepareConfig, refused: Refused, notes: list[str]
) -> tuple[Rows, list[Row]]:
    """The rows of the files, and those of the table that mean no file."""
    matched, absent = table.match([file.relative for file, _ in rows])
    by_table = origin == "table"
    joined = [
        (file, _UNLISTED if found is None else found if by_table else replace(found, label=row.label))
        for (file, row), found in zip(rows, matched, strict=True)
    ]
    if absent:
        notes.append(
            counted(
                len(absent),
                "row of the label table names a file that is",
                "rows of the label table name files that are",
            )
            + NOT_THERE
        )
    joined = _left_after(joined, lambda row: row is not _UNLISTED, Reason.NOT_IN_TABLE, refused, notes)
    if by_table:
        joined = _left_after(
            joined, lambda row: row.label is not None, Reason.NO_CLASS_IN_TABLE, refused, notes
        )
    if config.split_column is not None:
        joined = _left_after(
            joined, lambda row: row.split is not None, Reason.NO_SPLIT_IN_TABLE, refused, notes
        )
    return joined, absent


def _left_after(
    rows: Rows, keeps: Callable[[Row], bool], reason: Reason, refused: Refused, notes: list[str]
) -> Rows:
    kept = [(file, row) for file, row in rows if keeps(row)]
    if len(kept) < len(rows):
        left_out = counted(len(rows) - len(kept), "file was left out: it", "files were left out: each")
        notes.append(f"{left_out} {reason}.")
        refused.extend((file.relative, reason) for file, row in rows if not keeps(row))
    return kept


def _is_table(relative: str) -> bool:
    return relative.casefold().endswith((".csv", ".tsv"))


def _is_document(relative: str) -> bool:
    """Whether a file is text by its name; the index of a StyleGAN data set is looked at later."""
    return bool(_DOCUMENT.search(relative)) and relative.rpartition("/")[2] != INDEX_NAME


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


def _filtered(
    rows: Rows, chosen: Filter, refused: Refused
) -> tuple[Rows, tuple[Counter[str | None], Counter[str | None]]]:
    kept = [(file, row) for file, row in rows if chosen.keeps(row.values)]
    left_out = {file.relative for file, _ in rows} - {file.relative for file, _ in kept}
    refused.extend((relative, Reason.FILTERED_OUT) for relative in sorted(left_out))
    if not kept:
        raise InputError("prepare.where keeps no image at all; check the values it asks for.")
    return kept, (Counter(row.label for _, row in rows), Counter(row.label for _, row in kept))


def _of_chosen_classes(rows: Rows, config: PrepareConfig, refused: Refused, notes: list[str]) -> Rows:
    if config.classes is None:
        return rows
    chosen = set(config.classes)
    missing = [name for name in config.classes if all(row.label != name for _, row in rows)]
    if missing:
        raise InputError(
            f"prepare.classes asks for '{missing[0]}', which no file of the source has; check the spelling, "
            "or prepare.label_column."
        )
    return _left_after(rows, lambda row: row.label in chosen, Reason.OTHER_CLASS, refused, notes)


def _patients(rows: Rows, config: PrepareConfig, notes: list[str]) -> list[str | None]:
    """Of each file what names its patient: the table, or the pattern in the file's name or else in its path, or without
    a pattern a folder called like a patient.

    Raises:
        InputError: the pattern fits no file.
    """
    pattern = None if config.patient_pattern is None else re.compile(config.patient_pattern)
    if pattern is None:
        named = [patient_of_folders(file.relative) for file, _ in rows]
        if any(named) and any(row.patient is None for _, row in rows):
            notes.append(
                "Folders called like patients were taken as such; prepare.patient_pattern would decide otherwise."
            )
    else:
        named = [_found_by(pattern, file) for file, _ in rows]
        if rows and not any(named):
            raise InputError(
                f"prepare.patient_pattern fits the name and the path of none of the {len(rows)} files; check it, or "
                "leave it out."
            )
        missing = sum(one is None and row.patient is None for one, (_, row) in zip(named, rows, strict=True))
        if missing:
            notes.append(
                f"prepare.patient_pattern fits {len(rows) - missing} of {len(rows)} files; of the others only the "
                "file itself can tell the patient."
            )
    return [row.patient or one for (_, row), one in zip(rows, named, strict=True)]


def _found_by(pattern: re.Pattern[str], file: SourceFile) -> str | None:
    found = pattern.search(PurePosixPath(file.relative).name) or pattern.search(file.relative)
    return (found.group(1) or None) if found else None

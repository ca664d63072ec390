"""Classes, patients and ready-made splits from folders."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gist.errors import InputError
from gist.intake.file_type import HEAD_BYTES, file_type
from gist.intake.label_paths import has_image_ending
from gist.intake.label_table import Row
from gist.intake.parts import Part, part_of
from gist.intake.source import Listing, SourceFile
from gist.stages.vocabulary import Reason

Rows = list[tuple[SourceFile, Row]]
Refused = list[tuple[str, Reason]]
UNLABELLED = Row(None, None, None)
_MANY_FOLDERS = 12
_FEW_FILES = 6.0
_PATIENT = re.compile(r"(patient|person|subject|sub)[-_ ]?[0-9]+|p[0-9]{5,}", re.IGNORECASE)
_SHARD, _OF_SHARD = re.compile(r"[0-9]{5}"), re.compile(r"img[0-9]{8}\.[a-z]+")


class Place(NamedTuple):
    """Where a file lies, as far as a ready-made split is concerned."""

    folders: tuple[str, ...]
    at: int
    """Which of them is the part."""
    part: Part


def rows_from_folders(
    listing: Listing, own: Mapping[str, Part] | None, notes: list[str]
) -> tuple[Rows, Refused]:
    """The first folder below the source is the class; without sub-folders, or if most files lie outside them, there
    are no classes.

    Folders called train, val or test (`own` are further names) are a ready-made split, and the folders inside them the
    classes. Returns the labelled files, and (relative path, reason) of those beside the class folders.

    Raises:
        InputError: a folder beside those of a split is no part of it.
    """
    files, refused = _with_pictures(listing)
    places = folder_split(files, own)
    if places:
        notes.append(f"{_spelled(places)} were taken as a ready-made split.")
        labels = _classes_of_split(places)
    else:
        labels = _classes(files, notes)
    names = {label for label in labels.values() if label is not None}
    if names and all(map(_PATIENT.fullmatch, names)):
        notes.append("Folders called like patients were not taken as classes.")
        labels = dict.fromkeys(labels)
    elif (
        names
        and all(map(_SHARD.fullmatch, names))
        and all(_OF_SHARD.fullmatch(name.rpartition("/")[2]) for name in labels)
    ):
        notes.append(
            "Folders called 00000, 00001, … are pieces of a StyleGAN data set, not classes, and its dataset.json is "
            "not here."
        )
        labels = dict.fromkeys(labels)
    rows = [
        (file, Row(labels[file.relative], None, places[file.relative].part if places else None))
        for file in files
        if file.relative in labels
    ]
    refused += [(file.relative, Reason.NO_CLASS_FOLDER) for file in files if file.relative not in labels]
    return rows, refused


def folder_split(
    files: Sequence[SourceFile], own: Mapping[str, Part] | None = None
) -> dict[str, Place] | None:
    """Relative path -> where it lies in a ready-made split; None if the folders are none.

    Raises:
        InputError: a folder beside those of the split is no part of it.
    """
    found: dict[str, Place] = {}
    outside: list[tuple[str, ...]] = []
    for file in files:
        folders = tuple(file.relative.split("/")[:-1])
        parts = ((at, part_of(name, own)) for at, name in enumerate(folders))
        at, part = next(((at, part) for at, part in parts if part is not None), (0, None))
        if part is None:
            outside.append(folders)
        else:
            found[file.relative] = Place(folders, at, part)
    parts_found = {place.part for place in found.values()}
    if "train" not in parts_found or not parts_found & {"val", "test"}:
        return None
    around = {place.folders[:depth] for place in found.values() for depth in range(place.at + 1)}
    for folders in outside:
        odd = next(
            (folders[depth] for depth in range(len(folders)) if folders[: depth + 1] not in around), None
        )
        if odd is not None:
            raise InputError(
                f"{_spelled(found)} look like a ready-made split, but the folder '{odd}' beside them is no part of it; "
                f"move it out of the source, or say what it is: prepare.parts={{{odd}: none}}, or train, val or test."
            )
    return found


def patient_of_folders(relative: str) -> str | None:
    """The first folder of a file that is called like a patient: patient00007, sub-01, p10000032."""
    return next(filter(_PATIENT.fullmatch, relative.split("/")[:-1]), None)


def refuse_patient_folders(rows: Rows) -> None:
    """Hospital exports have a folder per patient: its name must become neither a class nor an output.

    Raises:
        InputError: many folders with few files each.
    """
    sizes = Counter(row.label for _, row in rows if row.label is not None)
    if len(sizes) >= _MANY_FOLDERS and sum(sizes.values()) / len(sizes) < _FEW_FILES:
        raise InputError(
            f"The source has {len(sizes)} sub-folders with few files each, which look like patients, not "
            "classes; sort the images into class folders, or give a label table (prepare.labels), or list "
            "prepare.classes; or take them without classes, each folder on one side of the split: "
            "prepare.label_source=none and prepare.patient_pattern='^([^/]+)/'."
        )


def _with_pictures(listing: Listing) -> tuple[list[SourceFile], Refused]:
    """The files of folders that hold a picture, and the others: a folder of scripts is no class."""
    folders: defaultdict[str, list[SourceFile]] = defaultdict(list)
    for file in listing.files:
        folders[file.relative.rpartition("/")[0]].append(file)
    without = {
        folder
        for folder, files in folders.items()
        if not any(has_image_ending(file.relative) for file in files)
        and not any(file_type(listing.head(file, HEAD_BYTES)) for file in files)
    }
    if len(without) == len(folders):
        return list(listing.files), []
    kept = [file for file in listing.files if file.relative.rpartition("/")[0] not in without]
    return kept, [(file.relative, Reason.NOT_AN_IMAGE) for name in without for file in folders[name]]


def _classes(files: Sequence[SourceFile], notes: list[str]) -> dict[str, str | None]:
    """Relative path -> class; files outside the class folders are missing."""
    inside = sum("/" in file.relative for file in files)
    if inside < len(files) / 2:
        if inside:
            notes.append("Most files lie outside the folders of the source, which were not taken as classes.")
        return dict.fromkeys(file.relative for file in files)
    paths = {file.relative: file.relative.split("/") for file in files}
    depth = _depth_of_classes(paths.values())
    if depth:
        notes.append(
            "All files lie in one folder of the source; the folders inside it were taken as classes."
        )
    return {relative: parts[depth] for relative, parts in paths.items() if len(parts) > depth + 1}


def _classes_of_split(places: Mapping[str, Place]) -> dict[str, str | None]:
    """The folders inside the parts are the classes, or those around them: test/healthy or healthy/test.

    Raises:
        InputError: both could be.
    """
    inside: defaultdict[str | None, set[str]] = defaultdict(set)
    for place in places.values():
        inside[place.folders[place.at - 1] if place.at else None].update(
            place.folders[place.at + 1 : place.at + 2]
        )
    names = set().union(*inside.values())
    if len(inside) > 1 and not names:
        return {relative: place.folders[place.at - 1] for relative, place in places.items() if place.at}
    if len(inside) > 1 and len(names) == sum(map(len, inside.values())):
        raise InputError(
            f"{_spelled(places)} have folders around them and other folders inside them, and either could be the "
            "classes; say which with prepare.label_pattern, or give prepare.labels."
        )
    if not names:
        return dict.fromkeys(places)
    return {
        relative: place.folders[place.at + 1]
        for relative, place in places.items()
        if len(place.folders) > place.at + 1
    }


def _spelled(places: Mapping[str, Place]) -> str:
    *names, last = sorted({place.folders[place.at] for place in places.values()})
    return f"The folders {', '.join(names)} and {last}"


def _depth_of_classes(paths: Iterable[list[str]]) -> int:
    """How many folders hold everything but a few files, as when a zip archive has one folder with the classes inside.

    0 where no folders lie side by side inside them.
    """
    paths = list(paths)
    depth = 0
    while (
        len({parts[depth] for parts in paths if len(parts) > depth + 1}) == 1
        and sum(len(parts) > depth + 2 for parts in paths) > len(paths) / 2
    ):
        depth += 1
    return depth if len({parts[depth] for parts in paths if len(parts) > depth + 1}) > 1 else 0

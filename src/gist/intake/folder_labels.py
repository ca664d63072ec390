"""Classes from sub-folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gist.errors import InputError
from gist.intake.label_table import SPLITS, Row
from gist.intake.source import Listing, SourceFile
from gist.stages.vocabulary import Reason

Rows = list[tuple[SourceFile, Row]]
UNLABELLED = Row(None, None, None)
_MANY_FOLDERS = 12
_FEW_FILES = 6.0


def rows_from_folders(listing: Listing, notes: list[str]) -> tuple[Rows, list[tuple[str, Reason]]]:
    """The first folder below the source is the class; without sub-folders, or if most files lie outside them, there
    are no classes.

    Folders called train, val or test are a ready-made split, and the folders inside them the classes.
    Returns the labelled files, and (relative path, reason) of those beside the class folders.
    """
    inside = sum("/" in file.relative for file in listing.files)
    if inside < len(listing.files) / 2:
        if inside:
            notes.append("Most files lie outside the folders of the source, which were not taken as classes.")
        return [(file, UNLABELLED) for file in listing.files], []
    paths = [file.relative.split("/") for file in listing.files]
    depth = _depth_of_classes(paths)
    if _parts_of_a_split(paths, depth):
        notes.append("The folders train, val and test were taken as a ready-made split.")
        return _rows_of_split(listing, depth)
    if depth:
        notes.append(
            "All files lie in one folder of the source; the folders inside it were taken as classes."
        )
    rows: Rows = []
    refused = []
    for file in listing.files:
        parts = file.relative.split("/")
        if len(parts) > depth + 1:
            rows.append((file, Row(parts[depth], None, None)))
        else:
            refused.append((file.relative, Reason.NO_CLASS_FOLDER))
    return rows, refused


def _parts_of_a_split(paths: Sequence[list[str]], depth: int) -> bool:
    folders = {parts[depth].casefold() for parts in paths if len(parts) > depth + 1}
    return folders <= SPLITS.keys() and {SPLITS[name] for name in folders} > {"train"}


def _rows_of_split(listing: Listing, depth: int) -> tuple[Rows, list[tuple[str, Reason]]]:
    rows: Rows = []
    refused = []
    classes = any(len(file.relative.split("/")) > depth + 2 for file in listing.files)
    for file in listing.files:
        parts = file.relative.split("/")
        if len(parts) > depth + 1 + classes:
            rows.append(
                (file, Row(parts[depth + 1] if classes else None, None, SPLITS[parts[depth].casefold()]))
            )
        else:
            refused.append((file.relative, Reason.NO_CLASS_FOLDER))
    return rows, refused


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
            "prepare.classes."
        )


def _depth_of_classes(paths: Sequence[list[str]]) -> int:
    """How many folders hold everything but a few files, as when a zip archive has one folder with the classes inside.

    0 where no folders lie side by side inside them.
    """
    depth = 0
    while (
        len({parts[depth] for parts in paths if len(parts) > depth + 1}) == 1
        and sum(len(parts) > depth + 2 for parts in paths) > len(paths) / 2
    ):
        depth += 1
    return depth if len({parts[depth] for parts in paths if len(parts) > depth + 1}) > 1 else 0

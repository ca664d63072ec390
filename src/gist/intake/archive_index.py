"""The dataset.json of a StyleGAN data set as a source of labels."""

from __future__ import annotations

import json

from gist.errors import InputError
from gist.intake.folder_labels import UNLABELLED, Refused, Rows
from gist.intake.label_table import Row
from gist.intake.source import Listing
from gist.stages.vocabulary import Reason

INDEX_NAME = "dataset.json"
_MAX_BYTES = 256 << 20


def rows_from_index(listing: Listing, notes: list[str]) -> tuple[Rows, Refused, Listing] | None:
    """Labels as `{"labels": [["00000/img00000000.png", class number], …]}` gives them; null means no labels.

    The paths are relative to the index, which may lie in a folder of the source. Returns the labelled files, the others
    and the source without the index; None if the source has no such index.

    Raises:
        InputError: the index is there but does not give class numbers, or there are several.
    """
    found = [(name, index) for name in _indices(listing) if (index := _read(listing, name)) is not None]
    if not found:
        return None
    if len(found) > 1:
        raise InputError(
            f"The source holds {len(found)} data sets, each with its {INDEX_NAME}; give one of them as prepare.source."
        )
    (name, labels), folder = found[0], found[0][0].removesuffix(INDEX_NAME)
    if folder:
        notes.append(f"{INDEX_NAME} lies in a folder of the source; its labels were taken.")
    listing = listing.without(name)
    if not labels:
        rows = [(file, UNLABELLED) for file in listing.files if file.relative.startswith(folder)]
    else:
        numbers = _numbers(labels[0])
        names = _names(labels[1], max(numbers.values()) + 1)
        rows = [
            (file, Row(names[number], None, None))
            for file in listing.files
            if file.relative.startswith(folder)
            and (number := numbers.get(file.relative.removeprefix(folder))) is not None
        ]
    if not rows:
        raise InputError(f"{INDEX_NAME} names none of the files beside it; check prepare.source.")
    labelled = {file.relative for file, _ in rows}
    left_out = [file.relative for file in listing.files if file.relative not in labelled]
    return rows, [(relative, Reason.NOT_IN_INDEX) for relative in left_out], listing


def _indices(listing: Listing) -> list[str]:
    return [file.relative for file in listing.files if file.relative.rpartition("/")[2] == INDEX_NAME]


def _read(listing: Listing, name: str) -> tuple[object, object] | tuple[()] | None:
    """Labels and names of the classes; nothing if the index has no labels, None if it is another kind of file."""
    try:
        index = json.loads(listing.read(name, _MAX_BYTES))
    except (ValueError, RecursionError):
        return None
    if not isinstance(index, dict) or "labels" not in index:
        return None
    return (index["labels"], index.get("class_names")) if index["labels"] else ()


def _numbers(labels: object) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for pair in labels if isinstance(labels, list) else [None]:
        if not (
            isinstance(pair, list) and len(pair) == 2 and type(pair[1]) is int and 0 <= pair[1] < 1 << 20
        ):
            raise InputError(
                f"{INDEX_NAME} must give each image one class number; give prepare.labels instead."
            )
        numbers[str(pair[0])] = pair[1]
    return numbers


def _names(given: object, count: int) -> list[str]:
    if isinstance(given, list) and len(given) >= count:
        return [str(name) for name in given]
    return [str(number) for number in range(count)]

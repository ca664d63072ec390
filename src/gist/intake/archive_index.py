"""The dataset.json of a StyleGAN data set as a source of labels."""

from __future__ import annotations

import json

from gist.errors import InputError
from gist.intake.folder_labels import UNLABELLED, Rows
from gist.intake.label_table import Row
from gist.intake.source import Listing
from gist.numerals import counted

INDEX_NAME = "dataset.json"
_MAX_BYTES = 256 << 20


def rows_from_index(listing: Listing, notes: list[str]) -> tuple[Rows, Listing] | None:
    """Labels as `{"labels": [["00000/img00000000.png", class number], …]}` gives them; null means no labels.

    Returns the labelled files and the source without the index; None if the source has no such index.

    Raises:
        InputError: the index is there but does not give class numbers.
    """
    if all(file.relative != INDEX_NAME for file in listing.files):
        return None
    try:
        index = json.loads(listing.read(INDEX_NAME, _MAX_BYTES))
    except (ValueError, RecursionError):
        return None
    if not isinstance(index, dict) or "labels" not in index:
        return None
    listing = listing.without(INDEX_NAME)
    if not index["labels"]:
        return [(file, UNLABELLED) for file in listing.files], listing
    numbers = _numbers(index["labels"])
    names = _names(index.get("class_names"), max(numbers.values()) + 1)
    rows = [
        (file, Row(names[numbers[file.relative]], None, None))
        for file in listing.files
        if file.relative in numbers
    ]
    if not rows:
        raise InputError(f"{INDEX_NAME} names none of the files beside it; check prepare.source.")
    if len(rows) < len(listing.files):
        notes.append(
            counted(
                len(listing.files) - len(rows),
                f"file is not in {INDEX_NAME} and was left out.",
                f"files are not in {INDEX_NAME} and were left out.",
            )
        )
    return rows, listing


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

"""records.csv and rejected.csv read row by row into counts, a few numbers per image and a few rows to show."""

from __future__ import annotations

import csv
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gist.intake.burned_in_text import TextBox
from gist.stages.vocabulary import Remark

COUNTED = ("split", "class", "type", "modality", "view", "bits", "size")
MEASURED = ("mean_grey", "contrast", "sharpness", "short_side", "aspect")
MOST_SHOWN = 12
MOST_TEXT_SHOWN = 120
"""Of images with text, each of which wants a look."""
_counted_of = itemgetter(*COUNTED)


@dataclass(frozen=True)
class Shown:
    """An image to show: where it lies and what is worth marking."""

    archive: str
    """Part of the split."""
    name: str
    """Inside the archive."""
    file: str
    """Salted id."""
    text: tuple[TextBox, ...]
    near_copy_of: str
    painted_over: bool = False
    """Whether the text is no longer in the picture, as far as it was found."""


@dataclass(frozen=True)
class Overview:
    """What a data set holds, of constant size but for 20 bytes an image."""

    counts: dict[str, Counter[str]]
    """Of COUNTED: value -> images; an unknown value is empty."""
    by_class: dict[str, Counter[str]]
    """Class -> part of the split -> images."""
    flagged: Counter[str]
    """Class -> training images with text in them, which no contact sheet shows."""
    measured: dict[str, NDArray[np.float32]]
    """Of MEASURED: one number per image in the order of records.csv."""
    with_text: list[Shown]
    """The first few."""
    text_images: int
    near_pairs: list[tuple[Shown, Shown]]
    """The first few images and the ones that they nearly equal."""
    near_copies: int
    rejected: Counter[str]
    """Reason -> files."""


def read_overview(folder: Path) -> Overview:
    """Reads the tables in a stage folder."""
    alike: Counter[tuple[str, ...]] = Counter()
    numbers = {name: array("f") for name in MEASURED}
    with_text: list[Shown] = []
    copies: list[Shown] = []
    flagged: Counter[str] = Counter()
    text_images = near_copies = 0
    for row in rows(folder):
        row["size"] = f"{row['width']} × {row['height']}"
        alike[_counted_of(row)] += 1
        width, height = int(row["width"]), int(row["height"])
        facts = (float(row["mean_grey"]), float(row["contrast"]), float(row["sharpness"]))
        for name, number in zip(MEASURED, (*facts, min(width, height), width / height), strict=True):
            numbers[name].append(number)
        text_images += bool(row["text"])
        with_words = bool(row["text"]) or Remark.BURNED_IN in row["remarks"].split("; ")
        flagged[row["class"]] += with_words and row["split"] == "train"
        near_copies += bool(row["near_copy_of"])
        if row["text"] and len(with_text) < MOST_TEXT_SHOWN:
            with_text.append(shown(row))
        if row["near_copy_of"] and len(copies) < MOST_SHOWN // 2:
            copies.append(shown(row))
    with (folder / "rejected.csv").open(newline="", encoding="utf-8") as file:
        rejected = Counter(row["reason"] for row in csv.DictReader(file))
    counts: dict[str, Counter[str]] = {name: Counter() for name in COUNTED}
    by_class: dict[str, Counter[str]] = {}
    for values, images in alike.items():
        split, class_name, *_ = values
        by_class.setdefault(class_name, Counter())[split] += images
        for name, value in zip(COUNTED, values, strict=True):
            counts[name][value] += images
    return Overview(
        counts,
        by_class,
        flagged,
        {name: np.frombuffer(values, np.float32) for name, values in numbers.items()},
        with_text,
        text_images,
        _pairs(folder, copies),
        near_copies,
        rejected,
    )


def rows(folder: Path) -> Iterator[dict[str, str]]:
    """Rows of records.csv, one at a time."""
    with (folder / "records.csv").open(newline="", encoding="utf-8") as file:
        table = csv.reader(file)
        columns = next(table)
        yield from (dict(zip(columns, row, strict=True)) for row in table)


def shown(row: dict[str, str]) -> Shown:
    """What is needed to show the image of a row."""
    boxes = tuple(TextBox(*map(int, box.split(" "))) for box in row["text"].split("; ") if box)
    painted_over = Remark.TEXT_PAINTED_OVER in row["remarks"].split("; ")
    return Shown(row["split"], row["image"], row["file"], boxes, row["near_copy_of"], painted_over)


def _pairs(folder: Path, copies: list[Shown]) -> list[tuple[Shown, Shown]]:
    if not copies:
        return []
    wanted = {copy.near_copy_of for copy in copies}
    originals = {row["file"]: shown(row) for row in rows(folder) if row["file"] in wanted}
    return [(copy, originals[copy.near_copy_of]) for copy in copies if copy.near_copy_of in originals]

"""Tables of a reader test: what was answered, and the key. Written by `gist reader serve` or by any other hand."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gist.errors import InputError
from gist.pages.words import joined

Kind = Literal["single", "pairs"]
WORDS: dict[Kind, tuple[str, str]] = {"single": ("synthetic", "real"), "pairs": ("right", "left")}
"""Of each kind of test the answers, first that which counts as the signal."""
NOTHING = ("nan", "na", "n/a", "none", "null")
"""Ways to write that there is no answer or number; a class may be called so."""
Source = Path | str | Iterable[Mapping[str, Any]]
"""A CSV file, or rows such as `DataFrame.to_dict("records")`."""


@dataclass(frozen=True)
class Truth:
    """What an image, or a pair, is."""

    truth: str
    class_name: str


@dataclass(frozen=True)
class Reading:
    """One answer of one reader to one image or pair."""

    reader: str
    image: str
    answer: str
    confidence: int | None
    """1 to 5."""
    class_answer: str
    cues: tuple[str, ...]
    seconds: float | None
    repeat: int
    """0 for the first reading."""


@dataclass(frozen=True)
class Tables:
    """Answers that belong to a key."""

    kind: Kind
    key: Mapping[str, Truth]
    readings: tuple[Reading, ...]
    """Without those that were left empty."""
    empty: int
    """Rows without an answer."""

    @property
    def signal(self) -> str:
        """The answer that is right for what is looked for: synthetic images, or pairs whose right one is real."""
        return WORDS[self.kind][0]

    @property
    def readers(self) -> tuple[str, ...]:
        """In alphabetical order."""
        return tuple(sorted({reading.reader for reading in self.readings}))


def read_tables(answers: Sequence[Source], key: Source) -> Tables:
    """Reads and checks tables of answers, together, and the key.

    Raises:
        InputError: a table cannot be read, or holds what no reader can have answered; the sentence says which line.
    """
    truths = read_key(key)
    kind: Kind = "pairs" if next(iter(truths.values())).truth in WORDS["pairs"] else "single"
    readings: dict[tuple[str, str, int], Reading] = {}
    places: dict[tuple[str, str, int], str] = {}
    files: dict[str, str] = {}
    empty = 0
    for source in answers:
        title = Path(source).name if isinstance(source, Path | str) else ""
        for where, row in _rows(source, ("reader", "image", "answer"), "answers"):
            reading = _reading(row, where, truths, kind)
            if files.setdefault(reading.reader, title) != title:
                raise InputError(
                    f"Reader {reading.reader} stands in two files, {files[reading.reader]} and {title}; keep the one "
                    "that counts."
                )
            asked = (reading.reader, reading.image, reading.repeat)
            if asked in places:
                raise InputError(
                    f"Reader {reading.reader} answered image {reading.image} twice, in {places[asked]} and {where}; "
                    "keep the one that counts, or number second readings in a column “repeat”."
                )
            places[asked] = where
            if reading.answer:
                readings[asked] = reading
            else:
                empty += 1
    if not any(not reading.repeat for reading in readings.values()):
        raise InputError(
            "The answers hold none that counts: each row needs a reader, an image and an answer."
        )
    return Tables(kind, truths, tuple(readings[asked] for asked in sorted(readings)), empty)


def read_key(source: Source) -> dict[str, Truth]:
    """Image -> its truth.

    Raises:
        InputError: the key cannot be read or holds what is no truth.
    """
    found: dict[str, Truth] = {}
    for where, row in _rows(source, ("image", "truth"), "key"):
        image, truth = row["image"], row["truth"].lower()
        if not image:
            raise InputError(f"The key names no image in {where}; each row is an image and its truth.")
        if image in found:
            raise InputError(f"The key holds image {image} twice, again in {where}; keep one row.")
        if truth not in (*WORDS["single"], *WORDS["pairs"]):
            raise InputError(
                f"The key says “{truth}” in {where}; a truth is real or synthetic, or left or right for pairs."
            )
        found[image] = Truth(truth, row.get("class", ""))
    kinds = {kind for kind, words in WORDS.items() for truth in found.values() if truth.truth in words}
    if len(kinds) != 1:
        raise InputError(
            "The key mixes real or synthetic with left or right; score the two tests one by one."
            if kinds
            else "The key holds no image; each row is an image and its truth."
        )
    return found


def _reading(row: Mapping[str, str], where: str, key: Mapping[str, Truth], kind: Kind) -> Reading:
    reader, image, answer = row["reader"], row["image"], row["answer"].lower()
    if not reader or not image:
        raise InputError(f"No {'image' if reader else 'reader'} is named in {where} of the answers.")
    if image not in key:
        raise InputError(
            f"Image {image}, in {where} of the answers, is not in the key: the answers are of another study, or were "
            "changed by hand."
        )
    if answer and answer not in WORDS[kind]:
        raise InputError(
            f"The answer “{answer}” in {where} is none of {' and '.join(sorted(WORDS[kind]))}; correct it, or leave it "
            "empty where the reader gave none."
        )
    confidence = _number(row, "confidence", where)
    if confidence is not None and confidence not in range(1, 6):
        raise InputError(
            f"The confidence “{row['confidence']}” in {where} is not one of 1 to 5; correct it or leave it empty."
        )
    seconds, repeat = _number(row, "seconds", where), _number(row, "repeat", where) or 0
    if (seconds is not None and seconds < 0) or repeat < 0 or repeat != int(repeat):
        raise InputError(
            f"“seconds” and “repeat” in {where} are counts from 0; correct them or leave them empty."
        )
    cues = tuple(dict.fromkeys(cue.strip() for cue in row.get("cues", "").split(";") if cue.strip()))
    return Reading(
        reader,
        image,
        answer,
        None if confidence is None else int(confidence),
        row.get("class_answer", ""),
        cues,
        seconds,
        int(repeat),
    )


def _number(row: Mapping[str, str], column: str, where: str) -> float | None:
    text = row.get(column, "")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.inf
    if not math.isfinite(value):
        raise InputError(f"“{text}” in {where}, column {column}, is no number; correct it or leave it empty.")
    return value


def _rows(source: Source, needed: tuple[str, ...], what: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Where each row stands, and its cells by the names of columns in small letters; what means nothing is empty."""
    if isinstance(source, Path | str):
        title, table = Path(source).name, _parsed(Path(source), what)
        rows: Iterable[tuple[int, Mapping[Any, Any]]] = table
    else:
        title, rows = f"the {what}", enumerate(source, start=1)
    for number, row in rows:
        cells = {(name := str(column).strip().lower()): _cell(name, cell) for column, cell in row.items()}
        missing = [column for column in needed if column not in cells]
        if missing:
            raise InputError(f"{title} has no column “{missing[0]}”; {what} need {joined(needed)}.")
        if any(cells.values()):
            yield f"line {number} of {title}", cells


def _cell(column: str, cell: Any) -> str:
    text = "" if cell is None or cell != cell else str(cell).strip()
    plain = column in ("answer", "confidence", "seconds", "repeat")
    return "" if plain and text.lower() in NOTHING else text


def _parsed(file: Path, what: str) -> list[tuple[int, dict[str | None, Any]]]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"There is no file {file}; give the CSV file of {what}.") from None
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{file} is no text in UTF-8; save the {what} as CSV with that encoding.") from None
    header = text.partition("\n")[0]
    # Spreadsheets of half of Europe write semicolons.
    delimiter = Counter({sign: header.count(sign) for sign in ",;\t"}).most_common(1)[0][0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows: list[tuple[int, dict[str | None, Any]]] = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise InputError(
            f"{file} is no CSV table in line {reader.line_num} ({error}); save it again."
        ) from None
    for number, row in rows:
        if None in row or None in row.values():
            raise InputError(
                f"Line {number} of {file.name} has not as many cells as its header; mend that line."
            )
    return rows

"""A reader's answers on disk: each is there for good before the next image is shown."""

from __future__ import annotations

import csv
import io
import os
import threading
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from gist.errors import InputError
from gist.files import write_atomic
from gist.reader.serve.page import MOST_WORDS
from gist.reader.study.folder import Study

COLUMNS = (
    "reader",
    "image",
    "answer",
    "confidence",
    "class_answer",
    "cues",
    "comment",
    "seconds",
    "repeat",
    "marks",
)
"""Of `answers/READER.csv`. `marks` holds a cue and a place for each mark, `joint 31 40; blur right 5 60`, in pixels."""


class Mark(BaseModel):
    """Where a reader saw what gave an image away."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cue: str
    side: Literal["", "left", "right"]
    x: Annotated[int, Field(ge=0)]
    y: Annotated[int, Field(ge=0)]


class Answer(BaseModel):
    """What a reader said of one trial."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: Annotated[int, Field(ge=0)]
    """Of the trial in the reader's order, from 0 on."""
    answer: Literal["real", "synthetic", "left", "right"]
    confidence: Annotated[int, Field(ge=1, le=5)]
    class_answer: str = ""
    cues: tuple[str, ...] = ()
    marks: Annotated[tuple[Mark, ...], Field(max_length=50)] = ()
    comment: Annotated[str, Field(max_length=MOST_WORDS)] = ""
    seconds: Annotated[float, Field(ge=0, le=1e6)]
    """With the image in sight."""

    def fits(self, study: Study) -> bool:
        """Whether the page of this study can give it."""
        choices = ("left", "right") if study.kind == "pairs" else ("real", "synthetic")
        classes = study.class_names if study.asks_class else ("",)
        sides = choices if study.kind == "pairs" else ("",)
        return (
            self.answer in choices
            and self.class_answer in classes
            and {*self.cues, *(mark.cue for mark in self.marks)} <= study.cues.keys()
            and all(mark.side in sides and max(mark.x, mark.y) < study.side for mark in self.marks)
        )


class AnswerBook:
    """One reader's file of answers, which only grows.

    Raises:
        InputError: the file does not follow the reader's order, so it was edited or belongs to another study.
    """

    def __init__(self, folder: Path, study: Study, reader: str) -> None:
        self.file = folder / "answers" / f"{reader}.csv"
        self.study, self.reader, self.order = study, reader, study.order(reader)
        self._writing = threading.Lock()
        self.answered = self._read()

    def append(self, answer: Answer) -> int:
        """Puts the answer to the next trial on disk and returns how many there are; one that is there already stays.

        Raises:
            InputError: it is not the answer to the next trial, or none that the page can give.
        OSError: the disk is full; nothing is kept of it.
        """
        with self._writing:
            if answer.number == self.answered - 1:  # its acknowledgement was lost on the way
                return self.answered
            if answer.number != self.answered or self.answered == len(self.order):
                raise InputError(f"Trial {answer.number + 1} is not the next one; load the page again.")
            if not answer.fits(self.study):
                raise InputError("This is no answer to the question of the study; load the page again.")
            image, repeat = self.order[answer.number]
            marks = ";".join(" ".join(filter(None, (m.cue, m.side, f"{m.x} {m.y}"))) for m in answer.marks)
            row = (
                self.reader, image, answer.answer, answer.confidence, answer.class_answer, ";".join(answer.cues),
                one_line(answer.comment), round(answer.seconds, 2), repeat, marks,
            )  # fmt: skip
            if not self.file.exists():
                write_atomic(self.file, _line(COLUMNS))
            _add(self.file, _line(row))
            self.answered += 1
            return self.answered

    def _read(self) -> int:
        if not self.file.exists():
            return 0
        data = self.file.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if whole != data:  # power was cut while a line was written, so nobody was told that it is there
            write_atomic(self.file, whole)
        try:
            rows = list(csv.DictReader(io.StringIO(whole.decode(), newline="")))
            read = [(row["reader"], row["image"], int(row["repeat"])) for row in rows]
        except (UnicodeDecodeError, KeyError, ValueError, TypeError, csv.Error):
            read = [("", "", -1)]
        if read != [(self.reader, image, repeat) for image, repeat in self.order[: len(read)]]:
            raise InputError(
                f"{self.file} does not hold this reader's answers to this study in their order; restore it, or move it "
                "away to begin anew."
            )
        return len(read)


def _add(file: Path, line: bytes) -> None:
    """Puts a whole line behind the others on disk, or leaves the file as it was."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND)
    length = os.fstat(descriptor).st_size
    try:
        while line:
            line = line[os.write(descriptor, line) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, length)
        raise
    finally:
        os.close(descriptor)


def one_line(text: str) -> str:
    """A comment without line breaks and control characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _line(row: tuple[object, ...]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue().encode()

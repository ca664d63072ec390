"""Words in the pixels, found by the program tesseract where it is installed.

It is called as a process of its own with a cap on time, and gets bare pixels, never a file of the user's: the thin
strokes of the picture, black on white, without the bones behind them. What it reads decides whether something is a
word; only the word's place leaves this module. To start it takes a hundred times the time of all other work on a
picture, to read one line more next to nothing: so it sees only rows of strokes as long as a word's, which most pictures
do not have, all of a picture on one page, with letters of one height.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_PROGRAM = "tesseract"
_SPARSE_TEXT = "11"  # tesseract's page segmentation mode: text anywhere, in no order
SECONDS = 10.0
_SUREST = 80.0
"""Of 100: confidence from which a word counts; in bones three letters are read with up to 75."""
_LETTER_HEIGHT = 32
"""Pixels on the page, at which the program reads best."""
_MOST_STRIPS = 30
_LETTERS = 3
"""Letters and digits of a word at least: bones and markers are read as one or two."""
_LEFT, _TOP, _WIDTH, _HEIGHT, _CONFIDENCE, _TEXT = 6, 7, 8, 9, 10, 11
_COLUMNS = 12

Box = tuple[int, int, int, int]


class Strip(NamedTuple):
    """A part of a picture that may be a line of text."""

    strokes: NDArray[np.uint8]
    """[H, W]; 255 is ink, 0 is what surrounds it."""
    top: int
    left: int
    """Where it lies in its picture."""
    letter_height: float


def reading_seconds() -> float | None:
    """What the program takes for a word written for the purpose; None where it is missing or, as without language
    data, does not read it."""
    if shutil.which(_PROGRAM) is None:
        return None
    page = Image.new("L", (320, 80), 255)
    ImageDraw.Draw(page).text((40, 20), "RADIOGRAPH", font=ImageFont.load_default(32), fill=0)
    start = time.monotonic()
    return time.monotonic() - start if read_page(np.asarray(page)) else None


def read_words(strips: Sequence[Strip]) -> list[Box]:
    """Boxes (top, left, bottom, right; the latter two outside) in their picture of the words in up to 30 strips."""
    strips = strips[:_MOST_STRIPS]
    scales = [_LETTER_HEIGHT / strip.letter_height for strip in strips]
    lines = [_enlarged(strip.strokes, scale) for strip, scale in zip(strips, scales, strict=True)]
    page = np.full((sum(len(line) for line in lines), max(line.shape[1] for line in lines)), 255, np.uint8)
    starts = np.cumsum([0, *map(len, lines)])
    for line, start in zip(lines, starts, strict=False):
        page[start : start + len(line), : line.shape[1]] = line
    words = []
    for top, left, bottom, right in read_page(page):
        top, left, bottom, right = (edge - _LETTER_HEIGHT // 2 for edge in (top, left, bottom, right))
        number = int(np.searchsorted(starts, (top + bottom) / 2, side="right")) - 1
        strip, scale, start = strips[number], scales[number], int(starts[number])
        words.append(
            (
                strip.top + max(0, int((top - start) / scale)),
                strip.left + int(left / scale),
                strip.top + min(len(strip.strokes), -int((start - bottom) / scale) + 1),
                strip.left + min(strip.strokes.shape[1], int(right / scale) + 1),
            )
        )
    return words


def _enlarged(strokes: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """A line of a page, dark on light, with half a letter's height of paper around it."""
    height, width = strokes.shape
    line = Image.fromarray(255 - strokes).resize(
        (max(1, round(scale * width)), max(1, round(scale * height))), Image.Resampling.BICUBIC
    )
    return np.pad(np.asarray(line), _LETTER_HEIGHT // 2, constant_values=255)


def read_page(page_HW: NDArray[np.uint8], seconds: float = SECONDS) -> list[Box]:
    """Places (top, left, bottom, right; the latter two outside) of the words on a page, dark on light.

    None where the program fails or takes longer than `seconds`.
    """
    height, width = page_HW.shape
    command = [_PROGRAM, "stdin", "stdout", "-l", "eng", "--psm", _SPARSE_TEXT, "tsv"]
    header = f"P5 {width} {height} 255\n".encode()  # the simplest of picture formats (netpbm PGM)
    try:
        finished = subprocess.run(
            command,
            input=header + page_HW.tobytes(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=True,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        )
        lines = finished.stdout.decode("utf-8", "replace").splitlines()[1:]
        return [box for line in lines if (box := _box(line.split("\t"))) is not None]
    except (OSError, subprocess.SubprocessError, ValueError):
        return []


def _box(cells: list[str]) -> Box | None:
    """The place that a line of tesseract's table gives, if what was read there is a word."""
    if len(cells) < _COLUMNS or sum(map(str.isalnum, cells[_TEXT])) < _LETTERS:
        return None
    left, top, width, height = (int(cells[column]) for column in (_LEFT, _TOP, _WIDTH, _HEIGHT))
    return (top, left, top + height, left + width) if float(cells[_CONFIDENCE]) >= _SUREST else None

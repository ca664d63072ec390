"""Words in the pixels, found by the program tesseract where it is installed.

It is called as a process of its own with a cap on time, and gets bare pixels, never a file of the user's: the thin
strokes of the picture, black on white, without the bones behind them. What it reads decides whether something is a
word; only the word's place leaves this module. Pictures without as many strokes as a word has, which is most of them,
are not read: reading takes longer than all other work on a picture.
"""

from __future__ import annotations

import os
import shutil
import subprocess

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from gist.intake.burned_in_text_glyphs import find_glyphs

_PROGRAM = "tesseract"
_SPARSE_TEXT = "11"  # tesseract's page segmentation mode: text anywhere, in no order
SECONDS = 10.0
_SUREST = 80.0
"""Of 100: confidence from which a word counts; in bones three letters are read with up to 75."""
_LARGE_ENOUGH = 750
"""Pixels along the longer side of a page from which it is not enlarged for reading."""
_CONTRAST_GAIN = 2
_LETTERS = 3
"""Letters and digits of a word at least: bones and markers are read as one or two."""
_LEFT, _TOP, _WIDTH, _HEIGHT, _CONFIDENCE, _TEXT = 6, 7, 8, 9, 10, 11
_COLUMNS = 12

Box = tuple[int, int, int, int]


def installed() -> bool:
    """Whether the program is there and reads a word written for the purpose; without language data it does not."""
    if shutil.which(_PROGRAM) is None:
        return False
    page = Image.new("L", (320, 80), 255)
    ImageDraw.Draw(page).text((40, 20), "RADIOGRAPH", font=ImageFont.load_default(32), fill=0)
    return bool(read_page(np.asarray(page)))


def read_words(bright_HW: NDArray[np.uint8], raised_HW: NDArray[np.uint8], contrast: int) -> list[Box]:
    """Boxes (top, left, bottom, right; the latter two outside) of words; arguments as those of `rows_of_strokes`."""
    mask = raised_HW > contrast
    if not mask.any() or len(find_glyphs(bright_HW, raised_HW, mask)) < _LETTERS:
        return []
    strokes = 255 - np.minimum(raised_HW, 255 // _CONTRAST_GAIN) * _CONTRAST_GAIN
    times = -(-_LARGE_ENOUGH // max(strokes.shape))
    height, width = strokes.shape
    page = Image.fromarray(strokes).resize((times * width, times * height), Image.Resampling.BICUBIC)
    return [
        (top // times, left // times, -(-bottom // times), -(-right // times))
        for top, left, bottom, right in read_page(np.asarray(page))
    ]


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

"""The table of judged images, `evaluate/artifacts.csv`, and their heat maps, written and read."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from gist.errors import InputError
from gist.files import write_atomic

HEAT_STEPS = 64
"""Stored heat of 1, which 95 % of real images stay below; up to four times that can be told apart."""


@dataclass(frozen=True)
class JudgedImage:
    """One synthetic image and what the detectors say of it."""

    image: str
    """Name inside the synthetic archive."""
    file: str
    """The picture's file beside the archive, named by its seed; empty where there is none."""
    class_name: str
    """Empty without classes."""
    score: float
    """Higher is worse; ranks images that share the smallest p-value."""
    p: float
    """Share of held-out real images that look at least as wrong."""
    q: float
    """p after Benjamini and Hochberg."""
    worst_detector: str
    nearest: str
    """Name inside the training archive of the training image that looks most alike."""


def write_table(file: Path, images: Sequence[JudgedImage]) -> None:
    """Writes one row per judged image, in the order of the archive."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([field.name for field in fields(JudgedImage)])
    for image in images:
        rows.writerow(
            [format(value, ".6g") if isinstance(value, float) else value for value in astuple(image)]
        )
    write_atomic(file, text.getvalue().encode())


def read_table(file: Path) -> list[JudgedImage]:
    """Reads what `write_table` wrote.

    Raises:
        InputError: the file is missing or is no such table.
    """
    try:
        with file.open(encoding="utf-8", newline="") as text:
            return [
                JudgedImage(
                    row["image"],
                    row["file"],
                    row["class_name"],
                    float(row["score"]),
                    float(row["p"]),
                    float(row["q"]),
                    row["worst_detector"],
                    row["nearest"],
                )
                for row in csv.DictReader(text)
            ]
    except (OSError, KeyError, ValueError, TypeError):
        raise InputError(f"{file} is missing or damaged; run the evaluate stage again.") from None


def write_heat_maps(file: Path, heat_NHW: NDArray[np.float32]) -> None:
    """Writes heat maps with 8 bits; row i belongs to row i of the table."""
    levels = np.clip(np.rint(heat_NHW * HEAT_STEPS), 0, 255).astype(np.uint8)
    write_atomic(file, safetensors.numpy.save({"heat_maps": levels}))


def read_heat_maps(file: Path, count: int) -> NDArray[np.float32]:
    """Heat maps [N, h, w] of `count` judged images; 95 % of real images stay below 1.

    Raises:
        InputError: the file is missing or belongs to another table.
    """
    try:
        levels = safetensors.numpy.load_file(file)["heat_maps"]
    except (OSError, SafetensorError, KeyError):
        levels = np.zeros((0, 1, 1), np.uint8)
    if len(levels) != count:
        raise InputError(f"{file} is missing or damaged; run the evaluate stage again.")
    heat: NDArray[np.float32] = levels.astype(np.float32) / np.float32(HEAT_STEPS)
    return heat


def worst_and_random(
    images: Sequence[JudgedImage], worst: int, random: int, seed: int
) -> tuple[list[int], list[int]]:
    """Rows of the worst images, worst first, and of images drawn at random from all of them, in order."""
    by_score = sorted(range(len(images)), key=lambda row: (-images[row].score, row))
    drawn = np.random.default_rng(seed).permutation(len(images))[:random]
    return by_score[:worst], sorted(int(row) for row in drawn)

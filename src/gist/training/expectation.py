"""What a training may be expected to reach, by measured runs that come with gist.

`measured_runs.csv` has a row per run, moment and extractor, written by `benchmarks/pictures.py --measured`. Between
moments of a run log KID and log images shown are joined by straight lines, precision and recall by straight lines over
log images shown; a training longer than every measured run is told what the longest ones reached.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gist import numerals

_TABLE = Path(__file__).with_name("measured_runs.csv")
_USUAL = "squeezenet"
"""By whose features is told where nothing was measured by those that are asked for."""
_MOST_UNLIKE = 4.0
"""Runs on more or fewer images than by this factor are not told about."""


@dataclass(frozen=True)
class Expectation:
    """What measured runs had reached after as many images shown; ranges are over these runs."""

    extractor: str
    kid: tuple[float, float]
    precision: tuple[float, float]
    recall: tuple[float, float]
    real_precision: float
    real_recall: float
    runs: int
    images: int
    """Different images that they learned from."""
    data: str
    shown_kimg: float
    """After how many thousand images they are told of: less than asked where none was longer."""
    beyond: bool
    """Whether the training is longer than every measured run."""

    def sentence(self) -> str:
        """What may be expected, in words, and what it rests on."""
        told = (
            f"{score} {reached}{f' (real images {real})' if real else ''}"
            for score, reached, real in self.rows()
        )
        return (
            f"What to expect: {numerals.counted(self.runs, 'measured run')} of this kind, on {self.images:,} "
            f"{self.data}, reached {', '.join(told)} after {self.shown_kimg:.3g} kimg"
            f"{', the longest measured' if self.beyond else ''}; other images may be easier or harder."
        )

    def rows(self) -> tuple[tuple[str, str, str], ...]:
        """Name of each score, what was reached, and what real images reach."""
        return (
            (f"KID[{self.extractor}]", _range(self.kid), ""),
            (f"precision[{self.extractor}]", _range(self.precision), f"{self.real_precision:.2f}"),
            (f"recall[{self.extractor}]", _range(self.recall), f"{self.real_recall:.2f}"),
        )


def expect(
    settings: Mapping[str, Any], resolution: int, images: int, start: str | None, kimg: float, extractor: str
) -> Expectation | None:
    """What runs with these settings of a plan had reached after `kimg`; None where none like it was measured.

    A run is like it with the same architecture, resolution, start, width and, for the discriminator, detail, and up
    to four times more or fewer images; the nearest number of images is told about.
    """
    table = measured()
    known = extractor if extractor in {row["extractor"] for row in table} else _USUAL
    rows = [row for row in table if row["extractor"] == known and _like(row, settings, resolution, start)]
    if images < 1:
        return None
    near = {
        int(row["images"])
        for row in rows
        if abs(math.log(int(row["images"]) / images)) <= math.log(_MOST_UNLIKE)
    }
    if not near:
        return None
    nearest = min(near, key=lambda count: abs(math.log(count / images)))
    runs: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        if int(row["images"]) == nearest:
            runs.setdefault(row["run"], []).append(row)
    longest = max(float(row["kimg"]) for run in runs.values() for row in run)
    told = min(kimg, longest)
    reached = [at for run in runs.values() if (at := _at(run, told)) is not None]
    if not reached:
        return None
    first = next(iter(runs.values()))[0]
    kids, precisions, recalls = zip(*reached, strict=True)
    return Expectation(
        known,
        (min(kids), max(kids)),
        (min(precisions), max(precisions)),
        (min(recalls), max(recalls)),
        float(first["real_precision"]),
        float(first["real_recall"]),
        len(reached),
        nearest,
        first["data"],
        told,
        beyond=kimg > 1.1 * longest,
    )


def measured() -> list[dict[str, str]]:
    """The rows of the table."""
    with _TABLE.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _like(row: Mapping[str, str], settings: Mapping[str, Any], resolution: int, start: str | None) -> bool:
    return (
        row["architecture"] == settings.get("architecture")
        and int(row["resolution"]) == resolution
        and row["start"] == (start or "")
        and all(
            float(row[name]) == float(settings.get(name, 0))
            for name in ("channel_base", "discriminator_detail", "gamma")
        )
    )


def _at(run: Sequence[Mapping[str, str]], kimg: float) -> tuple[float, float, float] | None:
    """KID, precision and recall of a run after so many thousand images; None where it was not looked at so early, or
    ended before."""
    moments = sorted(run, key=lambda row: float(row["kimg"]))
    shown = [float(row["kimg"]) for row in moments]
    if not shown[0] <= kimg * 1.1 or kimg > shown[-1] * 1.1:
        return None
    x = np.log(shown)

    def curve(name: str, *, log: bool) -> float:
        values = np.array([float(row[name]) for row in moments])
        y = np.interp(math.log(kimg), x, np.log(values.clip(1e-3)) if log else values)
        return float(np.exp(y) if log else y)

    return curve("kid", log=True), curve("precision", log=False), curve("recall", log=False)


def _range(pair: tuple[float, float]) -> str:
    low, high = (numerals.significant(value, 2) if value >= 1 else f"{value:.2f}" for value in pair)
    return low if low == high else f"{low} to {high}"

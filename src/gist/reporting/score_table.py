"""Scores arranged for reading: groups below one another, numbers aligned, fingerprints as footnotes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gist.reporting import numerals
from gist.reporting.wording import OVERALL, reading
from gist.results import Score


@dataclass(frozen=True)
class ScoreRow:
    """One score with its numbers as text, padded so that decimal points align down the table."""

    score: Score
    value: str
    interval: str
    baseline: str
    verdict: str
    footnote: int


@dataclass(frozen=True)
class ScoreTable:
    """All scores, `overall` first, then class by class."""

    groups: tuple[tuple[str, tuple[ScoreRow, ...]], ...]
    fingerprints: tuple[str, ...]
    """What the footnotes 1, 2, … stand for."""
    has_interval: bool
    has_baseline: bool
    has_p_value: bool


def score_table(scores: Sequence[Score]) -> ScoreTable:
    """Arranges scores; a column that no score fills is left out."""
    fingerprints = tuple(dict.fromkeys(score.fingerprint for score in scores))
    places = [numerals.decimals_for(score.value or 0.0, score.low, score.high) for score in scores]
    values = [_text(score.value, decimals) for score, decimals in zip(scores, places, strict=True)]
    baselines = [_text(score.baseline, decimals) for score, decimals in zip(scores, places, strict=True)]
    lows = [_text(score.low, decimals) for score, decimals in zip(scores, places, strict=True)]
    highs = [_text(score.high, decimals) for score, decimals in zip(scores, places, strict=True)]
    intervals = [f"{low} to {high}" if low and high else "" for low, high in zip(lows, highs, strict=True)]
    columns = (numerals.aligned(values), numerals.aligned(intervals), numerals.aligned(baselines))
    rows = [
        ScoreRow(
            score,
            value,
            interval,
            baseline,
            reading(score),
            1 + fingerprints.index(score.fingerprint),
        )
        for score, value, interval, baseline in zip(scores, *columns, strict=True)
    ]
    names = sorted(dict.fromkeys(score.group for score in scores), key=lambda name: name != OVERALL)
    return ScoreTable(
        groups=tuple((name, tuple(row for row in rows if row.score.group == name)) for name in names),
        fingerprints=fingerprints,
        has_interval=any(intervals),
        has_baseline=any(baselines),
        has_p_value=any(score.p_value is not None for score in scores),
    )


def _text(number: float | None, decimals: int) -> str:
    return "" if number is None else numerals.fixed(number, decimals)

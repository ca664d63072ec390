"""Scores arranged for reading: groups below one another, numbers in equal digits, fingerprints as footnotes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from gist import numerals
from gist.evaluation.scores import NEAR_COPIES
from gist.pages.words import COPY_READINGS, DIRECTIONS, OVERALL, VERDICTS, joined
from gist.stages.evaluate import Score

WORDS = {
    "KID": "difference from real images",
    "relative FD": "distance to real images, relative",
    "FD": "distance to real images",
    "FID": "distance to real images",
    "precision": "synthetic images that look real",
    "recall": "variety of real images reached",
    "density": "closeness to real images",
    "coverage": "kinds of real images reached",
    "diversity": "different images",
    "octave 1": "fine detail (top octave)",
    "octave 2": "detail of 4 to 8 pixels",
    "octave 3": "detail of 8 to 16 pixels",
    "octave 4": "detail of 16 to 32 pixels",
}


@dataclass(frozen=True)
class ScoreRow:
    """One score with its numbers as text, or several that cannot be told for the same reason."""

    score: Score
    """The first of them."""
    words: str
    """What it measures; empty for several scores and where its name says so."""
    name: str
    direction: str
    """Which values are better; empty for several scores."""
    value: str
    """Empty where it cannot be told."""
    interval: str
    baseline: str
    verdict: str
    footnote: int


@dataclass(frozen=True)
class ScoreTable:
    """All scores, `overall` first, then class by class."""

    groups: tuple[tuple[str, tuple[ScoreRow, ...]], ...]
    fingerprints: tuple[str, ...]
    """What the footnotes 1, 2, … stand for, in the order in which the table names them."""
    has_interval: bool
    has_baseline: bool
    has_p_value: bool


def score_table(scores: Sequence[Score]) -> ScoreTable:
    """Arranges scores; a column that no score fills is left out."""
    names = sorted(dict.fromkeys(score.group for score in scores), key=lambda name: name != OVERALL)
    in_order = [score for name in names for score in scores if score.group == name]
    fingerprints = tuple(dict.fromkeys(score.fingerprint for score in in_order))
    rows = [_row(list(alike), fingerprints) for _, alike in groupby(in_order, _shared)]
    return ScoreTable(
        groups=tuple((name, tuple(row for row in rows if row.score.group == name)) for name in names),
        fingerprints=fingerprints,
        has_interval=any(row.interval for row in rows),
        has_baseline=any(row.baseline for row in rows),
        has_p_value=any(score.p_value is not None for score in scores),
    )


def _shared(score: Score) -> tuple[str, str | int]:
    """Equal for scores that share a row: those of a group that cannot be told for one reason."""
    return score.group, score.meaning if score.value is None else id(score)


def _row(scores: list[Score], fingerprints: Sequence[str]) -> ScoreRow:
    first, several = scores[0], len(scores) > 1
    value, low, high, baseline, least, most = numerals.together(
        first.value, first.low, first.high, first.baseline, first.baseline_low, first.baseline_high
    )
    return ScoreRow(
        score=first,
        words="" if several else _words(first.name),
        name=joined([score.name.split("[")[0] for score in scores]) if several else first.name,
        direction="" if several else DIRECTIONS[first.better],
        value=value,
        interval=f"{low} to {high}" if low and high else "",
        baseline=f"{baseline} ({least} to {most})" if least and most else baseline,
        verdict=reading(first),
        footnote=1 + fingerprints.index(first.fingerprint),
    )


def in_words(name: str) -> str:
    """Such as `difference from real images (KID[radiomics])`."""
    words = _words(name)
    return f"{words} ({name})" if words else name


def _words(name: str) -> str:
    return WORDS.get(name.partition("[")[0], "")


def reading(score: Score) -> str:
    """What a score reads, as the page and the cards say it."""
    return (COPY_READINGS if score.name == NEAR_COPIES else VERDICTS)[score.verdict]

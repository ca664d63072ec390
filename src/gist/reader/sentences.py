"""What is said of a scored reader test, in words."""

from __future__ import annotations

from collections.abc import Sequence

from gist import numerals
from gist.reader.result import Performance, ReaderScore
from gist.reader.statistics.shares import CHANCE, LEVEL
from gist.reader.tables import Tables


def left_out(tables: Tables, readers: Sequence[ReaderScore]) -> list[str]:
    """What of the answers could not be counted."""
    notes = []
    if tables.empty:
        notes.append(f"Left out: {numerals.counted(tables.empty, 'row')} without an answer.")
    notes += [
        f"Reader {reader.reader} answered {numerals.count(reader.answered)} of "
        f"{numerals.counted(reader.of, 'image')}; the others count as not read."
        for reader in readers
        if reader.answered < reader.of
    ]
    single = tables.kind == "single"
    unsure = sum(r.confidence is None for r in tables.readings if not r.repeat)
    if single and 0 < unsure < sum(not r.repeat for r in tables.readings):
        notes.append(
            f"{numerals.counted(unsure, 'answer')} came without confidence, so the area under the curve is told of "
            "readers with none missing only."
        )
    return notes


def limits(tables: Tables, readers: Sequence[ReaderScore], set_beforehand: bool) -> list[str]:
    """What the score cannot say."""
    notes = []
    if len(readers) == 1:
        notes.append("One reader: nothing here holds for other readers.")
    if not set_beforehand:
        notes.append("No study file says that the margin was set before the first answer.")
    if len({truth.truth for truth in tables.key.values()}) == 1:
        notes.append(
            "All images are of one kind, so a reader who always gives the same answer looks perfect or blind."
        )
    return notes


def sentence(found: Performance, readers: int, several: bool) -> str:
    """The result in a sentence; `several` says that it holds for other readers, too."""
    counts, margin = found.counts, round(100 * found.equivalence.margin, 1)
    low, high = (numerals.fixed(100 * bound, 0) for bound in found.intervals["accuracy"])
    who = "The reader" if readers == 1 else f"The {numerals.count(readers)} readers"
    began = (
        f"{who} {'was' if readers == 1 else 'were'} right in {numerals.count(counts['right'])} of "
        f"{numerals.counted(counts['readings'], 'answer')} ({numerals.percent(found.accuracy)}, 95 % interval "
        f"{low} to {high} %{' for readers of their kind' if several else ''}): "
    )
    different, points = found.p_value < LEVEL, f"{margin:g} points"
    if found.equivalence.shown:
        small = f"less than {points} from chance"
        return (
            f"{began}{f'better or worse than chance, but {small}' if different else f'shown to be {small}'}."
        )
    if different:
        return began + (
            "better than chance." if found.accuracy > CHANCE else "worse than chance, so they were misled."
        )
    return (
        f"{began}this shows neither that the images can be told apart nor that they cannot within {points}."
    )

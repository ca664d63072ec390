"""Tables of `gist reader`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gist import numerals

if TYPE_CHECKING:
    from gist.reader import ReaderPlan, Score


def score_table(found: Score) -> None:
    """Prints counts reader by reader, what they show together, and what limits it."""
    console = Console(highlight=False)
    _print(
        console,
        ("reader", "right", "of", "accuracy", "95 % interval", "p", "d'", "AUC"),
        [
            (
                row.reader,
                str(row.counts["right"]),
                str(row.counts["readings"]),
                f"{100 * row.accuracy:.1f} %",
                _interval(row.intervals["accuracy"]),
                _p(row.p_value),
                _number(row.d_prime),
                _number(row.auc),
            )
            for row in found.readers
        ],
    )
    several = found.several_readers
    if several is not None:
        measures = [("accuracy", several.accuracy), ("AUC", several.auc)]
        _print(
            console,
            ("readers and images as samples", "mean", "95 % interval", "p", "df"),
            [
                (
                    name,
                    f"{one.value:.3f}",
                    f"{one.low:.3f} to {one.high:.3f}",
                    _p(one.p_value),
                    _number(one.df),
                )
                for name, one in measures
                if one is not None
            ],
        )
    for sentence in (found.sentence, *found.notes):
        console.print(sentence, markup=False)


def plan_table(made: ReaderPlan) -> None:
    """Prints what so many readers and images would find, in words, and how many a question needs."""
    console = Console(highlight=False)
    for sentence in made.sentences:
        console.print(sentence, markup=False)
    found, same = (
        f"{100 * made.accuracy:g} % differ from chance",
        f"within {100 * made.margin:g} points of chance",
    )
    console.print(f"\nImages needed to be right in {100 * made.power:g} of 100 tests", markup=False)
    _print(
        console,
        ("readers", found, same),
        [(str(need.readers), _images(need.difference), _images(need.equivalence)) for need in made.needs],
    )
    console.print(
        "Two readers or more stand for readers of their kind, whose accuracies vary by a standard deviation of "
        f"{100 * made.reader_sd:.1f} points and who agree with a kappa of {made.kappa:.2f}; one reader stands for "
        "nobody else.",
        markup=False,
    )


def _images(needed: int | None) -> str:
    return "more readers" if needed is None else numerals.count(needed)


def _print(console: Console, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table)


def _interval(bounds: tuple[float, float]) -> str:
    return f"{100 * bounds[0]:.1f} to {100 * bounds[1]:.1f} %"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _number(value: float | None) -> str:
    return "–" if value is None else numerals.fixed(value, 2)

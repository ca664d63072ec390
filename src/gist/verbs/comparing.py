"""Runs held against one another on one page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gist.errors import InputError
from gist.files import write_atomic
from gist.runs.pipeline import open_run
from gist.runs.standing import standings

if TYPE_CHECKING:
    from gist.reporting.comparison import RunComparison

MADE_HERE = (b'content="gist ', b"GIST comparison</title>")


def compare(runs: Sequence[Path | str], out: Path | str = "compare.html") -> RunComparison:
    """Writes one HTML page across runs, and returns what it tells; results are read, nothing is computed anew.

    >>> import gist
    >>> found = gist.compare(["runs/knee", "runs/knee-longer"])  # doctest: +SKIP
    >>> [(row.name, row.apart, row.values) for row in found.scores]  # doctest: +SKIP

    Args:
        runs: at least two run folders.
        out: the page; one that this function wrote before is replaced, nothing else.

    Raises:
        InputError: there are fewer than two, one is no run or comes twice, or another file is at `out`.
    """
    from gist.reporting.comparison import compare_runs, comparison_page
    from gist.runs.findings import read_findings

    out = Path(out)
    _check(out)
    if len(runs) < 2:
        raise InputError("A comparison needs at least two runs: `gist compare runs/a runs/b`.")
    twice = [str(run) for run, number in Counter(Path(run).resolve() for run in runs).items() if number > 1]
    if twice:
        raise InputError(f"{twice[0]} was given twice; name each run once.")
    read = {}
    for run, config in map(open_run, runs):
        name, number = config.name, 2
        while name in read:
            name, number = f"{config.name} ({number})", number + 1
        found = read_findings(config, run, before="report")
        stale = tuple(
            entry.stage
            for entry in standings(config, run)
            if entry.stage in found.results and (entry.state == "stale" or not found.is_current(entry.stage))
        )
        read[name] = (found, stale)
    comparison = compare_runs(read)
    page = comparison_page(comparison, {name: found for name, (found, _) in read.items()})
    write_atomic(out, page.encode())
    return comparison


def _check(out: Path) -> None:
    if not out.exists():
        return
    if out.is_file():
        with out.open("rb") as file:
            head = file.read(4096)
        if all(mark in head for mark in MADE_HERE):
            return
    raise InputError(f"{out} is there already and is no comparison; choose another name with --out.")

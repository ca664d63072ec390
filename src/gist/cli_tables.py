"""Tables that the command line prints."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from gist.intake import SourceSummary
from gist.pipeline import StageStatus
from gist.planning import Plan
from gist.run_folder import RunFolder

_COLOURS = {"done": "green", "running": "cyan", "failed": "red", "stale": "yellow", "stopped": "yellow"}


def status_table(entries: Sequence[StageStatus], folder: Path | None) -> None:
    """Prints one row per stage: state, and how far or why."""
    table = Table(box=None, pad_edge=False)
    for heading in ("stage", "state", ""):
        table.add_column(heading, overflow="fold")
    for entry in entries:
        remark = entry.why
        if entry.state == "running" and folder is not None:
            remark = _how_far(entry, RunFolder(folder))
        colour = _COLOURS.get(entry.state, "dim")
        table.add_row(entry.stage, f"[{colour}]{entry.state}[/]", remark)
    Console(highlight=False).print(table)


def plan_table(plan: Plan) -> None:
    """Prints what was found and what was chosen, with reasons."""
    console = Console(highlight=False)
    for sentence in _found(plan.source):
        console.print(sentence, markup=False)
    console.print()
    table = Table(box=None, pad_edge=False)
    for heading in ("setting", "value", "why"):
        table.add_column(heading, overflow="fold")
    for name, reason in plan.training.reasons.items():
        table.add_row(f"train.{name}", str(getattr(plan.training, name)), reason)
    console.print(table)
    console.print(
        f"On {plan.device_reason}: {plan.seconds_per_kimg:.1f} s per 1000 images, "
        f"about {_duration(plan.hours * 3600)} for {plan.training.kimg:g} kimg.",
        markup=False,
    )


def _found(source: SourceSummary) -> Iterator[str]:
    types = ", ".join(f"{count} {kind}" for kind, count in source.types.items())
    yield f"{source.files} files: {types}."
    if source.classes:
        yield "Classes: " + ", ".join(f"{name} ({count})" for name, count in source.classes.items()) + "."
    else:
        yield "No labels: one generator for all images."
    bits = ", ".join(f"{count} of {bits} bit" for bits, count in source.bits.items())
    yield (
        f"Of {source.looked_at} looked at, {source.readable} are readable ({bits}); "
        f"shorter side {source.short_side_median} pixels in the middle, {source.short_side_min} at least."
    )
    if source.patients is None:
        yield "No patient id is known: images of one patient may fall on both sides of the split."
    else:
        yield f"Patients: {source.patients}."
    for reason, count in source.problems.items():
        yield f"{count} would be set aside: {reason}."
    yield from source.notes
    reason = source.resolution_reason or "given in the settings"
    yield f"prepare.resolution: {source.resolution} ({reason.rstrip('.')})."


def _how_far(entry: StageStatus, run: RunFolder) -> str:
    progress = run.progress(entry.stage)
    if progress is None:
        return "just started"
    done, total, seconds = progress["done"], progress["total"], progress["seconds"]
    age = time.time() - progress["at"]
    text = f"{done:g} of {total:g} {progress['unit']}, last sign of life {_duration(age)} ago"
    first = progress.get("first", 0.0)
    if done > first and total > done:
        text += f", about {_duration(seconds / (done - first) * (total - done))} left"
    return text


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"

"""Tables that the command line prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gist.config import STAGE_NAMES
from gist.numerals import significant
from gist.runs.standing import RunStanding, StageStatus
from gist.stages.evaluate import Score, SnapshotCurve
from gist.stages.vocabulary import WARNING

if TYPE_CHECKING:  # what only some commands need is not loaded for the others
    from gist.inspection import InspectionResult
    from gist.reporting.comparison import RunComparison
    from gist.stages.privacy import PrivacyResult
    from gist.verbs.looks import WeightsState
    from gist.verbs.networks import ShippedNetwork
    from gist.verbs.planning import Plan

_LEADING = ("KID[", "GAN-train")
"""What stands for a run on one line."""
_COLOURS = {
    "done": "green",
    "running": "cyan",
    "failed": "red",
    "unreadable": "red",
    "stale": "yellow",
    "stopped": "yellow",
}


def status_table(entries: Sequence[StageStatus]) -> None:
    """Prints one row per stage: state, and how far or why."""
    table = Table(box=None, pad_edge=False)
    for heading in ("stage", "state", ""):
        table.add_column(heading, overflow="fold")
    set_name = None
    for entry in entries:
        if entry.set_name not in (None, set_name):
            set_name = entry.set_name
            table.add_row(f"set {set_name}", "", "", style="bold")
        remark = _how_far(entry) or entry.result
        colour = _COLOURS.get(entry.state, "dim")
        shown = "; ".join(filter(None, (remark, *entry.remarks)))
        table.add_row(entry.stage, f"[{colour}]{entry.state}[/]", escape(shown))
    Console(highlight=False).print(table)


def runs_table(runs: Sequence[RunStanding]) -> None:
    """Prints one row per run: the state of each of its stages."""
    table = Table(box=None, pad_edge=False)
    for heading in ("run", *STAGE_NAMES):
        table.add_column(heading, overflow="fold")
    for run in runs:
        shown = [f"[{_COLOURS.get(entry.state, 'dim')}]{entry.state}[/]" for entry in run.stages]
        table.add_row(escape(str(run.folder)), *(shown if not run.problem else ["[red]unreadable[/]"]))
    Console(highlight=False).print(table)


def networks_table(found: Sequence[ShippedNetwork]) -> None:
    """Prints what is known of each network in some lines, scores beside what real images reach."""
    console = Console(highlight=False)
    for network in found:
        size = f"{network.resolution}x{network.resolution}"
        classes = f", classes {', '.join(network.class_names)}" if network.class_names else ""
        scores = ", ".join(
            f"{name} {significant(value)}" + ("" if real is None else f" (real images {significant(real)})")
            for name, (value, real) in network.scores.items()
        )
        console.print(f"[bold]{network.name}[/]")
        console.print(
            f"  {network.architecture}, {size}{classes}, {network.mebibytes:.1f} MiB",
            f"  learned from {network.data}: {network.images:,} images, {network.kimg:g} kimg",
            f"  licence: {network.licence}",
            f"  against {network.held_out} held-out images: {scores}",
            f"  copies: {network.copies}",
            f"  made by: {network.script}",
            sep="\n", markup=False, soft_wrap=True,
        )  # fmt: skip
    console.print(
        "",
        "Pictures: gist generate --network NAME --count 16 --out FOLDER",
        "A training that starts from one: gist run DATA --set train.start_from=NAME",
        sep="\n", markup=False, soft_wrap=True,
    )  # fmt: skip


def weights_table(found: Sequence[WeightsState], searched: Sequence[Path]) -> None:
    """Prints one row per file of weights, here or missing, size and licence, then where each lies or comes from."""
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False)
    places = []
    for heading in ("weights", "state", "MiB", "licence"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "MiB" else "left")
    for entry in found:
        where = {"missing": entry.url, "damaged": f"fetch it again from {entry.url}"}.get(entry.state)
        colour = {"here": "green", "missing": "dim", "damaged": "red"}[entry.state]
        table.add_row(entry.name, f"[{colour}]{entry.state}[/]", f"{entry.mebibytes:.0f}", entry.licence)
        places.append(f"{entry.name:<13} {where or entry.path}")
    console.print(table)
    # Whole lines, however narrow the terminal, so that addresses can be copied.
    console.print("", *places, "", sep="\n", markup=False, soft_wrap=True)
    console.print(
        f"Looked for in {', '.join(map(str, searched))}. `gist weights fetch NAME` downloads one; or put the file "
        "into the first of these folders. radiomics features need no weights.",
        markup=False,
    )


def snapshot_table(curve: SnapshotCurve, folder: Path) -> None:
    """Prints the scores of every snapshot and which is best."""
    console = Console(highlight=False)
    names = [score.name for score in curve.snapshots[-1].scores]
    table = Table(box=None, pad_edge=False)
    table.add_column("snapshot", no_wrap=True)
    for name in names:
        table.add_column(name.partition("[")[0], justify="right", no_wrap=True)
    for entry in curve.snapshots:
        values = {score.name: score for score in entry.scores}
        shown = [_value(values.get(name)) for name in names]
        table.add_row(Path(entry.file).stem + (" (best)" if entry.file == curve.best else ""), *shown)
    console.print(table)
    tied = ", ".join(Path(file).stem for file in curve.tied)
    also = f" {names[0]} cannot tell it from {tied}." if tied else ""
    console.print(
        f"Best by {curve.judged_by} images: {Path(curve.best).stem}.{also} `gist generate {folder} --network best` "
        "draws from it.",
        markup=False,
    )


def _value(score: Score | None) -> str:
    if score is None or score.value is None:
        return ""
    if score.low is None or score.high is None:
        return f"{score.value:.3g}"
    return f"{score.value:.3g} ± {(score.high - score.low) / 2:.2g}"


def plan_table(plan: Plan) -> None:
    """Prints what was found and what was chosen, with reasons."""
    console = Console(highlight=False)
    for sentence in plan.source.sentences():
        style = "bold yellow" if sentence.startswith(WARNING) else None
        console.print(sentence, style=style, markup=False)
    console.print()
    table = Table(box=None, pad_edge=False)
    for heading in ("setting", "value", "why"):
        table.add_column(heading, overflow="fold")
    for name, reason in plan.training.reasons.items():
        table.add_row(f"train.{name}", str(getattr(plan.training, name)), reason)
    console.print(table)
    console.print(plan.cost(), markup=False)
    if plan.expected is not None:
        console.print(plan.expected.sentence(), markup=False)


def confirmation(plan: Plan, stages: Sequence[str], folder: str) -> None:
    """Prints on one screen what a run would do, for the question whether to start it; `folder` says where."""
    console = Console(highlight=False)
    training = plan.training
    for sentence in plan.source.sentences():
        console.print(sentence, markup=False)
    console.print()
    console.print(
        f"Stages: {', '.join(stages)}. The generator: {training.architecture} at {plan.source.resolution}x"
        f"{plan.source.resolution}, {float(f'{plan.kimg:.3g}'):g} kimg "
        f"in batches of {training.batch}. {plan.cost()} {folder}",
        markup=False,
    )
    if plan.expected is not None:
        console.print(plan.expected.sentence(), markup=False)


def privacy_table(result: PrivacyResult) -> None:
    """Prints the verdict, and how often planted copies of each kind were found."""
    console = Console(highlight=False)
    console.print(f"Copying: {result.verdict}. {result.meaning}", markup=False)
    table = Table(box=None, pad_edge=False)
    told = {(each.kind, each.share): each for each in result.power if each.told}
    shares = sorted({share for _, share in told})
    for heading in ("planted copies found", *(f"at {100 * share:g} %" for share in shares)):
        table.add_column(heading, overflow="fold")
    for kind in dict.fromkeys(kind for kind, _ in told):
        rates = (told[kind, share] for share in shares)
        table.add_row(kind, *(f"{each.power:.2f} ({each.low:.2f}-{each.high:.2f})" for each in rates))
    if told:
        console.print(table)
    for control in result.controls:
        console.print(
            f"control, {control.name}: {control.alarms} alarms in {control.repeats} repeats", markup=False
        )
    for note in result.notes:
        console.print(note, markup=False)


def inspection_table(result: InspectionResult) -> None:
    """Prints the rates of artifacts that people saw."""
    from gist.inspection import name_of

    console = Console(highlight=False)
    if result.overall is None:
        before = " before its hints were shown" if result.hinted is not None else ""
        console.print(
            f"No image of the random sample was answered{before}, so there is no rate.", markup=False
        )
    else:
        table = Table(box=None, pad_edge=False)
        for heading in ("random sample", "images", "of", "rate", "95 % interval"):
            table.add_column(heading, overflow="fold")
        kinds = [(name_of(kind), rate) for kind, rate in result.kinds.items()]
        classes = [(f"any, class {name}", rate) for name, rate in result.classes.items()]
        for name, rate in [("any artifact", result.overall), *kinds, *classes]:
            interval = f"{100 * rate.low:.0f} to {100 * rate.high:.0f} %"
            table.add_row(escape(name), str(rate.count), str(rate.n), f"{100 * rate.share:.0f} %", interval)
        console.print(table)
        if result.overall.n < result.random_asked:
            console.print(
                f"{result.random_asked - result.overall.n} of {result.random_asked} images have no answer; "
                "the rate holds only if they were not left out for how they look.",
                markup=False,
            )
    if result.hinted is not None:
        console.print(
            f"{result.hinted.n} more were answered or changed after hints: {result.hinted.count} have an artifact; "
            "they are counted apart.",
            markup=False,
        )
    if result.left_out:
        console.print(
            f"{result.left_out} answers are to images, or of kinds, that are not on the page now; they are left out.",
            markup=False,
        )
    if result.worst_answered:
        console.print(
            f"Of the {result.worst_answered} worst by the detectors, {result.worst_with_artifact} have an artifact; "
            "they were picked for looking odd and stand for nothing else.",
            markup=False,
        )
    for comment in result.comments:
        console.print(f"{comment.image}: {comment.text}", markup=False)


def comparison_table(comparison: RunComparison) -> None:
    """Prints a line per run: what it is, and what it reached; a star where nothing else comes near."""
    table = Table(box=None, pad_edge=False)
    facts = {
        "images": "images learned from",
        "generator": "generator",
        "kimg": "kimg",
        "trained": "trained for",
    }
    rows = [row for row in (*comparison.scores, *comparison.utility) if row.name.startswith(_LEADING)]
    for heading in ("run", *facts, *dict.fromkeys(row.name for row in rows), ""):
        table.add_column(heading.partition("[")[0], overflow="fold", no_wrap=heading in facts)
    for run in comparison.runs:
        reached: dict[str, str] = {row.name: "" for row in rows}
        for row in rows:
            found = row.values.get(run.name)
            if found is not None:
                mark = " *" if found.best else " (apart)" if row.apart else ""
                reached[row.name] = f"{significant(found.value)}{mark}"
        stale = "out of date: " + ", ".join(run.stale) if run.stale else ""
        told = (run.name, *(run.facts.get(fact, "") for fact in facts.values()), *reached.values(), stale)
        table.add_row(*map(escape, told))
    console = Console(highlight=False)
    console.print(table)
    for row in comparison.scores:
        if row.apart and row.name in reached:
            console.print(f"{row.name} of {', '.join(row.values)} stands apart: {row.apart}.", markup=False)


def _how_far(entry: StageStatus) -> str:
    """Why a stage stands where it does, and how far it is."""
    progress = entry.progress
    if progress is None:
        return "just started" if entry.state == "running" else entry.why
    reached = f"{progress.done:g} of {progress.total:g} {progress.unit}"
    if entry.state != "running":
        return "; ".join(filter(None, (f"at {reached}", entry.why)))
    text = f"{reached}, last sign of life {_duration(progress.last_sign)} ago"
    if progress.seconds_left is not None:
        text += f", about {_duration(progress.seconds_left)} left"
    return text


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"

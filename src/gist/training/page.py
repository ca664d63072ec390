"""The report's part on train: the strip of pictures, the curves, the leak check, the settings with their reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gist import numerals
from gist.errors import InputError
from gist.generators.family import Family
from gist.generators.registry import family_named
from gist.pages.html import html
from gist.pages.pictures import PAGE_WIDTH, SYNTHETIC_TEXT, Picture, at_most, sheet, shown_side
from gist.pages.section import Citation, Section, StagePage, Step
from gist.pages.words import OVERALL
from gist.runs.findings import Findings, without_paths
from gist.stages.evaluate import EvaluateResult
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.stages.train import TrainResult
from gist.training.curves import read_ticks, training_curves
from gist.training.expectation import expect
from gist.training.leak_check import leak_check, read_grid

STOPPED = {
    "kimg reached": "the planned number of images was reached",
    "hours reached": "the time allowed was used up",
    "no longer better": "no snapshot was better than the best for as long as the settings allow",
}
TRAIN = Step(100, "Train a generator on them: “gist train”.")
ENOUGH_IMAGES = 750
"""About where published work saw artifact-free radiographs."""
STRIP_ROWS = 4
STRIP_COLUMNS = 8
STRIP_TILE = 132
"""CSS pixels of one column of the strip."""


@dataclass(frozen=True)
class Setting:
    """One row of the plan."""

    name: str
    value: Any
    reason: str
    """Empty where the setting was given, not chosen."""


def train_page(findings: Findings) -> StagePage:
    """What was trained and how it went; nothing where training has not finished."""
    trained = findings.of(TrainResult)
    if trained is None:
        return StagePage(steps=() if findings.of(GenerateResult) else (TRAIN,))
    family = generator_family(trained)
    return StagePage(
        summary=(_summary(trained, started_from(findings)),),
        steps=_steps(findings, trained) if _falls_short(findings) else (),
        sections=(
            Section("training", "Training", html("gist.training/page.html.j2", **_facts(findings, trained))),
        ),
        settings=html("gist.training/plan.html.j2", plan=_plan(trained)),
        citations=tuple(Citation(paper.text, paper.doi) for paper in (family.papers if family else ())),
    )


def generator_title(trained: TrainResult) -> str:
    """The generator's name as papers write it, or as the settings do; empty where the run does not hold it."""
    family = generator_family(trained)
    return _architecture(trained) if family is None else family.title


def training_strip(files: Sequence[Path], resolution: int) -> tuple[Picture, list[str]] | None:
    """The same latents through training: a row per latent, a column per picture, and each column's kimg.

    Files are grids of pictures, oldest first, named by the number of images shown, such as
    `network-000020000.png`. None where none can be read.
    """
    columns: list[NDArray[np.uint8]] = []
    labels = []
    for file in (files[index] for index in _spread(len(files), STRIP_COLUMNS)):
        try:
            columns.append(read_grid(file, resolution))
            labels.append(_kimg(file))
        except (OSError, ValueError):
            continue
    if not columns:
        return None
    rows = _spread(min(len(tiles) for tiles in columns), STRIP_ROWS)
    side = shown_side(resolution, len(rows) * len(columns) * 3)
    tiles_NHW = np.stack([at_most(tiles[row], side) for row in rows for tiles in columns])
    room = min(PAGE_WIDTH, STRIP_TILE * len(columns))
    return sheet(tiles_NHW, len(columns), SYNTHETIC_TEXT, room), labels


def started_from(findings: Findings) -> str | None:
    """The network that the training continued from, without the folders of the user's disk; None: from scratch."""
    start = findings.records["train"].settings.get("start_from")
    return None if start is None else str(start).replace("\\", "/").split("/")[-1]


def _falls_short(findings: Findings) -> bool:
    """Whether the images, as far as they were compared as they are now, differ from real ones by more than chance."""
    evaluated = findings.of(EvaluateResult)
    if evaluated is None or not findings.is_current("evaluate"):
        return False
    kid = [score for score in evaluated.scores if score.name.startswith("KID[") and score.group == OVERALL]
    return any(score.verdict in ("fair", "poor") for score in kid)


def _steps(findings: Findings, trained: TrainResult) -> tuple[Step, ...]:
    """What may make the images better: training on, another snapshot, another start, more images."""
    steps = []
    prepared = findings.of(PrepareResult)
    if trained.took_its_hours:
        steps.append(Step(63, "Train on: raise train.hours and run “gist train” again."))
    elif trained.stopped_because == "hours reached":
        steps.append(Step(64, "Train on: train.hours ended it early. Raise it and run “gist train” again."))
    elif trained.best in (None, trained.snapshots[-1].file):
        why = "" if trained.best is None else ", as no snapshot is better than the last"
        steps.append(Step(63, f"Train on{why}: raise train.kimg and run “gist train” again."))
    elif (generated := findings.of(GenerateResult)) and generated.network != trained.best:
        steps.append(Step(64, "Draw from the best snapshot (generate.network: best), which is not the last."))
    family = generator_family(trained)
    can_start = family is not None and type(family).check_start is not Family.check_start
    if can_start and started_from(findings) is None:
        steps.append(Step(62, "Start from a network (train.start_from) instead of from scratch."))
    if prepared is not None and prepared.train_images < ENOUGH_IMAGES:
        few = numerals.counted(prepared.train_images, "image")
        steps.append(
            Step(
                61, f"Collect more images: {few} to learn from are few; published work used {ENOUGH_IMAGES}."
            )
        )
    return tuple(steps)


def _summary(trained: TrainResult, start: str | None) -> str:
    shown = numerals.counted(round(1000 * trained.kimg), "image")
    title = generator_title(trained)
    begun = "" if start is None else f"that started from {start} "
    return (
        f"A {title + ' ' if title else ''}generator {begun}learned from them for {numerals.duration(trained.seconds)} "
        f"on {'the CPU' if trained.device.startswith('cpu') else 'a GPU'}, seeing {shown} (repeats counted)."
    )


def _facts(findings: Findings, trained: TrainResult) -> dict[str, Any]:
    ticks = read_ticks(findings.run.path / trained.log)
    leaks = leak_check(findings, ticks)
    family = generator_family(trained)
    hidden = bool(findings.text.training)  # the training does not record which images it put on its sheets
    return {
        "train": trained,
        "title": generator_title(trained),
        "start": started_from(findings),
        "stopped": STOPPED[trained.stopped_because],
        "strip": training_strip([findings.run.path / name for name in trained.grids], trained.resolution),
        "charts": training_curves(
            ticks, () if family is None else family.charts, findings.records["train"].settings
        ),
        "charts_in_words": "" if family is None else family.charts_in_words,
        "expected": _expected(findings, trained),
        "leaks": None if hidden else leaks,
        "leak_sheet_hidden": hidden and leaks is not None,
    }


def _expected(findings: Findings, trained: TrainResult) -> dict[str, Any] | None:
    """What measured runs of this kind reached after as many images shown, and what this one reached."""
    prepared, evaluated = findings.of(PrepareResult), findings.of(EvaluateResult)
    if prepared is None or evaluated is None:
        return None
    scores = {score.name: score for score in evaluated.scores if score.group == OVERALL}
    by = next((name[4:-1] for name in scores if name.startswith("KID[")), "")
    start = started_from(findings)
    expected = expect(trained.settings, trained.resolution, prepared.train_images, start, trained.kimg, by)
    if expected is None:
        return None
    rows = [
        (name, reached, real, None if name not in scores else scores[name].value)
        for name, reached, real in expected.rows()
    ]
    return {"rows": rows, "by": expected}


def _plan(trained: TrainResult) -> list[Setting]:
    """Settings in use; those with a reason, which `auto` chose, come first."""
    settings = without_paths(trained.settings)
    rows = [Setting(name, value, trained.reasons.get(name, "")) for name, value in settings.items()]
    return sorted(rows, key=lambda row: not row.reason)


def generator_family(trained: TrainResult) -> Family | None:
    """None where a package that added the kind of generator is gone, or an older version knew it."""
    try:
        return family_named(_architecture(trained))
    except InputError:
        return None


def _architecture(trained: TrainResult) -> str:
    return str(trained.settings.get("architecture", ""))


def _kimg(file: Path) -> str:
    number = file.stem.rpartition("-")[2]
    return f"{int(number) / 1000:g}" if number.isdigit() else ""


def _spread(count: int, most: int) -> list[int]:
    return sorted({round(index) for index in np.linspace(0, count - 1, min(count, most))}) if count else []

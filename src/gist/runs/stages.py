"""The stages of a run: what each builds on, where its code lies, and which files it leaves."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gist.config import Config
from gist.files import sha256_of
from gist.progress import Progress
from gist.runs.folder import RunFolder
from gist.stages.evaluate import EvaluateResult
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.stages.promise import Result, StageName
from gist.stages.report import ReportResult
from gist.stages.train import TrainResult
from gist.stages.utility import UtilityResult

StageFunction = Callable[[Config, RunFolder, Progress], Result]


def _imported(name: str) -> Any:
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


@dataclass(frozen=True)
class Stage:
    """How a stage is found and what it builds on."""

    name: StageName
    function: str
    """`module:function`, imported only when the stage runs."""
    result: type[Result]
    needs: tuple[StageName, ...] = ()
    uses: tuple[StageName, ...] = ()
    """Stages whose results are read where they exist."""
    check: str | None = None
    """`module:function` that raises InputError where the settings cannot work, called before anything is written."""

    def load(self) -> StageFunction:
        """The function that does the stage's work."""
        loaded: StageFunction = _imported(self.function)
        return loaded

    def check_settings(self, config: Config, run: RunFolder, ahead: frozenset[StageName]) -> None:
        """Raises InputError where the settings cannot work; `ahead`: stages that will be renewed before this one."""
        if self.check is not None:
            _imported(self.check)(config, run, ahead)


STAGES: dict[StageName, Stage] = {
    "prepare": Stage("prepare", "gist.intake:prepare", PrepareResult, check="gist.runs.checks:check_prepare"),
    "train": Stage(
        "train", "gist.training:train", TrainResult, needs=("prepare",), check="gist.runs.checks:check_train"
    ),
    "generate": Stage(
        "generate",
        "gist.generation:generate",
        GenerateResult,
        uses=("prepare", "train"),
        check="gist.runs.checks:check_generate",
    ),
    "evaluate": Stage(
        "evaluate",
        "gist.evaluation:evaluate",
        EvaluateResult,
        needs=("prepare", "generate"),
        check="gist.runs.checks:check_evaluate",
    ),
    "utility": Stage(
        "utility",
        "gist.utility:measure_utility",
        UtilityResult,
        needs=("prepare", "generate"),
        check="gist.runs.checks:check_utility",
    ),
    "report": Stage(
        "report",
        "gist.reporting:write_report",
        ReportResult,
        needs=("prepare",),
        uses=("train", "generate", "evaluate", "utility"),
    ),
}
_FINAL_FILES: dict[StageName, tuple[str, ...]] = {
    "prepare": ("*.zip", "*.csv", "*.json"),
    "train": ("snapshots/*.safetensors", "log.jsonl"),
    "generate": ("*.zip", "*.csv"),
    "evaluate": ("scores.json", "artifacts.csv", "artifacts.safetensors"),
    "utility": ("utility.json",),
    "report": ("report.html", "report.json", "*.md"),
}
"""Files of a stage that the manifest lists by SHA-256 and later stages depend on."""
_NOT_FINAL = ("stage.json", "progress.json")


def outputs(stage: StageName, run: RunFolder) -> dict[str, str]:
    """SHA-256 of each final file of a stage, by its path in the run folder."""
    folder = run.path / stage
    files = {
        file
        for pattern in _FINAL_FILES[stage]
        for file in folder.glob(pattern)
        if file.name not in _NOT_FINAL
    }
    return {run.relative(file): sha256_of(file) for file in sorted(files)}

"""Typed results of finished stages, read from the records of a run folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from gist.errors import InputError
from gist.runs.folder import RunFolder
from gist.runs.stages import STAGES
from gist.stages.evaluate import EvaluateResult
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.stages.promise import Result, StageName
from gist.stages.report import ReportResult
from gist.stages.train import TrainResult
from gist.stages.utility import UtilityResult

AnyResult = TypeVar("AnyResult", bound=Result)


def result_of(run: RunFolder, stage: StageName, kind: type[AnyResult]) -> AnyResult:
    """What a finished stage returned.

    Raises:
        InputError: it has not finished.
    """
    record = run.record(stage)
    if record is None or record.state != "done" or record.result is None:
        raise InputError(f"The {stage} stage of {run.path} has not finished; run it before evaluate.")
    return kind.model_validate(record.result)


@dataclass(frozen=True)
class RunResult:
    """What `run` returns: the typed result of each stage that is finished."""

    folder: Path
    prepare: PrepareResult | None = None
    train: TrainResult | None = None
    generate: GenerateResult | None = None
    evaluate: EvaluateResult | None = None
    utility: UtilityResult | None = None
    report: ReportResult | None = None


def results(run: RunFolder) -> RunResult:
    """The typed results of all finished stages of a run folder."""
    found: dict[str, Any] = {}
    for name, stage in STAGES.items():
        record = run.record(name)
        if record is not None and record.state == "done" and record.result is not None:
            found[name] = stage.result.model_validate(record.result)
    return RunResult(folder=run.path, **found)

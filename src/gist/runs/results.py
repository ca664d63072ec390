"""Typed results of finished stages, read from the records of a run folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from gist.config import STAGES
from gist.errors import InputError
from gist.runs.folder import RunFolder, StageRecord
from gist.stages.promise import Result, StageName

if TYPE_CHECKING:
    from gist.stages.evaluate import EvaluateResult
    from gist.stages.generate import GenerateResult
    from gist.stages.prepare import PrepareResult
    from gist.stages.privacy import PrivacyResult
    from gist.stages.report import ReportResult
    from gist.stages.train import TrainResult
    from gist.stages.utility import UtilityResult

AnyResult = TypeVar("AnyResult", bound=Result)


@dataclass(frozen=True)
class RunResult:
    """What `run` returns: the typed result of each stage that is finished, as an attribute.

    Another stage is an AttributeError; `finished.get("train")` is None instead.
    """

    folder: Path
    finished: Mapping[StageName, Result] = field(default_factory=dict)

    if TYPE_CHECKING:  # for editors and type checkers; a stage that stands in the settings needs no line here
        prepare: PrepareResult = field(init=False)
        train: TrainResult = field(init=False)
        generate: GenerateResult = field(init=False)
        evaluate: EvaluateResult = field(init=False)
        utility: UtilityResult = field(init=False)
        privacy: PrivacyResult = field(init=False)
        report: ReportResult = field(init=False)
    else:

        def __getattr__(self, name: str) -> Any:
            if name not in STAGES:
                raise AttributeError(f"there is no stage '{name}'")
            if name not in self.finished:
                raise AttributeError(f"stage {name} of {self.folder} has not finished; run it first")
            return self.finished[name]


def finished_result(run: RunFolder, kind: type[AnyResult]) -> AnyResult | None:
    """What the stage with this kind of result returned when it last finished; None where it has not.

    Raises:
        InputError: its record was written by another version of gist.
    """
    record = run.record(stage_of(kind))
    return None if record is None or record.state != "done" else parsed(record, kind, run)


def result_of(run: RunFolder, kind: type[AnyResult], wanted_by: str) -> AnyResult:
    """The same for a stage that must have finished; `wanted_by` is what needs it, such as "evaluate".

    Raises:
        InputError: it has not finished.
    """
    found = finished_result(run, kind)
    if found is None:
        raise InputError(
            f"The {stage_of(kind)} stage of {run.path} has not finished; run it before {wanted_by}."
        )
    return found


def read_what_is_there(run: RunFolder, stage: StageName) -> bool:
    """Whether a stage read what the stages that it needs hold now."""
    record = run.record(stage)
    if record is None:
        return False
    digests = {name: found.digest for name in STAGES[stage].needs if (found := run.record(name)) is not None}
    return all(record.inputs.get(name) == digests.get(name) for name in STAGES[stage].needs)


def results(run: RunFolder) -> RunResult:
    """The typed results of all finished stages of a run folder."""
    found = {name: finished_result(run, stage.promise.result) for name, stage in STAGES.items()}
    return RunResult(run.path, {name: result for name, result in found.items() if result is not None})


def stage_of(kind: type[Result]) -> StageName:
    """The stage that returns this kind of result."""
    return next(name for name, stage in STAGES.items() if stage.promise.result is kind)


def parsed(record: StageRecord, kind: type[AnyResult], run: RunFolder) -> AnyResult | None:
    """The typed result in a record, None where it holds none.

    Raises:
        InputError: it was written by another version of gist.
    """
    if record.result is None:
        return None
    try:
        return kind.model_validate(record.result)
    except ValidationError:
        raise InputError(
            f"The record of {record.stage} in {run.path} is not one that this version of gist wrote; "
            f"run `{run.command(record.stage)}` again."
        ) from None

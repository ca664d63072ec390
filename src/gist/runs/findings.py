"""What a run folder holds for the report: the results of finished stages, the training log, the manifest."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, TypeVar

from pydantic import ValidationError

from gist.errors import InputError
from gist.phantoms import is_phantom_data_set
from gist.runs.folder import STAGE_NAMES, RunFolder, StageRecord
from gist.stages.evaluate import EvaluateResult
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.stages.promise import Result, StageName
from gist.stages.train import TrainResult
from gist.stages.utility import UtilityResult

Tick = dict[str, float]
AnyResult = TypeVar("AnyResult", bound=Result)
_NAMED_BY_PEOPLE = frozenset({"source", "labels", "folder", "run_folder"})


@dataclass(frozen=True)
class Findings:
    """Everything the report draws on; a stage without a finished record is None."""

    prepare: PrepareResult | None
    train: TrainResult | None
    generate: GenerateResult | None
    evaluate: EvaluateResult | None
    utility: UtilityResult | None
    records: dict[StageName, StageRecord]
    """Finished stages only, in the order of the pipeline."""
    ticks: tuple[Tick, ...]
    """Lines of the training log, oldest first; only finite numbers are kept."""
    manifest: dict[str, Any]
    phantoms: bool
    """Whether the images that went in are gist's own phantoms, as far as their folder is there to tell."""
    outdated: tuple[tuple[StageName, StageName], ...]
    """Pairs (stage, upstream) where the upstream stage was redone after the stage had read it."""


def read_findings(run: RunFolder, source: Path | None = None) -> Findings:
    """Reads the records of all stages before the report; `source` is the folder that prepare read, where it is known.

    Raises:
        InputError: no stage is finished, or a record was written by another version of gist.
    """
    records: dict[StageName, StageRecord] = {}
    for stage in STAGE_NAMES[:-1]:
        record = run.record(stage)
        if record is not None and record.state == "done" and record.result is not None:
            records[stage] = record
    if not records:
        raise InputError(f"{run.path} holds no finished stage to report on; run `gist prepare` on it first.")
    train = _parsed(records.get("train"), TrainResult, run)
    prepare = _parsed(records.get("prepare"), PrepareResult, run)
    return Findings(
        prepare=prepare,
        train=train,
        generate=_parsed(records.get("generate"), GenerateResult, run),
        evaluate=_parsed(records.get("evaluate"), EvaluateResult, run),
        utility=_parsed(records.get("utility"), UtilityResult, run),
        records=records,
        ticks=_ticks(run, train.log) if train is not None else (),
        manifest=_manifest(run),
        # The demo keeps its phantoms in the run folder, which forgets the paths of the user's disk.
        phantoms=prepare is not None
        and is_phantom_data_set(
            source or run.path / "phantoms", prepare.train_images + prepare.val_images + prepare.test_images
        ),
        outdated=_outdated(records),
    )


def without_paths(value: Any) -> Any:
    """A JSON value fit for a page that is passed on: folder names may hold a patient's name.

    Keys that hold folders of the user are dropped; other paths from the root are cut to their last part.
    """
    if isinstance(value, dict):
        return {key: without_paths(item) for key, item in value.items() if key not in _NAMED_BY_PEOPLE}
    if isinstance(value, list | tuple):
        return [without_paths(item) for item in value]
    if isinstance(value, str):
        for kind in (PurePosixPath, PureWindowsPath):
            if kind(value).is_absolute() or value.startswith("~"):
                return kind(value).name
    return value


def _parsed(record: StageRecord | None, kind: type[AnyResult], run: RunFolder) -> AnyResult | None:
    if record is None:
        return None
    try:
        return kind.model_validate(record.result)
    except ValidationError:
        raise InputError(
            f"The record of {record.stage} in {run.path} is not one that this version of gist wrote; "
            f"run `gist {record.stage}` again."
        ) from None


def _ticks(run: RunFolder, log: str) -> tuple[Tick, ...]:
    try:
        lines = (run.path / log).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    return tuple(tick for line in lines if (tick := _tick(line)))


def _tick(line: str) -> Tick:
    try:
        entry = json.loads(line, parse_constant=lambda _: None)
    except ValueError:  # a killed process may leave half a last line
        return {}
    if not isinstance(entry, dict):
        return {}
    return {
        key: float(value)
        for key, value in entry.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def _manifest(run: RunFolder) -> dict[str, Any]:
    try:
        manifest = json.loads(run.manifest_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return without_paths(manifest) if isinstance(manifest, dict) else {}


def _outdated(records: dict[StageName, StageRecord]) -> tuple[tuple[StageName, StageName], ...]:
    return tuple(
        (stage, upstream)
        for stage, record in records.items()
        for upstream in STAGE_NAMES
        if upstream in record.inputs
        and upstream in records
        and record.inputs[upstream] != records[upstream].digest
    )

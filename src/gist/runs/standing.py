"""Where every stage of a run stands, compared with the settings, the data and the stages before it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from gist.config import STAGES, Config, Stage
from gist.config.texts import as_typed
from gist.files import sha256_of
from gist.runs.folder import RunFolder, StageRecord, read_record
from gist.stages.promise import StageName, continued_settings, restarting_settings


@dataclass(frozen=True)
class StageProgress:
    """How far a running stage is."""

    done: float
    total: float
    unit: str
    seconds_left: float | None
    """None where it cannot be told yet."""
    last_sign: float
    """Seconds since it last told, by this machine's clock; 0 where that is behind."""


@dataclass(frozen=True)
class StageStatus:
    """Where one stage of a run stands."""

    stage: StageName
    state: Literal["done", "running", "stopped", "failed", "stale", "to continue", "not started"]
    why: str
    """Empty, or one sentence: what is stale, why it failed, how far it is."""
    progress: StageProgress | None = None
    """Of a running stage, once it has told, and where one that did not finish stopped."""
    remarks: tuple[str, ...] = ()
    """What else is worth showing, such as the device of a training."""
    result: str = ""
    """Of a finished stage what came of it, in words."""
    set_name: str | None = None
    """The synthetic set that it is of; None for what all share, and for the set without a name."""


@dataclass(frozen=True)
class RunStanding:
    """One run of several."""

    folder: Path
    stages: tuple[StageStatus, ...]
    problem: str = ""
    """Why the run cannot be read; empty where it can."""


def runs_under(folder: Path) -> list[Path]:
    """The run folders directly inside a folder, by name."""
    return sorted(file.parent for file in folder.glob("*/config.yaml"))


def standings(config: Config, run: RunFolder) -> list[StageStatus]:
    """Where every stage stands; what rests on a result that is out of date is so too, for the same reason."""
    found: list[StageStatus] = []
    reasons: dict[StageName, str] = {}
    for name, stage in STAGES.items():
        standing = assess(stage, config, run)
        inherited = next((reasons[e] for e in stage.earlier if e in reasons), None)
        if standing.state == "done" and inherited is not None:
            standing = StageStatus(name, "stale", inherited)
            reasons[name] = inherited
        elif standing.state in ("stale", "to continue"):
            reasons[name] = f"{name} is {standing.state}, since {standing.why}"
        found.append(_with_details(standing, stage, run))
    return found


def _with_details(standing: StageStatus, stage: Stage, run: RunFolder) -> StageStatus:
    progress = _progress(stage, run) if standing.state in ("running", "stopped", "failed") else None
    if progress is not None and standing.state != "running":
        progress = replace(progress, seconds_left=None)
    set_name = run.set_name if stage.promise.per_set else None
    return replace(standing, progress=progress, remarks=_remarks(stage, run), set_name=set_name)


def _progress(stage: Stage, run: RunFolder) -> StageProgress | None:
    told = run.progress(stage.name)
    if told is None:
        return None
    first, done, total = told.get("first", 0.0), told["done"], told["total"]
    left = told["seconds"] / (done - first) * (total - done) if done > first and total > done else None
    return StageProgress(done, total, told["unit"], left, max(0.0, time.time() - told["at"]))


def _remarks(stage: Stage, run: RunFolder) -> tuple[str, ...]:
    """Of the newest sitting; nothing before the first."""
    if stage.promise.remarks is None:
        return ()
    file, keys = stage.promise.remarks
    try:
        facts = json.loads((run.folder_of(stage.name) / file).read_text(encoding="utf-8"))
        return tuple(str(facts[key]) for key in keys)
    except (OSError, ValueError, KeyError):
        return ()


def assess(stage: Stage, config: Config, run: RunFolder) -> StageStatus:
    """Where a stage stands by its own record, whatever became of the stages before it since they were read."""
    record = run.record(stage.name)
    if record is None:
        return StageStatus(stage.name, "not started", "")
    changed = _changes(stage, record, config, run)
    if changed:
        return StageStatus(stage.name, "stale", changed)
    if record.state == "running" and not run.is_locked():
        return StageStatus(stage.name, "stopped", "it was interrupted; the same command continues it")
    if record.state == "done":
        further = _to_continue(stage, record, config)
        if further:
            return StageStatus(stage.name, "to continue", further)
        missing = next((file for file in record.outputs if not (run.path / file).is_file()), None)
        if missing is not None:
            return StageStatus(stage.name, "stale", f"its file {missing} is gone")
        for pattern, number in run.counts(stage.name).items():
            gone = record.counts.get(pattern, 0) - number
            if gone > 0:
                why = f"{gone} of its {record.counts[pattern]} files {pattern} {'is' if gone == 1 else 'are'} gone"
                return StageStatus(stage.name, "to continue", why)
    result = _in_one_line(stage, record) if record.state == "done" else ""
    return StageStatus(stage.name, record.state, record.error or "", result=result)


def _in_one_line(stage: Stage, record: StageRecord) -> str:
    try:
        return stage.promise.result.model_validate(record.result).in_one_line()
    except ValidationError:  # another version of gist wrote it
        return ""


def kept_result(stage: Stage, config: Config, run: RunFolder) -> Path | None:
    """The folder of an earlier result that was put aside and that these settings ask for again."""
    matching: dict[Path, StageRecord] = {}
    for folder in run.kept_results(stage.name):
        record = read_record(folder / "stage.json")
        if record is not None and not _changes(stage, record, config, run):
            matching[folder] = record
    finished = [folder for folder, record in matching.items() if record.state == "done"]
    return next(iter(finished or matching), None)


def needs_work(stage: Stage, config: Config, run: RunFolder) -> bool:
    """Whether a command that names the stage has anything to do for it, beyond fetching a kept result."""
    standing = assess(stage, config, run)
    if standing.state in ("stale", "not started"):
        kept = kept_result(stage, config, run)
        record = None if kept is None else read_record(kept / "stage.json")
        return record is None or record.state != "done" or bool(_to_continue(stage, record, config))
    return standing.state != "done"


def stage_settings(stage: Stage, config: Config) -> dict[str, Any]:
    """The settings whose change makes the stage's result stale, by name."""
    return {"seed": config.seed, **restarting_settings(stage.kept(config))}


def stage_inputs(stage: Stage, config: Config, run: RunFolder) -> dict[str, str]:
    """Digest of everything that the stage reads, by what it is."""
    inputs: dict[str, str] = {}
    for earlier in stage.earlier:
        record = run.record(earlier)
        if record is not None and record.outputs:
            inputs[earlier] = record.digest
    for name, file in stage.promise.reads.items():
        read = run.folder_of(stage.name).parent / file
        if read.is_file():
            inputs[name] = sha256_of(read)
    return inputs | stage.further_inputs(config, run)


def _to_continue(stage: Stage, record: StageRecord, config: Config) -> str:
    """Which setting asks a finished stage to go on, in words; empty if none does."""
    defaults = continued_settings(stage.of(Config()))
    for name, value in continued_settings(stage.kept(config)).items():
        if name not in record.continued_settings and value == defaults[name]:
            continue  # a setting that a newer gist brought, left as it came
        if record.continued_settings.get(name) != value:
            return f"{record.stage}.{name} is now {as_typed(value)}"
    return ""


def _changes(stage: Stage, record: StageRecord, config: Config, run: RunFolder) -> str:
    settings, inputs = stage_settings(stage, config), stage_inputs(stage, config, run)
    defaults = stage_settings(stage, Config())
    for name, value in settings.items():
        if name not in record.settings and value == defaults[name]:
            continue  # a setting that a newer gist brought, left as it came
        if record.settings.get(name) != value and not _same_file(record.settings.get(name), value, run):
            key = name if name == "seed" else f"{record.stage}.{name}"
            before = record.settings.get(name, defaults[name])
            return f"{key} changed from {as_typed(before)} to {as_typed(value)}"
    # What lies at a private path is compared only by commands that name the path.
    at_private_paths = stage.promise.private_inputs
    known = inputs.keys() | (record.inputs.keys() - at_private_paths.keys())
    for name in sorted(known):
        if inputs.get(name) != record.inputs.get(name):
            return at_private_paths.get(name, f"the result of {name} changed")
    return ""


def _same_file(recorded: Any, value: Any, run: RunFolder) -> bool:
    """Whether both are one path; older records hold theirs from the working folder."""
    if not isinstance(recorded, str) or not isinstance(value, str):
        return False
    return Path(recorded).expanduser().resolve() == (run.path / value).resolve()

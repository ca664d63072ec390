"""Where every stage of a run stands, compared with the settings, the data and the stages before it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gist.config import Config
from gist.files import sha256_of
from gist.generation.best_snapshot import best_snapshot
from gist.intake.source_state import source_state
from gist.runs.folder import RunFolder, StageRecord, read_record
from gist.runs.stages import STAGES, Stage
from gist.stages.promise import StageName, continued_settings, restarting_settings

_AT_PRIVATE_PATHS = {
    "source": "the source folder changed",
    "weights": "the file that evaluate.weights names is another than before",
}
"""Inputs that the run folder does not know the place of, and what to say when they differ."""


@dataclass(frozen=True)
class StageStatus:
    """Where one stage of a run stands."""

    stage: StageName
    state: Literal["done", "running", "stopped", "failed", "stale", "to continue", "not started"]
    why: str
    """Empty, or one sentence: what is stale, why it failed, how far it is."""


def standings(config: Config, run: RunFolder) -> list[StageStatus]:
    """Where every stage stands; what rests on a result that is out of date is so too, for the same reason."""
    found: list[StageStatus] = []
    reasons: dict[StageName, str] = {}
    for name, stage in STAGES.items():
        standing = assess(stage, config, run)
        inherited = next((reasons[e] for e in (*stage.needs, *stage.uses) if e in reasons), None)
        if standing.state == "done" and inherited is not None:
            standing = StageStatus(name, "stale", inherited)
            reasons[name] = inherited
        elif standing.state in ("stale", "to continue"):
            reasons[name] = f"{name} is {standing.state}, since {standing.why}"
        found.append(standing)
    return found


def assess(stage: Stage, config: Config, run: RunFolder) -> StageStatus:
    """Where a stage stands by its own record, whatever became of the stages before it since they were read."""
    record = run.record(stage.name)
    if record is None:
        return StageStatus(stage.name, "not started", "")
    changed = _changes(record, stage_settings(stage, config), stage_inputs(stage, config, run))
    if changed:
        return StageStatus(stage.name, "stale", changed)
    if record.state == "running" and not run.is_locked():
        return StageStatus(stage.name, "stopped", "it was interrupted; the same command continues it")
    if record.state == "done":
        further = _to_continue(record, config)
        if further:
            return StageStatus(stage.name, "to continue", further)
        missing = next((file for file in record.outputs if not (run.path / file).is_file()), None)
        if missing is not None:
            return StageStatus(stage.name, "stale", f"its file {missing} is gone")
    return StageStatus(stage.name, record.state, record.error or "")


def kept_result(stage: Stage, config: Config, run: RunFolder) -> Path | None:
    """The folder of an earlier result that was put aside and that these settings ask for again."""
    matching: dict[Path, StageRecord] = {}
    for folder in run.kept_results(stage.name):
        record = read_record(folder / "stage.json")
        if record is not None and not _changes(
            record, stage_settings(stage, config), stage_inputs(stage, config, run)
        ):
            matching[folder] = record
    finished = [folder for folder, record in matching.items() if record.state == "done"]
    return next(iter(finished or matching), None)


def needs_work(stage: Stage, config: Config, run: RunFolder) -> bool:
    """Whether a command that names the stage has anything to do for it, beyond fetching a kept result."""
    standing = assess(stage, config, run)
    if standing.state in ("stale", "not started"):
        kept = kept_result(stage, config, run)
        record = None if kept is None else read_record(kept / "stage.json")
        return record is None or record.state != "done" or bool(_to_continue(record, config))
    return standing.state != "done"


def stage_settings(stage: Stage, config: Config) -> dict[str, Any]:
    """The settings whose change makes the stage's result stale, by name."""
    return {"seed": config.seed, **restarting_settings(getattr(config, stage.name))}


def stage_inputs(stage: Stage, config: Config, run: RunFolder) -> dict[str, str]:
    """Digest of everything that the stage reads, by what it is."""
    if stage.name == "prepare":
        return {} if config.prepare.source is None else {"source": source_state(config.prepare)}
    inputs: dict[str, str] = {}
    for earlier in (*stage.needs, *stage.uses):
        record = run.record(earlier)
        if record is not None and record.outputs:
            inputs[earlier] = record.digest
    inspected = run.path / "inspect" / "result.json"
    if stage.name == "report" and inspected.is_file():
        inputs["inspect"] = sha256_of(inspected)
    snapshots = run.path / "evaluate" / "snapshots.json"
    if stage.name == "report" and snapshots.is_file():
        inputs["snapshots"] = sha256_of(snapshots)
    if stage.name == "generate" and config.generate.network == "best":
        best = best_snapshot(run)
        inputs["best snapshot"] = best.name if best is not None else ""
    weights = config.evaluate.weights and config.evaluate.weights.expanduser()
    if stage.name == "evaluate" and weights is not None:
        inputs["weights"] = sha256_of(weights) if weights.is_file() else ""
    return inputs


def _to_continue(record: StageRecord, config: Config) -> str:
    """Which setting asks a finished stage to go on, in words; empty if none does."""
    defaults = continued_settings(getattr(Config(), record.stage))
    for name, value in continued_settings(getattr(config, record.stage)).items():
        if name not in record.continued_settings and value == defaults[name]:
            continue  # a setting that a newer gist brought, left as it came
        if record.continued_settings.get(name) != value:
            return f"{record.stage}.{name} is now {value}"
    return ""


def _changes(record: StageRecord, settings: dict[str, Any], inputs: dict[str, str]) -> str:
    defaults = stage_settings(STAGES[record.stage], Config())
    for name, value in settings.items():
        if name not in record.settings and value == defaults[name]:
            continue  # a setting that a newer gist brought, left as it came
        if record.settings.get(name) != value:
            key = name if name == "seed" else f"{record.stage}.{name}"
            return f"{key} changed from {record.settings.get(name)} to {value}"
    # What lies at a private path is compared only by commands that name the path.
    known = inputs.keys() | (record.inputs.keys() - _AT_PRIVATE_PATHS.keys())
    for name in sorted(known):
        if inputs.get(name) != record.inputs.get(name):
            return _AT_PRIVATE_PATHS.get(name, f"the result of {name} changed")
    return ""

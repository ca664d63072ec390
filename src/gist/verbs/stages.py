"""Runs and their stages: bringing them up to date, stopping them, showing where they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, Unpack

from gist.config import SET_STAGES, STAGE_NAMES, STAGES, Config, build_config, with_changes
from gist.config.texts import as_typed
from gist.errors import InputError
from gist.progress import Progress, Silent
from gist.runs import pipeline
from gist.runs.folder import RunFolder
from gist.runs.pipeline import open_run, run_stages
from gist.runs.results import RunResult
from gist.runs.shards import parse_shard
from gist.runs.standing import RunStanding, StageStatus, runs_under, standings
from gist.stages.evaluate import EvaluateResult, SnapshotCurve
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.stages.privacy import PrivacyResult
from gist.stages.promise import Result, StageName, unusual_settings
from gist.stages.report import ReportResult
from gist.stages.train import TrainResult
from gist.stages.utility import UtilityResult
from gist.verbs.beginning import begin
from gist.verbs.typed_settings import (
    EvaluateSettings,
    GenerateSettings,
    PrepareSettings,
    PrivacySettings,
    ReportSettings,
    TrainSettings,
    UtilitySettings,
)

AnyResult = TypeVar("AnyResult", bound=Result)


def run(
    settings: Path | str | Config,
    *,
    stages: Sequence[str] = STAGE_NAMES,
    changes: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> RunResult:
    """Brings the chosen stages of a run up to date; calling it again continues or does nothing.

    Args:
        settings: YAML file, ready settings, a run folder, or the data itself (`gist.verbs.beginning`).
        stages: any of prepare, train, generate, evaluate, utility, privacy, report, or of those of other packages.
        changes: settings to change, by dotted name: `{"train.kimg": 20}`.

    Raises:
        gist.errors.InputError: settings or data are wrong; the sentence says what to do.
        gist.errors.GistError: anything else that stopped it.
    """
    config = (
        with_changes(settings, changes) if isinstance(settings, Config) else begin(settings, changes).config
    )
    return run_stages(config, check_stages(stages), progress or Silent())


def run_stage(
    folder: Path | str,
    stage: str,
    *,
    name: str | None = None,
    changes: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Result:
    """Brings one stage of a run folder up to date, whichever it is; settings as in its section of the settings file.

    `changes` are settings of any section by dotted name: `{"threads": 2}`. `name` is that of one of several synthetic
    sets; generate begins one that is not there.
    """
    chosen, config = _of_stage(folder, stage, name, settings, changes, progress or Silent())
    return run_stages(config, [chosen], progress or Silent(), name).finished[chosen]


def run_shard(
    folder: Path | str,
    stage: str,
    shard: str,
    *,
    name: str | None = None,
    changes: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Result | None:
    """Does a shard of prepare or generate, such as `3/8`, for the third of eight processes that share the run folder.

    The last one to finish joins them and gives the stage's result, the same in every bit as that of one process; the
    others give None. Called again it goes on where it was interrupted.
    """
    part = parse_shard(shard)
    chosen, config = _of_stage(folder, stage, name, settings, changes, progress or Silent())
    made = pipeline.run_shard(config, chosen, part, progress or Silent(), name)
    return None if made is None else made.finished[chosen]


def _of_stage(
    folder: Path | str,
    stage: str,
    name: str | None,
    settings: Mapping[str, Any],
    changes: Mapping[str, Any] | None,
    progress: Progress,
) -> tuple[StageName, Config]:
    """A stage by its name, and the settings that a command about it means."""
    (chosen,) = check_stages([stage])
    if name is not None:
        config = open_set(folder, name, chosen, changes)
    else:
        config = open_run(folder)[1] if STAGES[chosen].needs else existing_or_new(folder)
    return chosen, _changed(config, chosen, settings, changes, progress)


def open_set(
    folder: Path | str, name: str, stage: StageName, changes: Mapping[str, Any] | None = None
) -> Config:
    """The settings of a synthetic set with a name, of which a stage is wanted.

    Raises:
        InputError: there is no such set, the stage is none of a set, or a change is of what the sets share.
    """
    if stage not in SET_STAGES:
        raise InputError(f"All synthetic sets share stage {stage}; leave --name out.")
    for key in changes or {}:
        if key.partition(".")[0] not in (*SET_STAGES, "threads", "device", "operations"):
            raise InputError(f"All synthetic sets of a run share {key}; change it without --name.")
    return open_run(folder, name, begin=SET_STAGES[0] == stage)[1]


def prepare(
    source: Path | str,
    folder: Path | str,
    *,
    progress: Progress | None = None,
    **settings: Unpack[PrepareSettings],
) -> PrepareResult:
    """Turns a folder of radiographs into archives inside the run folder `folder`; settings as in PrepareConfig."""
    return _result(
        PrepareResult, run_stage(folder, "prepare", progress=progress, source=str(source), **settings)
    )


def train(
    folder: Path | str, *, progress: Progress | None = None, **settings: Unpack[TrainSettings]
) -> TrainResult:
    """Trains on the prepared data of a run folder; settings as in TrainConfig."""
    return _result(TrainResult, run_stage(folder, "train", progress=progress, **settings))


def generate(
    folder: Path | str,
    *,
    name: str | None = None,
    progress: Progress | None = None,
    **settings: Unpack[GenerateSettings],
) -> GenerateResult:
    """Draws synthetic images into a run folder; settings as in GenerateConfig.

    With a `name` they are a set of their own beside those of other names and of none, each with its own evaluation,
    utility, inspection and report.
    """
    return _result(GenerateResult, run_stage(folder, "generate", name=name, progress=progress, **settings))


def evaluate(
    folder: Path | str,
    *,
    name: str | None = None,
    progress: Progress | None = None,
    **settings: Unpack[EvaluateSettings],
) -> EvaluateResult:
    """Compares the synthetic images of a run folder with its held-out real ones; settings as in EvaluateConfig."""
    return _result(EvaluateResult, run_stage(folder, "evaluate", name=name, progress=progress, **settings))


def measure_utility(
    folder: Path | str,
    *,
    name: str | None = None,
    progress: Progress | None = None,
    **settings: Unpack[UtilitySettings],
) -> UtilityResult:
    """GAN-train and GAN-test of the synthetic images of a run folder; settings as in UtilityConfig."""
    return _result(UtilityResult, run_stage(folder, "utility", name=name, progress=progress, **settings))


def measure_privacy(
    folder: Path | str,
    *,
    name: str | None = None,
    progress: Progress | None = None,
    **settings: Unpack[PrivacySettings],
) -> PrivacyResult:
    """Memorisation audit of the synthetic images of a run folder; settings as in PrivacyConfig."""
    return _result(PrivacyResult, run_stage(folder, "privacy", name=name, progress=progress, **settings))


def report(
    folder: Path | str,
    *,
    name: str | None = None,
    progress: Progress | None = None,
    **settings: Unpack[ReportSettings],
) -> ReportResult:
    """Writes the report of a run folder; settings as in ReportConfig."""
    return _result(ReportResult, run_stage(folder, "report", name=name, progress=progress, **settings))


def evaluate_snapshots(
    folder: Path | str,
    *,
    changes: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    **settings: Unpack[EvaluateSettings],
) -> SnapshotCurve:
    """Evaluates every snapshot of a training on the same real images; settings as in EvaluateConfig.

    Snapshots that were evaluated before in the same way are not evaluated again.
    """
    from gist.evaluation.snapshots import evaluate_snapshots as evaluate_all

    run, config = open_run(folder)
    with run.locked():
        config = _changed(config, "evaluate", settings, changes, progress or Silent())
        return evaluate_all(config, run, progress or Silent())


def status(folder: Path | str, *, name: str | None = None) -> list[StageStatus]:
    """Where every stage of a run folder stands, then those of every synthetic set with a name.

    With `name`, where every stage stands for this set.
    """
    run, config = open_run(folder, name)
    found = standings(config, run)
    for other in run.sets() if name is None else ():
        own = standings(open_run(folder, other.set_name)[1], other)
        found += [entry for entry in own if entry.set_name is not None]
    return found


def next_command(folder: Path | str, name: str | None = None) -> str | None:
    """The command for the first stage, of a synthetic set, with anything to do; None where all is done."""
    run, config = open_run(folder, name)
    undone = [entry for entry in standings(config, run) if entry.state != "done"]
    if name is not None:  # drawn without what the sets share and nobody began
        undone = [entry for entry in undone if entry.set_name or entry.state != "not started"]
    stage = next((entry.stage for entry in undone), None)
    return None if stage is None else run.command(stage)


def list_runs(folder: Path | str = "runs") -> list[RunStanding]:
    """The runs directly inside a folder and where their stages stand, by name."""
    found = []
    for path in runs_under(Path(folder)):
        try:
            run, config = open_run(path)
            found.append(RunStanding(path, tuple(standings(config, run))))
        except InputError as error:
            found.append(RunStanding(path, (), str(error)))
    return found


def stop(folder: Path | str) -> None:
    """Asks the process that works on a run, on whichever machine, to stop; the same command continues it.

    Training stops after its present step with a checkpoint, other stages within seconds. Returns at once.

    Raises:
        InputError: no process works on it.
    """
    run = RunFolder(folder)
    if not run.is_locked():
        raise InputError(f"Nothing is running in {run.path}, so there is nothing to stop.")
    run.stop_file.touch()


def check_stages(names: Sequence[str]) -> list[StageName]:
    """The names as stages; a text is one name.

    Raises:
        InputError: one of them is no stage.
    """
    names = [names] if isinstance(names, str) else names
    for name in names:
        if name not in STAGE_NAMES:
            raise InputError(f"'{name}' is not a stage; choose from {', '.join(STAGE_NAMES)}.")
    return [name for name in STAGE_NAMES if name in names]


def _result(kind: type[AnyResult], result: Result) -> AnyResult:
    assert isinstance(result, kind)
    return result


def _changed(
    config: Config,
    stage: StageName,
    settings: Mapping[str, Any],
    changes: Mapping[str, Any] | None,
    progress: Progress,
) -> Config:
    """The settings with those of one stage changed; says which of that stage's differ from the defaults."""
    changes = {f"{stage}.{name}": value for name, value in settings.items()} | dict(changes or {})
    changed = with_changes(config, changes)
    unusual = {name: as_typed(value) for name, value in unusual_settings(STAGES[stage].of(changed)).items()}
    given = ", ".join(f"{name} {value}" for name, value in unusual.items() if f"{stage}.{name}" in changes)
    earlier = ", ".join(
        f"{name} {value}" for name, value in unusual.items() if f"{stage}.{name}" not in changes
    )
    said = "; ".join(filter(None, (given, earlier and f"{earlier}, as an earlier command set")))
    if said:
        progress.note(f"{stage}: {said}.")
    return changed


def existing_or_new(folder: Path | str) -> Config:
    """The settings of a run folder, which may be a new one."""
    if (Path(folder) / "config.yaml").exists():
        return open_run(folder)[1]
    return build_config({"folder": str(folder), "name": name_from(Path(folder))})


def name_from(folder: Path) -> str:
    """A run's name from that of a folder or file."""
    kept = "".join(
        letter if letter.isascii() and letter.isalnum() else "-" for letter in folder.resolve().name
    )
    return kept.strip("-")[:64] or "run"

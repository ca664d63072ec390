"""Trials brought to their end, one by one, by this process and by any others that work on the same study."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from gist.config import Config, with_changes
from gist.errors import GistError, InputError
from gist.machine.device import computing
from gist.machine.interruption import Stopped
from gist.progress import Progress
from gist.runs.pipeline import open_run, run_stages
from gist.runs.private_paths import without_private_paths
from gist.runs.results import finished_result
from gist.stages.prepare import PrepareResult
from gist.studies.folder import StudyFolder
from gist.studies.measuring import Yardstick, measure_trial
from gist.studies.pruning import Watching, snapshots_of
from gist.studies.record import TRIAL, Trial, TrialRecord
from gist.studies.subsets import write_prepared


def work(study: StudyFolder, trials: Iterable[Trial], config: Config, progress: Progress) -> None:
    """Brings these trials to their end; those that others work on, or that are done, are passed over.

    A trial that fails is noted with the reason and stops no other; the next call tries it once more.

    Raises:
        Stopped: a signal asked to stop; what has begun goes on with the next call.
    """

    plan = study.plan()

    @cache
    def yardstick() -> Yardstick:
        with computing(config) as device:
            return Yardstick.of(
                study.base, config, progress, device, choosing=plan.kind == "tune", gan_train=plan.gan_train
            )

    for trial in trials:
        with study.claimed(trial) as mine:
            if not mine:
                progress.note(f"{trial.name}: another process works on it.")
            elif not study.is_done(trial):
                progress.note(f"Trial {trial.name}.")
                study.write(_finished(study, trial, config, progress, yardstick))


def _finished(
    study: StudyFolder, trial: Trial, config: Config, progress: Progress, yardstick: Callable[[], Yardstick]
) -> TrialRecord:
    run, watching = study.run_of(trial), None
    try:
        own = open_run(run.path)[1]
        if finished_result(run, PrepareResult) is None:
            write_prepared(study.base, run, trial.images, config.seed + trial.repeat - 1, own.seed)
        place = {"device": config.device, "threads": config.threads}
        if study.plan().prune and trial.group.startswith(TRIAL):
            watching = progress = Watching(progress, run, own, study.records)
        run_stages(with_changes(own, place), ["train", "generate"], progress)
        with computing(config):
            scores = measure_trial(run, yardstick())
        return TrialRecord(trial=trial, state="done", scores=scores, snapshots=snapshots_of(run, own))
    except Stopped:
        if watching is None or not watching.gave_up:
            raise
        progress.note(f"Trial {trial.name} is given up: its snapshots are worse than the median of others.")
        return TrialRecord(trial=trial, state="pruned", snapshots=snapshots_of(run, own))
    except Exception as error:  # whatever it is, the other trials are none the worse for it
        why = (
            str(error) if isinstance(error, GistError) else f"{type(error).__name__}, a fault of gist itself"
        )
        why = without_private_paths(why, config)
        progress.note(f"Trial {trial.name} failed: {why}")
        return TrialRecord(trial=trial, state="failed", error=why.replace(f"{study.path}", "the study"))


def work_on_one(study: StudyFolder, trial: Trial, config: Config, progress: Progress) -> TrialRecord:
    """One trial alone, as a job of an array does it.

    Raises:
        InputError: another process works on it.
    """
    with study.claimed(trial) as mine:
        if not mine:
            raise InputError(f"Another process works on trial {trial.name} of {study.path}; wait for it.")
    work(study, [trial], config, progress)
    return study.record(trial)

"""Trials of a search that are given up early, by the scores of their snapshots."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from gist.config import Config
from gist.errors import InputError
from gist.evaluation.set_reader import real_data
from gist.progress import Progress
from gist.runs.folder import RunFolder
from gist.studies.folder import StudyFolder
from gist.studies.measuring import judges
from gist.studies.record import TrialRecord
from gist.training.curves import read_ticks
from gist.training.hold_out import FEWEST

SNAPSHOTS = 8
"""Of each trial, where the user asks for no other number."""
LEAST_TRIALS = 5
"""Finished ones before any is given up."""
LEAST_SNAPSHOTS = 2


def check_pruning(study: StudyFolder) -> None:
    """Raises InputError where too few real images are held out to score snapshots by."""
    held_out = len(judges(study.base, real_data(study.base), choosing=True))
    if held_out < FEWEST:
        raise InputError(
            f"Trials are given up by snapshots that are scored against at least {FEWEST} held-out images, and there "
            f"are {held_out}; raise prepare.test_fraction, or leave --prune out."
        )


def snapshots_of(run: RunFolder, config: Config) -> dict[int, float]:
    """Number of each snapshot of a training, from 1 -> its KID; empty where these are not scored."""
    every = config.train.snapshot_kimg
    if every == "auto":
        return {}
    ticks = [tick for tick in read_ticks(run.path / "train" / "log.jsonl") if "kid" in tick]
    return {int(tick["kimg"] / every + 1e-6): tick["kid"] for tick in ticks}


def gives_up(snapshots: Mapping[int, float], records: Sequence[TrialRecord]) -> bool:
    """Optuna's median rule: its best snapshot is worse than the median of the finished trials at the newest one."""
    import optuna
    from optuna.trial import TrialState, create_trial

    study = optuna.create_study()
    for record in records:
        if record.scores is not None:
            value = record.scores.kid
            study.add_trial(create_trial(value=value, intermediate_values=dict(record.snapshots)))
    rule = optuna.pruners.MedianPruner(n_startup_trials=LEAST_TRIALS, n_warmup_steps=LEAST_SNAPSHOTS)
    own = create_trial(state=TrialState.RUNNING, intermediate_values=dict(snapshots))
    return rule.prune(study, own)


class Watching:
    """Passes progress on, and asks the training of a run to stop when it is to be given up."""

    def __init__(
        self,
        progress: Progress,
        run: RunFolder,
        config: Config,
        others: Callable[[], Sequence[TrialRecord]],
    ) -> None:
        self._progress, self._run, self._config, self._others = progress, run, config, others
        self._seen = 0
        self.gave_up = False

    @property
    def stage(self) -> str:
        return self._progress.stage

    @stage.setter
    def stage(self, name: str) -> None:
        self._progress.stage = name

    def note(self, text: str) -> None:
        self._progress.note(text)

    def advance(self, done: float, total: float, unit: str, detail: str = "") -> None:
        self._progress.advance(done, total, unit, detail)
        if self.stage != "train" or self.gave_up or done >= total:
            return
        snapshots = snapshots_of(self._run, self._config)
        if len(snapshots) > self._seen:
            self._seen = len(snapshots)
            if gives_up(snapshots, self._others()):
                self.gave_up = True
                self._run.stop_file.touch()

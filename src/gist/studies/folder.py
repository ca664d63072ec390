"""The folder of a study: one prepared data set, a run folder per trial, and what was asked for.

    studies/knee-size/
      study.json        kind and options, and nothing of what came of them
      base/             a run folder with the prepared data
      trials/NAME/      an ordinary run folder; its trial.json is the one record of the trial
      study.html  result.json

Nothing is kept in memory or in a data base: killed at any moment, a study is what its folders say.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from gist.config import Config, sections, with_changes
from gist.errors import InputError
from gist.files import write_json
from gist.progress import Progress
from gist.runs.folder import RunFolder
from gist.runs.pipeline import keep_settings, open_run, run_stages
from gist.runs.results import finished_result
from gist.stages.prepare import PrepareResult
from gist.stages.promise import Result, kept_settings
from gist.studies.record import Trial, TrialRecord

Kind = Literal["size", "tune", "architectures", "transfer"]
RECORD = "trial.json"


class StudyPlan(Result):
    """`study.json`."""

    kind: Kind
    options: dict[str, Any]
    """What the command was given that is not a setting of the runs."""

    @property
    def gan_train(self) -> int:
        """How often a classifier learns from each trial's images; 0 for not at all."""
        return int(self.options.get("gan_train", 0))

    @property
    def prune(self) -> bool:
        """Whether trials of a search are given up early."""
        return bool(self.options.get("prune", False))

    @property
    def objectives(self) -> tuple[str, ...]:
        """What a search lowers."""
        return tuple(self.options.get("objectives", ("kid",)))


class StudyFolder:
    """Paths, plan and records of a study."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.base = RunFolder(self.path / "base")
        self.page = self.path / "study.html"

    def begin(self, kind: Kind, options: Mapping[str, Any], config: Config, progress: Progress) -> Config:
        """Prepares the data once and notes the plan; for a study that has begun, checks that it is this one.

        Returns the settings that all trials start from.

        Raises:
            InputError: the folder holds something else, or a study of another kind or other settings.
        """
        plan = StudyPlan(kind=kind, options=dict(options))
        if self.path.exists() and any(self.path.iterdir()) and not self.begun:
            raise InputError(f"{self.path} holds something else; name a new folder for the study with --out.")
        if self.begun:
            before = self.plan()
            if before.kind != kind:
                raise InputError(
                    f"{self.path} holds a study of kind {before.kind}; name another folder with --out."
                )
            if self.base.config_file.is_file():
                self._same_settings(config)
        write_json(self._plan_file, plan.model_dump(mode="json"))
        if finished_result(self.base, PrepareResult) is None:
            self._prepare(config, progress)
        return with_changes(open_run(self.base.path)[1], where_to_compute(config))

    @property
    def begun(self) -> bool:
        """Whether there is a study in the folder."""
        return self._plan_file.is_file()

    def plan(self) -> StudyPlan:
        """What was asked for.

        Raises:
            InputError: there is no study here.
        """
        try:
            return StudyPlan.model_validate_json(self._plan_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(
                f"There is no study in {self.path}; check the path, or begin one with `gist study`."
            ) from None
        except (OSError, ValueError):
            raise InputError(
                f"{self._plan_file} cannot be read; give the command of the study again."
            ) from None

    def run_of(self, trial: Trial) -> RunFolder:
        """The run folder of a trial."""
        return RunFolder(self.path / "trials" / trial.name)

    def record(self, trial: Trial) -> TrialRecord:
        """What became of a trial; planned where nothing has."""
        return self._read(self.run_of(trial).path / RECORD) or TrialRecord(trial=trial, state="planned")

    def is_done(self, trial: Trial) -> bool:
        """Whether all that the plan asks of a trial is done."""
        record = self.record(trial)
        if record.scores is None:
            return record.state == "pruned"
        return not self.plan().gan_train or record.scores.gan_train is not None

    def records(self) -> list[TrialRecord]:
        """Those of all trials that have a folder, by name."""
        files = sorted(self.path.glob(f"trials/*/{RECORD}"))
        return [record for file in files if (record := self._read(file)) is not None]

    def write(self, record: TrialRecord) -> None:
        write_json(self.run_of(record.trial).path / RECORD, record.model_dump(mode="json"))

    def propose(self, trial: Trial, config: Config) -> bool:
        """Gives a trial its folder, with settings and a record of what is asked; False where it has one.

        A process that asks second finds the folder there, so that two never propose different trials of one name.
        """
        folder = self.run_of(trial).path
        if (folder / RECORD).is_file():
            return False
        with self.claimed(trial) as mine:
            if not mine or (folder / RECORD).is_file():
                return False
            keep_settings(config)
            self.write(TrialRecord(trial=trial, state="planned"))
        return True

    def started_from(self) -> Path | str | None:
        """The network that trials of the study start from, by the settings of one of them."""
        networks = (open_run(self.run_of(each.trial).path)[1].train.start_from for each in self.records())
        return next((network for network in networks if network is not None), None)

    @contextmanager
    def claimed(self, trial: Trial) -> Iterator[bool]:
        """Whether the trial is this process's own inside; the claim vanishes with the process, however it ends."""
        from filelock import FileLock, Timeout

        folder = self.run_of(trial).path
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".claim")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    @property
    def _plan_file(self) -> Path:
        return self.path / "study.json"

    def _prepare(self, config: Config, progress: Progress) -> None:
        own = with_changes(config, {"folder": self.base.path, "name": "base"})
        prepared = finished_result(RunFolder(config.run_folder), PrepareResult)
        if prepared is None or config.prepare.source is not None:
            run_stages(own, ["prepare"], progress)
            return
        from gist.studies.subsets import write_prepared  # a run's own data, whose source is not named again

        keep_settings(own)
        write_prepared(RunFolder(config.run_folder), self.base, None, 0, own.seed)

    def _same_settings(self, config: Config) -> None:
        before, now = _flat(open_run(self.base.path)[1]), _flat(config)
        other = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
        if other:
            raise InputError(
                f"The study in {self.path} began with another {other[0]}; name another folder with --out, or set it "
                "back."
            )

    @staticmethod
    def _read(file: Path) -> TrialRecord | None:
        try:
            return TrialRecord.model_validate_json(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValidationError, json.JSONDecodeError):
            raise InputError(f"{file} cannot be read; delete its folder to have the trial again.") from None


def where_to_compute(config: Config) -> dict[str, Any]:
    """The settings that belong to a machine and not to a study."""
    return {
        "device": config.device,
        "threads": config.threads,
        "evaluate.weights": config.evaluate.weights,
    }


def _flat(config: Config) -> dict[str, Any]:
    """The settings that may be kept and that results depend on, by dotted name; paths by their last part."""
    groups = sections(config)
    found = {"seed": config.seed} | {
        f"{section}.{name}": value
        for section, group in groups.items()
        for name, value in kept_settings(group).items()
    }
    return {
        key: Path(value).name if isinstance(value, str) and "/" in value else value
        for key, value in found.items()
    }


def in_order(trials: Sequence[Trial], records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """The records of these trials, then those of others."""
    known = {record.trial.name: record for record in records}
    first = [known.pop(trial.name, TrialRecord(trial=trial, state="planned")) for trial in trials]
    return [*first, *known.values()]

"""The run folder: where everything of a run lies, and how a file comes to lie there without ever being half there."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from gist.config import STAGES
from gist.errors import BusyError, InputError
from gist.files import sha256_of, write_json
from gist.stages.promise import StageName

SETS = "sets"
"""Folder of a run that holds a folder for each synthetic set with a name."""
_SET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NEVER_FINAL = ("stage.json", "progress.json")


class StageRecord(BaseModel):
    """What is known of one stage of a run: `<stage>/stage.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    stage: StageName
    state: Literal["running", "done", "failed", "stopped"]
    settings: dict[str, Any]
    """Settings that would make the result stale if they changed."""
    continued_settings: dict[str, Any]
    """Settings of the stage whose change continues the work."""
    inputs: dict[str, str]
    """Upstream stage or `source` -> digest of what was read."""
    outputs: dict[str, str] = {}
    """File relative to the run folder -> SHA-256."""
    counts: dict[str, int] = {}
    """Pattern of files that are only counted (`Promise.counted`) -> how many there were."""
    result: dict[str, Any] | None = None
    started: str
    finished: str | None = None
    seconds: float | None = None
    error: str | None = None

    @property
    def digest(self) -> str:
        """Digest of everything the stage wrote, which is what later stages depend on."""
        return hashlib.sha256(json.dumps(self.outputs, sort_keys=True).encode()).hexdigest()


def read_record(file: Path) -> StageRecord | None:
    """The record in a `stage.json`, None if there is no such file.

    Raises:
        InputError: the record is not readable, which only outside interference can cause.
    """
    try:
        return StageRecord.model_validate_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        raise InputError(
            f"{file} cannot be read; delete the folder {file.parent} to redo this stage."
        ) from None


class RunFolder:
    """Paths and records of one run, as one of its synthetic sets sees it: the one without a name, or `sets/NAME/`.

    The sets share prepare and train; the stages that promise so are each set's own (`Promise.per_set`).
    """

    def __init__(self, path: Path | str, set_name: str | None = None) -> None:
        self.path = Path(path)
        self.set_name = set_name
        if set_name is not None and not _SET_NAME.fullmatch(set_name):
            raise InputError(
                "The name of a synthetic set is of letters, digits, dot, dash and underscore, 64 at most, and begins "
                "with a letter or digit; choose such a name."
            )
        if self.path.is_file():
            raise InputError(
                f"{self.path} is a file where a run folder is asked for; name a folder, and a network file as in "
                "`gist generate RUN --network FILE`."
            )

    @property
    def place(self) -> Path:
        """Where the set lies: the run folder itself, or a folder in it."""
        return self.path if self.set_name is None else self.path / SETS / self.set_name

    @property
    def config_file(self) -> Path:
        """All settings of the run; of a set with a name those of its own stages."""
        return self.place / "config.yaml"

    def folder_of(self, stage: StageName) -> Path:
        """Where a stage's folder is, or would be."""
        return (self.place if STAGES[stage].promise.per_set else self.path) / stage

    def sets(self) -> list[RunFolder]:
        """The run with each of its sets that have a name, by name."""
        files = sorted((self.path / SETS).glob("*/config.yaml"))
        return [
            RunFolder(self.path, file.parent.name) for file in files if _SET_NAME.fullmatch(file.parent.name)
        ]

    def command(self, verb: str) -> str:
        """The command that does a stage of this set, or something else with it."""
        shared = self.set_name is None or (verb in STAGES and not STAGES[verb].promise.per_set)
        return shlex.join(["gist", verb, str(self.path), *([] if shared else ["--name", str(self.set_name)])])

    @property
    def manifest_file(self) -> Path:
        return self.path / "manifest.json"

    @property
    def stop_file(self) -> Path:
        """A file that asks the process working on the run to stop; see `listening`."""
        return self.path / ".stop"

    def stage_folder(self, stage: StageName) -> Path:
        """Folder of a stage, made if missing."""
        folder = self.folder_of(stage)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def relative(self, path: Path) -> str:
        """`path` as stored in records: relative to the run folder, with forward slashes."""
        return path.relative_to(self.path).as_posix()

    def record(self, stage: StageName) -> StageRecord | None:
        """The stage's record, None if it never started.

        Raises:
            InputError: the record is not readable, which only outside interference can cause.
        """
        return read_record(self.folder_of(stage) / "stage.json")

    def write_record(self, record: StageRecord) -> None:
        write_json(self.stage_folder(record.stage) / "stage.json", record.model_dump(mode="json"))

    def write_progress(
        self, stage: StageName, first: float, done: float, total: float, unit: str, seconds: float
    ) -> None:
        """Notes how far a running stage is, for `gist status`: from `first` to `done` in `seconds`."""
        progress = {
            "first": first,
            "done": done,
            "total": total,
            "unit": unit,
            "seconds": seconds,
            "at": time.time(),
        }
        write_json(self.folder_of(stage) / "progress.json", progress)

    def progress(self, stage: StageName) -> dict[str, Any] | None:
        """Last progress note of a stage: first, done, total, unit, seconds, at (UNIX time)."""
        try:
            value = json.loads((self.folder_of(stage) / "progress.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return value if isinstance(value, dict) else None

    def put_aside(self, stage: StageName) -> Path | None:
        """Makes room for a stage to start afresh; returns where its old folder lies now, if it was not removed.

        A result that is kept lies under `previous/`, another dear one, until the new one has begun, under a name that
        `remove_leftovers` takes. Other stages are cheap and their files go, but for those that stay.
        """
        promise, folder = STAGES[stage].promise, self.folder_of(stage)
        if not folder.exists():
            return None
        if not self.has_begun(stage):
            for entry in folder.iterdir():
                if entry.name not in promise.stays:
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            if not promise.stays:
                folder.rmdir()
            return None
        if not promise.kept:
            aside = folder.with_name(f".{stage}.part")
            shutil.rmtree(aside, ignore_errors=True)
            return folder.rename(aside)
        for file in self._belongings(stage):
            if file.exists():
                file.replace(folder / file.name)
        number = 1
        while (kept := folder.parent / "previous" / f"{stage}-{number}").exists():
            number += 1
        kept.parent.mkdir(exist_ok=True)
        folder.rename(kept)
        self._move_what_stays(stage, kept, folder)
        return kept

    def bring_back(self, stage: StageName, aside: Path) -> None:
        """Makes a folder that was put aside the stage's folder again; the present one is put aside in turn."""
        self.put_aside(stage)
        folder = self.folder_of(stage)
        if folder.exists():
            self._move_what_stays(stage, folder, aside)
            folder.rmdir()
        aside.rename(folder)
        if aside.parent.name == "previous":
            for file in self._belongings(stage):
                kept = folder / file.name
                if kept.exists():
                    file.parent.mkdir(exist_ok=True)
                    kept.replace(file)
            if not any(aside.parent.iterdir()):
                aside.parent.rmdir()

    def _move_what_stays(self, stage: StageName, there: Path, here: Path) -> None:
        for name in STAGES[stage].promise.stays:
            if (there / name).exists():
                here.mkdir(exist_ok=True)
                (there / name).replace(here / name)

    def kept_results(self, stage: StageName) -> list[Path]:
        """Folders of a stage's earlier results, newest first."""
        folders = (self.folder_of(stage).parent / "previous").glob(f"{stage}-*")
        return sorted(folders, key=lambda folder: (len(folder.name), folder.name), reverse=True)

    def has_begun(self, stage: StageName) -> bool:
        """Whether the stage's folder holds work that would be lost with it; False for stages that are cheap."""
        return any(any((self.folder_of(stage)).glob(pattern)) for pattern in STAGES[stage].promise.dear)

    def outputs(self, stage: StageName) -> dict[str, str]:
        """SHA-256 of each final file of a stage, by its path in the run folder."""
        folder = self.folder_of(stage)
        files = {file for pattern in STAGES[stage].promise.files for file in folder.glob(pattern)}
        return {
            self.relative(file): sha256_of(file) for file in sorted(files) if file.name not in _NEVER_FINAL
        }

    def counts(self, stage: StageName) -> dict[str, int]:
        """How many files of a stage fit each pattern of those that are only counted."""
        folder = self.folder_of(stage)
        return {pattern: sum(1 for _ in folder.glob(pattern)) for pattern in STAGES[stage].promise.counted}

    def _belongings(self, stage: StageName) -> list[Path]:
        return [self.folder_of(stage).parent / file for file in STAGES[stage].promise.belongings]

    def remove_leftovers(self) -> None:
        """Removes temporary files and folders that a killed process left; call only while holding the lock."""
        for leftover in list(self.path.rglob(".*.part")):
            if leftover.is_dir() and not leftover.is_symlink():
                shutil.rmtree(leftover)
            else:
                leftover.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes off this run folder; the lock vanishes with the process, however it ends.

        Raises:
            BusyError: another process works on the folder.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        from filelock import FileLock, Timeout  # only here: looking at a run is to be quick

        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise BusyError(
                f"Another gist process is working on {self.path}; wait for it (`gist status {self.path}`), "
                "stop it, or choose another name."
            ) from None
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Inside it a stop file is a request to the work that is going on, none left from before or for later."""
        self.stop_file.unlink(missing_ok=True)
        try:
            yield
        finally:
            self.stop_file.unlink(missing_ok=True)

    def is_locked(self) -> bool:
        """Whether a process works on the folder now."""
        if not (self.path / ".lock").exists():
            return False
        from filelock import FileLock, Timeout

        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return True
        lock.release()
        return False

"""Jobs wait in line and run one at a time on this machine, whichever server they came from and however it ends.

The line is a folder of small files. Who holds the lock beside it works on the first of them, in a process of its own
(`gist.web.work`) that outlives the server; the lock vanishes with that process, and its file stays until the job has
ended by itself, so that a killed job is taken up again.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel

from gist.files import write_json

MOST_ATTEMPTS = 3


class Job(BaseModel):
    """Something to do for a project."""

    project: str
    kind: Literal["look", "run"]
    """look: prepare the images and plan; run: all stages."""
    attempts: int = 0


class Ended(BaseModel):
    """How a project's last job ended."""

    kind: Literal["look", "run"]
    how: Literal["done", "stopped", "failed"]
    sentence: str = ""


class Jobs:
    """The line of one folder of projects."""

    def __init__(self, folder: Path) -> None:
        self.projects = folder
        self.folder = folder / ".serve"
        self._worker: subprocess.Popen[bytes] | None = None

    def add(self, job: Job) -> None:
        """Puts a job into line, unless one of its project is there."""
        if self.place(job.project) is None:
            write_json(self.folder / "line" / f"{time.time_ns():020d}-{job.project}.json", job.model_dump())
        self.work()

    def waiting(self) -> list[tuple[Path, Job]]:
        """File and content of each job in line, first come first; the first may be at work."""
        found = []
        for file in sorted((self.folder / "line").glob("*.json")):
            try:
                found.append((file, Job.model_validate(json.loads(file.read_text(encoding="utf-8")))))
            except FileNotFoundError:  # ended meanwhile
                continue
        return found

    def place(self, project: str) -> tuple[int, Job] | None:
        """How many are before a project's job, and the job; None where it has none."""
        return next(((n, job) for n, (_, job) in enumerate(self.waiting()) if job.project == project), None)

    def withdraw(self, project: str) -> None:
        """Takes a project's job out of line; one that is at work is not taken up again."""
        for file, job in self.waiting():
            if job.project == project:
                file.unlink(missing_ok=True)

    def work(self) -> None:
        """Starts a process for the first in line, where there is one and nobody works; returns at once."""
        if self._worker is not None and self._worker.poll() is None:
            return
        if self.waiting() and not self._is_at_work():
            self._worker = start_worker(self.projects)

    @contextmanager
    def turn(self) -> Iterator[tuple[Path, Job] | None]:
        """The first job in line for this process alone; None where another works or nothing waits."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / "work.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            yield None
            return
        try:
            yield next(iter(self.waiting()), None)
        finally:
            lock.release()

    def ended(self, project: str) -> Ended | None:
        """How the last job of a project ended; None where none has, or one is in line."""
        try:
            return Ended.model_validate_json(
                (self.folder / "ended" / f"{project}.json").read_text(encoding="utf-8")
            )
        except FileNotFoundError:
            return None

    def note_end(self, project: str, ended: Ended) -> None:
        write_json(self.folder / "ended" / f"{project}.json", ended.model_dump())

    def plan_file(self, project: str) -> Path:
        """What `gist plan` says for the project."""
        return self.folder / "plans" / f"{project}.json"

    def _is_at_work(self) -> bool:
        with self.turn() as mine:
            return mine is None


def start_worker(folder: Path) -> subprocess.Popen[bytes]:
    """A process of its own session, so that neither Ctrl-C nor the end of the server reaches it."""
    with (folder / ".serve" / "worker.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "gist.web.work", str(folder.resolve())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

"""Decoding behind a wall: child processes with caps, replaced when a file brings one down."""

from __future__ import annotations

import queue
import subprocess
from collections import deque
from collections.abc import Iterable, Iterator
from types import TracebackType

from gist.errors import StageError
from gist.intake.child_process import Chunk, DecodingProcess, Job, Outcome
from gist.intake.child_start import start_worker
from gist.intake.decode_job import JobSettings, Task
from gist.stages.vocabulary import Reason

__all__ = ["Crew", "Job", "Outcome"]

_FILES_AT_ONCE = 16  # small enough that writing them never blocks
_BYTES_AT_ONCE = 1 << 20
_SHARES = 4  # portions that what is left makes for each process at least: so they end together
_FILES_PER_PROCESS = 16  # below this a further process costs more than it brings
_WATCH_SECONDS = 0.5
_FAILED_STARTS = 3  # one may be killed from outside before it is ready


class Crew:
    """Up to `processes` guarded processes; use as a context manager.

    The first one is given or starts at once, so as to be ready when its files are known; all stay for the next task.
    """

    def __init__(self, processes: int, first: subprocess.Popen[bytes] | None = None) -> None:
        self._first = first
        self.processes = processes
        self._failed_starts = 0
        self._members: list[DecodingProcess] = []
        self._arrivals: queue.SimpleQueue[Chunk] = queue.SimpleQueue()

    def __enter__(self) -> Crew:
        self._members.append(DecodingProcess(self._first or start_worker(), self._arrivals))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.dissolve()

    def grow(self, files: int) -> None:
        """Starts as many processes as so many files are worth."""
        while len(self._members) < min(self.processes, -(-files // _FILES_PER_PROCESS)):
            self._members.append(DecodingProcess(start_worker(), self._arrivals))

    def dissolve(self) -> None:
        """Ends all processes."""
        for member in self._members:
            member.kill()
        self._members.clear()

    def run(
        self, jobs: Iterable[Job], count: int, task: Task, settings: JobSettings
    ) -> Iterator[list[Outcome]]:
        """Runs `count` jobs; outcomes come as they arrive, mostly several at once.

        A file that kills its process is tried once more in a fresh one and then set aside. Memory is constant:
        only queued jobs and a few answers per process are held.

        Raises:
            StageError: decoding processes cannot be started at all.
        """
        self.grow(count)
        waiting = _Waiting(iter(jobs), count, _SHARES * max(1, len(self._members)))
        tried: set[int] = set()
        self._hand_out(waiting, task, settings)
        while any(member.jobs for member in self._members):
            try:
                member, arrived = self._arrivals.get(timeout=_WATCH_SECONDS)
            except queue.Empty:
                self._kill_overdue()
                continue
            outcomes: list[Outcome] = []
            if arrived:
                outcomes = member.take(arrived)
            elif member in self._members:
                outcomes = self._bury(member, waiting, tried)
            self._hand_out(waiting, task, settings)
            if outcomes:
                yield outcomes

    def _hand_out(self, waiting: _Waiting, task: Task, settings: JobSettings) -> None:
        self.grow(waiting.count)
        for member in self._members:
            if member.wants_jobs and (jobs := waiting.portion()):
                member.send(jobs, task, settings)

    def _bury(self, member: DecodingProcess, waiting: _Waiting, tried: set[int]) -> list[Outcome]:
        """What its end makes of the job that it was at; the others wait again."""
        self._members.remove(member)
        cause, suspect = member.cause_of_end()
        unfinished = deque(member.jobs)
        outcomes = []
        if suspect is not None:
            unfinished.remove(suspect)
            if cause is Reason.TOO_SLOW or suspect.key in tried:
                outcomes.append(Outcome(suspect.key, None, b"", b"", cause))
            else:
                tried.add(suspect.key)
                waiting.again.append(suspect)
        elif unfinished and not member.left_on_purpose:
            self._failed_starts += 1
            if self._failed_starts > _FAILED_STARTS:
                raise StageError(
                    "The processes that decode images do not start; install gist again in a fresh environment."
                )
        waiting.again.extend(unfinished)
        return outcomes

    def _kill_overdue(self) -> None:
        for member in self._members:
            if member.is_overdue():
                member.kill()


class _Waiting:
    """Jobs that no process has been told."""

    def __init__(self, jobs: Iterator[Job], count: int, shares: int) -> None:
        self.again: deque[Job] = deque()
        self._jobs = jobs
        self._left = count
        self._shares = shares

    @property
    def count(self) -> int:
        return self._left + len(self.again)

    def portion(self) -> list[Job]:
        """What one process is told at once; less towards the end, so that all end together."""
        most = max(1, min(_FILES_AT_ONCE, self.count // self._shares))
        jobs: list[Job] = []
        file_bytes = 0
        while len(jobs) < most and file_bytes < _BYTES_AT_ONCE and (job := self._next()) is not None:
            jobs.append(job)
            file_bytes += job.bytes
        return jobs

    def _next(self) -> Job | None:
        if self.again:
            return self.again.popleft()
        job = next(self._jobs, None)
        self._left -= job is not None
        return job

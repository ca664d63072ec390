"""Decoding behind a wall: child processes with caps, replaced when a file brings one down."""

from __future__ import annotations

import os
import queue
from collections import deque
from collections.abc import Iterable, Iterator

from gist.errors import StageError
from gist.intake.child_process import Chunk, DecodingProcess, Job, Outcome
from gist.intake.decode_job import JobSettings, Task
from gist.intake.vocabulary import Reason

__all__ = ["Job", "Outcome", "processors", "run_jobs"]

_FILES_AT_ONCE = 16  # small enough that writing them never blocks
_BYTES_AT_ONCE = 1 << 20
_SHARES = 4  # portions that what is left makes for each process at least: so they end together
_FILES_PER_PROCESS = 16  # below this a further process costs more than it brings
_WATCH_SECONDS = 0.5
_FAILED_STARTS = 3  # one may be killed from outside before it is ready


def processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_jobs(
    jobs: Iterable[Job], count: int, task: Task, settings: JobSettings, processes: int
) -> Iterator[Outcome]:
    """Runs `count` jobs on up to `processes` guarded processes; outcomes come in the order they finish.

    A file that kills its process is tried once more in a fresh one and then set aside. Memory is constant:
    only queued jobs and a few answers per process are held.

    Raises:
        StageError: decoding processes cannot be started at all.
    """
    size = max(1, min(processes, -(-count // _FILES_PER_PROCESS)))
    crew = _Crew(iter(jobs), count, size, task, settings)
    try:
        yield from crew.outcomes()
    finally:
        crew.dissolve()


class _Crew:
    def __init__(self, jobs: Iterator[Job], count: int, size: int, task: Task, settings: JobSettings) -> None:
        self._jobs = jobs
        self._left = count
        self._size = size
        self._task = task
        self._settings = settings
        self._again: deque[Job] = deque()
        self._tried: set[int] = set()
        self._failed_starts = 0
        self._members: list[DecodingProcess] = []
        self._arrivals: queue.SimpleQueue[Chunk] = queue.SimpleQueue()

    def outcomes(self) -> Iterator[Outcome]:
        self._hand_out()
        while any(member.jobs for member in self._members):
            try:
                member, arrived = self._arrivals.get(timeout=_WATCH_SECONDS)
            except queue.Empty:
                self._kill_overdue()
                continue
            if arrived:
                yield from member.take(arrived)
            else:
                yield from self._bury(member)
            self._hand_out()

    def dissolve(self) -> None:
        for member in self._members:
            member.kill()

    def _hand_out(self) -> None:
        while len(self._members) < self._size and (jobs := self._next_jobs()):
            self._members.append(DecodingProcess(self._task, self._settings, self._arrivals))
            self._members[-1].send(jobs)
        for member in self._members:
            if member.wants_jobs and (jobs := self._next_jobs()):
                member.send(jobs)

    def _next_jobs(self) -> list[Job]:
        """What one process is told at once; less towards the end, so that all end together."""
        left = self._left + len(self._again)
        most = max(1, min(_FILES_AT_ONCE, left // (_SHARES * self._size)))
        jobs: list[Job] = []
        file_bytes = 0
        while len(jobs) < most and file_bytes < _BYTES_AT_ONCE and (job := self._next_job()) is not None:
            jobs.append(job)
            file_bytes += job.bytes
        return jobs

    def _next_job(self) -> Job | None:
        if self._again:
            return self._again.popleft()
        job = next(self._jobs, None)
        self._left -= job is not None
        return job

    def _bury(self, member: DecodingProcess) -> Iterator[Outcome]:
        self._members.remove(member)
        cause, suspect = member.cause_of_end()
        unfinished = deque(member.jobs)
        if suspect is not None:
            unfinished.remove(suspect)
            if cause is Reason.TOO_SLOW or suspect.key in self._tried:
                yield Outcome(suspect.key, None, b"", cause)
            else:
                self._tried.add(suspect.key)
                self._again.append(suspect)
        elif unfinished and not member.left_on_purpose:
            self._failed_starts += 1
            if self._failed_starts > _FAILED_STARTS:
                raise StageError(
                    "The processes that decode images do not start; install gist again in a fresh environment."
                )
        self._again.extend(unfinished)

    def _kill_overdue(self) -> None:
        for member in self._members:
            if member.is_overdue():
                member.kill()

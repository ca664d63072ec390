"""The parent's end of one decoding process: its jobs, its answers, and what it died of."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from gist.intake.decode_job import Accepted, JobSettings, Row, Task
from gist.intake.worker import BEGUN, LENGTHS, settings_line
from gist.stages.vocabulary import Reason

_WALL_PER_PROCESSOR_SECOND = 10  # for a share that hangs, and for a machine that is very busy


@dataclass(frozen=True)
class Job:
    """A file to look at or decode; `key` comes back with the outcome."""

    key: int
    path: str
    """The file, or the zip archive that holds it."""
    bytes: int
    member: str = ""
    """Name inside the zip archive."""
    row: Row = field(default_factory=Row)


@dataclass(frozen=True)
class Outcome:
    """What became of a job: facts and a picture as PNG bytes, or a reason."""

    key: int
    accepted: Accepted | None
    text: bytes
    """`accepted` as JSON."""
    png: bytes
    reason: Reason | None


class DecodingProcess:
    """A running `gist.intake.worker` and the jobs it was sent but has not answered, oldest first.

    What it writes is put into `arrivals` by a thread of its own; an empty chunk is its end.
    """

    def __init__(self, process: subprocess.Popen[bytes], arrivals: queue.SimpleQueue[Chunk]) -> None:
        self.jobs: deque[Job] = deque()
        self.left_on_purpose = False
        self._told: tuple[Task, JobSettings] | None = None
        self._overdue = False
        self._sent_last = 0
        self._begun = 0  # jobs, without those answered
        self._buffer = b""
        self._process = process
        self._since = time.monotonic()
        self._reader = threading.Thread(target=self._read_all, args=(arrivals,), daemon=True)
        self._reader.start()

    @property
    def wants_jobs(self) -> bool:
        """Whether all that is unanswered was sent at once: it must not wait when it has done that."""
        return len(self.jobs) <= self._sent_last

    def send(self, jobs: Sequence[Job], task: Task, settings: JobSettings) -> None:
        """Queues jobs, which will be answered together if they do not take long; a new task waits for the old one's
        answers."""
        if self._told != (task, settings):
            self._told = task, settings
            self._write(settings_line(task, settings))
        if not self.jobs:
            self._since = time.monotonic()
        self.jobs.extend(jobs)
        self._sent_last = len(jobs)
        self._write(
            json.dumps([(job.path, job.bytes, job.member, vars(job.row)) for job in jobs]).encode() + b"\n"
        )

    def take(self, arrived: bytes) -> list[Outcome]:
        """The outcomes that are complete with this chunk."""
        buffer = self._buffer + arrived
        outcomes = []
        taken = 0
        while len(buffer) - taken >= LENGTHS.size:
            text_length, png_length = LENGTHS.unpack_from(buffer, taken)
            start = taken + LENGTHS.size
            middle, stop = start + text_length, start + text_length + png_length
            if len(buffer) < stop:
                break
            taken = stop
            outcome = self._outcome(buffer[start:middle], buffer[middle:stop])
            if outcome is not None:
                outcomes.append(outcome)
        if taken:
            self._since = time.monotonic()
        self._buffer = buffer[taken:]
        self._begun -= len(outcomes)
        while self._begun < 0 and self._count_begun():
            pass
        return outcomes

    def is_overdue(self) -> bool:
        """Whether the job at work has taken more wall time than any honest one needs."""
        if not self.jobs or self._told is None:
            return False
        # Which one it is shows only at the end: answers of those before it may be waiting to leave with its own.
        most_bytes = max(job.bytes for job in self.jobs)
        limit = _WALL_PER_PROCESSOR_SECOND * self._told[1].seconds_for(most_bytes)
        self._overdue = time.monotonic() - self._since > limit
        return self._overdue

    def cause_of_end(self) -> tuple[Reason, Job | None]:
        """What the ended process died of, and the job that it was at, if it had begun any that is unanswered.

        Jobs sent before that one were done, but their answers died with the process.
        """
        status = self._wait()
        at_work = self.jobs[self._begun - 1] if self._begun > 0 else None
        if self._overdue or status == -getattr(signal, "SIGXCPU", 0):
            return Reason.TOO_SLOW, at_work
        if status == -getattr(signal, "SIGKILL", 0):
            return Reason.TOO_MUCH_MEMORY, at_work  # nobody else kills it but the system when memory runs out
        return Reason.CRASHED, at_work

    def kill(self) -> None:
        """Ends the process now."""
        self._process.kill()
        self._wait()

    def _outcome(self, text: bytes, png: bytes) -> Outcome | None:
        """None where the answer is only that the process is ready."""
        told = json.loads(text)
        if told is None:
            return None
        if isinstance(told, str):
            reason = Reason(told)
            self.left_on_purpose = reason is Reason.TOO_MUCH_MEMORY
            return Outcome(self.jobs.popleft().key, None, b"", b"", reason)
        return Outcome(self.jobs.popleft().key, Accepted.from_json(told), text, png, None)

    def _wait(self) -> int:
        """The exit status of the process, all of whose marks have then been counted."""
        status = self._process.wait()
        while self._count_begun():
            pass
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        return status

    def _count_begun(self) -> bool:
        """Adds the marks of jobs that have begun, waiting for at least one; False at the end of the process."""
        stream = self._process.stderr
        marks = b"" if stream is None or stream.closed else os.read(stream.fileno(), 1 << 12)
        self._begun += marks.count(BEGUN)
        return bool(marks)

    def _write(self, line: bytes) -> None:
        stream = self._process.stdin
        if stream is not None:
            with contextlib.suppress(OSError):  # that it has ended shows when its answers stop
                stream.write(line)
                stream.flush()

    def _read_all(self, arrivals: queue.SimpleQueue[Chunk]) -> None:
        stream = self._process.stdout
        while stream is not None and (chunk := os.read(stream.fileno(), 1 << 20)):
            arrivals.put((self, chunk))
        arrivals.put((self, b""))


Chunk: TypeAlias = tuple[DecodingProcess, bytes]

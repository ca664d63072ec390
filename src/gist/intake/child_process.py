"""The parent's end of one decoding process: its jobs, its answers, and what it died of."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from gist.intake.decode_job import Accepted, JobSettings, Row, Task
from gist.intake.vocabulary import Reason
from gist.intake.worker import BEGUN, LENGTHS, settings_line

_WALL_PER_PROCESSOR_SECOND = 10  # for a share that hangs, and for a machine that is very busy
_PIPE_BYTES = 1 << 20  # where the system lets us: answers come in one piece
_PACKAGE_ROOT = str(Path(__file__).parents[2])


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
    png: bytes
    reason: Reason | None


class DecodingProcess:
    """A running `gist.intake.worker` and the jobs it was sent but has not answered, oldest first.

    What it writes is put into `arrivals` by a thread of its own; an empty chunk is its end.
    """

    def __init__(self, task: Task, settings: JobSettings, arrivals: queue.SimpleQueue[Chunk]) -> None:
        self.jobs: deque[Job] = deque()
        self.left_on_purpose = False
        self._settings = settings
        self._overdue = False
        self._sent_last = 0
        self._begun = 0  # jobs, without those answered
        self._buffer = bytearray()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "gist.intake.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
            pipesize=_PIPE_BYTES,
        )
        self._write(settings_line(task, settings))
        self._since = time.monotonic()
        self._reader = threading.Thread(target=self._read_all, args=(arrivals,), daemon=True)
        self._reader.start()

    @property
    def wants_jobs(self) -> bool:
        """Whether all that is unanswered was sent at once: it must not wait when it has done that."""
        return len(self.jobs) <= self._sent_last

    def send(self, jobs: Sequence[Job]) -> None:
        """Queues jobs, which will be answered together if they do not take long."""
        if not self.jobs:
            self._since = time.monotonic()
        self.jobs.extend(jobs)
        self._sent_last = len(jobs)
        self._write(
            json.dumps([(job.path, job.bytes, job.member, vars(job.row)) for job in jobs]).encode() + b"\n"
        )

    def take(self, arrived: bytes) -> list[Outcome]:
        """The outcomes that are complete with this chunk."""
        self._buffer += arrived
        outcomes = []
        taken = 0
        while len(self._buffer) - taken >= LENGTHS.size:
            text, png = LENGTHS.unpack_from(self._buffer, taken)
            start = taken + LENGTHS.size
            if len(self._buffer) < start + text + png:
                break
            record = json.loads(self._buffer[start : start + text])
            taken = start + text + png
            if "ready" in record:
                continue
            reason = Reason(record["reason"]) if "reason" in record else None
            self.left_on_purpose = reason is Reason.TOO_MUCH_MEMORY
            accepted = None if reason else Accepted.from_json(record["accepted"])
            picture = bytes(self._buffer[start + text : taken])
            outcomes.append(Outcome(self.jobs.popleft().key, accepted, picture, reason))
        if taken:
            self._since = time.monotonic()
            del self._buffer[:taken]
        self._begun -= len(outcomes)
        while self._begun < 0 and self._count_begun():
            pass
        return outcomes

    def is_overdue(self) -> bool:
        """Whether the job at work has taken more wall time than any honest one needs."""
        if not self.jobs:
            return False
        # Which one it is shows only at the end: answers of those before it may be waiting to leave with its own.
        most_bytes = max(job.bytes for job in self.jobs)
        limit = _WALL_PER_PROCESSOR_SECOND * self._settings.seconds_for(most_bytes)
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


def _environment() -> dict[str, str]:
    known = os.environ.get("PYTHONPATH")
    return {
        **os.environ,
        "PYTHONPATH": _PACKAGE_ROOT + (os.pathsep + known if known else ""),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        # Pictures of a few megabytes come and go: kept by glibc for reuse instead of returned, decoding a
        # 2000x2000 radiograph takes 23 ms instead of 37.
        "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
        "MALLOC_TRIM_THRESHOLD_": str(128 << 20),
    }

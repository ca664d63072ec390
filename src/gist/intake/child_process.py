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
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from gist.intake.decode_job import Accepted, JobSettings, Row, Task
from gist.intake.vocabulary import Reason
from gist.intake.worker import LENGTHS, settings_line

_WALL_PER_PROCESSOR_SECOND = 10  # for a share that hangs, and for a machine that is very busy
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
        self.ready = False
        self.left_on_purpose = False
        self._task = task
        self._settings = settings
        self._overdue = False
        self._buffer = bytearray()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "gist.intake.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
        )
        self._write(settings_line(settings))
        self._since = time.monotonic()
        self._reader = threading.Thread(target=self._read_all, args=(arrivals,), daemon=True)
        self._reader.start()

    def send(self, job: Job) -> None:
        """Queues a job."""
        if not self.jobs:
            self._since = time.monotonic()
        self.jobs.append(job)
        self._write(json.dumps({**vars(job), "row": vars(job.row), "task": self._task}).encode() + b"\n")

    def take(self, arrived: bytes) -> Iterator[Outcome]:
        """The outcomes that are complete with this chunk."""
        self._buffer += arrived
        while len(self._buffer) >= LENGTHS.size:
            text, png = LENGTHS.unpack_from(self._buffer)
            start, end = LENGTHS.size + text, LENGTHS.size + text + png
            if len(self._buffer) < end:
                return
            record = json.loads(self._buffer[LENGTHS.size : start])
            picture = bytes(self._buffer[start:end])
            del self._buffer[:end]
            self._since = time.monotonic()
            if "ready" in record:
                self.ready = True
                continue
            job = self.jobs.popleft()
            reason = Reason(record["reason"]) if "reason" in record else None
            self.left_on_purpose = reason is Reason.TOO_MUCH_MEMORY
            yield Outcome(
                job.key, None if reason else Accepted.from_json(record["accepted"]), picture, reason
            )

    def is_overdue(self) -> bool:
        """Whether the oldest job has taken more wall time than any honest one needs."""
        if not self.jobs:
            return False
        limit = _WALL_PER_PROCESSOR_SECOND * self._settings.seconds_for(self.jobs[0].bytes)
        self._overdue = time.monotonic() - self._since > limit
        return self._overdue

    def cause_of_end(self) -> Reason:
        """What the ended process died of, for the file it was at."""
        status = self._process.wait()
        self._close()
        if self._overdue or status == -getattr(signal, "SIGXCPU", 0):
            return Reason.TOO_SLOW
        if status == -getattr(signal, "SIGKILL", 0):
            return Reason.TOO_MUCH_MEMORY  # nobody else kills it but the system when memory runs out
        return Reason.CRASHED

    def kill(self) -> None:
        """Ends the process now."""
        self._process.kill()
        self._process.wait()
        self._close()

    def _close(self) -> None:
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

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

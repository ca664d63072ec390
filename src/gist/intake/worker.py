"""The guarded child: caps its own memory and time, then decodes the files it is told to, one after another.

Started as `python -m gist.intake.worker`. Reads lines of JSON: a task with its settings, then lists of jobs, and so on
for further tasks. Answers a task with null when ready, and each job with two lengths, JSON (what was accepted, or the
reason against it) and a PNG; answers leave together, for a parent woken for each small picture would spend as much time
on that as on the picture. As the file at work when a process dies must be known nevertheless, a byte on standard error
marks the beginning of each job. What decoders print goes nowhere, because it may quote the file.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
import time
import warnings
from dataclasses import asdict
from importlib import import_module
from typing import Any, BinaryIO

from gist.intake.decode_job import Accepted, JobSettings, Row, Task, run_job
from gist.stages.vocabulary import Reason, SetAside

LENGTHS = struct.Struct("!II")
BEGUN = b"\0"
"""What nothing prints that might reach standard error before `main` takes it over."""
_ANSWER_SECONDS = 0.05
_ANSWER_BYTES = 1 << 20


def main() -> None:
    """Serves jobs until standard input ends."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches the whole group; the parent closes our input
    answers, begun = _take_over_output()
    warnings.simplefilter("ignore")
    _keep_off_the_network()
    import_module("gist.images.png")  # needed by every decoding, so before memory is counted
    for line in sys.stdin.buffer:
        told = json.loads(line)
        if isinstance(told, dict):
            task: Task = told["task"]
            settings = JobSettings(
                **{**told["settings"], "percentiles": tuple(told["settings"]["percentiles"])}
            )
            _cap_memory(settings.memory_bytes)
            _answer(answers, None, b"")
        elif not _answer_all(told, task, settings, answers, begun):
            return  # a fresh process starts with unbroken memory
        answers.flush()


def _answer_all(jobs: list[Any], task: Task, settings: JobSettings, answers: BinaryIO, begun: int) -> bool:
    """Runs the jobs of a line; False if memory ran out."""
    flushed = time.monotonic()
    for path, file_bytes, member, row in jobs:
        if time.monotonic() - flushed > _ANSWER_SECONDS:
            answers.flush()
            flushed = time.monotonic()
        os.write(begun, BEGUN)
        _cap_seconds(settings.seconds_for(file_bytes))
        try:
            accepted, png = run_job(path, task, settings, member, Row(**row))
            _answer(answers, accepted, png)
        except SetAside as aside:
            _answer(answers, aside.reason.value, b"")
            if aside.reason is Reason.TOO_MUCH_MEMORY:
                answers.flush()
                return False
    return True


def settings_line(task: Task, settings: JobSettings) -> bytes:
    """The line that tells a worker its task."""
    return json.dumps({"task": task, "settings": asdict(settings)}).encode() + b"\n"


def _keep_off_the_network() -> None:
    """Hides what pydicom loads for downloads: files are decoded without it, and the first DICOM file 40 ms earlier."""
    for module in ("requests", "ssl", "tqdm"):
        sys.modules[module] = None  # type: ignore[assignment]  # so Python marks what must not be imported


def _take_over_output() -> tuple[BinaryIO, int]:
    """For answers, and for the bytes that mark beginnings (a file descriptor)."""
    answers = os.fdopen(os.dup(1), "wb", buffering=_ANSWER_BYTES)
    begun = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return answers, begun


def _answer(answers: BinaryIO, told: Accepted | str | None, png: bytes) -> None:
    text = json.dumps(told).encode()
    answers.write(LENGTHS.pack(len(text), len(png)) + text + png)


def _cap_memory(extra_bytes: int) -> None:
    """Address space in use now plus `extra_bytes`; platforms without such a cap still have the cap on
    pixels."""
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - a kernel file, not a path of ours
            in_use = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (in_use + extra_bytes, resource.RLIM_INFINITY))
    except (ImportError, OSError, ValueError):
        return


def _cap_seconds(seconds: int) -> None:
    """Processor time, not wall time: a busy machine must not decide which files are accepted."""
    try:
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        limit = int(used.ru_utime + used.ru_stime) + seconds
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
    except (ImportError, OSError, ValueError):
        return


if __name__ == "__main__":
    main()

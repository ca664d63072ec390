"""The guarded child: caps its own memory and time, then decodes the files it is told to, one after another.

Started as `python -m gist.intake.worker`. Reads lines of JSON (settings first, then jobs) and answers each
job with two lengths, a JSON record and a PNG. What decoders print goes nowhere, because it may quote the
file.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
import warnings
from dataclasses import asdict
from importlib import import_module
from typing import Any, BinaryIO

from gist.intake.decode_job import JobSettings, Row, run_job
from gist.intake.vocabulary import Reason, SetAside

LENGTHS = struct.Struct("!II")


def main() -> None:
    """Serves jobs until standard input ends."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches the whole group; the parent closes our input
    answers = _take_over_output()
    warnings.simplefilter("ignore")
    settings = _settings(json.loads(sys.stdin.buffer.readline()))
    import_module("gist.data_set")  # needed by every decoding, so before memory is counted
    _cap_memory(settings.memory_bytes)
    _answer(answers, {"ready": True}, b"")
    for line in sys.stdin.buffer:
        job = json.loads(line)
        _cap_seconds(settings.seconds_for(job["bytes"]))
        reason = None
        try:
            accepted, png = run_job(job["path"], job["task"], settings, job["member"], Row(**job["row"]))
            _answer(answers, {"accepted": accepted.as_json()}, png)
        except SetAside as aside:
            reason = aside.reason
            _answer(answers, {"reason": reason.value}, b"")
        if reason is Reason.TOO_MUCH_MEMORY:
            return  # a fresh process starts with unbroken memory


def settings_line(settings: JobSettings) -> bytes:
    """The first line a worker reads."""
    return json.dumps(asdict(settings)).encode() + b"\n"


def _settings(value: dict[str, Any]) -> JobSettings:
    return JobSettings(**{**value, "percentiles": tuple(value["percentiles"])})


def _take_over_output() -> BinaryIO:
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return answers


def _answer(answers: BinaryIO, record: dict[str, Any], png: bytes) -> None:
    text = json.dumps(record).encode()
    answers.write(LENGTHS.pack(len(text), len(png)) + text + png)
    answers.flush()


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

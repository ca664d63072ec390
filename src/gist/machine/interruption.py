"""Ctrl-C, SIGTERM, SIGUSR1 or a file as a polite request, so that work stops between steps and nothing is lost."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import FrameType

from gist.errors import GistError
from gist.machine.processes import torchrun_is_gone

_SAME_REQUEST_SECONDS = 1.0
_BETWEEN_LOOKS_SECONDS = 0.2
"""Between looks for the file, which may lie on a slow disk."""


class Stopped(GistError):
    """The user, or the cluster's scheduler, asked the run to stop; the same command continues it."""

    exit_code = 130


_deferring: ContextVar[bool] = ContextVar("deferring", default=False)
"""Whether the work that is going on here looks for requests itself, at moments when nothing is half done."""


def stop_if_asked(file: Path) -> None:
    """For work that may be ended at any moment: raises Stopped where the file has appeared, or torchrun has died.

    Does nothing inside `deferred_stop`.
    """
    if not _deferring.get() and (file.exists() or torchrun_is_gone()):
        raise Stopped("Stopped on request; the same command continues.")


class StopRequest:
    """Whether somebody has asked to stop: by a signal, by a file that appeared, or by the death of torchrun.

    The file works from other threads, other processes and other machines that share the disk.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._signal: str | None = None
        self._looked = 0.0
        self._found = False

    @property
    def received(self) -> str | None:
        """Who asked, in a word; None as long as nobody has."""
        if self._signal is None and self._file is not None and not self._found:
            moment = time.monotonic()
            if moment - self._looked >= _BETWEEN_LOOKS_SECONDS:
                self._looked, self._found = moment, self._file.exists()
        if self._signal is not None or self._found:
            return self._signal or "on request"
        return "torchrun has died" if torchrun_is_gone() else None

    def note(self, name: str) -> None:
        """A signal of this name came."""
        self._signal = name


@contextmanager
def deferred_stop(file: Path) -> Iterator[StopRequest]:
    """Notes the first request to stop instead of acting on it; a second signal ends the process as usual.

    Requests are a stop signal, where this is the main thread, and the appearance of `file`, anywhere. Signals within a
    second of the first say the same: a launcher passes on what the terminal has sent already.
    """
    request = StopRequest(file)
    outside = _deferring.set(True)
    try:
        with _signals_noted(request):
            yield request
    finally:
        _deferring.reset(outside)


@contextmanager
def _signals_noted(request: StopRequest) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = ("SIGINT", "SIGTERM", "SIGUSR1")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}

    first: float | None = None

    def note(number: int, _frame: FrameType | None) -> None:
        nonlocal first
        if first is None:
            first = time.monotonic()
            request.note(signal.Signals(number).name)
        elif time.monotonic() - first > _SAME_REQUEST_SECONDS:
            for each, handler in before.items():
                signal.signal(each, handler)
            signal.raise_signal(number)

    for number in numbers:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

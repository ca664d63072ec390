"""Ctrl-C, SIGTERM and SIGUSR1 as a polite request, so that work stops between steps and nothing is lost."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from gist.errors import GistError

_SAME_REQUEST_SECONDS = 1.0


class Stopped(GistError):
    """The user, or the cluster's scheduler, asked the run to stop; the same command continues it."""

    exit_code = 130


class StopRequest:
    """Whether a signal has asked to stop."""

    def __init__(self) -> None:
        self.received: str | None = None


@contextmanager
def deferred_signals() -> Iterator[StopRequest]:
    """Notes the first stop signal instead of acting on it; a second one ends the process as usual.

    Signals within a second of the first say the same: a launcher passes on what the terminal has sent already.
    Outside the main thread signals cannot be caught, so the request then never comes.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    names = ("SIGINT", "SIGTERM", "SIGUSR1")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}

    first = 0.0

    def note(number: int, _frame: FrameType | None) -> None:
        nonlocal first
        if request.received is None:
            request.received, first = signal.Signals(number).name, time.monotonic()
        elif time.monotonic() - first > _SAME_REQUEST_SECONDS:
            for each, handler in before.items():
                signal.signal(each, handler)
            signal.raise_signal(number)

    for number in numbers:
        signal.signal(number, note)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""Progress bar and notes in the terminal, or plain lines in a log."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import TaskID

from gist.stages.vocabulary import WARNING

_FIRST_LINE_SECONDS = 10.0
_BETWEEN_LINES_SECONDS = 60.0


class TerminalProgress:
    """Shows notes as lines and progress as one bar, on standard error.

    Where that is no terminal, progress is plain lines: ten seconds after a piece of work began, then at twice the time
    but at least once a minute, and at its end. `clock` gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        from rich.console import Console  # only commands that work need it
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.table import Column

        self.console = Console(stderr=True, highlight=False)
        self._clock = clock
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None, table_column=Column(max_width=30)),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[detail]}", table_column=Column(no_wrap=True, max_width=20)),
            console=self.console,
            transient=False,
            disable=not self.console.is_interactive,
        )
        self._task: TaskID | None = None
        self.stage = ""
        self._showing = ("", "")
        self._began = self._due = self._first = 0.0

    def __enter__(self) -> TerminalProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def note(self, text: str) -> None:
        """Prints a sentence above the bar; in a log as one line."""
        style = "bold yellow" if text.startswith(WARNING) else None
        self.console.print(text, style=style, markup=False, soft_wrap=self._bar.disable)

    def advance(self, done: float, total: float, unit: str, detail: str = "") -> None:
        """Moves the bar, which bears the stage's name; a new stage or unit starts a new one."""
        digits = 0 if isinstance(done, int) and isinstance(total, int) else 1 if total >= 20 else 2
        count = f"{done:,.{digits}f}/{total:,.{digits}f} {unit}"
        finished = self._task is not None and self._bar.tasks[self._task].finished
        if self._task is None or (self.stage, unit) != self._showing or finished:
            self._task = self._bar.add_task(self.stage or unit, total=total, count=count, detail=detail)
            self._showing = (self.stage, unit)
            self._began, self._first, self._due = self._clock(), done, _FIRST_LINE_SECONDS
        self._bar.update(self._task, completed=done, total=total, count=count, detail=detail)
        if self._bar.disable and done > self._first:
            self._line(done, total, count, detail)

    def _line(self, done: float, total: float, count: str, detail: str) -> None:
        elapsed = self._clock() - self._began
        if elapsed < self._due and done < total:
            return
        self._due = elapsed + min(max(elapsed, _FIRST_LINE_SECONDS), _BETWEEN_LINES_SECONDS)
        left = elapsed * max(0.0, total - done) / (done - self._first)  # a whole batch may go beyond the end
        parts = [count, f"{_written(elapsed)} elapsed", f"{_written(left)} left", detail]
        self.note(f"{self.stage}: " * bool(self.stage) + ", ".join(filter(None, parts)))


def _written(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))

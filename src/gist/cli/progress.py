"""Progress bar and notes in the terminal."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class TerminalProgress:
    """Shows notes as lines and progress as one bar, on standard error; plain lines where there is no terminal."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[detail]}"),
            console=self.console,
            transient=False,
        )
        self._task: TaskID | None = None
        self._unit = ""

    def __enter__(self) -> TerminalProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def note(self, text: str) -> None:
        """Prints a sentence above the bar."""
        self.console.print(text, markup=False)

    def advance(self, done: float, total: float, unit: str, detail: str = "") -> None:
        """Moves the bar; a new unit or a step back starts a new one."""
        digits = 0 if total >= 20 or (isinstance(done, int) and isinstance(total, int)) else 2
        count = f"{done:,.{digits}f}/{total:,.{digits}f} {unit}"
        finished = self._task is not None and self._bar.tasks[self._task].finished
        if self._task is None or unit != self._unit or finished:
            self._task = self._bar.add_task(unit, total=total, count=count, detail=detail)
            self._unit = unit
        self._bar.update(self._task, completed=done, total=total, count=count, detail=detail)

"""How stages tell what they do without printing: only the command line and the web page show it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Listens to a stage."""

    stage: str
    """The stage that works now, which a run says here; empty outside of one."""

    def note(self, text: str) -> None:
        """One sentence worth showing and logging."""

    def advance(self, done: float, total: float, unit: str, detail: str = "") -> None:
        """`done` of `total` `unit`s are finished; `detail` is a short figure such as a loss."""


class Silent:
    """Listens and shows nothing."""

    stage = ""

    def note(self, text: str) -> None:
        pass

    def advance(self, done: float, total: float, unit: str, detail: str = "") -> None:
        pass

"""A listener to a stage that keeps all it is told, and can break the stage off."""

from __future__ import annotations


class Listener:
    """Raises `error` as soon as `after` images are done."""

    def __init__(self, after: int | None = None, error: BaseException | None = None) -> None:
        self.notes: list[str] = []
        self.advances: list[tuple[float, float, str, str]] = []
        self._after = after
        self._error = error

    def note(self, text: str) -> None:
        self.notes.append(text)

    def advance(self, done: float, total: float, unit: str, detail: str = "") -> None:
        self.advances.append((done, total, unit, detail))
        if self._error is not None and self._after is not None and done >= self._after:
            raise self._error

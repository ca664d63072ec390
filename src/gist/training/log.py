"""The training log: one line of JSON per tick, and TensorBoard events where they are asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gist.files import write_atomic
from gist.images.png import read_grey

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class TrainingLog:
    """Appends to `log.jsonl` in the train folder; numbers also go to `tensorboard/` if `tensorboard` is set."""

    def __init__(
        self, folder: Path, images: int, *, tensorboard: bool, on_note: Callable[[str], None]
    ) -> None:
        self.file = folder / "log.jsonl"
        self._drop_after(images)
        self._events: SummaryWriter | None = None
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                on_note(
                    "TensorBoard is not installed, so log.jsonl is the only log; `pip install gist-synth[tensorboard]`."
                )
            else:
                # Steps after the checkpoint will be done again.
                self._events = SummaryWriter(str(folder / "tensorboard"), purge_step=images + 1)

    def write(self, images: int, numbers: dict[str, float], warnings: Sequence[str] = ()) -> None:
        """One line: kimg, the numbers, and sentences about what goes wrong."""
        line: dict[str, object] = {"kimg": images / 1000}
        line |= {name: float(f"{value:.6g}") for name, value in numbers.items()}
        if warnings:
            line["warnings"] = list(warnings)
        with self.file.open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        if self._events is not None:
            for name, value in numbers.items():
                self._events.add_scalar(name, value, images)
            for warning in warnings:
                self._events.add_text("warnings", warning, images)

    def show(self, images: int, grid: Path) -> None:
        """Adds a picture grid to TensorBoard."""
        if self._events is not None:
            self._events.add_image("synthetic images", read_grey(grid), images, dataformats="HW")

    def close(self) -> None:
        """Writes out what TensorBoard still holds back."""
        if self._events is not None:
            self._events.close()

    def _drop_after(self, images: int) -> None:
        """A kill between log line and checkpoint leaves lines of steps that will be done again."""
        if not self.file.exists():
            return
        kept = []
        for line in self.file.read_text(encoding="utf-8").splitlines():
            try:
                if round(json.loads(line)["kimg"] * 1000) <= images:
                    kept.append(line + "\n")
            except (ValueError, KeyError):
                continue  # a line cut short by the kill
        write_atomic(self.file, "".join(kept).encode())

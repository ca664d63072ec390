"""The training log: one line of JSON per tick, and TensorBoard events where they are asked for."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gist.files import write_atomic
from gist.images.png import read_picture

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class TrainingLog:
    """Appends to `log.jsonl` in the train folder; numbers also go to `tensorboard/` if `tensorboard` is set.

    Steps after `images`, where the training goes on, will be done again and are dropped from both.
    """

    def __init__(
        self, folder: Path, images: int, *, tensorboard: bool, on_note: Callable[[str], None]
    ) -> None:
        self.file = folder / "log.jsonl"
        kept = self._drop_after(images)
        self._events: SummaryWriter | None = None
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                on_note(
                    "TensorBoard is not installed, so log.jsonl is the only log; `pip install gist-synth[tensorboard]`."
                )
            else:
                # Written anew: TensorBoard's servers heed a purge step in part or not at all.
                shutil.rmtree(folder / "tensorboard", ignore_errors=True)
                self._events = SummaryWriter(str(folder / "tensorboard"))
                self._tell_again(kept, images)

    def write(self, images: int, numbers: dict[str, float], warnings: Sequence[str] = ()) -> None:
        """One line: kimg, the numbers, and sentences about what goes wrong."""
        line: dict[str, object] = {"kimg": images / 1000}
        line |= {name: float(f"{value:.6g}") for name, value in numbers.items()}
        if warnings:
            line["warnings"] = list(warnings)
        with self.file.open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        if self._events is not None:
            _tell(self._events, images, numbers, warnings)

    def show(self, images: int, grid: Path) -> None:
        """Adds a picture grid to TensorBoard."""
        if self._events is not None:
            picture = read_picture(grid)
            layout = "HW" if picture.ndim == 2 else "HWC"
            self._events.add_image("synthetic images", picture, images, dataformats=layout)

    def close(self) -> None:
        """Writes out what TensorBoard still holds back."""
        if self._events is not None:
            self._events.close()

    def _drop_after(self, images: int) -> list[dict[str, Any]]:
        """A kill between log line and checkpoint leaves lines of steps that will be done again; returns the others."""
        if not self.file.exists():
            return []
        kept = {}
        for line in self.file.read_text(encoding="utf-8").splitlines():
            try:
                numbers = json.loads(line)
                if round(numbers["kimg"] * 1000) <= images:
                    kept[line + "\n"] = numbers
            except (ValueError, KeyError):
                continue  # a line cut short by the kill
        write_atomic(self.file, "".join(kept).encode())
        return list(kept.values())

    def _tell_again(self, lines: Sequence[dict[str, Any]], images: int) -> None:
        """Gives TensorBoard lines and grids of earlier sittings, at moments as far apart as the training took."""
        assert self._events is not None
        now = time.time()
        for line in lines:
            moment = now - lines[-1].get("seconds", 0) + line.get("seconds", 0)
            numbers = {name: value for name, value in line.items() if name not in ("kimg", "warnings")}
            _tell(self._events, round(line["kimg"] * 1000), numbers, line.get("warnings", ()), moment)
        for grid in sorted((self.file.parent / "grids").glob("network-*.png")):
            shown = int(grid.stem.removeprefix("network-"))
            if 0 < shown <= images:
                self.show(shown, grid)


def _tell(
    events: SummaryWriter,
    images: int,
    numbers: dict[str, float],
    warnings: Sequence[str],
    moment: float | None = None,
) -> None:
    for name, value in numbers.items():
        events.add_scalar(name, value, images, moment)
    for warning in warnings:
        events.add_text("warnings", warning, images, moment)

"""The loop of training steps, counted in real images shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from gist.generators.gan.learner import Trainer
from gist.generators.gan.state import TrainingState

StopReason = Literal["kimg reached", "hours reached", "no longer better"]


@dataclass(frozen=True)
class Stop:
    """When training ends."""

    images: int
    seconds: float | None
    patience_images: float | None = None
    """Images without a better score after which training ends."""

    def reached(self, state: TrainingState) -> StopReason | None:
        """The reason to stop, if there is one now."""
        if state.images >= self.images:
            return "kimg reached"
        if self.seconds is not None and state.seconds >= self.seconds:
            return "hours reached"
        best = state.best
        if self.patience_images is not None and best is not None:
            scored = max(entry["kimg"] for entry in state.snapshots if entry.get("kid") is not None)
            if (scored - best["kimg"]) * 1000 >= self.patience_images:
                return "no longer better"
        return None


@dataclass
class Statistics:
    """Running means of named numbers since the last `take`."""

    sums: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, values: dict[str, float]) -> None:
        """Adds one step's numbers."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
            self.counts[name] = self.counts.get(name, 0) + 1

    def take(self) -> dict[str, float]:
        """Means by name; forgets them."""
        means = {name: total / self.counts[name] for name, total in self.sums.items()}
        self.sums, self.counts = {}, {}
        return means


def train_until(
    trainer: Trainer,
    stop: Stop,
    *,
    tick_images: int,
    snapshot_images: int,
    on_tick: Callable[[dict[str, float], float], None],
    on_snapshot: Callable[[], dict[str, float]],
    after_step: Callable[[], None],
) -> StopReason:
    """Steps until `stop` is reached and returns why it stopped, in all processes the same.

    Args:
        tick_images: statistics are handed to `on_tick(means, seconds per 1000 images)` at multiples of this.
        snapshot_images: `on_snapshot` is called at multiples of this; its numbers go to `on_tick` too.
        after_step: called when the state is whole; may save it, or raise to stop.
    """
    state, batch = trainer.state, trainer.plan.batch
    statistics = Statistics()
    tick_start, tick_from = time.monotonic(), state.images
    while (reason := stop.reached(state)) is None:
        began = time.monotonic()
        statistics.add(trainer.step())
        (state.seconds,) = trainer.team.from_leader(state.seconds + time.monotonic() - began)
        seconds_per_kimg = (time.monotonic() - tick_start) / (state.images - tick_from) * 1000
        numbers = on_snapshot() if _passes(snapshot_images, state.images, batch) else {}
        if numbers or _passes(tick_images, state.images, batch):
            on_tick(statistics.take() | numbers, seconds_per_kimg)
            tick_start, tick_from = time.monotonic(), state.images
        after_step()
    return reason


def _passes(multiple: int, images: int, batch: int) -> bool:
    """Whether a multiple of so many images lies in the last batch."""
    return images // multiple > (images - batch) // multiple

"""The loop of training steps, counted in real images shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from gist.generators.learning.learner import Learner
from gist.machine.team import Team
from gist.training.record import TrainingRecord

StopReason = Literal["kimg reached", "hours reached", "no longer better"]


@dataclass(frozen=True)
class Stop:
    """When training ends."""

    images: int
    seconds: float | None
    patience_kimg: float | None = None
    """Thousands of images without a better score after which training ends."""

    def reached(self, images: int, record: TrainingRecord) -> StopReason | None:
        """The reason to stop, if there is one now."""
        if images >= self.images:
            return "kimg reached"
        if self.seconds is not None and record.seconds >= self.seconds:
            return "hours reached"
        # In images, which are whole numbers.
        since_best = round(record.kimg_since_best * 1000)
        if (
            self.patience_kimg is not None
            and record.best is not None
            and since_best >= self.patience_kimg * 1000
        ):
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
    learner: Learner,
    record: TrainingRecord,
    stop: Stop,
    team: Team,
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
    batch = learner.plan.batch
    statistics = Statistics()
    tick_start, tick_from = time.monotonic(), learner.images
    while (reason := stop.reached(learner.images, record)) is None:
        began = time.monotonic()
        statistics.add(learner.step())
        (record.seconds,) = team.from_leader(record.seconds + time.monotonic() - began)
        seconds_per_kimg = (time.monotonic() - tick_start) / (learner.images - tick_from) * 1000
        numbers = on_snapshot() if _passes(snapshot_images, learner.images, batch) else {}
        if numbers or _passes(tick_images, learner.images, batch):
            on_tick(statistics.take() | numbers, seconds_per_kimg)
            tick_start, tick_from = time.monotonic(), learner.images
        after_step()
    return reason


def _passes(multiple: int, images: int, batch: int) -> bool:
    """Whether a multiple of so many images lies in the last batch."""
    return images // multiple > (images - batch) // multiple

"""What learns, step by step; the training room drives it and knows nothing of what is inside."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import torch

from gist.generators.learning.images import TrainingImages
from gist.generators.learning.plan import TrainingPlan
from gist.generators.learning.precision import Precision
from gist.generators.model import Model, Start
from gist.machine.device import Device
from gist.machine.team import Team
from gist.stages.train import TrainSettings


@dataclass(frozen=True)
class TrainingContext:
    """What a learner is given beside its plan."""

    settings: TrainSettings
    images: TrainingImages
    device: Device
    seed: int
    class_names: tuple[str, ...] = ()
    """In label order; empty for an unconditional generator."""
    start: Start | None = None
    continues: bool = False
    """Whether the state of a checkpoint follows, so that nothing need be taken over from the start."""
    team: Team = field(default_factory=Team)
    note: Callable[[str], None] = lambda _: None
    """Takes sentences worth showing."""
    folder: Path | None = None
    """Where it may write what became of the start; None in processes that write nothing."""


@dataclass(frozen=True)
class Held:
    """Images [N, C, R, R] in -1 to 1 with their one-hot classes [N, c_dim], to judge overfitting by."""

    images: torch.Tensor
    c: torch.Tensor | None


class Learner(ABC):
    """Takes one step after another; knows nothing of files.

    Every random draw must follow from the seed and from `images`, so that a checkpoint needs no generator state.
    What learns must lie on `context.device.torch_device`. The rest of the context serves whom it serves: a learner
    may ignore the team (it then learns the same in every process) and parts of a batch; what else it ignores, its
    family lists in `without` and leaves to `Family.check_start`.
    """

    plan: TrainingPlan
    images: int
    """Real images shown so far; a step adds `plan.batch`."""
    against_collapse: str = "with other settings"
    """How to train again where the generated images have become alike."""

    @property
    @abstractmethod
    def model(self) -> Model:
        """What snapshots hold and pictures are drawn from now, in evaluation mode."""

    @abstractmethod
    def step(self) -> dict[str, float]:
        """Shows a batch of real images and learns from it; returns numbers worth logging.

        Raises:
            NotFiniteError: a number is no longer finite; the state must not be saved.
            StageError: memory ran out for good.
        """

    @abstractmethod
    def tensors(self) -> dict[str, torch.Tensor]:
        """All tensors of the state by name."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """All of the state that is no tensor, as JSON values, but for `images`."""

    @abstractmethod
    def restore(self, tensors: dict[str, torch.Tensor], facts: Mapping[str, Any]) -> None:
        """Goes back to a state that was saved; `images` is among the facts."""

    def use_precision(self, precision: Precision) -> None:
        """Computes with so many bits from now on; a learner that knows one precision only keeps it."""
        del precision

    def readings(self) -> dict[str, float]:
        """Numbers about its state for the log, beside those of the steps."""
        return {}

    def troubles(self, means: Mapping[str, float]) -> dict[str, str]:
        """Signs that training goes wrong: kind -> sentence; each kind is told once.

        `means` are the numbers since the last line of the log, with `overfitting` where a snapshot was just scored.
        """
        del means
        return {}

    def overfitting(self, known: Held, unknown: Held, drawn: Held) -> float | None:
        """How far it treats held-out images as drawn ones (1) rather than as training images (0); None: cannot tell."""
        del known, unknown, drawn
        return None

    def most_changed(self, images: torch.Tensor) -> torch.Tensor | None:
        """Real images [N, C, R, R] as the learner sees them at the most, to tell leaks by; None if it changes none."""
        del images
        return None

    def fit_micro_batch(self, images: int) -> int:
        """Takes parts of at most so many images from now on, as far as the batch can be cut so; returns how many."""
        del images
        return self.plan.batch

    def seconds_per_step(self) -> float:
        """Mean time of a step in the middle of a training; the learner is of no use afterwards."""
        self.timed_step(0)  # compiles and warms up
        return median(self.timed_step(number) for number in (1, 2, 3))

    def timed_step(self, number: int) -> float:
        """Seconds that step number `number` of a training takes."""
        self.images = number * self.plan.batch
        began = time.monotonic()
        self.step()  # waits for the device at its end
        return time.monotonic() - began

"""What a training is planned from, and its settings with nothing left to choose, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gist.errors import InputError
from gist.numerals import counted
from gist.stages.promise import Section
from gist.stages.train import UNTIL_HOURS

_LONGEST = 25000.0
GIVEN = "given in the settings"
"""Why a setting is what it is, where gist did not choose."""


@dataclass(frozen=True)
class Fingerprint:
    """What the choice of settings depends on: the data and the device."""

    images: int
    resolution: int
    class_names: tuple[str, ...]
    on_gpu: bool
    channels: int = 1
    """Of the images: 1 for grey."""


@dataclass(frozen=True)
class TrainingPlan:
    """What every training needs to know; each kind of generator adds its own."""

    architecture: str
    conditional: bool
    kimg: float
    batch: int
    micro_batch: int
    snapshot_kimg: float
    reasons: dict[str, str]

    def settings(self) -> dict[str, Any]:
        """The chosen values without their reasons."""
        return {name: value for name, value in vars(self).items() if name != "reasons"}


class Choices:
    """Resolves settings one by one: taken over from a start, given by the user, or chosen for a reason."""

    def __init__(self, settings: Section, taken_over: Mapping[str, Any] | None = None) -> None:
        self.settings = settings
        self.taken_over = taken_over or {}
        self._usual_length = 0.0
        self.reasons: dict[str, str] = {}
        """Setting -> why it is what it is."""

    def __call__(self, name: str, value: Any = None, reason: str = "") -> Any:
        """The value of a setting, which is `value` for this reason where it is "auto"."""
        if name in self.taken_over:
            self.reasons[name] = "taken over from the starting network"
            return self.taken_over[name]
        given = getattr(self.settings, name)
        if given != "auto":
            usual = type(self.settings).model_fields[name].default
            self.reasons[name] = "by default" if given == usual else GIVEN
            return given
        self.reasons[name] = reason
        return value

    def conditional(self, data: Fingerprint) -> bool:
        """Whether the generator draws any class on request.

        Raises:
            InputError: classes are asked for and there are none.
        """
        classes = len(data.class_names)
        why = f"the data has {counted(classes, 'class', 'classes')}" if classes else "the data has no labels"
        conditional: bool = self("conditional", classes > 1, why)
        if conditional and classes < 2:
            raise InputError(
                "train.conditional asks for classes, but the data set has "
                f"{'one class' if classes else 'no labels'}; give labels for two classes or more, or set "
                "train.conditional=false."
            )
        return conditional

    def batch(self, data: Fingerprint) -> int:
        """Images per step."""
        chosen: int = self(
            "batch",
            32 if data.on_gpu else 8,
            "a GPU carries the papers' 32"
            if data.on_gpu
            else "on a CPU many small steps learn sooner than few big ones",
        )
        return chosen

    def micro_batch(self, batch: int) -> int:
        """Images per forward pass."""
        chosen: int = self(
            "micro_batch", batch, "the whole batch at once; it is halved where memory runs out"
        )
        return chosen

    def length(self, data: Fingerprint, *, transfer: bool) -> float:
        """Thousands of images to show; as many as anybody shows where `train.hours` alone says when to end."""
        value, reason = 3000.0, "enough for a few thousand radiographs on a GPU"
        if not data.on_gpu:
            value, reason = (150.0 if data.resolution <= 64 else 60.0), "one to two hours of two CPU cores"
        elif transfer:
            value, reason = 1000.0, "transfer learning needs about a third of a training from scratch"
        self._usual_length = value
        if getattr(self.settings, "hours", None) is not None:
            value, reason = _LONGEST, UNTIL_HOURS
        kimg: float = self("kimg", value, reason)
        return kimg

    def snapshots(self, kimg: float) -> float:
        """Thousands of images between snapshots."""
        value, reason = kimg / 12, "twelve snapshots over the run"
        if self.reasons.get("kimg") == UNTIL_HOURS:
            value, reason = self._usual_length / 12, "as often as where train.hours sets no end"
        chosen: float = self("snapshot_kimg", value, reason)
        return chosen

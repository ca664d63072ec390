"""All that gist asks of a kind of generator: its settings, its plan, its networks, what learns, what to cite.

A kind of generator is one folder and one line in `registry.py`, or an entry point of another package
(`gist.addresses`). The loop, checkpoints, snapshots, grids, plan table, report and cards ask its family
and never its name. This module is light: torch comes with the methods that need it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gist.errors import InputError
from gist.stages.promise import Section
from gist.stages.train import TrainSettings

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gist.generators.learning.learner import Learner, TrainingContext
    from gist.generators.learning.plan import Fingerprint, TrainingPlan
    from gist.generators.model import Model, Start


@dataclass(frozen=True)
class Paper:
    """What to cite."""

    text: str
    doi: str | None = None


@dataclass(frozen=True)
class Chart:
    """A chart of the training log in the report."""

    title: str
    lines: Mapping[str, str]
    """Number in the log -> name of its line; those that a log lacks are left out."""
    unit: str
    reference: tuple[str, str] | None = None
    """A horizontal line to compare with: its name, and the setting of training that holds its height."""


class Family(ABC):
    """One kind of generator."""

    name: str
    """As `train.architecture` says it."""
    title: str
    """As papers write it."""
    summary: str
    """A few words for the list of architectures."""
    papers: tuple[Paper, ...] = ()
    charts: tuple[Chart, ...] = (Chart("Loss", {"loss": "loss"}, "loss"),)
    """What its training log shows."""
    charts_in_words: str = ""
    """How to read them."""
    tags: tuple[str, ...] = ()
    """What catalogues of networks should find it by, beside its name, such as `gan`."""
    left_behind: str = ""
    """A sentence: what learned beside the generator and why it is not passed on."""
    settings: type[Section] = Section
    """What it adds to the settings of training; families may share a class."""
    without: frozenset[str] = frozenset()
    """Settings of every training that mean nothing to it, such as `precision` and `allow_mirror`: given ones are
    refused."""
    readers: Mapping[str, str] = {}
    """Suffix of other projects' network files, such as `.pkl` -> address of (path) -> Start."""

    def suits(self, data: Fingerprint) -> str | None:
        """Why `auto` should choose this family for the data, or None; the first that has a reason is taken."""
        del data
        return None

    @abstractmethod
    def plan(self, settings: TrainSettings, data: Fingerprint, start: Start | None, why: str) -> TrainingPlan:
        """Every setting resolved, with its reason; `why` is the reason for the family.

        Raises:
            InputError: settings contradict the data or the starting network.
        """

    @abstractmethod
    def model(self, description: Mapping[str, Any]) -> Model:
        """The model that `Model.description` described, with weights of any value.

        Raises:
            InputError: there is no such model.
        """

    @abstractmethod
    def learner(self, plan: TrainingPlan, context: TrainingContext) -> Learner:
        """What learns by a plan, before its first step.

        Raises:
            InputError: the starting network cannot be continued from.
        """

    def check_start(self, settings: TrainSettings, start: Start) -> None:
        """Raises InputError where settings contradict a starting network of this family, whatever the data is.

        A family that cannot continue from a network leaves this as it is: it refuses them all.
        """
        del start
        raise InputError(
            f"A {self.title} generator cannot continue from another network; leave out train.start_from, which is "
            f"{settings.start_from}."
        )

    def companion(self, network: Path) -> nn.Module | None:
        """What was kept beside a network file for training to go on from, such as a discriminator."""
        del network
        return None

    def keep_companion(self, network: Path, companion: nn.Module, metadata: Mapping[str, Any]) -> Path:
        """Writes it beside a network file, where `companion` finds it; returns its file."""
        raise NotImplementedError(f"{self.name} keeps nothing beside {network.name}")

    def judge_in(self, model: Model, tensors: Mapping[str, Tensor]) -> nn.Module | None:
        """What judged images while a model learned, of the tensors of its checkpoint: images [N, C, R, R] and one-hot
        classes to numbers [N, 1], higher for what looks learned from; None where nothing did."""
        del model, tensors
        return None

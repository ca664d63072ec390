"""Adversarial generators of one build: a mapping network, a synthesis network and a discriminator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gist.addresses import imported
from gist.generators.family import Chart, Family, Paper
from gist.generators.gan.settings import GanSettings
from gist.generators.learning.plan import Fingerprint
from gist.stages.promise import Section
from gist.stages.train import TrainSettings

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gist.generators.learning.learner import Learner, TrainingContext
    from gist.generators.learning.plan import TrainingPlan
    from gist.generators.model import Model, Start

_HERE = "gist.generators.gan"

CHARTS = (
    Chart("Losses", {"loss_G": "generator", "loss_D": "discriminator"}, "loss"),
    Chart(
        "Augmentation",
        {"real_sign": "overfitting sign", "augment_p": "strength p"},
        "no unit",
        ("target of the sign", "augment_target"),
    ),
    Chart("Gradient penalty R1", {"r1": "Gradient penalty R1"}, "squared gradient norm"),
)
CHARTS_IN_WORDS = (
    "Loss curves of a generative adversarial network show whether training is stable; they do not fall as the images "
    "improve. The overfitting sign is the discriminator’s mean sign on real images: towards 1 it begins to know them "
    "by heart, and the augmentation strength p rises to prevent that."
)

LEFT_BEHIND = (
    "Its weights are averages over training. The discriminator stays with you: it remembers training images."
)


@dataclass(frozen=True)
class GanFamily(Family):
    """What tells one architecture from the others; what its paper gives, unless a field says otherwise."""

    name: str
    title: str
    summary: str
    networks: str
    """Address of its `Networks`."""
    mapping_layers: int
    generator_lr: float
    discriminator_lr: float
    gamma_per_pixel: float = 0.001
    """R1 weight times batch, per pixel."""
    channel_max_on_cpu: int = 32
    """Ours: widest layers of the generator that a CPU carries."""
    generator_widening: int = 1
    """Factor on the generator's channels; the discriminator's follow from the settings as they are."""
    conv_kernel: int = 3
    largest_resolution: int | None = None
    """Beyond it the architecture does not learn stably."""
    alias_free: bool = False
    """Whether the input of synthesis can be moved and turned, and pictures move and turn along."""
    radial_filters: bool = False
    """Whether downsampling filters are radially symmetric."""
    regularises_path_length: bool = False
    """Whether G learns with path-length regularisation and mixed styles (Karras et al. 2020)."""
    blurs_early: bool = False
    """Whether the discriminator's eyes are blurred at first (Karras et al. 2021, appendix D.3)."""
    charts: tuple[Chart, ...] = CHARTS
    charts_in_words: str = CHARTS_IN_WORDS
    tags: tuple[str, ...] = ("gan",)
    left_behind: str = LEFT_BEHIND
    chosen_for: Callable[[Fingerprint], str | None] = lambda _: None
    papers: tuple[Paper, ...] = ()
    readers: Mapping[str, str] = field(default_factory=dict)
    settings: type[Section] = GanSettings
    without: frozenset[str] = frozenset()

    def suits(self, data: Fingerprint) -> str | None:
        return self.chosen_for(data)

    def plan(self, settings: TrainSettings, data: Fingerprint, start: Start | None, why: str) -> TrainingPlan:
        plan: TrainingPlan = imported(f"{_HERE}.plan:plan_training")(self, settings, data, start, why)
        return plan

    def check_start(self, settings: TrainSettings, start: Start) -> None:
        imported(f"{_HERE}.plan:sizes_of_start")(self, settings, start)

    def model(self, description: Mapping[str, Any]) -> Model:
        model: Model = imported(f"{_HERE}.networks:described_generator")(description)
        return model

    def learner(self, plan: TrainingPlan, context: TrainingContext) -> Learner:
        learner: Learner = imported(f"{_HERE}.beginning:new_learner")(self, plan, context)
        return learner

    def companion(self, network: Path) -> nn.Module | None:
        companion: nn.Module | None = imported(f"{_HERE}.discriminator_file:discriminator_of")(network)
        return companion

    def keep_companion(self, network: Path, companion: nn.Module, metadata: Mapping[str, Any]) -> Path:
        file: Path = imported(f"{_HERE}.discriminator_file:discriminator_beside")(network)
        imported(f"{_HERE}.discriminator_file:save_discriminator")(file, companion, metadata=metadata)
        return file

    def judge_in(self, model: Model, tensors: Mapping[str, Tensor]) -> nn.Module | None:
        judge: nn.Module = imported(f"{_HERE}.discriminator_file:discriminator_in")(model, tensors)
        return judge

"""The model and the learner of the added kind of generator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from gist.generators.learning.learner import Learner, TrainingContext
from gist.generators.learning.plan import TrainingPlan
from gist.generators.learning.randomness import random_stream
from gist.generators.model import Model


@dataclass(frozen=True)
class MeanImagePlan(TrainingPlan):
    noise: float


class MeanImage(Model):
    family = "mean-image"

    def __init__(self, side: int, channels: int, classes: int, noise: float) -> None:
        super().__init__()
        self.img_resolution, self.img_channels, self.c_dim, self.noise = side, channels, classes, noise
        self.latent_shape = (channels, side, side)
        self.register_buffer("mean", torch.zeros(max(1, classes), channels, side, side))

    def forward(
        self,
        z: torch.Tensor,
        c: torch.Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> torch.Tensor:
        del truncation_cutoff
        which = torch.zeros(len(z), dtype=torch.long, device=z.device) if c is None else c.argmax(dim=1)
        return (self.mean[which] + truncation_psi * self.noise * z).clamp(-1, 1)  # type: ignore[index]

    def description(self) -> dict[str, Any]:
        return {
            "architecture": self.family,
            "side": self.img_resolution,
            "channels": self.img_channels,
            "classes": self.c_dim,
            "noise": self.noise,
        }


class MeanImageLearner(Learner):
    """Moves each class's mean towards the images of a batch, of which a random half is looked at."""

    def __init__(self, plan: MeanImagePlan, context: TrainingContext) -> None:
        data = context.images.data_set
        self.plan, self.context, self.images = plan, context, 0
        self._model = MeanImage(data.resolution, data.channels, context.images.classes, plan.noise).eval()
        self._model.to(context.device.torch_device)

    @property
    def model(self) -> MeanImage:
        return self._model

    def step(self) -> dict[str, float]:
        part = torch.randperm(
            self.plan.batch, generator=random_stream(self.context.seed, "half", self.images)
        )[: self.plan.batch // 2]
        batch, c = self.context.images.batch(
            self.images, self.plan.batch, part, self.context.device.torch_device
        )
        labels = (
            torch.zeros(len(batch), dtype=torch.long, device=batch.device) if c is None else c.argmax(dim=1)
        )
        mean = self._model.mean
        distance = (batch - mean[labels]).square().mean()  # type: ignore[index]
        for label in labels.unique():
            mean[label].lerp_(batch[labels == label].mean(dim=0), 0.1)  # type: ignore[index]
        self.images += self.plan.batch
        return {"loss": float(distance)}

    def tensors(self) -> dict[str, torch.Tensor]:
        return self._model.state_dict()

    def facts(self) -> dict[str, Any]:
        return {}

    def restore(self, tensors: dict[str, torch.Tensor], facts: Mapping[str, Any]) -> None:
        self._model.load_state_dict(tensors)
        self.images = facts["images"]

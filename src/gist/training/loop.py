"""The training loop: one function from the first step to the last, counted in real images shown."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import nn

from gist.augment import AugmentPipe
from gist.errors import StageError
from gist.training.images import TrainingImages
from gist.training.losses import (
    PathLength,
    blur,
    discriminator_loss,
    generator_loss,
    micro_batches,
    mix_styles,
    r1_penalty,
)
from gist.training.plan import TrainingPlan
from gist.training.randomness import random_stream
from gist.training.state import PATH_LENGTH_INTERVAL, R1_INTERVAL, TrainingState

_STYLE_MIXING = 0.9
_PATH_LENGTH_WEIGHT = 2.0
_PATH_LENGTH_SHRINK = 2
_BLUR_SIGMA = 10.0
_BLUR_FADE_IMAGES_PER_BATCH = 200_000 / 32


@dataclass
class Statistics:
    """Running means of named scalars since the last `take`."""

    sums: dict[str, torch.Tensor] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, value: torch.Tensor) -> None:
        """Adds the mean of a tensor without waiting for the device."""
        mean = value.detach().float().mean()
        self.sums[name] = self.sums[name] + mean if name in self.sums else mean
        self.counts[name] = self.counts.get(name, 0) + 1

    def take(self) -> dict[str, float]:
        """Means by name; forgets them."""
        means = {name: float(total) / self.counts[name] for name, total in self.sums.items()}
        self.sums, self.counts = {}, {}
        return means


class Trainer:
    """One step after another on a state; knows nothing of files."""

    def __init__(
        self, state: TrainingState, plan: TrainingPlan, images: TrainingImages, pipe: AugmentPipe, seed: int
    ) -> None:
        self.state = state
        self.plan = plan
        self.images = images
        self.pipe = pipe
        self.seed = seed
        self.device = next(state.G.parameters()).device
        self.statistics = Statistics()
        self.stylegan2 = plan.architecture == "stylegan2"

    def step(self) -> None:
        """Shows `plan.batch` real images: one update of G, one of D, lazy regularisation where due, EMA, ADA.

        Raises:
            StageError: a loss or gradient is no longer finite; the state must not be saved.
        """
        state, plan = self.state, self.plan
        number = state.images // plan.batch
        torch.manual_seed(random_stream(self.seed, "layer noise", state.images).initial_seed())
        parts = micro_batches(plan.batch, plan.micro_batch)

        if state.images >= plan.generator_waits_kimg * 1000:
            state.D.requires_grad_(False)
            self._update("G", state.G, state.G_optimizer, [self._generator], parts)
            if self.stylegan2 and number % PATH_LENGTH_INTERVAL == 0:
                self._update("path length", state.G, state.G_optimizer, [self._path_length], parts)
            state.D.requires_grad_(True)

        state.G.requires_grad_(False)
        self._real_signs: list[torch.Tensor] = []
        self._update("D", state.D, state.D_optimizer, [self._fake, self._real], parts)
        state.ada.update(float(torch.stack(self._real_signs).sum()) / plan.batch, plan.batch)
        if plan.gamma > 0 and number % R1_INTERVAL == 0:
            self._update("R1", state.D, state.D_optimizer, [self._r1], parts)
        state.G.requires_grad_(True)

        state.images += plan.batch
        state.update_average(plan.batch, plan.ema_kimg * 1000)

    def _update(
        self,
        name: str,
        module: nn.Module,
        optimizer: torch.optim.Adam,
        objectives: list[Callable[[torch.Tensor], torch.Tensor]],
        parts: list[torch.Tensor],
    ) -> None:
        optimizer.zero_grad(set_to_none=True)
        for objective in objectives:
            for part in parts:
                loss = objective(part) * (len(part) / self.plan.batch)
                loss.backward()  # type: ignore[no-untyped-call]
        gradients = [p.grad for p in module.parameters() if p.grad is not None]
        norm = torch.stack(torch._foreach_norm(gradients)).norm()
        if not math.isfinite(float(norm)):
            raise StageError(
                f"Training broke down at {self.state.images / 1000:.1f} kimg: the gradient of {name} is not finite. "
                "The last good checkpoint is kept; lower the learning rates or raise train.gamma and run again."
            )
        self.statistics.add(f"gradient_norm_{name.replace(' ', '_')}", norm)
        optimizer.step()

    def _latents(self, purpose: str, part: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        random = random_stream(self.seed, f"latents of {purpose}", self.state.images)
        z = torch.randn(self.plan.batch, self.state.G.z_dim, generator=random)
        c = self.images.random_labels(self.plan.batch, random)
        return z[part].to(self.device), None if c is None else c[part].to(self.device)

    def _synthesise(
        self, purpose: str, part: torch.Tensor, *, update: bool
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        z, c = self._latents(purpose, part)
        ws = self.state.G.mapping(z, c, update_emas=update)
        if self.stylegan2:
            random = random_stream(self.seed, f"styles of {purpose} {int(part[0])}", self.state.images)
            ws = mix_styles(self.state.G, ws, c, _STYLE_MIXING, random)
        images = self.state.G.synthesis(ws, noise_mode="random", update_emas=update)
        return images, ws, c

    def _judge(
        self, purpose: str, images: torch.Tensor, c: torch.Tensor | None, part: torch.Tensor
    ) -> torch.Tensor:
        random = random_stream(self.seed, f"augmentation of {purpose} {int(part[0])}", self.state.images)
        seen = self.pipe(images, self.state.ada.p, random)
        if self.plan.architecture == "stylegan3-r":
            fade = _BLUR_FADE_IMAGES_PER_BATCH * self.plan.batch
            seen = blur(seen, max(0.0, 1 - self.state.images / fade) * _BLUR_SIGMA)
        logits = self.state.D(seen, c)
        assert isinstance(logits, torch.Tensor)
        return logits

    def _real_images(self, part: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        images, c = self.images.batch(self.state.images, self.plan.batch)
        return images[part].to(self.device), None if c is None else c[part].to(self.device)

    def _generator(self, part: torch.Tensor) -> torch.Tensor:
        images, _, c = self._synthesise("G", part, update=True)
        loss = generator_loss(self._judge("G", images, c, part))
        self.statistics.add("loss_G", loss)
        return loss

    def _path_length(self, part: torch.Tensor) -> torch.Tensor:
        shrunk = part[: max(1, len(part) // _PATH_LENGTH_SHRINK)]
        images, ws, _ = self._synthesise("path length", shrunk, update=False)
        lengths = PathLength(self.state.path_length_mean)
        random = random_stream(self.seed, f"path length noise {int(part[0])}", self.state.images)
        penalty = lengths.penalty(images, ws, random)
        self.state.path_length_mean = lengths.mean
        self.statistics.add("path_length", lengths.mean)
        return penalty * (_PATH_LENGTH_WEIGHT * PATH_LENGTH_INTERVAL)

    def _fake(self, part: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            images, _, c = self._synthesise("D", part, update=False)
        logits = self._judge("fake", images, c, part)
        self.statistics.add("fake_sign", logits.sign())
        loss = discriminator_loss(logits, real=False)
        self.statistics.add("loss_D", loss * 2)
        return loss

    def _real(self, part: torch.Tensor) -> torch.Tensor:
        images, c = self._real_images(part)
        logits = self._judge("real", images, c, part)
        self.statistics.add("real_sign", logits.sign())
        self._real_signs.append(logits.detach().sign().sum())
        loss = discriminator_loss(logits, real=True)
        self.statistics.add("loss_D", loss * 2)
        return loss

    def _r1(self, part: torch.Tensor) -> torch.Tensor:
        images, c = self._real_images(part)
        images.requires_grad_(True)
        penalty = r1_penalty(self._judge("R1", images, c, part), images)
        self.statistics.add("r1", penalty)
        return penalty * (self.plan.gamma / 2 * R1_INTERVAL)


StopReason = Literal["kimg reached", "hours reached"]


@dataclass(frozen=True)
class Stop:
    """When training ends."""

    images: int
    seconds: float | None

    def reached(self, state: TrainingState) -> StopReason | None:
        """The reason to stop, if there is one now."""
        if state.images >= self.images:
            return "kimg reached"
        if self.seconds is not None and state.seconds >= self.seconds:
            return "hours reached"
        return None


def train_until(
    trainer: Trainer,
    stop: Stop,
    *,
    tick_images: int,
    on_tick: Callable[[dict[str, float], float], None],
    after_step: Callable[[], None],
) -> StopReason:
    """Steps until `stop` is reached and returns why it stopped.

    Args:
        tick_images: statistics are handed to `on_tick(means, seconds per 1000 images)` at multiples of this.
        after_step: called when the state is whole; may save it, or raise to stop.
    """
    state, batch = trainer.state, trainer.plan.batch
    tick_start, tick_from = time.monotonic(), state.images
    while (reason := stop.reached(state)) is None:
        began = time.monotonic()
        trainer.step()
        state.seconds += time.monotonic() - began
        if state.images // tick_images > (state.images - batch) // tick_images:
            now = time.monotonic()
            on_tick(trainer.statistics.take(), (now - tick_start) / (state.images - tick_from) * 1000)
            tick_start, tick_from = now, state.images
        after_step()
    return reason

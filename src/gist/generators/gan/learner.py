"""The adversarial game, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from typing import Any, Literal

import torch
from torch import nn

from gist import ops
from gist.errors import StageError
from gist.generators.augment import AdaController, AugmentParameters, AugmentPipe, strongest
from gist.generators.gan import troubles
from gist.generators.gan.generator import Generator
from gist.generators.gan.losses import (
    blur,
    discriminator_loss,
    generator_loss,
    mix_styles,
    path_lengths,
    r1_penalty,
)
from gist.generators.gan.mapping import fade_classes_in
from gist.generators.gan.means import BatchMeans, RunningAverages
from gist.generators.gan.plan import GanPlan
from gist.generators.gan.state import PATH_LENGTH_INTERVAL, R1_INTERVAL, GanState
from gist.generators.learning.batches import micro_batch_size, micro_batches
from gist.generators.learning.guards import StepReadings
from gist.generators.learning.images import TrainingImages
from gist.generators.learning.learner import Held, Learner
from gist.generators.learning.precision import FullPrecision, Precision, apply_precision
from gist.generators.learning.randomness import random_stream
from gist.machine.memory import ran_out_of_memory, release
from gist.machine.team import Team
from gist.ops.shares import in_shares

_STYLE_MIXING = 0.9
_PATH_LENGTH_WEIGHT = 2.0
_PATH_LENGTH_SHRINK = 2
_PATH_LENGTH_DECAY = 0.01
_JUDGED_AT_ONCE = 8
_TYPICAL_P = 0.2
"""Augmentation probability in the middle of a training."""
_BLUR_SIGMA = 10.0
_BLUR_FADE_IMAGES_PER_BATCH = 200_000 / 32

Objective = Callable[[torch.Tensor, BatchMeans], torch.Tensor | None]
"""Loss over a part of the batch, as its share of the batch's mean; None if it takes none of these images."""


class GanLearner(Learner):
    """One step after another on a state.

    A step's result depends on the whole batch only: neither on how it is divided into micro-batches and shares of
    processes (`team`) beyond rounding, nor on anything drawn before.
    """

    against_collapse = "with a higher train.gamma"

    plan: GanPlan

    def __init__(
        self,
        state: GanState,
        plan: GanPlan,
        images: TrainingImages,
        pipe: AugmentPipe,
        seed: int,
        *,
        team: Team | None = None,
        on_note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.state = state
        self.plan = plan
        self.training_images = images
        self.pipe = pipe
        self.seed = seed
        self.team = team or Team()
        self.on_note = on_note
        self.device = next(state.G.parameters()).device
        self.averages = RunningAverages(state.G)
        self.mixes_styles = self.regularises_path_length = state.G.spec.family.regularises_path_length
        self._group = state.D.spec.mbstd_group
        state.micro_batch = self._fitting(state.micro_batch)

    @property
    def images(self) -> int:
        """Real images shown so far."""
        return self.state.images

    @images.setter
    def images(self, count: int) -> None:
        self.state.images = count

    @property
    def model(self) -> Generator:
        """G_ema."""
        return self.state.G_ema

    def tensors(self) -> dict[str, torch.Tensor]:
        return self.state.tensors()

    def facts(self) -> dict[str, Any]:
        return self.state.facts()

    def restore(self, tensors: dict[str, torch.Tensor], facts: Mapping[str, Any]) -> None:
        self.state.restore(tensors)
        self.state.restore_facts(facts)
        self.state.micro_batch = self._fitting(self.state.micro_batch)

    def use_precision(self, precision: Precision) -> None:
        apply_precision(precision, self.state.G, self.state.D)

    def readings(self) -> dict[str, float]:
        return {"augment_p": self.state.ada.p, "micro_batch": float(self.state.micro_batch)}

    def troubles(self, means: Mapping[str, float]) -> dict[str, str]:
        found = {
            "saturation": self.state.ada.saturated,
            "sure of all": troubles.sure_of_all(means, adaptive=self.state.ada.settings.fixed_p is None),
            "overfitting": troubles.knows_by_heart(means),
        }
        return {kind: sentence for kind, sentence in found.items() if sentence}

    def overfitting(self, known: Held, unknown: Held, drawn: Held) -> float | None:
        """r_v of Karras et al. 2020 (ADA), equation 1; None while the discriminator tells nothing apart."""
        self.state.D.eval()
        known_logit, unknown_logit, drawn_logit = map(self._mean_logit, (known, unknown, drawn))
        self.state.D.train()
        if known_logit - drawn_logit < 0.1:
            return None
        return (known_logit - unknown_logit) / (known_logit - drawn_logit)

    def most_changed(self, images: torch.Tensor) -> torch.Tensor | None:
        """The images under the strongest augmentation."""
        return strongest(images, self.pipe.preset, allow_mirror=self.pipe.allow_mirror)

    def fit_micro_batch(self, images: int) -> int:
        self.state.micro_batch = self._fitting(images)
        return self.state.micro_batch

    def seconds_per_step(self) -> float:
        """Mean over sixteen steps, of which one has R1 and, where there is path length, four have that too."""
        self.state.ada = AdaController(fixed_p=0.0 if self.pipe.preset == "none" else _TYPICAL_P)
        batch = self.plan.batch
        # Steps count from where G learns, at a multiple of the interval of both penalties.
        first = -(-int(self.plan.generator_waits_kimg * 1000) // (R1_INTERVAL * batch)) * R1_INTERVAL
        self.timed_step(first + R1_INTERVAL)  # compiles and warms up all that a step may do
        plain = median(self.timed_step(first + number) for number in (1, 2, 3))
        with_lengths = plain
        if self.regularises_path_length:
            with_lengths = self.timed_step(first + PATH_LENGTH_INTERVAL)
        with_both = self.timed_step(first + R1_INTERVAL)
        lengths = R1_INTERVAL // PATH_LENGTH_INTERVAL - 1
        return (plain * (R1_INTERVAL - 1 - lengths) + with_lengths * lengths + with_both) / R1_INTERVAL

    def step(self) -> dict[str, float]:
        """Shows `plan.batch` real images: one update of G, one of D, lazy regularisation where due, EMA, ADA.

        Returns means over the batch: losses, logits and their signs, norms of gradients.

        Raises:
            NotFiniteError: a loss, gradient or weight is no longer finite; the state must not be saved.
            StageError: memory ran out with the smallest micro-batch.
        """
        state, plan = self.state, self.plan
        number = state.images // plan.batch
        self._readings = StepReadings("lower the learning rates or raise train.gamma")
        self._means: dict[str, torch.Tensor] = {}
        fade_classes_in((state.G, state.D), state.images, plan.class_fade_kimg * 1000)

        if state.images >= plan.generator_waits_kimg * 1000:
            state.D.requires_grad_(False)
            self.averages.move(self._update("G", state.G, state.G_optimizer, self._generator))
            if self.regularises_path_length and number % PATH_LENGTH_INTERVAL == 0:
                lengths = self._update("path length", state.G, state.G_optimizer, self._path_length)
                mean = lengths.sums["path_length"]
                state.path_length_mean = state.path_length_mean.lerp(mean, _PATH_LENGTH_DECAY)
            state.D.requires_grad_(True)

        state.G.requires_grad_(False)
        self._update("D", state.D, state.D_optimizer, self._discriminator)
        if plan.gamma > 0 and number % R1_INTERVAL == 0:
            with FullPrecision(state.D):
                self._update("R1", state.D, state.D_optimizer, self._r1)
        state.G.requires_grad_(True)

        for name, network in (("G", state.G), ("D", state.D)):
            weights = dict(network.named_parameters())
            norms = torch._foreach_norm(list(weights.values()))
            self._readings.check(f"the weight of {name}", list(weights), list(norms))
        read = self._readings.read(self._means, state.images)
        state.ada.update(max(-1.0, min(1.0, read["real_sign"])), plan.batch)
        state.images += plan.batch
        state.update_average(plan.batch, plan.ema_kimg * 1000)
        return read

    def _update(
        self, name: str, module: nn.Module, optimizer: torch.optim.Adam, objective: Objective
    ) -> BatchMeans:
        """One optimizer step down the mean of the objective over the whole batch; returns the means noted."""
        while (means := self._accumulate(optimizer, objective)) is None:
            self._halve_micro_batch()
        layers = {key: p.grad for key, p in module.named_parameters() if p.grad is not None}
        gradients = list(layers.values())
        self.team.sum_([*gradients, *means.tensors()])
        norms = torch._foreach_norm(gradients)
        self._readings.check(f"the gradient of {name}", list(layers), list(norms))
        self._means[f"gradient_norm_{name.replace(' ', '_')}"] = torch.stack(norms).norm()
        self._means |= means.sums
        optimizer.step()
        return means

    def _accumulate(self, optimizer: torch.optim.Adam, objective: Objective) -> BatchMeans | None:
        """Gradients over this process's share of the batch; None where memory ran out, and nothing has changed."""
        optimizer.zero_grad(set_to_none=True)
        means = BatchMeans()
        place = self.team.place
        parts = micro_batches(self.plan.batch, self.state.micro_batch, self._group, place.rank, place.count)
        try:
            for part in parts:
                loss = objective(part, means)
                if loss is not None:
                    loss.backward()  # type: ignore[no-untyped-call]
        except (RuntimeError, MemoryError) as error:
            if not ran_out_of_memory(error):
                raise
            optimizer.zero_grad(set_to_none=True)
            return None
        return means

    def _mean_logit(self, held: Held) -> float:
        logits = []
        with torch.no_grad():
            for start in range(0, len(held.images), _JUDGED_AT_ONCE):
                part = slice(start, start + _JUDGED_AT_ONCE)
                c = None if held.c is None else held.c[part].to(self.device)
                logits.append(self.state.D(held.images[part].to(self.device), c))
        return float(torch.cat(logits).mean())

    def _fitting(self, micro_batch: int) -> int:
        return micro_batch_size(self.plan.batch, micro_batch, self._group, self.team.place.count)

    def _halve_micro_batch(self) -> None:
        before = self.state.micro_batch
        self.state.micro_batch = self._fitting(before // 2)
        if self.state.micro_batch == before:
            raise StageError(
                f"Memory ran out although only {before} images are in it at a time; set train.checkpointing=true, "
                "lower prepare.resolution or train.channel_base, or close other programs, and run again."
            )
        release(self.device)
        self.on_note(
            f"Memory ran out at {self.state.images / 1000:.2f} kimg: the micro-batch goes from {before} to "
            f"{self.state.micro_batch} images, which is slower and changes nothing else."
        )

    def _sent(self, x: torch.Tensor) -> torch.Tensor:
        return ops.sent(x, self.device)

    def _share(self, part: torch.Tensor) -> float:
        return len(part) / self.plan.batch

    def _latents(self, purpose: str, part: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        random = random_stream(self.seed, f"latents of {purpose}", self.state.images)
        z = torch.randn(self.plan.batch, self.state.G.z_dim, generator=random)
        c = self.training_images.random_labels(self.plan.batch, random)
        return self._sent(z[part]), None if c is None else self._sent(c[part])

    def _styles(
        self, purpose: str, z: torch.Tensor, c: torch.Tensor | None, part: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """ws [N, num_ws, w_dim] for synthesis, and the w [N, w_dim] they begin with."""
        ws = self.state.G.mapping(z, c)
        mixed = ws
        if self.mixes_styles:
            random = random_stream(self.seed, f"styles of {purpose}", self.state.images)
            mixed = mix_styles(self.state.G, ws, c, _STYLE_MIXING, random, part, self.plan.batch)
        return mixed, ws[:, 0]

    def _layer_noise(self, purpose: str, part: torch.Tensor) -> Callable[[int], torch.Tensor]:
        """Noise [N, 1, size, size] for layer after layer; drawn for the whole batch, on the device, for speed."""
        random = random_stream(self.seed, f"layer noise of {purpose}", self.state.images, self.device)

        def noise(size: int) -> torch.Tensor:
            whole = torch.randn(self.plan.batch, 1, size, size, generator=random, device=self.device)
            return whole if len(part) == self.plan.batch else whole[self._sent(part)]

        return noise

    def _features(self, part: torch.Tensor, images: dict[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """D's features of the images of each purpose; all pass through D together, which is quicker than in turn."""
        features = in_shares(self._looks(part, *images), self.state.D, torch.cat(list(images.values())))
        return features.chunk(len(images))

    def _looks(self, part: torch.Tensor, *purposes: str) -> Callable[[slice, torch.Tensor], torch.Tensor]:
        """What D's layers see of the purposes' images, one after the other: augmented, blurred at first."""
        parameters = AugmentParameters.joined([self._augmentation(purpose)[part] for purpose in purposes])
        fade = _BLUR_FADE_IMAGES_PER_BATCH * self.plan.batch
        sigma = max(0.0, 1 - self.state.images / fade) * _BLUR_SIGMA if self.plan.early_blur else 0.0

        def look(rows: slice, images: torch.Tensor) -> torch.Tensor:
            return self.state.D.features(blur(self.pipe.apply(images, parameters[rows]), sigma))

        return look

    def _augmentation(self, purpose: str) -> AugmentParameters:
        random = random_stream(self.seed, f"augmentation of {purpose}", self.state.images)
        return self.pipe.sample(self.plan.batch, self.state.ada.p, random)

    def _drawn(
        self, purpose: str, ws: torch.Tensor, part: torch.Tensor, means: BatchMeans | None = None
    ) -> torch.Tensor:
        """G's images of ws [N, num_ws, w_dim]; what G averages goes to `means`, if given."""
        synthesis = self.state.G.synthesis
        noted: dict[int, tuple[float, list[torch.Tensor]]] = {}

        def draw(rows: slice, ws: torch.Tensor) -> torch.Tensor:
            magnitudes: list[torch.Tensor] = []
            noted[rows.start] = self._share(part[rows]), magnitudes
            images: torch.Tensor = synthesis(
                ws,
                noise_mode=self._layer_noise(purpose, part[rows]),
                update_emas=means is not None and self.averages.others,
                magnitudes=None if means is None or self.averages.others else magnitudes,
            )
            return images

        images = draw(slice(0, len(ws)), ws) if synthesis.couples_images else in_shares(draw, synthesis, ws)
        if means is not None:
            for _, (share, magnitudes) in sorted(noted.items()):
                self.averages.gather(means, magnitudes, share)
        return images

    def _real_images(self, part: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        images, c = self.training_images.batch(self.state.images, self.plan.batch, part, self.device)
        return images, None if c is None else self._sent(c)

    def _generator(self, part: torch.Tensor, means: BatchMeans) -> torch.Tensor:
        z, c = self._latents("G", part)
        ws, w = self._styles("G", z, c, part)
        means.add_activation("w", w.mean(dim=0), self._share(part))
        images = self._drawn("G", ws, part, means)
        (features,) = self._features(part, {"G": images})
        loss = generator_loss(self.state.D.judge(features, c))
        means.add("loss_G", loss, self._share(part))
        return loss * self._share(part)

    def _path_length(self, part: torch.Tensor, means: BatchMeans) -> torch.Tensor | None:
        count = max(1, self.plan.batch // _PATH_LENGTH_SHRINK)
        part = part[part < count]
        if not len(part):
            return None
        z, c = self._latents("path length", part)
        ws, _ = self._styles("path length", z, c, part)
        with FullPrecision(self.state.G):
            images = self.state.G.synthesis(ws, noise_mode=self._layer_noise("path length", part))
        random = random_stream(self.seed, "path length noise", self.state.images)
        noise = self._sent(torch.randn(count, *images.shape[1:], generator=random)[part])
        lengths = path_lengths(images, ws, noise)
        means.add("path_length", lengths.mean(), len(part) / count)
        penalty = (lengths - self.state.path_length_mean).square().mean() * (len(part) / count)
        return penalty * (_PATH_LENGTH_WEIGHT * PATH_LENGTH_INTERVAL)

    def _discriminator(self, part: torch.Tensor, means: BatchMeans) -> torch.Tensor:
        z, fake_c = self._latents("D", part)
        with torch.no_grad():
            ws, _ = self._styles("D", z, fake_c, part)
            fake = self._drawn("D", ws, part)
        real, real_c = self._real_images(part)
        of_fake, of_real = self._features(part, {"fake": fake, "real": real})
        # Judged apart: whoever is judged together is compared.
        loss = self._judged("fake", of_fake, fake_c, part, means)
        return loss + self._judged("real", of_real, real_c, part, means)

    def _judged(
        self,
        side: Literal["fake", "real"],
        features: torch.Tensor,
        c: torch.Tensor | None,
        part: torch.Tensor,
        means: BatchMeans,
    ) -> torch.Tensor:
        logits = self.state.D.judge(features, c)
        loss = discriminator_loss(logits, real=side == "real")
        share = self._share(part)
        means.add(f"{side}_sign", logits.sign().mean(), share)
        means.add(f"{side}_logit", logits.mean(), share)
        means.add("loss_D", loss, share)
        return loss * share

    def _r1(self, part: torch.Tensor, means: BatchMeans) -> torch.Tensor:
        images, c = self._real_images(part)
        images.requires_grad_(True)
        features = self._looks(part, "R1")(
            slice(0, len(images)), images
        )  # differentiated twice: not in shares
        penalty = r1_penalty(self.state.D.judge(features, c), images, self.state.D.gradient_seen)
        means.add("r1", penalty, self._share(part))
        return penalty * (self._share(part) * self.plan.gamma / 2 * R1_INTERVAL)

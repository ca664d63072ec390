"""`gist plan`: what is in the data, which settings follow, and how long it would take here."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch

from gist.augment import AdaController, AugmentPipe
from gist.config import Config
from gist.data_set import DataSet, encode_png
from gist.device import choose_device
from gist.intake import SourceSummary, inspect
from gist.networks import build_discriminator, build_generator, ops
from gist.training.images import TrainingImages
from gist.training.loop import Trainer
from gist.training.plan import Fingerprint, TrainingPlan, plan_training
from gist.training.stage import specification
from gist.training.start import load_start
from gist.training.state import new_state

_TIMED_STEPS = 3


@dataclass(frozen=True)
class Plan:
    """What `gist plan` shows."""

    source: SourceSummary
    training: TrainingPlan
    device_reason: str
    seconds_per_kimg: float
    """Measured here with the planned networks on noise images."""

    @property
    def hours(self) -> float:
        """Expected training time."""
        return self.training.kimg * self.seconds_per_kimg / 3600


def plan_run(config: Config) -> Plan:
    """Looks at the source, resolves every `auto` and times a few training steps; writes nothing.

    Raises:
        InputError: the source holds no readable image, or settings contradict it.
    """
    device = choose_device(config)
    ops.tune_memory_allocator()
    source = inspect(config.prepare, config.device)
    class_names = tuple(source.classes)
    held_out = 0.0 if config.prepare.split_column is not None else config.prepare.test_fraction
    images = round(source.files * source.readable / source.looked_at * (1 - held_out))
    start = None if config.train.start_from is None else load_start(config.train.start_from)
    fingerprint = Fingerprint(images, source.resolution, class_names, device.on_gpu)
    training = plan_training(
        config.train,
        fingerprint,
        None if start is None else start.G.spec,
        start_judges=start is not None and start.D is not None,
    )

    spec = specification(training, source.resolution, len(class_names))
    G = build_generator(spec).to(device.torch_device)
    D = build_discriminator(spec).to(device.torch_device)
    state = new_state(G, D, training, AdaController(fixed_p=0.2))
    noise = _noise_images(source.resolution, class_names)
    trainer = Trainer(
        state,
        training,
        TrainingImages(noise, conditional=training.conditional, seed=0),
        AugmentPipe(config.train.augment),
        seed=0,
    )
    trainer.step()  # compiles and warms up, and carries the lazy regularisation
    began = time.monotonic()
    for _ in range(_TIMED_STEPS):
        trainer.step()
    if device.on_gpu:
        torch.cuda.synchronize()
    seconds = (time.monotonic() - began) / (_TIMED_STEPS * training.batch) * 1000
    return Plan(source, training, device.reason, seconds)


def _noise_images(resolution: int, class_names: tuple[str, ...]) -> DataSet:
    random = np.random.default_rng(0)
    count = max(8, 2 * len(class_names))
    pngs = tuple(
        encode_png(random.integers(0, 255, (resolution, resolution), np.uint8)) for _ in range(count)
    )
    labels = np.arange(count) % max(1, len(class_names))
    return DataSet(tuple(str(i) for i in range(count)), labels, class_names, resolution, pngs)

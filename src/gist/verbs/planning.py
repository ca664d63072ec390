"""`gist plan`: what is in the data, which settings follow, and how long it would take here."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from gist import ops
from gist.config import Config
from gist.generators.augment import AdaController, AugmentPipe
from gist.generators.gan.learner import Trainer
from gist.generators.gan.plan import plan_training
from gist.generators.gan.start import load_start
from gist.generators.gan.state import PATH_LENGTH_INTERVAL, R1_INTERVAL, new_state
from gist.generators.learning.batches import micro_batch_size
from gist.generators.learning.images import TrainingImages
from gist.generators.learning.plan import Fingerprint, TrainingPlan
from gist.generators.learning.precision import apply_precision, choose_precision
from gist.generators.registry import build_discriminator, build_generator
from gist.images.archive import DataSet
from gist.images.png import encode_png
from gist.intake import SourceSummary, inspect
from gist.machine.device import choose_device
from gist.machine.memory import GIBIBYTE, available_bytes, peak_bytes, used_bytes
from gist.training.stage import specification

_MEMORY_SHARE = 0.8
"""Of the memory that is free; the rest is for pictures, scores and other programs."""


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
    source = inspect(config.prepare, config.device)
    class_names = tuple(source.classes)
    held_out = 0.0 if config.prepare.split_column is not None else config.prepare.test_fraction
    images = round(source.images * (1 - held_out))
    start = None if config.train.start_from is None else load_start(config.train.start_from)
    fingerprint = Fingerprint(images, source.resolution, class_names, device.on_gpu)
    training = plan_training(
        config.train,
        fingerprint,
        None if start is None else start.G.spec,
        start_judges=start is not None and start.D is not None,
    )

    spec = specification(training, source.resolution, len(class_names))
    ops.tune_memory_allocator(one_arena=spec.is_stylegan3)
    G = build_generator(spec).to(device.torch_device)
    D = build_discriminator(spec).to(device.torch_device)
    state = new_state(G, D, training, AdaController(fixed_p=0.0 if config.train.augment == "none" else 0.2))
    noise = _noise_images(source.resolution, class_names)
    trainer = Trainer(
        state,
        training,
        TrainingImages(noise, conditional=training.conditional, seed=0),
        AugmentPipe(config.train.augment, allow_mirror=config.train.allow_mirror),
        seed=0,
    )
    precision, _ = choose_precision(config.train.precision, device)
    apply_precision(precision, G, D)
    if config.train.micro_batch == "auto":
        training = _with_measured_micro_batch(training, trainer)
    seconds = _seconds_per_step(trainer) / training.batch * 1000
    return Plan(source, training, f"{device.reason}, in {precision}", seconds)


def _with_measured_micro_batch(training: TrainingPlan, trainer: Trainer) -> TrainingPlan:
    """The plan with the largest micro-batch that fits, judged by a step with the smallest one."""
    device, batch = trainer.device, training.batch
    before, free = used_bytes(device), available_bytes(device)
    group = trainer.state.D.spec.mbstd_group
    smallest = trainer.state.micro_batch = micro_batch_size(batch, 1, group)
    trainer.step()
    after = peak_bytes(device)
    if before is None or after is None or free is None:
        return training
    per_image = max(0, after - before) / smallest
    fitting = int(_MEMORY_SHARE * free / per_image) if per_image else batch
    micro_batch = trainer.state.micro_batch = micro_batch_size(batch, min(batch, fitting), group)
    reason = (
        f"measured: {per_image * micro_batch / GIBIBYTE:.1f} GiB for {micro_batch} images at once, of "
        f"{free / GIBIBYTE:.1f} free"
    )
    return replace(training, micro_batch=micro_batch, reasons=training.reasons | {"micro_batch": reason})


def _seconds_per_step(trainer: Trainer) -> float:
    """Mean over sixteen steps, of which one has R1 and, for stylegan2, four have path length too."""
    batch = trainer.plan.batch
    # Steps count from where G learns, at a multiple of the interval of both penalties.
    first = R1_INTERVAL * -(-int(trainer.plan.generator_waits_kimg * 1000) // (R1_INTERVAL * batch))

    def timed(number: int) -> float:
        trainer.state.images = (first + number) * batch
        began = time.monotonic()
        trainer.step()  # waits for the device at its end
        return time.monotonic() - began

    timed(R1_INTERVAL)  # compiles and warms up all that a step may do
    plain = median(timed(number) for number in (1, 2, 3))
    with_lengths = timed(PATH_LENGTH_INTERVAL) if trainer.stylegan2 else plain
    with_both = timed(R1_INTERVAL)
    lengths = R1_INTERVAL // PATH_LENGTH_INTERVAL - 1
    return (plain * (R1_INTERVAL - 1 - lengths) + with_lengths * lengths + with_both) / R1_INTERVAL


def _noise_images(resolution: int, class_names: tuple[str, ...]) -> DataSet:
    random = np.random.default_rng(0)
    count = max(8, 2 * len(class_names))
    pngs = tuple(
        encode_png(random.integers(0, 255, (resolution, resolution), np.uint8)) for _ in range(count)
    )
    labels = np.arange(count) % max(1, len(class_names))
    return DataSet(tuple(str(i) for i in range(count)), labels, class_names, resolution, pngs)

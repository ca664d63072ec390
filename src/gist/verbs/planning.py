"""`gist plan`: what is in the data, which settings follow, and how long it would take here."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gist.config import Config
from gist.generators.learning.images import TrainingImages
from gist.generators.learning.learner import Learner, TrainingContext
from gist.generators.learning.plan import Fingerprint, TrainingPlan
from gist.generators.planning import plan_training, precision_of
from gist.generators.registry import family_named
from gist.generators.start import load_start
from gist.images.archive import DataSet
from gist.images.png import encode_png
from gist.intake.survey import SourceSummary, inspect
from gist.machine.device import Device, computing
from gist.machine.memory import GIBIBYTE, available_bytes, peak_bytes, used_bytes
from gist.numerals import duration
from gist.training.expectation import Expectation, expect

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

    most_hours: float | None = None
    """`train.hours` of the settings."""
    expected: Expectation | None = None
    """What measured runs like it had reached; None where none was measured."""

    @property
    def hours(self) -> float:
        """Expected training time."""
        needed = self.training.kimg * self.seconds_per_kimg / 3600
        return needed if self.most_hours is None else min(needed, self.most_hours)

    @property
    def kimg(self) -> float:
        """Expected length in thousands of images."""
        return min(self.training.kimg, self.hours * 3600 / self.seconds_per_kimg)

    def cost(self) -> str:
        """How long it takes here, in words."""
        return (
            f"On {self.device_reason}: {self.seconds_per_kimg:.1f} s per 1000 images, "
            f"about {duration(self.hours * 3600)} for {float(f'{self.kimg:.3g}'):g} kimg."
        )


def plan_run(config: Config, source: SourceSummary | None = None) -> Plan:
    """Looks at the source, resolves every `auto` and times a few training steps; writes nothing.

    `source` is what was found in it, where somebody has looked already.

    Raises:
        InputError: the source holds no readable image, or settings contradict it.
    """
    with computing(config) as device:
        return _plan(config, source or inspect(config.prepare, config.device), device)


def _plan(config: Config, source: SourceSummary, device: Device) -> Plan:
    class_names = tuple(source.classes)
    own_split = config.prepare.split_column is not None or config.prepare.held_out is not None
    held_out = 0.0 if own_split else config.prepare.test_fraction
    images = round(source.images * (1 - held_out))
    start = None if config.train.start_from is None else load_start(config.train.start_from)
    fingerprint = Fingerprint(images, source.resolution, class_names, device.on_gpu)
    training = plan_training(config.train, fingerprint, start)
    images_of_noise = _noise_images(source.resolution, class_names, 3 if source.colour else 1)
    noise = TrainingImages(images_of_noise, conditional=training.conditional, seed=0)
    # Without the start: only how long steps take matters here.
    context = TrainingContext(config.train, noise, device, seed=0, class_names=class_names)
    learner = family_named(training.architecture).learner(training, context)
    precision, _ = precision_of(config.train, training, device)
    learner.use_precision(precision)
    if config.train.micro_batch == "auto":
        training = _with_measured_micro_batch(training, learner, device)
    seconds = learner.seconds_per_step() / training.batch * 1000
    plan = Plan(source, training, f"{device.reason}, in {precision}", seconds, config.train.hours)
    name = None if start is None else start.name
    return replace(
        plan,
        expected=expect(
            training.settings(), source.resolution, images, name, plan.kimg, config.evaluate.extractor
        ),
    )


def _with_measured_micro_batch(training: TrainingPlan, learner: Learner, device: Device) -> TrainingPlan:
    """The plan with the largest micro-batch that fits, judged by a step with the smallest one."""
    batch = training.batch
    before, free = used_bytes(device.torch_device), available_bytes(device.torch_device)
    smallest = learner.fit_micro_batch(1)
    learner.step()
    after = peak_bytes(device.torch_device)
    if before is None or after is None or free is None:
        return training
    per_image = max(0, after - before) / smallest
    fitting = int(_MEMORY_SHARE * free / per_image) if per_image else batch
    micro_batch = learner.fit_micro_batch(min(batch, fitting))
    reason = (
        f"measured: {per_image * micro_batch / GIBIBYTE:.1f} GiB for {micro_batch} images at once, of "
        f"{free / GIBIBYTE:.1f} free"
    )
    return replace(training, micro_batch=micro_batch, reasons=training.reasons | {"micro_batch": reason})


def _noise_images(resolution: int, class_names: tuple[str, ...], channels: int) -> DataSet:
    random = np.random.default_rng(0)
    count = max(8, 2 * len(class_names))
    shape = (resolution, resolution) if channels == 1 else (resolution, resolution, channels)
    pngs = tuple(encode_png(random.integers(0, 255, shape, np.uint8)) for _ in range(count))
    labels = np.arange(count) % max(1, len(class_names))
    return DataSet(tuple(str(i) for i in range(count)), labels, class_names, resolution, pngs, channels)

"""The image sets of a run, read as features: which images are taken, what is odd about them, how far the reading is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gist import ops
from gist.config import Config
from gist.errors import InputError
from gist.images.archive import DataSet, read_data_set
from gist.machine.device import Device
from gist.metrics.extractors import Extractor, extractor_named
from gist.metrics.features import FeatureSet, extract, features_of_changed
from gist.metrics.group_measures import blurred
from gist.progress import Progress
from gist.runs.folder import RunFolder
from gist.runs.results import result_of
from gist.stages.evaluate import EvaluateConfig
from gist.stages.prepare import PrepareResult


@dataclass(frozen=True)
class RealData:
    """The archives of real images."""

    training: DataSet
    held_out: DataSet | None


@dataclass
class SetReader:
    """Reads features of image sets through the run's cache and counts the images done."""

    config: Config
    run: RunFolder
    progress: Progress
    extractor: Extractor
    notes: list[str]
    total: int = 0
    done: int = field(default=0, init=False)
    bits: set[int] = field(default_factory=set, init=False)

    def tick(self, images: int) -> None:
        """So many images more are done."""
        self.done += images
        self.progress.advance(self.done, max(self.total, self.done), "images")

    def chosen(self, data: DataSet, what: str) -> NDArray[np.int64]:
        """Positions of at most `evaluate.max_images` images, the same for every call on one data set."""
        # Every set has a draw of its own, so that a further set changes no other.
        random = np.random.default_rng([self.config.seed, sum(what.encode())])
        order = random.permutation(len(data))[: self.config.evaluate.max_images]
        return np.sort(order).astype(np.int64)

    def read(self, data: DataSet, what: str) -> FeatureSet:
        """Features of the chosen images; `what` is such as "held-out".

        Raises:
            InputError: images of unlike size, or features that are not finite.
        """
        chosen = self.chosen(data, what)
        cache = self.run.stage_folder("evaluate") / "features"
        features = extract(data, chosen, self.extractor, what, cache, self.tick)
        if len(chosen) < len(data):
            self.notes.append(
                f"{len(chosen)} of {len(data)} {what} images were drawn by seed (evaluate.max_images)."
            )
        if features.flat:
            self.notes.append(f"{features.flat} of {len(chosen)} {what} images are a single grey.")
        self.bits |= set(features.bits)
        return features

    def yardsticks(
        self, data: DataSet, images: FeatureSet, sigmas_pixels: Sequence[float]
    ) -> list[NDArray[np.float64]]:
        """Features of real images after each of these blurs."""
        changes = [partial(blurred, sigma_pixels=sigma) for sigma in sigmas_pixels]
        return features_of_changed(data, images.indices, self.extractor, changes, self.tick)

    def note_bits(self) -> None:
        """Notes where images of unlike depth were compared."""
        if len(self.bits) > 1:
            self.notes.append("Some images have 8 bits and others 16; all were compared at 256 grey levels.")


def reader_of(
    config: Config, run: RunFolder, progress: Progress, device: Device, resolution: int
) -> SetReader:
    """A reader with the extractor of the settings, on this device.

    Raises:
        InputError: the extractor's weights are missing or damaged.
    """
    ops.tune_memory_allocator()
    notes: list[str] = []
    extractor = open_extractor(config.evaluate, device, resolution, notes.append)
    return SetReader(config, run, progress, extractor, notes)


def open_extractor(
    settings: EvaluateConfig, device: Device, resolution: int, note: Callable[[str], None] = lambda _: None
) -> Extractor:
    """The extractor of the settings.

    Raises:
        InputError: its weights are missing or damaged.
    """
    return extractor_named(
        settings.extractor,
        resolution,
        weights=settings.weights,
        device=device.torch_device,
        note=note,
    )


def real_data(run: RunFolder) -> RealData:
    """The training archive and the held-out one, where images are held out.

    Raises:
        InputError: prepare has not finished.
    """
    prepared = result_of(run, PrepareResult, "evaluate")
    held_out = read_data_set(run.path / prepared.test_archive) if prepared.test_archive else None
    return RealData(read_data_set(run.path / prepared.train_archive), held_out)


def check_sizes(training: DataSet, others: Mapping[str, DataSet | None]) -> None:
    """Raises InputError where a set has another image size than the training images."""
    for what, data in others.items():
        if data is not None and data.resolution != training.resolution:
            raise InputError(
                f"The {what} images are {data.resolution}x{data.resolution} and the training images "
                f"{training.resolution}x{training.resolution}; redo the stages with one prepare.resolution."
            )

"""A trial's generator measured on terms that are equal for all trials of a study, whatever they learned from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from gist.config import Config
from gist.errors import InputError
from gist.evaluation.artifacts import REAL_LEVEL
from gist.evaluation.meaning import MINIMUM_IMAGES
from gist.evaluation.real_sides import comparable_classes
from gist.evaluation.set_reader import RealData, SetReader, reader_of, real_data
from gist.files import write_atomic
from gist.images.archive import DataSet, read_data_set
from gist.machine.device import Device
from gist.metrics.artifacts.judge import LEAST_HELD_OUT, LEAST_TRAINING, MOST_TRAINING, ArtifactJudge
from gist.metrics.artifacts.pictures import BATCH, Pictures
from gist.metrics.features import FeatureSet, Standardiser, standardiser_for
from gist.metrics.frechet import frechet_distance
from gist.metrics.intervals import wilson
from gist.metrics.kid import kernel_distance, kernel_influences
from gist.metrics.matched_samples import matched
from gist.metrics.neighbours import copy_test, nearest_training_image
from gist.privacy.audit import identical
from gist.progress import Progress
from gist.runs.folder import RunFolder
from gist.runs.results import result_of
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.stages.train import TrainResult
from gist.studies.curve import Point
from gist.studies.record import TrialRecord, TrialScores
from gist.studies.usefulness import Examination

INFLUENCES = "kid.safetensors"
"""How much each hold-out and each synthetic image adds to a trial's KID, for intervals of differences."""


@dataclass(frozen=True)
class Measured:
    """KID of a set of synthetic images against the hold-out of a study."""

    value: float
    low: float
    high: float
    n: int
    held_out: NDArray[np.float64]
    """[n] what each hold-out image adds, sum 0; of the same images in the same order for all trials."""
    synthetic: NDArray[np.float64]
    """[n]"""


@dataclass(frozen=True)
class Yardstick:
    """The real images of a study and all that is learned from them, the same for every trial.

    Features are standardised by the whole training part, the detectors of artifacts learn from it, and the hold-out is
    the reference: none of them knows how many images a trial was given.
    """

    config: Config
    reader: SetReader
    real: RealData
    held_out_data: DataSet
    training: FeatureSet
    held_out: FeatureSet
    standardise: Standardiser
    examination: Examination | None

    @classmethod
    def of(
        cls,
        base: RunFolder,
        config: Config,
        progress: Progress,
        device: Device,
        *,
        choosing: bool,
        gan_train: int = 0,
    ) -> Yardstick:
        """Reads the prepared data of a study; `choosing`: whether settings are chosen by it (`judges`).

        `gan_train` is how often a classifier learns from a trial's images; 0 for not at all.

        Raises:
            InputError: no or too few images are held out.
        """
        real = real_data(base)
        held_out_data = judges(base, real, choosing=choosing)
        reader = reader_of(config, base, progress, device, real.training.resolution)
        training, held_out = reader.read(real.training, "training"), reader.read(held_out_data, "held-out")
        held_out = held_out.take(held_out.first_occurrences())
        return cls(
            config,
            reader,
            real,
            held_out_data,
            training,
            held_out,
            standardiser_for(reader.extractor, training),
            Examination.of(base, config, device, gan_train) if gan_train else None,
        )

    def read(self, run: RunFolder, data: DataSet, what: str) -> FeatureSet:
        """Features of images of a trial."""
        own = SetReader(self.config, run, self.reader.progress, self.reader.extractor, [])
        return own.read(data, what)

    def kid(self, synthetic: FeatureSet) -> Measured:
        """Against the hold-out, at equal n and one mix of classes; n is the same where the mix of `synthetic` is."""
        synthetic, held_out, training = comparable_classes(synthetic, self.held_out, self.training, [])
        rng = np.random.default_rng(self.config.seed)
        at = matched(held_out, synthetic, training, self.config.evaluate.max_images, rng)
        real = self.standardise(held_out.features[at.reference])
        drawn = self.standardise(synthetic.features[at.synthetic])
        found = kernel_distance(real, drawn)
        return Measured(found.value, *found.interval, len(real), *kernel_influences(real, drawn))

    def naive(self, learned_from: FeatureSet, synthetic: FeatureSet) -> float:
        """Frechet distance of the images learned from and the synthetic ones, all of both."""
        return frechet_distance(self.standardise(learned_from.features), self.standardise(synthetic.features))

    def odd_share(self, data: DataSet, synthetic: FeatureSet) -> float | None:
        """Share of images that look worse than all but 5 % of real ones; None with too few real images."""
        if self._judge is None:
            return None
        p_values = [
            self._judge.judge(Pictures.read(data, synthetic.indices[part], synthetic.features[part])).p_values
            for part in (slice(at, at + BATCH) for at in range(0, len(synthetic), BATCH))
        ]
        return float((np.concatenate(p_values) <= REAL_LEVEL).mean())

    @cached_property
    def _judge(self) -> ArtifactJudge | None:
        if len(self.held_out) < LEAST_HELD_OUT or len(self.training) < LEAST_TRAINING:
            return None
        order = np.random.default_rng(self.config.seed).permutation(len(self.training))
        some = self.training.take(np.sort(order[:MOST_TRAINING]).astype(np.int64))
        return ArtifactJudge(
            Pictures.read(self.real.training, some.indices, some.features),
            Pictures.read(self.held_out_data, self.held_out.indices, self.held_out.features),
            self.config.seed,
        )


def judges(base: RunFolder, real: RealData, *, choosing: bool) -> DataSet:
    """The real images that trials are held against: the hold-out; where settings are chosen, those kept for that."""
    prepared = result_of(base, PrepareResult, "a study")
    data = (
        read_data_set(base.path / prepared.val_archive)
        if choosing and prepared.val_archive
        else real.held_out
    )
    if data is None or len(data) < MINIMUM_IMAGES:
        raise InputError(
            f"A study holds every trial against at least {MINIMUM_IMAGES} held-out images, and there are "
            f"{0 if data is None else len(data)}; raise prepare.test_fraction."
        )
    return data


def measure_trial(run: RunFolder, yardstick: Yardstick) -> TrialScores:
    """Scores of a trial that has trained and generated; leaves the influences behind its KID in its folder."""
    prepared = result_of(run, PrepareResult, "a study")
    trained, generated = result_of(run, TrainResult, "a study"), result_of(run, GenerateResult, "a study")
    learned_data = read_data_set(run.path / prepared.train_archive)
    synthetic_data = read_data_set(run.path / generated.archive)
    learned_from = yardstick.read(run, learned_data, "training")
    synthetic = yardstick.read(run, synthetic_data, "synthetic")
    kid = yardstick.kid(synthetic)
    write_influences(run.path / INFLUENCES, kid)
    odd = yardstick.odd_share(synthetic_data, synthetic)
    odd_low, odd_high = (None, None) if odd is None else wilson(odd, len(synthetic))
    copies = copy_test(
        nearest_training_image(synthetic.appearance, learned_from.appearance).ratio,
        nearest_training_image(yardstick.held_out.appearance, learned_from.appearance).ratio,
    )
    low, high = wilson(copies.share, len(synthetic))
    return TrialScores(
        training_images=prepared.train_images,
        patients=prepared.patients,
        n=kid.n,
        extractor=yardstick.reader.extractor.name,
        kid=kid.value,
        kid_low=kid.low,
        kid_high=kid.high,
        naive=yardstick.naive(learned_from, synthetic),
        naive_images=len(synthetic),
        odd_share=odd,
        odd_low=odd_low,
        odd_high=odd_high,
        near_copies=copies.share,
        near_copies_low=low,
        near_copies_high=high,
        near_copies_expected=copies.expected,
        identical=int(identical(synthetic_data.array(), learned_data.array()).sum()),
        gan_train=None if yardstick.examination is None else yardstick.examination.passed_by(synthetic_data),
        kimg=trained.kimg,
        train_seconds=trained.seconds,
        device=trained.device,
    )


def point_of(run: RunFolder, record: TrialRecord) -> Point:
    """KID of a trial that is done, with its influences."""
    assert record.scores is not None
    return Point(record.scores.kid, *read_influences(run.path / INFLUENCES))


def write_influences(file: Path, kid: Measured) -> None:
    write_atomic(file, safetensors.numpy.save({"held_out": kid.held_out, "synthetic": kid.synthetic}))


def read_influences(file: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[n] of the hold-out, [n] of the synthetic images.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        arrays = safetensors.numpy.load_file(file)
        return arrays["held_out"], arrays["synthetic"]
    except (OSError, KeyError, safetensors.SafetensorError):
        raise InputError(
            f"{file} cannot be read; delete trial.json beside it to have it measured again."
        ) from None

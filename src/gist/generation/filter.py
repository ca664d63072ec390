"""The filters that the generate stage draws through, each by the prepared images of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gist.config import Config
from gist.errors import InputError
from gist.images.archive import read_data_set
from gist.machine.device import Device
from gist.metrics.artifacts.judge import LEAST_HELD_OUT, MOST_TRAINING, ArtifactJudge
from gist.metrics.artifacts.pictures import Pictures
from gist.metrics.extractors import Radiomics
from gist.privacy.audit import LEAST_IMAGES
from gist.privacy.novelty import Gauge, gauge_of
from gist.progress import Progress
from gist.runs.folder import RunFolder
from gist.runs.results import finished_result
from gist.stages.prepare import PrepareResult


class Filter(Protocol):
    """Drops pictures of which at most a share `level` of held-out real images is found as wanting."""

    name: str
    column: str
    """Of labels.csv, which holds the p-values of kept pictures."""
    advice: str
    """What to do where next to nothing passes."""
    level: float

    def judge(self, x_NHW: NDArray[np.float32]) -> tuple[NDArray[np.float64], list[str]]:
        """P-values [N] of pictures in 0-1, and what weighed most in each."""


@dataclass
class ArtifactFilter:
    """Drops what looks odd."""

    level: float
    artifacts: ArtifactJudge
    name: str = "artifact filter"
    column: str = "p"
    advice: str = "train the network further, or lower generate.reject_artifacts or leave it out"

    def judge(self, x_NHW: NDArray[np.float32]) -> tuple[NDArray[np.float64], list[str]]:
        judgement = self.artifacts.judge(Pictures.extracted(x_NHW, Radiomics(x_NHW.shape[1])))
        return judgement.p_values, judgement.reasons()


@dataclass
class NoveltyFilter:
    """Drops what lies near a training image."""

    level: float
    gauge: Gauge
    name: str = "filter of near-copies"
    column: str = "novelty"
    advice: str = (
        "the network draws training images again: take an earlier snapshot or train on more images, or lower "
        "generate.min_novelty or leave it out"
    )

    def judge(self, x_NHW: NDArray[np.float32]) -> tuple[NDArray[np.float64], list[str]]:
        return self.gauge.novelty(x_NHW), ["nearness to a training image"] * len(x_NHW)


def filters_of(
    config: Config, run: RunFolder, resolution: int, device: Device, progress: Progress
) -> list[Filter]:
    """The filters that the settings ask for, fit for pictures of a resolution.

    Raises:
        InputError: prepare has not finished, has another resolution, or holds too few images for a level.
    """
    settings = config.generate
    filters: list[Filter] = []
    if settings.min_novelty is not None:
        prepared = _prepared(run, resolution, "min_novelty", settings.min_novelty, LEAST_IMAGES)
        most, needed = config.privacy.max_images, _least(settings.min_novelty, LEAST_IMAGES)
        if most < needed:
            raise InputError(
                f"generate.min_novelty at {settings.min_novelty:g} is calibrated on at least {needed} held-out images "
                f"and privacy.max_images lets in {most}; raise it."
            )
        if prepared.train_images < LEAST_IMAGES:
            raise InputError(
                f"generate.min_novelty needs at least {LEAST_IMAGES} training images to look beside and there are "
                f"{prepared.train_images}; leave it out."
            )
        progress.note("Learning from the real images what a near-copy is.")
        filters.append(NoveltyFilter(settings.min_novelty, gauge_of(config, run, prepared, device, progress)))
    if settings.reject_artifacts is not None:
        prepared = _prepared(run, resolution, "reject_artifacts", settings.reject_artifacts, LEAST_HELD_OUT)
        progress.note("Learning from the real images how odd a picture may look.")
        filters.append(ArtifactFilter(settings.reject_artifacts, _artifact_judge(run, prepared, config.seed)))
    return filters


def _prepared(run: RunFolder, resolution: int, setting: str, level: float, least: int) -> PrepareResult:
    """The prepared images, enough and of the right size for a filter."""
    prepared = finished_result(run, PrepareResult)
    if prepared is None:
        raise InputError(
            f"generate.{setting} judges by the real images of the prepare stage, which has not finished in "
            f"{run.path}; run prepare first or leave it out."
        )
    if prepared.resolution != resolution:
        raise InputError(
            f"The network draws {resolution}x{resolution} and the prepared images are {prepared.resolution}x"
            f"{prepared.resolution}, so generate.{setting} cannot compare them; leave it out."
        )
    needed = _least(level, least)
    if prepared.test_archive is None or prepared.test_images < needed:
        raise InputError(
            f"generate.{setting} at {level:g} is calibrated on at least {needed} held-out images and there "
            f"are {prepared.test_images}; prepare with a larger prepare.test_fraction or leave it out."
        )
    return prepared


def _least(level: float, least: int) -> int:
    """Held-out images from which on a p-value can be as low as the level."""
    return max(least, int(np.ceil(1 / level)) - 1)


def _artifact_judge(run: RunFolder, prepared: PrepareResult, seed: int) -> ArtifactJudge:
    assert prepared.test_archive is not None
    training = read_data_set(run.path / prepared.train_archive)
    held_out = read_data_set(run.path / prepared.test_archive)
    extractor = Radiomics(training.resolution)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(training))[:MOST_TRAINING])
    return ArtifactJudge(
        Pictures.read(training, chosen.astype(np.int64), extractor),
        Pictures.read(held_out, np.arange(len(held_out)), extractor),
        seed,
    )

"""The judge that the generate stage filters with, by the prepared images of a run."""

from __future__ import annotations

import numpy as np

from gist.errors import InputError
from gist.images.archive import read_data_set
from gist.metrics.artifacts.judge import LEAST_HELD_OUT, MOST_TRAINING, ArtifactJudge
from gist.metrics.artifacts.pictures import Pictures
from gist.metrics.extractors import Radiomics
from gist.runs.folder import RunFolder
from gist.runs.results import finished_result
from gist.stages.prepare import PrepareResult


def judge_of_run(run: RunFolder, resolution: int, level: float, seed: int) -> ArtifactJudge:
    """A judge by the prepared images of a run, fit to reject pictures of a resolution at a level of real images.

    Raises:
        InputError: prepare has not finished, has another resolution, or holds too few images for that level.
    """
    prepared = finished_result(run, PrepareResult)
    if prepared is None:
        raise InputError(
            "generate.reject_artifacts judges by the real images of the prepare stage, which has not finished in "
            f"{run.path}; run prepare first or leave it out."
        )
    if prepared.resolution != resolution:
        raise InputError(
            f"The network draws {resolution}x{resolution} and the prepared images are {prepared.resolution}x"
            f"{prepared.resolution}, so generate.reject_artifacts cannot compare them; leave it out."
        )
    needed = max(LEAST_HELD_OUT, int(np.ceil(1 / level)) - 1)
    if prepared.test_archive is None or prepared.test_images < needed:
        raise InputError(
            f"generate.reject_artifacts at {level:g} is calibrated on at least {needed} held-out images and there "
            f"are {prepared.test_images}; prepare with a larger prepare.test_fraction or leave it out."
        )
    training = read_data_set(run.path / prepared.train_archive)
    held_out = read_data_set(run.path / prepared.test_archive)
    extractor = Radiomics(training.resolution)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(training))[:MOST_TRAINING])
    return ArtifactJudge(
        Pictures.read(training, chosen.astype(np.int64), extractor),
        Pictures.read(held_out, np.arange(len(held_out)), extractor),
        seed,
    )

"""All trainings of one classifier, each kept as a file, so that the same command continues."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from gist.stages.utility import UtilityClassifier
from gist.utility.arms import ARMS, Arm, synthetic_test_images, training_images, validation_images
from gist.utility.classifiers import Classifier
from gist.utility.learning import learn
from gist.utility.pools import Labels, Pools
from gist.utility.trials import Trial, keep_trial, read_trial, trial_key

Predicted = dict[str, Labels]
"""`arm/test images` -> [S, N] predicted classes, one row per seed."""


@dataclass(frozen=True)
class Trainings:
    """What all arms and seeds of a classifier share."""

    classifier: Classifier
    described: UtilityClassifier
    weights: Path | None
    pools: Pools
    per_class: Labels
    """[K] images that each arm learns from."""
    seed: int
    """Of the run."""
    device: torch.device
    folder: Path

    def run(
        self,
        seeds: int,
        each_done: Callable[[str], None],
        between_steps: Callable[[], None],
        seconds: float = math.inf,
    ) -> Predicted:
        """Trains every arm from every seed, unless that is kept already; from as many as take no longer than `seconds`.

        Empty where not even one seed does.
        """
        rows: dict[str, list[tuple[int, ...]]] = {}
        spent = 0.0
        for number in range(seeds):
            if spent * (number + 1) > seconds * number:
                break
            for position, arm in enumerate(ARMS, 1):
                trial = self._trial(arm, 1000 * self.seed + number, between_steps)
                spent += trial.seconds
                if number == 0 and spent / position * len(ARMS) > seconds:
                    return {}
                for tested_on, predicted in trial.predicted.items():
                    rows.setdefault(f"{arm.name}/{tested_on}", []).append(predicted)
                each_done(f"{self.classifier.name}, {arm.name}, seed {number}")
        return {name: np.array(predicted, np.int64) for name, predicted in rows.items()}

    def _trial(self, arm: Arm, seed: int, between_steps: Callable[[], None]) -> Trial:
        training = training_images(arm, self.pools, self.per_class, seed)
        validation = validation_images(arm, self.pools, seed)
        tests = {"real": self.pools.test}
        if arm.training == "Base":
            tests["synthetic"] = synthetic_test_images(self.pools, self.seed)
            tests["copies"] = training
        key = trial_key(
            classifier=self.classifier.name,
            recipe=[self.described.steps, self.classifier.batch, self.classifier.pixels],
            weights=self.described.weights,
            seed=seed,
            training=training.digest,
            validation=validation.digest,
            tests={name: pool.digest for name, pool in tests.items()},
        )
        kept = read_trial(self.folder, key)
        if kept is not None:
            return kept
        began = time.monotonic()
        learned = learn(
            self.classifier,
            training,
            validation,
            tests,
            classes=len(self.pools.class_names),
            steps=self.described.steps,
            seed=seed,
            weights=self.weights,
            device=self.device,
            between_steps=between_steps,
        )
        trial = Trial(
            classifier=self.classifier.name,
            weights=self.described.weights,
            arm=arm.name,
            seed=seed,
            steps=self.described.steps,
            best_step=learned.best_step,
            validation=learned.validation,
            predicted=learned.predicted,
            seconds=time.monotonic() - began,
        )
        keep_trial(self.folder, key, trial)
        return trial

"""Checks of GAN-train and GAN-test against known truth, on phantom knees, and the seconds that a training takes.

The "generator" is the phantom generator itself, so GAN-train and GAN-test should read like Base; shuffled labels
should give chance; copies of the training images, shown as if they were synthetic, should make GAN-test spike.

Run: python benchmarks/utility.py [--images 240] [--resolution 32] [--seeds 5] [--steps 250] [--threads 1]
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from gist import ops
from gist.phantoms import CLASS_NAMES, draw_phantom, phantom_batch
from gist.stages.utility import UtilityClassifier
from gist.utility.arms import ARMS, images_per_class
from gist.utility.classifiers import CLASSIFIERS
from gist.utility.conclusions import conclude
from gist.utility.pools import Pool, Pools, split_validation
from gist.utility.trainings import Trainings

SMALLEST = 32
"""Side at which a phantom is drawn to learn its class and patient only."""


def phantoms(first: int, count: int, resolution: int) -> Pool:
    """So many phantoms with their classes and patients."""
    seeds = range(first, first + count)
    truths = [draw_phantom(seed, size=SMALLEST)[1] for seed in seeds]
    return Pool(
        phantom_batch(seeds, resolution),
        np.array([CLASS_NAMES.index(truth.class_name) for truth in truths], np.int64),
        np.array([str(truth.patient) for truth in truths]),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--images", type=int, default=240, help="to learn from, and as many held out and drawn"
    )
    parser.add_argument("--resolution", type=int, default=32)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=CLASSIFIERS["small"].steps)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    ops.tune_memory_allocator()
    known = phantoms(100_000, given.images, given.resolution)
    real, validation = split_validation(known, 0.2, 0)
    test = phantoms(200_000, given.images, given.resolution)
    synthetic = phantoms(300_000, given.images, given.resolution)
    pools = Pools(CLASS_NAMES, real, validation, test, synthetic)
    classifier = CLASSIFIERS["small"]
    moments = [(time.monotonic(), time.process_time())]
    with tempfile.TemporaryDirectory() as folder:
        trainings = Trainings(
            classifier=classifier,
            described=UtilityClassifier(
                name="small", weights="trained from scratch", steps=given.steps, pixels=classifier.pixels
            ),
            weights=None,
            pools=pools,
            per_class=images_per_class(pools, 500),
            seed=0,
            device=torch.device("cpu"),
            folder=Path(folder),
        )

        def count(detail: str) -> None:
            moments.append((time.monotonic(), time.process_time()))
            print(
                f"\r{len(moments) - 1} of {given.seeds * len(ARMS)} trainings: {detail} ",
                end="",
                file=sys.stderr,
            )

        predicted = trainings.run(given.seeds, count, lambda: None)
        print(file=sys.stderr)
    found = conclude(trainings, predicted, given.seeds)
    each = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(moments)]
    print(f"{platform.machine()}, {given.threads} thread(s), torch {torch.__version__}")
    print(f"{given.images} phantoms of {given.resolution}x{given.resolution} a side, {given.steps} steps:")
    print(
        f"one training takes {statistics.median(wall for wall, _ in each):.1f} s "
        f"({statistics.median(busy for _, busy in each):.1f} s of processor time)"
    )
    for row in found.arms:
        balanced = row.balanced_accuracy
        spread = "" if balanced.low is None else f" ({balanced.low:.3f} to {balanced.high:.3f})"
        print(f"{row.arm:28s} balanced accuracy {balanced.value:.3f}{spread}, n = {row.tested}")
    for finding in found.findings:
        print(f"{finding.question}: {finding.verdict}. {finding.meaning}")
    for control in found.controls:
        print(f"{control.name}: {'passed' if control.passed else 'FAILED'}. {control.meaning}")
    print(found.worth.meaning)


if __name__ == "__main__":
    main()

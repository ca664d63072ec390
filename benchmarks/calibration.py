"""What scores read when nothing is wrong: real knees against other real knees, in random halves.

Takes a folder of the layout of ../shared/data/knee (train/<class>/*.png). In every repeat the training images are cut
into two random halves with the same mix of classes, of which one stands in for the synthetic images. The relative
Frechet distance should then be 1 and KID's p-values spread evenly over 0 to 1.

Run: python benchmarks/calibration.py DATA [--side 64] [--images 3216] [--repeats 200]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import kstest

from gist.metrics.extractors import Radiomics
from gist.metrics.features import Standardiser
from gist.metrics.group_measures import Sides, relative_frechet
from gist.metrics.kid import kernel_distance
from gist.metrics.matched_samples import halves

CLASSES = ("0", "3", "4")
LEVELS = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75)


def read(folder: Path, side: int) -> tuple[NDArray[np.float32], NDArray[np.str_]]:
    """All images of the classes as [N, side, side] in 0-1, averaged over areas, and their classes."""
    stack, classes = [], []
    for name in CLASSES:
        for file in sorted((folder / name).glob("*.png")):
            with Image.open(file) as image:
                grey = image.convert("L").resize((side, side), Image.Resampling.BOX)
            stack.append(np.asarray(grey, np.float32) / 255)
            classes.append(name)
    return np.stack(stack), np.array(classes)


def standardised(images_NHW: NDArray[np.float32]) -> NDArray[np.float64]:
    """Radiomics features [N, F] in the units in which the evaluate stage compares them."""
    extractor = Radiomics(images_NHW.shape[1])
    starts = range(0, len(images_NHW), extractor.batch)
    features = np.concatenate([extractor.features(images_NHW[s : s + extractor.batch]) for s in starts])
    std = features.std(axis=0)
    return Standardiser(features.mean(axis=0), np.where(std > 1e-6, std, 1.0), "")(features)


def main() -> None:
    """Prints the mean of the relative distance and how the p-values are spread."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("data", type=Path)
    arguments.add_argument("--side", type=int, default=64)
    arguments.add_argument("--images", type=int, help="drawn anew for every repeat; default: all")
    arguments.add_argument("--repeats", type=int, default=200)
    arguments.add_argument("--permutations", type=int, default=199)
    options = arguments.parse_args()
    began = time.process_time()
    images, classes = read(options.data / "train", options.side)
    features = standardised(images)
    ratios, p_values, values = (np.zeros(options.repeats) for _ in range(3))
    n = 0
    for repeat in range(options.repeats):
        rng = np.random.default_rng(repeat)
        drawn = rng.permutation(len(features))[: options.images]
        first, second = (drawn[half] for half in halves(classes[drawn], rng))
        n = len(first)
        a, b = features[first], features[second]
        ratios[repeat] = relative_frechet(Sides(a, b, b, b, b, classes[first]), repeat).synthetic
        found = kernel_distance(a, b, permutations=options.permutations, seed=repeat)
        values[repeat], p_values[repeat] = found.value, found.p_value or 0.0
    error = ratios.std(ddof=1) / np.sqrt(options.repeats)
    print(
        f"{options.repeats} random halves of {n} + {n} real knees of {options.side} pixels, radiomics features, "
        f"{time.process_time() - began:.0f} s of processor time"
    )
    print(
        f"relative Frechet distance: mean {ratios.mean():.4f} ± {error:.4f} (standard error), single ones "
        f"{ratios.min():.3f} to {ratios.max():.3f}, standard deviation {ratios.std(ddof=1):.3f}"
    )
    print(f"KID: mean {values.mean():.5f}, standard deviation {values.std(ddof=1):.5f}")
    shares = ", ".join(f"{(p_values <= level).mean():.3f} at {level:g}" for level in LEVELS)
    print(f"share of p-values at most: {shares}")
    print(
        f"Kolmogorov-Smirnov against the uniform distribution: p = {kstest(p_values, 'uniform').pvalue:.2f}"
    )


if __name__ == "__main__":
    main()

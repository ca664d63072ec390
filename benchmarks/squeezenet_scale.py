"""The scale of FD[squeezenet] on real radiographs: real against real, and against real images blurred by a pixel.

Takes a folder of the layout of ../shared/data/knee (train/<class>/*.png) and the Keras weights of SqueezeNet 1.1. Two
disjoint random samples of training images are compared, so that a distance of synthetic images at the same n and
side can be read; and again for further draws from a larger pool, which say how far such a distance scatters.

Run: python benchmarks/squeezenet_scale.py DATA --weights FILE [--images 900] [--side 64] [--pool 2400] [--draws 20]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from gist import ops
from gist.metrics.extractors import Extractor, extractor_named
from gist.metrics.frechet import frechet_distance

CLASSES = ("0", "3", "4")


def read(files: list[Path], side: int) -> NDArray[np.float32]:
    """Images [N, side, side] in 0-1, averaged over areas."""
    stack = []
    for file in files:
        with Image.open(file) as image:
            grey = image.convert("L").resize((side, side), Image.Resampling.BOX)
            stack.append(np.asarray(grey, np.float32) / 255)
    return np.stack(stack)


def features(extractor: Extractor, x_NHW: NDArray[np.float32]) -> NDArray[np.float64]:
    """Features [N, F], batch by batch."""
    starts = range(0, len(x_NHW), extractor.batch)
    return np.concatenate([extractor.features(x_NHW[start : start + extractor.batch]) for start in starts])


def main() -> None:
    """Prints the two distances, and how the first scatters."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("data", type=Path)
    arguments.add_argument("--weights", type=Path)
    arguments.add_argument("--images", type=int, default=900)
    arguments.add_argument("--side", type=int, default=64)
    arguments.add_argument("--pool", type=int, default=2400)
    arguments.add_argument("--draws", type=int, default=20)
    options = arguments.parse_args()
    ops.tune_memory_allocator()
    extractor = extractor_named("squeezenet", options.side, weights=options.weights)
    files = [file for name in CLASSES for file in sorted((options.data / "train" / name).glob("*.png"))]
    order = np.random.default_rng(0).permutation(len(files))
    n = options.images
    pool = read([files[i] for i in order[: max(options.pool, 2 * n)]], options.side)
    known = features(extractor, pool)
    reference, second = known[:n], pool[n : 2 * n]
    print(extractor.identity)
    print(f"n = {len(reference)} + {len(second)} images of {options.side} pixels")
    print(f"real against real: {frechet_distance(reference, known[n : 2 * n]):.1f}")
    drawn = []
    for seed in range(options.draws):
        places = np.random.default_rng(seed).permutation(len(known))
        drawn.append(frechet_distance(known[places[:n]], known[places[n : 2 * n]]))
    print(
        f"{options.draws} draws from {len(known)} images: {min(drawn):.1f} to {max(drawn):.1f}, "
        f"mean {np.mean(drawn):.1f}"
    )
    blurred = np.asarray(gaussian_filter(second, (0, 1, 1)), np.float32)
    print(
        f"real against real blurred by 1 pixel: {frechet_distance(reference, features(extractor, blurred)):.0f}"
    )


if __name__ == "__main__":
    main()

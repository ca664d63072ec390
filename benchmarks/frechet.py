"""Processor seconds for one Frechet distance from ready features: ours against the matrix square root of covariances.

The square root is how clean-fid and pytorch-fid compute it; the functions of clean-fid and torch-fidelity are
timed as well where these are installed. All get the same float64 features and the same number of threads, and take
turns. The two covariances, which every way needs when there are more images than features, are listed apart: no way
can be quicker. Processor seconds, so that other work on the machine does not count.

Run: python benchmarks/frechet.py [--images 10000] [--features 2048] [--repeats 3]
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import scipy
import torch
from numpy.typing import NDArray

from gist.metrics.frechet import fitted_gaussian, frechet_distance

Features = NDArray[np.float64]
Distance = Callable[[Features, Features], float]


def correlated(images: int, features: int, seed: int) -> Features:
    """Features whose spectrum decays like that of network activations: as 1 / rank."""
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(features, features)))
    spread = 1 / np.sqrt(np.arange(1, features + 1))
    return np.asarray((rng.normal(size=(images, features)) * spread) @ turn + 0.01 * seed, np.float64)


def by_matrix_square_root(x_NF: Features, y_MF: Features) -> float:
    """|difference of means|^2 + tr(S1 + S2 - 2 sqrt(S1 S2)) with scipy.linalg.sqrtm."""
    s1, s2 = np.cov(x_NF, rowvar=False), np.cov(y_MF, rowvar=False)
    shift = x_NF.mean(axis=0) - y_MF.mean(axis=0)
    root = scipy.linalg.sqrtm(s1 @ s2)
    return float(shift @ shift + np.trace(s1) + np.trace(s2) - 2 * np.trace(root).real)


def by_torch_fidelity(x_NF: Features, y_MF: Features) -> float:
    """torch-fidelity's own functions from features to distance."""
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    statistics = [fid_features_to_statistics(torch.from_numpy(side)) for side in (x_NF, y_MF)]
    return float(fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"])


def by_clean_fid(x_NF: Features, y_MF: Features) -> float:
    """clean-fid's own function, given means and covariances as its callers do."""
    from cleanfid.fid import fid_from_feats

    return float(fid_from_feats(x_NF, y_MF))


def covariances(x_NF: Features, y_MF: Features) -> float:
    """What every way begins with; the sum of the two traces."""
    return fitted_gaussian(x_NF).trace + fitted_gaussian(y_MF).trace


def main() -> None:
    """Prints one line per way of computing it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--images", type=int, default=10_000)
    arguments.add_argument("--features", type=int, default=2048)
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--threads", type=int, default=1)
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    x_NF = correlated(options.images, options.features, 1)
    y_MF = correlated(options.images, options.features, 2)
    ways: dict[str, Distance] = {"gist": frechet_distance}
    if importlib.util.find_spec("torch_fidelity"):
        ways["torch-fidelity"] = by_torch_fidelity
    if importlib.util.find_spec("cleanfid"):
        ways["clean-fid"] = by_clean_fid
    else:
        ways["scipy sqrtm"] = by_matrix_square_root
    print(
        f"{platform.processor() or platform.machine()}, numpy {np.__version__}, scipy {scipy.__version__}, "
        f"torch {torch.__version__}, {torch.get_num_threads()} threads, "
        f"{options.images} + {options.images} images, {options.features} features"
    )
    if options.images > options.features:
        ways["covariances"] = covariances
    rounds = [
        {name: timed(partial(way, x_NF, y_MF)) for name, way in ways.items()} for _ in range(options.repeats)
    ]
    ours = statistics.median(one["gist"][1] for one in rounds)
    for name in ways:
        seconds = statistics.median(one[name][1] for one in rounds)
        value = "" if name == "covariances" else f"  value {rounds[0][name][0]:.9f}"
        print(f"{name:16s} {seconds:8.2f} s  {seconds / ours:6.1f} x{value}")


def timed(call: Callable[[], float]) -> tuple[float, float]:
    """Value and processor seconds of a call."""
    start = time.process_time()
    value = call()
    return value, time.process_time() - start


if __name__ == "__main__":
    main()

"""What `gist reader score` says of simulated readers whose skill is known, and whether `gist reader plan` was right.

In each run readers' accuracies are drawn around a mean with a known standard deviation, and an image that misleads one
reader tends to mislead the others. Told are: how often the 95 % interval of the mean accuracy holds the truth, how
often equivalence is claimed of readers at the margin (at most 5 %), and how often a difference or equivalence is found
beside what the plan promised.

Run: python benchmarks/reader_statistics.py [--runs 1000] [--seed 0]
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from gist.reader.planning import KAPPA, READER_SD, Design
from gist.reader.statistics.several_readers import OneModality, auc, one_modality, share_right
from gist.reader.statistics.shares import CHANCE, difference_p, equivalence_p

MARGIN = 0.1
CASES = ((1, 100), (1, 300), (2, 200), (3, 100), (5, 100), (5, 300), (10, 100), (10, 300))
SPREADS = (0.0, 0.03, READER_SD)


def correct(design: Design, accuracy: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Whether each reader was right on each image, [R, K]."""
    squared = (2 * accuracy - 1) ** 2
    same = np.sin(np.pi / 2 * max(0.0, (design.kappa - squared) / (1 - squared)))
    skill = (
        rng.normal(accuracy, design.reader_sd, design.readers) if design.readers > 1 else np.array([accuracy])
    )
    image = rng.standard_normal(design.images)
    own = rng.standard_normal((design.readers, design.images))
    latent = norm.ppf(np.clip(skill, 0.001, 0.999))[:, None] + np.sqrt(same) * image + np.sqrt(1 - same) * own
    right: NDArray[np.bool_] = latent > 0
    return right


def analysed(right: NDArray[np.bool_]) -> OneModality:
    """As `gist reader score` takes several readers, half of the images synthetic."""
    return one_modality(share_right(right[None], np.arange(right.shape[1]) % 2))


def found(right: NDArray[np.bool_]) -> tuple[bool, bool]:
    """Whether a difference, and whether equivalence is found."""
    if len(right) == 1:
        n, of = int(right.sum()), right.shape[1]
        return difference_p(n, of) < 0.05, equivalence_p(n, of, MARGIN) < 0.05
    one = analysed(right)
    off = abs(one.value - CHANCE)  # by the intervals, which are quicker than p-values and say the same
    return off > one.reach(0.975), off + one.reach(0.95) < MARGIN


def covered(right: NDArray[np.bool_], truth: float) -> bool:
    low, high = analysed(right).interval()
    return low <= truth <= high


def area_covered(design: Design, separation: float, rng: np.random.Generator) -> bool:
    """Whether the interval of the mean area holds the truth, for ratings of images that look `separation` apart."""
    signal = np.arange(design.images) % 2 == 1
    skill = separation + rng.normal(0, 4 * design.reader_sd, (design.readers, 1))
    # An image looks odd to all readers alike to a part; variances sum to one.
    image = np.sqrt(design.kappa) * rng.standard_normal(design.images)
    own = np.sqrt(1 - design.kappa) * rng.standard_normal((design.readers, design.images))
    ratings = np.clip(np.round(2 * (skill * (signal - 0.5) + image + own)), -5, 5)
    low, high = one_modality(auc(ratings[None], signal)).interval()
    return low <= area(separation, 4 * design.reader_sd) <= high


def area(separation: float, spread: float) -> float:
    """The mean area over readers of the rounded ratings above."""
    edges = np.append(np.arange(-4.5, 5) / 2, np.inf)
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    areas = []
    for one in separation + spread * nodes:
        signal, noise = (np.diff(norm.cdf(edges, mean), prepend=0) for mean in (one / 2, -one / 2))
        areas.append(float((signal * (np.cumsum(noise) - noise / 2)).sum()))
    return float(np.dot(areas, weights) / weights.sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng, runs = np.random.default_rng(arguments.seed), arguments.runs
    print("readers images   sd | covered .5  .6  AUC | equivalence at the margin | power promised/found")
    for readers, images in CASES:
        for spread in SPREADS if readers > 1 else (0.0,):
            design = Design(readers, images, spread, KAPPA)

            def share(events: list[bool]) -> str:
                return f"{100 * np.mean(events):5.1f}"

            cover = ["    –"] * 3
            if readers > 1:
                cover = [
                    share([covered(correct(design, truth, rng), truth) for _ in range(runs)])
                    for truth in (CHANCE, 0.6)
                ]
                cover.append(share([area_covered(design, 0.5, rng) for _ in range(runs)]))
            wrong = share([found(correct(design, CHANCE + MARGIN, rng))[1] for _ in range(runs)])
            better = share([found(correct(design, 0.6, rng))[0] for _ in range(runs)])
            same = share([found(correct(design, CHANCE, rng))[1] for _ in range(runs)])
            print(
                f"{readers:7} {images:6} {spread:5.3f} | {' '.join(cover)} | {wrong} | "
                f"difference {100 * design.power_of_difference(0.6):5.1f}/{better}, "
                f"equivalence {100 * design.power_of_equivalence(MARGIN):5.1f}/{same}",
                flush=True,
            )


if __name__ == "__main__":
    main()

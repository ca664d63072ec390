"""How well injected defects are found on real held-out radiographs, and how often clean ones are called artifacts.

Takes a folder of the layout of ../shared/data/knee (train/<class>/*.png, val/<class>/*.png). The detectors learn
from training images. Every held-out image is scored clean, and some of them damaged; false alarms are counted over
200 random halvings of the held-out images into those that calibrate and those that are judged.

Run: python benchmarks/artifacts.py DATA [--side 64] [--training 1000] [--damaged 200]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gist.metrics.artifacts import DEFECTS, ArtifactJudge, Pictures, conformal_p_values, inject
from gist.metrics.extractors import Radiomics

CLASSES = ("0", "3", "4")
LEVELS = (0.05, 0.1)
HALVINGS = 200


def read(folder: Path, side: int) -> NDArray[np.float32]:
    """All images of the classes as [N, side, side] in 0-1."""
    stack = []
    for name in CLASSES:
        for file in sorted((folder / name).glob("*.png")):
            with Image.open(file) as image:
                grey = image.convert("L").resize((side, side), Image.Resampling.BOX)
                stack.append(np.asarray(grey, np.float32) / 255)
    return np.stack(stack)


def area_under_curve(bad: NDArray[np.float64], clean: NDArray[np.float64]) -> float:
    """Chance that a damaged image scores above a clean one."""
    return float(np.mean(bad[:, None] > clean[None]) + 0.5 * np.mean(bad[:, None] == clean[None]))


def false_alarms(scores: NDArray[np.float64], level: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """[halvings] share of clean images with a p-value of at most `level` by the other half."""
    rates = []
    for _ in range(HALVINGS):
        order = rng.permutation(len(scores))
        p_values = conformal_p_values(scores[order[::2]], scores[order[1::2]])
        rates.append((p_values <= level).mean())
    return np.array(rates)


def main() -> None:
    """Prints false alarms and one line per defect and severity."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("data", type=Path)
    arguments.add_argument("--side", type=int, default=64)
    arguments.add_argument("--training", type=int, default=1000)
    arguments.add_argument("--damaged", type=int, default=200)
    options = arguments.parse_args()
    rng = np.random.default_rng(0)
    extractor = Radiomics(options.side)
    training = rng.permutation(read(options.data / "train", options.side))[: options.training]
    held_out = rng.permutation(read(options.data / "val", options.side))
    clean_pictures = Pictures.extracted(held_out, extractor)
    start = time.process_time()
    learnt = Pictures.extracted(training, extractor)
    features = time.process_time() - start
    start = time.process_time()
    judge = ArtifactJudge(learnt, clean_pictures)
    fitting = time.process_time() - start
    start = time.process_time()
    clean = judge.judge(clean_pictures)
    judging = (time.process_time() - start) / len(held_out)
    print(
        f"{len(training)} training, {len(held_out)} held-out images of {options.side} pixels; CPU time: "
        f"features {1000 * features / len(training):.1f} ms, judging {1000 * judging:.1f} ms per image, "
        f"fitting {fitting:.1f} s"
    )
    for level in LEVELS:
        rates = false_alarms(clean.score, level, rng)
        print(f"clean images with p <= {level}: {rates.mean():.3f} (standard deviation {rates.std():.3f})")
    found_above = np.quantile(clean.score, 0.95)
    print("defect            severity   AUROC   found where 5 % of clean ones are")
    for kind in DEFECTS:
        for severity in ("high", "moderate"):
            damaged = np.stack([inject(kind, image, severity, rng) for image in held_out[: options.damaged]])
            bad = judge.judge(Pictures.extracted(damaged, extractor)).score
            found = (bad > found_above).mean()
            print(
                f"{kind:17s} {severity:9s} {area_under_curve(bad, clean.score):6.3f} {found:10.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()

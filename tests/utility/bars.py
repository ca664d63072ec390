"""Pictures of two kinds: a bright bar over textured ground, thin or thick, in noise that hides some of them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from made_runs import Images, Labelled, finish, generated, prepared, write_archive
from scipy.ndimage import gaussian_filter

from gist.runs.folder import RunFolder

WIDTHS = {"thin": (0.03, 0.07), "thick": (0.12, 0.18)}
"""Shares of the side."""


def bars(name: str, count: int, seed: int, *, side: int = 16) -> Images:
    """uint8 [count, side, side]; every seed and name gives other pictures."""
    rng = np.random.default_rng([seed, len(name)])
    ground = gaussian_filter(rng.normal(size=(count, side, side)), (0, 1, 1))
    ground *= 0.1 / ground.std(axis=(1, 2), keepdims=True)
    columns = np.arange(side)[None, None, :]
    centre = rng.uniform(0.35, 0.65, (count, 1, 1)) * side
    width = rng.uniform(*WIDTHS[name], (count, 1, 1)) * side
    bar = 0.4 * np.exp(-(((columns - centre) / width) ** 2))
    return np.rint(np.clip(ground + bar + 0.3, 0, 1) * 255).astype(np.uint8)


def both(count: int, seed: int) -> dict[str, Images]:
    return {name: bars(name, count, seed) for name in WIDTHS}


def write_run(
    folder: Path, *, train: Labelled, test: Labelled | None, synthetic: Labelled, per_patient: int = 2
) -> RunFolder:
    """A run folder in which prepare and generate are done; every patient has `per_patient` images."""
    run = RunFolder(folder)
    rows = []
    for part, images in (("train", train), ("test", test)):
        if images is not None:
            written = write_archive(run.path / "prepare" / f"{part}.zip", images)
            rows += [(name, part, f"{part}{k // per_patient:04d}") for k, name in enumerate(written)]
    with (run.path / "prepare" / "records.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "split", "patient"), *rows])
    write_archive(run.path / "generate" / "synthetic.zip", synthetic)
    finish(run, "prepare", prepared(train, test))
    finish(run, "generate", generated(synthetic))
    return run

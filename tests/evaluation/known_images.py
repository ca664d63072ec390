"""Images of known kind: procedural textures, and real knees where they lie beside the checkout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from made_runs import Images, Labelled
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter


def textured(count: int, seed: int, *, side: int = 32, smoothing: float = 1.0) -> NDArray[np.uint8]:
    """Images with a bright bar of varying place over textured ground: crude, but each one different."""
    rng = np.random.default_rng(seed)
    ground = gaussian_filter(rng.normal(size=(count, side, side)), (0, smoothing, smoothing))
    ground *= 0.08 / ground.std(axis=(1, 2), keepdims=True)
    columns = np.arange(side)[None, None, :]
    centre = rng.uniform(0.35, 0.65, (count, 1, 1)) * side
    width = rng.uniform(0.08, 0.16, (count, 1, 1)) * side
    bar = 0.4 * np.exp(-(((columns - centre) / width) ** 2))
    exposure = rng.uniform(0.2, 0.4, (count, 1, 1))
    return np.rint(np.clip(ground + bar + exposure, 0, 1) * 255).astype(np.uint8)


def knees(shared_dir: Path, split: str, grades: Sequence[int], side: int = 64) -> Labelled:
    """Real knee radiographs by Kellgren-Lawrence grade."""
    by_grade: dict[str, Images] = {}
    for grade in grades:
        files = sorted((shared_dir / "data" / "knee" / split / str(grade)).glob("*.png"))
        stack = []
        for file in files:
            with Image.open(file) as image:
                stack.append(np.asarray(image.convert("L").resize((side, side), Image.Resampling.BOX)))
        by_grade[f"KL {grade}"] = np.stack(stack)
    return by_grade

"""Do synthetic images show the augmentation? Real ones under the strongest augmentation beside the newest grid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from gist.images.sheets import cut, grid
from gist.pages.pictures import REAL_TEXT, SYNTHETIC_TEXT, Picture, picture
from gist.runs.findings import Findings
from gist.runs.folder import RunFolder

LEAST_P = 0.05
"""A highest probability below this means that augmentation was hardly used, and there is nothing to look for."""
COLUMNS = 4
SHOWN = 8
STRONGEST = "strongest-augmentation.png"


@dataclass(frozen=True)
class LeakCheck:
    """Two sheets of equally many images, and how strong the augmentation became."""

    augmented: Picture
    synthetic: Picture
    highest_p: float
    """Largest augmentation probability of the training."""
    bound: float
    """What it was limited to."""

    @property
    def saturated(self) -> bool:
        """Whether the probability reached its bound, so that leaking is to be expected."""
        return self.highest_p >= self.bound > 0


def leak_check(run: RunFolder, findings: Findings, room: int) -> LeakCheck | None:
    """The check of a training, each sheet at most `room` CSS pixels wide; None where a picture cannot be read or
    hardly anything was augmented."""
    train = findings.train
    if train is None or not train.grids:
        return None
    settings = findings.records["train"].settings
    strongest = run.path / Path(train.grid_real).with_name(STRONGEST)
    if settings.get("augment", "none") == "none" or not strongest.is_file():
        return None
    highest_p = max((tick["augment_p"] for tick in findings.ticks if "augment_p" in tick), default=0.0)
    if highest_p <= LEAST_P:
        return None
    try:
        augmented = _sheet(strongest, train.resolution, REAL_TEXT, room)
        synthetic = _sheet(run.path / train.grids[-1], train.resolution, SYNTHETIC_TEXT, room)
    except (OSError, ValueError):
        return None
    return LeakCheck(
        augmented=augmented,
        synthetic=synthetic,
        highest_p=highest_p,
        bound=float(settings.get("augment_p_max", 1.0)),
    )


def _sheet(file: Path, side: int, text: dict[str, str], room: int) -> Picture:
    with Image.open(file) as image:
        tiles_NHW = cut(np.asarray(image.convert("L")), side)
    chosen = np.linspace(0, len(tiles_NHW) - 1, min(SHOWN, len(tiles_NHW))).round().astype(int)
    return picture(grid(tiles_NHW[chosen], COLUMNS)[2:-2, 2:-2], text, room)

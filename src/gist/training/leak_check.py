"""Do synthetic images show the augmentation? Real ones under the strongest augmentation beside the newest grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gist.images.png import read_picture
from gist.images.sheets import cut
from gist.pages.pictures import HALF_WIDTH, REAL_TEXT, SYNTHETIC_TEXT, Picture, sheet
from gist.runs.findings import Findings
from gist.stages.train import TrainResult
from gist.training.curves import Tick

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


def leak_check(findings: Findings, ticks: Sequence[Tick]) -> LeakCheck | None:
    """The check of a training; None where a picture cannot be read or hardly anything was augmented."""
    train = findings.of(TrainResult)
    if train is None or not train.grids:
        return None
    settings, folder = findings.records["train"].settings, findings.run.path
    strongest = folder / Path(train.grid_real).with_name(STRONGEST)
    if settings.get("augment", "none") == "none" or not strongest.is_file():
        return None
    highest_p = max((tick["augment_p"] for tick in ticks if "augment_p" in tick), default=0.0)
    if highest_p <= LEAST_P:
        return None
    try:
        augmented = _sheet(strongest, train.resolution, REAL_TEXT)
        synthetic = _sheet(folder / train.grids[-1], train.resolution, SYNTHETIC_TEXT)
    except (OSError, ValueError):
        return None
    return LeakCheck(
        augmented=augmented,
        synthetic=synthetic,
        highest_p=highest_p,
        bound=float(settings.get("augment_p_max", 1.0)),
    )


def read_grid(file: Path, side: int) -> NDArray[np.uint8]:
    """The square images of `side` pixels in a grid that training wrote, uint8 [N, side, side] or [N, side, side, 3].

    Raises:
        OSError, ValueError: the file cannot be read, or is no such grid.
    """
    return cut(read_picture(file), side)


def _sheet(file: Path, side: int, text: Mapping[str, str]) -> Picture:
    tiles_NHW = read_grid(file, side)
    chosen = np.linspace(0, len(tiles_NHW) - 1, min(SHOWN, len(tiles_NHW))).round().astype(int)
    return sheet(tiles_NHW[chosen], COLUMNS, text, HALF_WIDTH)

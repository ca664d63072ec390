"""A small finished run made of real files: archives of phantoms, records, a training log, picture grids."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from run_builder import RESOLUTION, RunBuilder

from gist.phantoms import phantom_batch
from gist.runs.folder import RunFolder


@pytest.fixture(scope="session")
def phantoms() -> NDArray[np.uint8]:
    """40 phantom knees, uint8 [40, 64, 64]."""
    return phantom_batch(range(40), RESOLUTION)


@pytest.fixture
def builder(folder: Path, phantoms: NDArray[np.uint8]) -> Callable[..., RunBuilder]:
    """Makes builders of runs in the test's own folder."""
    return lambda **choices: RunBuilder(RunFolder(folder / "run"), **{"images": phantoms, **choices})


@pytest.fixture
def finished(builder: Callable[..., RunBuilder]) -> RunBuilder:
    """A run in which everything before the report is done."""
    made = builder()
    made.done_everything()
    return made

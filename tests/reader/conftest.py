"""Phantoms, and a run of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from known_run import made_run
from made_runs import Images

from gist.phantoms import phantom_batch
from gist.runs.folder import RunFolder

SIDE = 32


@pytest.fixture(scope="session")
def phantoms() -> Images:
    images: Images = phantom_batch(range(180), SIDE)
    return images


@pytest.fixture
def run(folder: Path, phantoms: Images) -> RunFolder:
    """60 held-out phantoms, 60 others as synthetic ones, 60 to learn from."""
    return made_run(folder / "run", phantoms[:60], phantoms[60:120], phantoms[120:])

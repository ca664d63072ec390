"""Shared fixtures: where the real data lies, and a run folder in a path with spaces."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile(
    "any machine", deadline=None
)  # how long an example takes tells of the machine alone
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Real radiographs and reference numbers that are not part of the project."""
    root = Path(os.environ.get("GIST_SHARED", Path(__file__).parents[2] / "shared"))
    if not root.is_dir():
        pytest.skip("no folder ../shared with real data beside the checkout")
    return root


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder whose name holds spaces and an umlaut, as users have them."""
    path = tmp_path / "my knee dätä"
    path.mkdir()
    return path

"""A settings folder of its own for every test, and the prepare stage in one call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prepare_call import PrepareCall

from gist.config import build_config
from gist.intake.stage import prepare
from gist.progress import Silent
from gist.runs.folder import RunFolder
from gist.stages.prepare import PrepareResult


@pytest.fixture(autouse=True)
def settings_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keeps the salt of the tests out of the user's own settings."""
    home = tmp_path / "settings"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    return home


@pytest.fixture
def run(folder: Path) -> RunFolder:
    return RunFolder(folder / "runs" / "a run")


@pytest.fixture
def prepare_stage(run: RunFolder) -> PrepareCall:
    """Calls the stage: `prepare_stage(source, resolution=32, **settings of the prepare section)`."""

    def call(
        source: Path, into: RunFolder = run, train: dict[str, Any] | None = None, **settings: Any
    ) -> PrepareResult:
        tree = {"source": str(source), "resolution": 32, **settings}
        config = build_config({"prepare": tree, "train": train or {}, "device": "cpu"})
        return prepare(config, into, Silent())

    return call

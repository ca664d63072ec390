"""Run folders with known images, made without the stages before evaluate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from made_runs import Labelled, finish, generated, prepared, write_archive

from gist.runs.folder import RunFolder

MakeRun = Callable[..., RunFolder]


@pytest.fixture
def make_run(folder: Path) -> MakeRun:
    """`make_run(train, test or None, synthetic)`, images by class name -> a run ready to evaluate."""

    def make(train: Labelled, test: Labelled | None, synthetic: Labelled) -> RunFolder:
        run = RunFolder(folder / "run")
        for name, images in (
            ("prepare/train", train),
            ("prepare/test", test),
            ("generate/synthetic", synthetic),
        ):
            if images is not None:
                write_archive(run.path / f"{name}.zip", images)
        finish(run, "prepare", prepared(train, test))
        finish(run, "generate", generated(synthetic))
        return run

    return make

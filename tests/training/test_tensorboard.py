"""What TensorBoard's own servers show of a training that was thrown back to an earlier checkpoint."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from gist.config import Config
from gist.progress import Silent
from gist.runs.folder import RunFolder
from gist.training.stage import train

Prepared = Callable[..., tuple[Config, RunFolder]]
DEADLINE_SECONDS = 120

if importlib.util.find_spec("tensorboard") is None:
    pytest.skip("the extra tensorboard is not installed", allow_module_level=True)


@contextmanager
def served(folder: Path, load_fast: str) -> Iterator[str]:
    """The address of a TensorBoard that serves a folder."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), "--port", "0"]
    with subprocess.Popen(
        [*command, f"--load_fast={load_fast}"],
        stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONWARNINGS": "ignore"},
    ) as server:  # fmt: skip
        assert server.stderr is not None
        try:
            yield next(found[0] for line in server.stderr if (found := re.search(r"http://\S+/", line)))
        finally:
            server.terminate()


def points(address: str, tag: str, last: int) -> list[tuple[float, int, float]]:
    """Wall time, step and value of a tag's points, as soon as step `last` is among them."""
    end = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < end:
        try:
            with urlopen(f"{address}data/plugin/scalars/scalars?run=.&tag={quote(tag)}") as answer:
                found = [(wall, step, value) for wall, step, value in json.load(answer)]
        except HTTPError:
            found = []  # still reading
        if any(step == last for _, step, _ in found):
            return found
        time.sleep(0.05)
    raise AssertionError(f"{tag} never reached {last}")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("load_fast", ["false", "auto"])
def test_what_was_thrown_away_is_not_shown_and_what_was_kept_is_shown_once(
    prepared: Prepared, load_fast: str
) -> None:
    config, run = prepared(architecture="stylegan2", mapping_layers=2, tensorboard=True)

    def sit(kimg: float) -> list[dict[str, Any]]:
        train(
            config.model_copy(update={"train": config.train.model_copy(update={"kimg": kimg})}), run, Silent()
        )
        return [json.loads(line) for line in (run.path / "train" / "log.jsonl").read_text().splitlines()]

    checkpoints, kept = run.path / "train" / "checkpoints", run.path / "kept"
    sit(0.02)
    shutil.copytree(checkpoints, kept)
    sit(0.052)
    shutil.rmtree(checkpoints)
    kept.rename(checkpoints)
    lines = sit(0.024)
    assert [round(line["kimg"] * 1000) for line in lines] == [4, 8, 12, 16, 20, 24]
    with served(run.path / "train" / "tensorboard", load_fast) as address:
        for tag in set().union(*lines) - {"kimg", "warnings"}:
            steps = {round(line["kimg"] * 1000): line[tag] for line in lines if tag in line}
            found = points(address, tag, last=max(steps))
            assert [step for _, step, _ in found] == list(steps), tag
            assert [value for *_, value in found] == pytest.approx(list(steps.values()), rel=1e-5), tag
        moments = [wall for wall, *_ in points(address, "loss_D", last=20)][:5]
        seconds = [line["seconds"] for line in lines][:5]
        assert [later - earlier for earlier, later in pairwise(moments)] == pytest.approx(
            [later - earlier for earlier, later in pairwise(seconds)], abs=1e-3
        )
        with urlopen(f"{address}data/plugin/images/images?run=.&sample=0&tag=synthetic%20images") as answer:
            assert [image["step"] for image in json.load(answer)] == [16, 20, 24]

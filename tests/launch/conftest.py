"""A real SLURM with two nodes, where one answers, and a user of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gist.phantoms import write_phantom_data_set

DEADLINE_SECONDS = 500
SMALL = [
    "prepare.resolution=32",
    "train.architecture=stylegan2",
    "train.mapping_layers=2",
    "train.channel_base=256",
]


_SET = [part for setting in SMALL for part in ("--set", setting)]


class Cluster:
    """The commands of a user of this SLURM, in a folder of its own."""

    def __init__(self, place: Path) -> None:
        self.place = place
        tools = place / "bin"
        tools.mkdir()
        for name, module in (("gist", "gist"), ("torchrun", "torch.distributed.run")):
            (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
            (tools / name).chmod(0o755)
        own = {"PATH": f"{tools}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1", "HOME": str(place)}
        self.environment = os.environ | own

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, cwd=self.place, env=self.environment, capture_output=True, text=True)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self("gist", "run", "knees", "--on", "slurm", "--site", "site.yaml", "--yes", *_SET, *words)

    def here(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The same training in one process of this machine, in runs/alone."""
        return self(
            "gist", "run", "knees", "--yes", "--stages", "prepare,train", *_SET, "--set", "name=alone", *words
        )

    def status(self) -> str:
        return self("gist", "status", "runs/knees").stdout

    def until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + DEADLINE_SECONDS
        while not holds():
            assert time.monotonic() < end, (
                self.status() + self("gist", "logs", "runs/knees", "--lines", "0").stdout
            )
            time.sleep(0.2)


@pytest.fixture(scope="module")
def two_nodes() -> None:
    if shutil.which("sbatch") is None:
        pytest.skip("SLURM is not installed")
    nodes = subprocess.run(["sinfo", "-h", "-N", "-t", "idle", "-o", "%N"], capture_output=True, text=True)
    if len(set(nodes.stdout.split())) < 2:
        pytest.skip("no SLURM cluster with two idle nodes answers")


@pytest.fixture
def cluster(tmp_path: Path, two_nodes: None):
    del two_nodes
    (tmp_path / "site.yaml").write_text("gpus: 0\ncpus: 1\nleave: 60\n")
    write_phantom_data_set(tmp_path / "knees", count=80, size_range=(60, 80))
    user = Cluster(tmp_path)
    yield user
    user("gist", "cancel", "runs/knees")

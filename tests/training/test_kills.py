"""SIGKILL at random moments: no run is ever unreadable, and no bit of what it learns changes."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
import torch

from gist import ops
from gist.config import Config
from gist.progress import Silent
from gist.runs.checkpoint import load_newest
from gist.runs.folder import RunFolder
from gist.training.stage import train

Prepared = Callable[..., tuple[Config, RunFolder]]


class _Told(Silent):
    """Tells another process of every step."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def advance(self, done: float, *_: object) -> None:
        self._connection.send(done)


class _Digests(Silent):
    """Collects the SHA-256 of the state after every step."""

    def __init__(self, checkpoints: Path) -> None:
        self.checkpoints = checkpoints
        self.at: dict[int, str] = {}

    def advance(self, *_: object) -> None:
        for file in self.checkpoints.glob("[0-9]*/facts.json"):
            facts = json.loads(file.read_text())
            self.at[facts["images"]] = facts["sha256"]


def _train(config: Config, run: RunFolder, connection: Connection) -> None:
    torch.set_num_threads(1)
    ops.set_backend("reference")
    train(config, run, _Told(connection))


def _killed_again_and_again(
    prepared: Prepared, processes: ForkServerContext, kills: int, kimg: float, seed: int
) -> None:
    settings = {
        "architecture": "stylegan2",
        "mapping_layers": 2,
        "kimg": kimg,
        "checkpoint_minutes": 1e-9,
        "snapshot_kimg": kimg / 4,
    }
    config, whole = prepared("whole", **settings)
    digests = _Digests(whole.path / "train" / "checkpoints")
    ops.set_backend("reference")
    try:
        train(config, whole, digests)
    finally:
        ops.set_backend("auto")
    digests.advance()
    config, killed = prepared("killed", **settings)
    chance = random.Random(seed)
    survivors: set[int] = set()
    for _ in range(kills):
        here, there = processes.Pipe(duplex=False)
        child = processes.Process(target=_train, args=(config, killed, there))
        child.start()
        there.close()
        try:
            for _ in range(chance.choice([0, 1, 2, 3, 4])):
                here.recv()
        except EOFError:  # it was faster and has finished
            pass
        time.sleep(chance.uniform(0, 0.06))
        child.kill()
        child.join()
        found = load_newest(killed.path / "train" / "checkpoints")
        if found is None:
            assert not survivors, "a checkpoint was there and can no longer be read"
            continue
        assert found[1]["sha256"] == digests.at[found[1]["images"]]
        survivors.add(found[1]["images"])
    assert len(survivors) >= 5, "the kills did not fall at five different places"
    assert found is not None
    log = (killed.path / "train" / "log.jsonl").read_text().splitlines()
    if len(log) > 1:
        positions = [json.loads(line)["kimg"] for line in log[:-1]]
        assert positions == sorted(set(positions))
    ops.set_backend("reference")
    try:
        train(config, killed, Silent())
    finally:
        ops.set_backend("auto")
    last = load_newest(killed.path / "train" / "checkpoints")
    assert last is not None
    assert last[1]["sha256"] == digests.at[round(kimg * 1000)]


def test_eight_kills_at_random_moments_neither_break_a_run_nor_change_a_bit(
    prepared: Prepared, processes: ForkServerContext
) -> None:
    _killed_again_and_again(prepared, processes, kills=8, kimg=0.06, seed=5)


@pytest.mark.nightly
def test_two_hundred_kills_at_random_moments(prepared: Prepared, processes: ForkServerContext) -> None:
    _killed_again_and_again(prepared, processes, kills=200, kimg=1.2, seed=6)

"""Two real processes that share a training, connected by gloo as under torchrun."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext

import pytest
import safetensors.torch
import torch
from small_trainer import distance, small_trainer

from gist.config import Config
from gist.errors import GistError
from gist.machine.team import join, leave
from gist.progress import Silent
from gist.runs.checkpoint import load_newest
from gist.runs.folder import RunFolder
from gist.runs.pipeline import run_stages

Prepared = Callable[..., tuple[Config, RunFolder]]
_STEPS = 3


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _as_rank(rank: int, port: int) -> None:
    torch.set_num_threads(1)
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }


def _steps(rank: int, port: int, architecture: str, connection: Connection) -> None:
    _as_rank(rank, port)
    team = join()
    assert team is not None
    trainer = small_trainer(architecture, batch=8, team=team)
    numbers = [trainer.step() for _ in range(_STEPS)]
    connection.send((numbers, safetensors.torch.save(trainer.state.tensors())))
    leave()


@pytest.mark.parametrize("architecture", ["stylegan3-t", "stylegan2"])
def test_two_processes_learn_what_one_does_at_equal_total_batch(
    processes: ForkServerContext, architecture: str
) -> None:
    port = _free_port()
    pipes = [processes.Pipe(duplex=False) for _ in range(2)]
    children = [
        processes.Process(target=_steps, args=(rank, port, architecture, pipes[rank][1])) for rank in range(2)
    ]
    for child in children:
        child.start()
    (numbers, saved), (other_numbers, other_saved) = (here.recv() for here, _ in pipes)
    for child in children:
        child.join()
    assert numbers == other_numbers
    assert saved == other_saved, "the processes have drifted apart"
    alone = small_trainer(architecture, batch=8)
    assert alone.step() == pytest.approx(numbers[0], rel=1e-3, abs=1e-5)
    for _ in range(_STEPS - 1):
        alone.step()
    # Adam turns the sign of a gradient that is all rounding into a whole step, so only weights stay this close.
    assert distance(alone.state.tensors(), safetensors.torch.load(saved), ("G", "D", "G_ema")) < 1e-4


def _whole_stage(rank: int, port: int, config: Config, connection: Connection) -> None:
    _as_rank(rank, port)

    class Told(Silent):
        def advance(self, done: float, *_: object) -> None:
            if done:
                connection.send(done)

    try:
        run_stages(config, ["train"], Told())
    except GistError as error:
        connection.send(str(error))
    connection.send(None)


def test_only_the_first_process_writes_and_a_signal_to_the_other_stops_both_with_a_checkpoint(
    prepared: Prepared, processes: ForkServerContext
) -> None:
    config, run = prepared(architecture="stylegan2", mapping_layers=2, batch=8, kimg=5, snapshot_kimg=0.008)
    port = _free_port()
    pipes = [processes.Pipe(duplex=False) for _ in range(2)]
    children = [
        processes.Process(target=_whole_stage, args=(rank, port, config, pipes[rank][1])) for rank in range(2)
    ]
    for child in children:
        child.start()
    first = pipes[0][0]
    assert first.recv() == pytest.approx(0.008)
    assert first.recv() == pytest.approx(0.016)
    pid = children[1].pid
    assert pid is not None
    os.kill(pid, signal.SIGUSR1)
    message = first.recv()
    while isinstance(message, float):
        message = first.recv()
    assert "the same command continues it" in message
    for child in children:
        child.join()
        assert child.exitcode == 0
    found = load_newest(run.path / "train" / "checkpoints")
    assert found is not None
    assert found[1]["images"] >= 16
    lines = [json.loads(line) for line in (run.path / "train" / "log.jsonl").read_text().splitlines()]
    positions = [line["kimg"] for line in lines]
    assert positions == sorted(set(positions))
    record = run.record("train")
    assert record is not None
    assert record.state == "stopped"

"""Trainings under torchrun and SLURM that are asked to stop as the guide's batch script and schedulers ask."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from gist.config import Config, as_yaml
from gist.phantoms import write_phantom_data_set
from gist.progress import Silent
from gist.runs.checkpoint import load_newest
from gist.runs.folder import RunFolder
from gist.runs.pipeline import run_stages

Prepared = Callable[..., tuple[Config, RunFolder]]
PROJECT = Path(__file__).parents[2]
SMALL = {"architecture": "stylegan2", "mapping_layers": 2, "batch": 8, "snapshot_kimg": 0.008}
MEANS_FOREVER = 1000.0
"""kimg that no test reaches."""
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
DEADLINE_SECONDS = 300


def until(holds: Callable[[], bool], still: Callable[[], bool] = lambda: True) -> None:
    end = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert still()
        assert time.monotonic() < end
        time.sleep(0.05)


def ready(prepared: Prepared) -> tuple[Config, RunFolder]:
    """A run folder whose training would take days, and its settings in the folder."""
    config, run = prepared(**SMALL, kimg=MEANS_FOREVER)
    run.config_file.write_text(as_yaml(config))
    return config, run


def until_few_more(config: Config, run: RunFolder) -> Config:
    """The settings that end the training two steps after its newest checkpoint."""
    found = load_newest(run.path / "train" / "checkpoints")
    assert found is not None
    kimg = found[1]["images"] / 1000 + 0.016
    return config.model_copy(update={"train": config.train.model_copy(update={"kimg": kimg})})


def assert_done_without_gap(run: RunFolder, kimg: float | None) -> None:
    record = run.record("train")
    assert record is not None
    assert record.state == "done"
    positions = [
        json.loads(line)["kimg"] for line in (run.path / "train" / "log.jsonl").read_text().splitlines()
    ]
    # A line at each snapshot, which is each step.
    assert [
        round(1000 * later) - round(1000 * earlier) for earlier, later in itertools.pairwise(positions)
    ] == [8] * (len(positions) - 1)
    assert positions[0] == 0.008
    assert positions[-1] == kimg


def _stop_by_file(_: subprocess.Popen[str], run: RunFolder) -> None:
    subprocess.run(
        [sys.executable, "-m", "gist", "stop", str(run.path)],
        check=True,
        capture_output=True,
        env=ENVIRONMENT,
    )


def _stop_by(number: signal.Signals) -> Callable[[subprocess.Popen[str], RunFolder], None]:
    return lambda launcher, _: launcher.send_signal(number)


@pytest.mark.parametrize(
    ("options", "ask"),
    [
        pytest.param([], _stop_by_file, id="gist stop"),
        pytest.param([], _stop_by(signal.SIGTERM), id="TERM", marks=pytest.mark.nightly),
        pytest.param(
            ["--signals-to-handle", "SIGTERM,SIGINT,SIGUSR1"],
            _stop_by(signal.SIGUSR1),
            id="USR1 that torchrun passes on",
        ),
        pytest.param([], _stop_by(signal.SIGUSR1), id="USR1 that kills torchrun", marks=pytest.mark.nightly),
    ],
)
def test_under_torchrun_a_request_to_stop_leaves_a_checkpoint_and_the_training_continues(
    prepared: Prepared, options: Sequence[str], ask: Callable[[subprocess.Popen[str], RunFolder], None]
) -> None:
    config, run = ready(prepared)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    with subprocess.Popen(
        [*torchrun, *options, "-m", "gist", "train", str(run.path)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
    ) as launcher:  # fmt: skip
        until((run.path / "train" / "snapshots").exists, lambda: launcher.poll() is None)
        ask(launcher, run)
        _, errors = launcher.communicate(timeout=DEADLINE_SECONDS)  # ends when the last process has
    assert launcher.returncode != 0
    assert not run.is_locked()
    assert "a checkpoint is written and the same command continues it" in errors
    found = load_newest(run.path / "train" / "checkpoints")
    assert found is not None
    record = run.record("train")
    assert record is not None
    assert record.state == "stopped"
    shorter = until_few_more(config, run)
    run_stages(shorter, ["train"], Silent())
    assert_done_without_gap(run, shorter.train.kimg)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_scheduler_s_signal_in_another_stage_is_one_sentence_too(
    folder: Path, number: signal.Signals
) -> None:
    write_phantom_data_set(folder / "knees", count=100, size_range=(90, 110))
    run = RunFolder(folder / "run")
    command = [sys.executable, "-m", "gist", "prepare", str(folder / "knees"), "--run", str(run.path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        until((run.path / "prepare" / "stage.json").exists, lambda: process.poll() is None)
        process.send_signal(number)
        _, errors = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "gist: Stopped; the same command continues."
    record = run.record("prepare")
    assert record is not None
    assert record.state == "stopped"


def slurm(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, env=ENVIRONMENT).stdout.strip()


@pytest.fixture
def two_nodes() -> None:
    if shutil.which("sbatch") is None:
        pytest.skip("SLURM is not installed")
    nodes = subprocess.run(["sinfo", "-h", "-N", "-t", "idle", "-o", "%N"], capture_output=True, text=True)
    if len(set(nodes.stdout.split())) < 2:
        pytest.skip("no SLURM cluster with two idle nodes answers")


@pytest.mark.usefixtures("two_nodes")
def test_the_batch_script_of_the_guide_continues_over_time_limits_until_the_training_is_done(
    prepared: Prepared, tmp_path: Path
) -> None:
    config, run = ready(prepared)
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name, module in (("gist", "gist"), ("torchrun", "torch.distributed.run")):
        (bin_folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        (bin_folder / name).chmod(0o755)
    log = tmp_path / "job.log"
    # Two minutes, and SLURM sends the signal up to a minute earlier than it is asked to.
    job = slurm(
        "sbatch", "--parsable", "--nodes=2", "--gpus-per-node=0", "--cpus-per-task=1", "--time=2",
        "--signal=B:USR1@45", f"--export=ALL,PATH={bin_folder}:{os.environ['PATH']}", f"--output={log}",
        str(PROJECT / "src/gist/examples/train.sbatch"), str(run.path),
    )  # fmt: skip
    try:
        until(lambda: slurm("squeue", "-h", "-j", job, "-o", "%T %r") == "PENDING BeginTime")
        assert "a checkpoint is written and the same command continues it" in log.read_text()
        record = run.record("train")
        assert record is not None
        assert record.state == "stopped"
        shorter = until_few_more(config, run)
        run.config_file.write_text(as_yaml(shorter))
        slurm("scontrol", "update", f"JobId={job}", "StartTime=now")
        until(lambda: slurm("squeue", "-h", "-j", job, "-t", "all", "-o", "%T") == "COMPLETED")
    finally:
        subprocess.run(["scancel", job], capture_output=True)
    assert "Restarts=1 " in slurm("scontrol", "show", "job", job)
    assert "Continuing at" in log.read_text()
    assert_done_without_gap(run, shorter.train.kimg)

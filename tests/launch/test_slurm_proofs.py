"""What time limits, drained and lost nodes and a second node do to a training, on a real SLURM: nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import safetensors.torch
import torch

from gist.runs.folder import RunFolder

if TYPE_CHECKING:
    from conftest import Cluster

pytestmark = pytest.mark.nightly
LONG = ("--set", "train.kimg=1000", "--set", "train.snapshot_kimg=100")


def final_network(run: RunFolder) -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(max((run.path / "train/snapshots").glob("network-*.safetensors")))


def begin(cluster: Cluster, *words: str) -> tuple[RunFolder, str]:
    """A training as a job, and its number."""
    told = cluster.run("--stages", "prepare,train", *words)
    assert told.returncode == 0, told.stderr
    return RunFolder(cluster.place / "runs/knees"), told.stdout.split("SLURM job ")[1].split(":")[0]


def fact(cluster: Cluster, number: str, name: str) -> str:
    told = cluster("scontrol", "show", "job", number, "--oneliner").stdout
    return next(word.partition("=")[2] for word in told.split() if word.startswith(f"{name}="))


def images(run: RunFolder) -> int:
    """How far the newest checkpoint is."""
    return max((int(entry.name) for entry in (run.path / "train/checkpoints").glob("[0-9]*")), default=0)


def end_soon(run: RunFolder) -> int:
    """Sets the end of a waiting training a little beyond where it is; returns it, in images."""
    end = images(run) + 16
    run.config_file.write_text(run.config_file.read_text().replace("kimg: 1000.0", f"kimg: {end / 1000}"))
    return end


def unbroken(cluster: Cluster, end: int) -> dict[str, torch.Tensor]:
    """The network of one process that was left alone."""
    told = cluster.here("--set", f"train.kimg={end / 1000}", "--set", "train.snapshot_kimg=100")
    assert told.returncode == 0, told.stderr
    return final_network(RunFolder(cluster.place / "runs/alone"))


def same_bits(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_three_time_limits_change_no_bit(cluster: Cluster) -> None:
    run, number = begin(cluster, "--time", "3", *LONG)
    reached = [0]
    for sitting in ("begun again once", "begun again 2 times", "begun again 3 times"):
        cluster.until(lambda said=f"PENDING (BeginTime), {sitting}": said in cluster.status())
        reached.append(images(run))
        if len(reached) == 4:
            end = end_soon(run)
        cluster("scontrol", "update", f"JobId={number}", "StartTime=now")
    cluster.until(lambda: "COMPLETED, begun again 3 times" in cluster.status())
    assert reached == sorted(set(reached)), "each sitting trained"
    assert same_bits(final_network(run), unbroken(cluster, end))


def test_a_second_node_changes_no_more_than_rounding_does(cluster: Cluster) -> None:
    run, number = begin(cluster, "--nodes", "2", "--set", "train.kimg=0.064", "--set", "train.batch=16")
    cluster.until(lambda: "COMPLETED" in cluster.status())
    assert fact(cluster, number, "NumNodes") == "2"
    told = cluster.here("--set", "train.kimg=0.064", "--set", "train.batch=16")
    assert told.returncode == 0, told.stderr
    both, one = final_network(run), final_network(RunFolder(cluster.place / "runs/alone"))
    assert both.keys() == one.keys()
    for name in one:
        torch.testing.assert_close(both[name], one[name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("state", ["DRAIN", "DOWN"])
def test_a_node_drained_or_lost_in_mid_run_loses_nothing(cluster: Cluster, state: str) -> None:
    run, number = begin(
        cluster, "--time", "20", "--set", "train.kimg=1000", "--set", "train.snapshot_kimg=.1"
    )
    cluster.until(lambda: images(run) > 0)
    node = fact(cluster, number, "NodeList")
    for now in (
        "DRAIN",
        state,
    ):  # a lost node of this machine is back at once, and is not to get the job again
        cluster("scontrol", "update", f"NodeName={node}", f"State={now}", "Reason=test")
    try:
        if state == "DRAIN":  # what runs may go on; who drains a node sends the job elsewhere
            assert fact(cluster, number, "JobState") == "RUNNING"
            cluster("scontrol", "requeue", number)
        cluster.until(lambda: "PENDING (BeginTime), begun again once" in cluster.status())
        end = end_soon(run)
        cluster("scontrol", "update", f"JobId={number}", "StartTime=now")
        cluster.until(lambda: "COMPLETED, begun again once" in cluster.status())
        assert fact(cluster, number, "NodeList") != node
        assert same_bits(final_network(run), unbroken(cluster, end))
    finally:
        cluster("scontrol", "update", f"NodeName={node}", "State=RESUME")


def test_arrays_that_share_prepare_and_generate_make_what_one_process_does_though_tasks_are_killed(
    cluster: Cluster,
) -> None:
    words = ("--stages", "prepare,train,generate", "--set", "train.kimg=0.016", "--set", "generate.count=40")
    told = cluster.run(*words, "--shards", "3", "--slots", "2")
    assert told.returncode == 0, told.stderr
    again = cluster.run(*words, "--shards", "3")
    assert "works on runs/knees already" in again.stderr
    array, _, drawing, last = json.loads((cluster.place / "runs/knees/job/job.json").read_text())["jobs"]
    for task in (f"{array}_2", f"{drawing}_3"):
        cluster.until(lambda task=task: fact(cluster, task, "JobState") == "RUNNING")
        cluster("scancel", task)
    cluster.until(lambda: f"{last}: COMPLETED" in cluster.status())
    assert cluster.here(*words).returncode == 0  # of options given twice the last counts
    for name in ("prepare/train.zip", "prepare/test.zip", "prepare/records.csv", "generate/synthetic.zip"):
        one, many = (cluster.place / "runs" / run / name for run in ("alone", "knees"))
        assert one.read_bytes() == many.read_bytes()
    assert not (cluster.place / "runs/knees/shards").exists()


def test_an_array_of_jobs_prepares_what_one_process_does(cluster: Cluster) -> None:
    script = Path(__file__).parents[2] / "src/gist/examples/shards.sbatch"
    words = ("prepare", "knees", "--run", "runs/knees", "--resolution", "32")
    told = cluster("sbatch", "--array=1-3", "--cpus-per-task=1", str(script), *words)
    assert told.returncode == 0, told.stderr
    cluster.until(lambda: done(cluster))
    assert cluster("gist", *(word.replace("runs/knees", "runs/alone") for word in words)).returncode == 0
    for name in ("train.zip", "test.zip", "records.csv", "rejected.csv"):
        one, many = (cluster.place / "runs" / run / "prepare" / name for run in ("alone", "knees"))
        assert one.read_bytes() == many.read_bytes()


def done(cluster: Cluster) -> bool:
    record = RunFolder(cluster.place / "runs/knees").record("prepare")
    return record is not None and record.state == "done"

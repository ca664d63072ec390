"""Runs as jobs of a real SLURM with two nodes, where one answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gist.runs.folder import RunFolder

if TYPE_CHECKING:
    from conftest import Cluster


def test_a_folder_of_radiographs_becomes_a_job_and_its_paths_stay_out_of_the_run(cluster: Cluster) -> None:
    told = cluster.run("--stages", "prepare")
    assert told.returncode == 0, told.stderr
    cluster.until(lambda: "COMPLETED" in cluster.status())
    record = RunFolder(cluster.place / "runs/knees").record("prepare")
    assert record is not None
    assert record.state == "done"
    for file in (cluster.place / "runs/knees").rglob("*"):
        assert not file.is_file() or str(cluster.place / "knees").encode() not in file.read_bytes(), file
    assert [folder.name for folder in (cluster.place / "runs").iterdir()] == ["knees"]


def test_a_job_over_two_nodes_that_meets_its_time_limit_goes_on_until_the_training_is_done(
    cluster: Cluster,
) -> None:
    # SLURM sends the signal up to a minute earlier than it is asked to.
    told = cluster.run(
        "--stages", "prepare,train", "--nodes", "2", "--time", "3", "--set", "train.kimg=1000", "--set",
        "train.snapshot_kimg=100",
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    run = RunFolder(cluster.place / "runs/knees")
    cluster.until(lambda: "PENDING (BeginTime)" in cluster.status())
    record = run.record("train")
    assert record is not None
    assert record.state == "stopped"
    reached = max(int(entry.name) for entry in (run.path / "train/checkpoints").glob("[0-9]*"))
    text = run.config_file.read_text().replace("kimg: 1000.0", f"kimg: {(reached + 16) / 1000}")
    run.config_file.write_text(text)
    number = cluster.status().split("SLURM job ")[1].split(":")[0]
    cluster("scontrol", "update", f"JobId={number}", "StartTime=now")
    cluster.until(lambda: f"SLURM job {number}: COMPLETED, begun again once" in cluster.status())
    record = run.record("train")
    assert record is not None
    assert record.state == "done"
    assert "Continuing at" in cluster("gist", "logs", "runs/knees", "--lines", "0").stdout


def test_a_cancelled_job_leaves_a_run_that_the_same_command_continues(cluster: Cluster) -> None:
    cluster.run(
        "--stages",
        "prepare,train",
        "--time",
        "10",
        "--set",
        "train.kimg=1000",
        "--set",
        "train.snapshot_kimg=.1",
    )
    run = RunFolder(cluster.place / "runs/knees")
    cluster.until((run.path / "train/snapshots").exists)
    again = cluster.run("--stages", "prepare")
    assert "works on runs/knees already; `gist cancel runs/knees` ends it" in again.stderr
    told = cluster("gist", "cancel", "runs/knees")
    assert "it was cancelled" in told.stdout, told.stderr
    assert "No job works on runs/knees" in cluster("gist", "cancel", "runs/knees").stderr
    record = run.record("train")
    assert record is not None
    assert record.state == "stopped"
    assert list((run.path / "train/checkpoints").glob("[0-9]*"))


def test_an_edited_script_is_submitted_as_it_is_and_what_slurm_refuses_is_a_sentence(
    cluster: Cluster,
) -> None:
    (cluster.place / "site.yaml").write_text("gpus: 0\ncpus: 1\npartition: nowhere\n")
    told = cluster.run("--stages", "prepare")
    assert "SLURM refuses: invalid partition specified: nowhere" in told.stderr
    assert "the partitions here are debug." in told.stderr
    script = cluster.place / "runs/knees/job/job.sbatch"
    script.write_text(script.read_text().replace("--partition=nowhere", "--partition=debug"))
    told = cluster.run("--stages", "prepare")
    assert "as you edited it" in told.stdout, told.stderr
    cluster.until(lambda: "COMPLETED" in cluster.status())
    assert "partition=debug" in script.read_text()


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ("options: [--exlusive]", "unrecognized option '--exlusive'; mend options in the profile."),
        ("gpus: 2", "(gres) specification; its machines have these GPUs: none."),
        ("memory: lots", "Invalid --mem specification; write memory as 32G."),
        (
            "constraint: a100",
            "Invalid feature specification; mend constraint in the profile; the features here are",
        ),
    ],
)
def test_what_this_slurm_refuses_says_what_to_do(cluster: Cluster, profile: str, words: str) -> None:
    (cluster.place / "site.yaml").write_text(("" if "gpus" in profile else "gpus: 0\n") + profile + "\n")
    told = cluster.run("--stages", "prepare")
    assert f"gist: SLURM refuses: {words}"[:20] in told.stderr
    assert words in told.stderr


def test_a_job_that_can_never_start_says_so(cluster: Cluster) -> None:
    told = cluster.run("--stages", "prepare", "--nodes", "9")
    assert told.returncode == 0, told.stderr
    cluster.until(lambda: "PartitionConfig" in cluster.status())
    assert (
        "(PartitionConfig); it asks for more than its partition has and will never start" in cluster.status()
    )

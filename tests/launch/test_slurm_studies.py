"""Studies as arrays of jobs of a real SLURM with two nodes, where one answers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gist.runs.folder import RunFolder
from gist.studies.folder import StudyFolder

if TYPE_CHECKING:
    from conftest import Cluster

STUDY = "studies/knees-size"
TINY = [
    part
    for setting in (
        "prepare.resolution=32", "prepare.test_fraction=0.4", "prepare.burned_in_text_ocr=off", "train.kimg=0.016",
        "train.batch=4", "train.channel_base=256", "train.mapping_layers=2", "generate.count=30", "threads=1",
    )
    for part in ("--set", setting)
]  # fmt: skip


def queued(cluster: Cluster, sizes: str, repeats: int, *words: str) -> Any:
    told = cluster(
        "gist", "study", "size", "knees", "--sizes", sizes, "--repeats", str(repeats), *TINY,
        "--on", "slurm", "--site", "site.yaml", *words,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    return told


def standing(cluster: Cluster) -> str:
    return cluster("gist", "status", STUDY).stdout


def tasks(cluster: Cluster, state: str) -> list[str]:
    """Tasks of the array in this state, as SLURM names them."""
    told = cluster("squeue", "-h", "-r", "-t", state, "-o", "%i", "-j", str(jobs(cluster)[0])).stdout
    return told.split()


def jobs(cluster: Cluster) -> list[int]:
    return json.loads((cluster.place / STUDY / "job/job.json").read_text())["jobs"]


@pytest.fixture
def user(cluster: Cluster):
    yield cluster
    cluster("gist", "cancel", STUDY)


def test_the_trials_are_an_array_that_can_be_cancelled_and_the_same_command_goes_on(user: Cluster) -> None:
    told = queued(user, "12,30", 1, "--slots", "1")
    assert f"Script: {STUDY}/job/job.sbatch." in told.stdout
    assert "0 trials done, 2 left" in standing(user)
    again = user("gist", "study", "size", "knees", *TINY, "--on", "slurm", "--site", "site.yaml")
    assert f"works on {STUDY} already" in again.stderr
    user.until(lambda: len(tasks(user, "RUNNING")) == 1)
    assert "cancelled" in user("gist", "cancel", STUDY).stdout
    assert user("squeue", "-h", "-j", ",".join(map(str, jobs(user)))).stdout == ""
    script = user.place / STUDY / "job/job.sbatch"
    script.write_text(script.read_text() + "\necho edited\n")
    assert "as you edited it" in queued(user, "12,30", 1).stdout
    user.until(lambda: f"{jobs(user)[1]}: COMPLETED" in standing(user))
    assert "2 trials done, 0 left" in standing(user)
    assert "the curve" in (user.place / STUDY / "study.html").read_text()
    assert "Open in a browser" in user("gist", "logs", STUDY).stdout
    for file in (user.place / STUDY).rglob("*"):
        assert not file.is_file() or str(user.place).encode() not in file.read_bytes(), file


@pytest.mark.nightly
def test_twenty_trials_in_two_slots_all_finish_though_five_are_killed(user: Cluster) -> None:
    queued(user, "12,16,20,25,30", 4, "--slots", "2")
    killed: set[str] = set()
    while len(killed) < 5:
        user.until(lambda: bool(set(tasks(user, "RUNNING")) - killed))
        assert len(tasks(user, "RUNNING")) <= 2
        task = min(set(tasks(user, "RUNNING")) - killed)
        if len(killed) % 2:
            user("scancel", task)
        else:
            user.until(lambda task=task: kill_process_of(user, task.partition("_")[2]))
        killed.add(task)
    user.until(lambda: "COMPLETED" in standing(user) and "20 trials done, 0 left" in standing(user))
    assert {record.state for record in StudyFolder(user.place / STUDY).records()} == {"done"}


@pytest.mark.nightly
def test_trials_longer_than_a_job_go_on_each_by_itself_and_the_last_job_waits_for_them(user: Cluster) -> None:
    long = ("--time", "3", "--set", "train.kimg=1000", "--set", "train.snapshot_kimg=100")
    queued(user, "12,30", 1, *long)
    user.until(lambda: len(tasks(user, "RUNNING")) == 2)
    user.until(lambda: len(tasks(user, "PENDING")) == 2)
    array, last = jobs(user)
    assert "(Dependency)" in user("squeue", "-h", "-j", str(last)).stdout
    runs = [RunFolder(trial) for trial in sorted((user.place / STUDY / "trials").iterdir())]
    for run in runs:
        reached = max(int(entry.name) for entry in (run.path / "train/checkpoints").glob("[0-9]*"))
        text = run.config_file.read_text().replace("kimg: 1000.0", f"kimg: {(reached + 16) / 1000}")
        run.config_file.write_text(text)
    user("scontrol", "update", f"JobId={array}", "StartTime=now")
    user.until(lambda: f"{last}: COMPLETED" in standing(user))
    assert "2 trials done, 0 left" in standing(user)
    for task in (1, 2):
        log = (user.place / STUDY / f"job/{array}-{task}.log").read_text()
        assert log.count("Trial 0000") >= 3, log  # begun twice, done once
        assert "Continuing at" in log


def kill_process_of(user: Cluster, number: str) -> bool:
    """Kills the process that works on a trial of the study as nothing else can be: it cannot even notice."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # another user's, or one that has just ended
            words = (entry / "cmdline").read_text()
            ours = (entry / "cwd").readlink() == user.place / STUDY and words.startswith(sys.executable)
            if ours and f"study\0trial\0.\0{number}\0" in words:
                os.kill(int(entry.name), signal.SIGKILL)
                return True
    return False

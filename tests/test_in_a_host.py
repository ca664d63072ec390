"""gist inside another program: in a thread, asked to stop from outside, and leaving the process as it found it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

import gist
from gist import ops
from gist.config import build_config
from gist.errors import InputError
from gist.machine.device import computing
from gist.machine.interruption import Stopped
from gist.phantoms import write_phantom_data_set
from gist.progress import Silent
from gist.runs.folder import RunFolder

SETTINGS = """
device: cpu
threads: {threads}
operations: reference
folder: "{folder}/run"
prepare: {{source: phantoms, labels: labels.csv, patient_column: patient_id, resolution: 32, test_fraction: 0.4}}
train: {{architecture: dcgan, kimg: {kimg}, batch: 4, channel_base: 256, channel_max: 8, snapshot_kimg: 1000}}
generate: {{count: {count}}}
evaluate: {{permutations: 50}}
"""


class Asking(Silent):
    """Asks to stop once so much of a stage is done, as a button of a web page would."""

    def __init__(self, folder: Path, after: float) -> None:
        self.folder, self.after, self.asked = folder, after, False

    def advance(self, done: float, total: float, unit: str, detail: str = "") -> None:
        del total, unit, detail
        if done >= self.after and not self.asked:
            self.asked = True
            gist.stop(self.folder)


@pytest.fixture
def place(folder: Path) -> Path:
    write_phantom_data_set(folder / "phantoms", count=60, size_range=(90, 110))
    return folder


def settings(place: Path, *, threads: int = 1, kimg: float = 0.016, count: int = 8) -> Path:
    file = place / "study.yaml"
    file.write_text(SETTINGS.format(folder=place, threads=threads, kimg=kimg, count=count))
    return file


def in_a_thread(file: Path, stages: list[str], progress: Silent | None = None) -> list[Any]:
    """What a run in a thread of its own returned or raised."""
    found: list[Any] = []

    def work() -> None:
        try:
            found.append(gist.run(file, stages=stages, progress=progress))
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return found


def test_a_training_in_a_thread_stops_on_request_with_a_checkpoint_and_continues(place: Path) -> None:
    file = settings(place, kimg=4.0)
    gist.run(file, stages=["prepare"])
    (error,) = in_a_thread(file, ["train"], Asking(place / "run", 0.02))
    assert isinstance(error, Stopped)
    assert "on request" in str(error)
    assert "a checkpoint is written" in str(error)
    run = RunFolder(place / "run")
    assert not run.stop_file.exists()
    (entry,) = [entry for entry in gist.status(run.path) if entry.stage == "train"]
    assert entry.state == "stopped"
    kept = json.loads(max((run.path / "train/checkpoints").glob("*/facts.json")).read_text())
    assert 20 <= kept["images"] < 4000
    more = (kept["images"] + 8) / 1000
    (result,) = in_a_thread(settings(place, kimg=more), ["train"])
    assert result.train.kimg == more


@pytest.mark.parametrize(("stage", "after"), [("generate", 1), ("evaluate", 1)])
def test_other_stages_stop_on_request_too(place: Path, stage: str, after: float) -> None:
    file = settings(place, count=2000)
    gist.run(file, stages=["prepare", "train"])
    if stage == "evaluate":
        file = settings(place, count=40)
        gist.run(file, stages=["generate"])
    (error,) = in_a_thread(file, [stage], Asking(place / "run", after))
    assert isinstance(error, Stopped), error
    (entry,) = [entry for entry in gist.status(place / "run") if entry.stage == stage]
    assert entry.state == "stopped"


def test_the_stop_command_reaches_a_process_of_its_own(place: Path) -> None:
    file = settings(place, kimg=500.0)
    gist.run(file, stages=["prepare"])
    command = [sys.executable, "-m", "gist"]
    running = subprocess.Popen(
        [*command, "run", str(file), "--stages", "train"], stderr=subprocess.PIPE, text=True, cwd=place
    )
    while not (place / "run/train/grids/real.png").exists():
        assert running.poll() is None
    done = subprocess.run([*command, "stop", "run"], cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    _, errors = running.communicate(timeout=120)
    assert running.returncode == 130
    assert "on request" in errors


def test_where_nothing_runs_there_is_nothing_to_stop(place: Path) -> None:
    gist.run(settings(place), stages=["prepare"])
    with pytest.raises(InputError, match="Nothing is running in"):
        gist.stop(place / "run")
    (place / "run/.stop").touch()
    gist.run(settings(place), stages=["train"])  # an old request is not taken for a new one


def test_a_run_leaves_threads_operations_and_rounding_as_they_were(place: Path) -> None:
    before = torch.get_num_threads()
    ops.set_backend("cpu")
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = True
    try:
        gist.run(settings(place, threads=before + 1), stages=["prepare", "train", "generate"])
        gist.plan(place / "phantoms", {"prepare.labels": "labels.csv", "threads": before + 1})
        assert torch.get_num_threads() == before
        assert ops.chosen_backend() == "cpu"
        assert torch.backends.cudnn.benchmark
        assert torch.backends.cudnn.allow_tf32
    finally:
        ops.set_backend("auto")
        torch.backends.cudnn.benchmark = False


def test_inside_the_process_computes_as_the_settings_ask() -> None:
    before = torch.get_num_threads()
    with computing(
        build_config({"device": "cpu", "threads": before + 1, "operations": "reference"})
    ) as device:
        assert (torch.get_num_threads(), device.threads) == (before + 1, before + 1)
        assert ops.chosen_backend() == "reference"
    assert torch.get_num_threads() == before


def test_every_table_is_data_first(place: Path) -> None:
    gist.run(settings(place, count=40), stages=["prepare", "train", "generate"])
    (place / "runs").mkdir()
    (place / "run").rename(place / "runs/one")

    def told(*words: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "gist", *words, "--json"], capture_output=True, text=True, cwd=place
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    stages = {entry["stage"]: entry["state"] for entry in told("status", "runs/one")}
    assert stages["generate"] == "done"
    assert stages["evaluate"] == "not started"
    (run,) = told("runs")
    assert run == told("status")[0]
    assert run["folder"] == "runs/one"
    assert {entry["stage"]: entry["state"] for entry in run["stages"]} == stages
    plan = told("plan", "phantoms", "--set", "prepare.labels=labels.csv")
    assert plan["source"]["images"] == 60
    assert plan["training"]["architecture"] == "stylegan2"
    evaluated = told("evaluate", "runs/one")
    assert {score["name"] for score in evaluated["scores"]} >= {"KID[radiomics]"}
    assert evaluated == json.loads((place / "runs/one/evaluate/stage.json").read_text())["result"]
    curve = told("evaluate", "runs/one", "--all-snapshots")
    assert curve["best"].startswith("network-")
    assert {entry["name"] for entry in told("weights")} >= {"inception"}

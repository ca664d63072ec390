"""A mistyped command costs nothing: what is finished stays, and so do the settings it was made with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

import gist
from gist.cli.app import app
from gist.config import STAGE_NAMES, load_config
from gist.errors import GistError, InputError
from gist.phantoms import write_phantom_data_set
from gist.progress import Silent
from gist.runs.folder import RunFolder
from gist.runs.standing import standings

_SETTINGS = """
name: mini
device: cpu
threads: 1
folder: "{folder}/run"
prepare: {{source: phantoms, labels: labels.csv, patient_column: patient_id, resolution: 32, test_fraction: 0.4}}
train: {{kimg: 0.016, batch: 4, channel_base: 512, channel_max: 16, z_dim: 32, w_dim: 32, snapshot_kimg: 0.008}}
generate: {{count: 6}}
evaluate: {{permutations: 50}}
"""
_WITHOUT_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="here is a GPU")


class Notes(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A settings file, 40 phantoms and a run that is finished up to the synthetic images."""
    place = tmp_path_factory.mktemp("knees")
    write_phantom_data_set(place / "phantoms", count=40, size_range=(90, 110))
    (place / "mini.yaml").write_text(_SETTINGS.format(folder=place))
    gist.run(place / "mini.yaml", stages=["prepare", "train", "generate"])
    return place


@pytest.fixture
def place(original: Path, folder: Path) -> Path:
    """A copy of it for one test."""
    shutil.copytree(original, folder, dirs_exist_ok=True)
    (folder / "mini.yaml").write_text(_SETTINGS.format(folder=folder))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def refused(call: Callable[[], Any], words: str, run: Path) -> None:
    """The call is refused in these words, and no file of the run has changed."""
    before = contents(run)
    with pytest.raises(InputError, match=words):
        call()
    assert contents(run) == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train.start_from": "phantom-knee-46"}, "there is no file phantom-knee-46"),
        (
            {"train.start_from": "phantom-knee-64", "train.architecture": "stylegan3-t"},
            "train.architecture is stylegan3-t, but the starting network has stylegan2",
        ),
        ({"train.best_by": "kid"}, "at least 50 held-out images"),
        pytest.param({"device": "cuda", "train.gamma": 9}, "device: cuda is asked for", marks=_WITHOUT_GPU),
        ({"prepare.source": "nowhere", "train.gamma": 9}, "There is no source nowhere"),
        ({"prepare.labels": "gone.csv"}, "There is no label table gone.csv"),
        ({"generate.network": "network-000002001"}, "There is no network 'network-000002001'"),
        ({"generate.network": "best"}, "No snapshot in .* has been scored"),
        ({"generate.per_class": {"gesunt": 5}}, "'gesunt', but the network's classes are"),
        ({"generate.per_class": {}}, "asks for no image at all"),
        ({"train.gamma": 9, "generate.per_class": {"gesunt": 5}}, "'gesunt', but the network's classes are"),
        ({"seed": 9, "generate.per_class": {"gesunt": 5}}, "'gesunt', but the network's classes are"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_touched(
    place: Path, changes: dict[str, object], words: str
) -> None:
    refused(lambda: gist.run(place / "mini.yaml", changes=changes), words, place / "run")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"network": "network-000002001"}, "There is no network"),
        ({"network": "best"}, "No snapshot in .* has been scored"),
        ({"per_class": {"gesunt": 5}}, "'gesunt'"),
        ({"per_class": {}}, "asks for no image at all"),
    ],
)
def test_a_mistyped_generate_keeps_the_finished_set_and_its_settings(
    place: Path, options: dict[str, object], words: str
) -> None:
    refused(lambda: gist.generate(place / "run", **options), words, place / "run")


def test_a_generation_that_fails_before_its_first_picture_brings_the_old_set_back(place: Path) -> None:
    before = contents(place / "run")
    with pytest.raises(InputError, match=r"generate\.reject_artifacts at 0\.01 is calibrated on"):
        gist.generate(place / "run", reject_artifacts=0.01)
    assert contents(place / "run") == before
    assert ("generate", "done") in [(entry.stage, entry.state) for entry in gist.status(place / "run")]


def test_a_training_that_fails_before_its_first_step_brings_the_old_one_back(place: Path) -> None:
    run = place / "run"
    before = contents(run)
    archive = run / "prepare" / "train.zip"
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(GistError):
        gist.train(run, gamma=9)
    archive.write_bytes(whole)
    assert contents(run) == before


def test_settings_of_a_kept_training_use_it_again_instead_of_training_anew(place: Path) -> None:
    run = place / "run"
    before = contents(run / "train")
    gist.run(place / "mini.yaml", changes={"train.gamma": 9}, stages=["train"])
    assert contents(run / "train") != before
    notes = Notes()
    gist.run(place / "mini.yaml", stages=["train", "generate"], progress=notes)
    assert contents(run / "train") == before
    assert any("used again from" in line and "train-1" in line for line in notes.lines)
    assert "train: done already." in notes.lines
    assert "generate: done already." in notes.lines
    assert [kept.name for kept in (run / "previous").iterdir()] == ["train-2"]
    further = {"train.gamma": 9, "train.kimg": 0.02}
    gist.run(place / "mini.yaml", changes=further, stages=["train"], progress=notes)
    assert "Continuing at 0.02 kimg." in notes.lines
    assert ("train", "done") in [(entry.stage, entry.state) for entry in gist.status(run)]


def test_a_count_takes_the_place_of_numbers_per_class_and_the_other_way_round(place: Path) -> None:
    run = place / "run"
    few = gist.generate(run, per_class={"severe": 3}, truncation_psi=0.5)
    assert few.class_counts["severe"] == few.images == 3
    notes = Notes()
    more = gist.generate(run, count=5, progress=notes)
    assert more.images == 5
    assert sum(count > 0 for count in more.class_counts.values()) > 1
    assert "generate: count 5; truncation_psi 0.5, as an earlier command set." in notes.lines
    again = gist.generate(run, per_class={"severe": 2}, truncation_psi=None, progress=notes)
    assert (again.images, again.truncation_psi) == (2, 1.0)
    assert "generate: per_class {severe: 2}." in notes.lines
    with pytest.raises(InputError, match=r"'generate\.truncation'"):
        gist.generate(run, truncation=None)


def test_the_command_line_says_which_settings_stay_from_earlier_commands(place: Path) -> None:
    command = [sys.executable, "-m", "gist", "generate", "run"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "160"}
    said = []
    for options in (["--per-class", "{severe: 1}", "--truncation-psi", "0.5"], ["--count", "2"]):
        done = subprocess.run(
            [*command, *options], cwd=place, env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        said.append(" ".join(done.stderr.split()))
    assert "generate: per_class {severe: 1}, truncation_psi 0.5." in said[0]
    assert "generate: count 2; truncation_psi 0.5, as an earlier command set." in said[1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train.start_from": "phantom-knee-46"}, "there is no file phantom-knee-46"),
        ({"train.start_from": "phantom-knee-64", "train.architecture": "dcgan"}, "architecture is dcgan"),
        ({"generate.per_class": {"gesunt": 5}}, "'gesunt', but the network's classes are: healthy, "),
        ({"train.conditional": False, "generate.per_class": {"severe": 5}}, "it draws without classes"),
        ({"prepare.source": "nowhere"}, "There is no source nowhere"),
        ({"prepare.source": None, "prepare.labels": None, "prepare.patient_column": None}, "is not set"),
        ({"threads": 10_000}, "threads is 10000, but this process may use"),
        pytest.param({"device": "cuda"}, "device: cuda is asked for", marks=_WITHOUT_GPU),
    ],
)
def test_a_dry_run_refuses_in_the_same_words_what_the_run_would_refuse(
    place: Path, changes: dict[str, object], words: str
) -> None:
    changes = {"folder": str(place / "new run")} | changes
    typed = {key: value if isinstance(value, str) else json.dumps(value) for key, value in changes.items()}
    assignments = [f"--set={key}={text}" for key, text in typed.items()]
    dry = CliRunner().invoke(app, ["run", str(place / "mini.yaml"), "--dry-run", *assignments])
    assert isinstance(dry.exception, InputError)
    assert words in str(dry.exception)
    with pytest.raises(InputError) as caught:
        gist.run(place / "mini.yaml", changes=changes)
    assert str(caught.value) == str(dry.exception)
    assert not (place / "new run" / "config.yaml").exists()


def test_a_dry_run_of_an_empty_file_says_what_is_missing(place: Path) -> None:
    (place / "empty.yaml").write_text("")
    dry = CliRunner().invoke(app, ["run", str(place / "empty.yaml"), "--dry-run"])
    assert isinstance(dry.exception, InputError)
    assert "prepare.source is not set" in str(dry.exception)


def test_what_rests_on_a_stale_stage_is_stale_for_the_same_reason(place: Path) -> None:
    gist.run(place / "mini.yaml", stages=["report"])
    assert [entry.state for entry in gist.status(place / "run")][-1] == "done"
    config = load_config(place / "mini.yaml", {"train.gamma": 9})
    entries = {entry.stage: entry for entry in standings(config, RunFolder(place / "run"))}
    assert entries["prepare"].state == "done"
    for stage in ("generate", "report"):
        assert entries[stage].state == "stale"
        assert entries[stage].why == "train is stale, since train.gamma changed from auto to 9.0"
    dry = CliRunner().invoke(app, ["run", str(place / "mini.yaml"), "--dry-run", "--set", "train.gamma=9"])
    assert " ".join(dry.stdout.split()).count("train.gamma changed from auto to 9.0") == 3
    gist.run(place / "mini.yaml", changes={"generate.count": 5}, stages=["generate"])
    assert [entry.why for entry in gist.status(place / "run")][-1] == "the result of generate changed"


def test_status_without_a_run_lists_the_runs_or_says_how_to_name_one(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setenv("COLUMNS", "200")
    nothing = CliRunner().invoke(app, ["status"])
    assert isinstance(nothing.exception, InputError)
    assert "no runs in ./runs" in str(nothing.exception)
    shutil.copytree("run", "runs/knee")
    shutil.copytree("run", "runs/torn")
    Path("runs/torn/config.yaml").write_text("train: [")
    listed = CliRunner().invoke(app, ["status"])
    assert listed.exit_code == 0
    knee, torn = listed.stdout.splitlines()[1:]
    assert knee.startswith("runs/knee")
    assert knee.count("done") == 3
    assert knee.count("not started") == len(STAGE_NAMES) - 3
    assert "unreadable" in torn


def test_stored_settings_that_cannot_be_read_are_replaced_by_those_of_a_settings_file(place: Path) -> None:
    (place / "run" / "config.yaml").write_text("train: {a_setting_of_long_ago: 1}\n")
    gist.run(place / "mini.yaml", stages=["generate"])
    assert ("generate", "done") in [(entry.stage, entry.state) for entry in gist.status(place / "run")]

"""Paths in a settings file start from its folder, those on the command line from the working folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from gist.config import as_yaml, build_config, load_config, parse_changes
from gist.errors import InputError
from gist.generators import start as starts
from gist.phantoms import write_phantom_data_set

_SETTINGS = """
name: study
device: cpu
threads: 1
folder: "{place}/run"
prepare: {{source: images, labels: tables/labels.csv, patient_column: patient_id, resolution: 32, test_fraction: 0.4}}
train: {{start_from: nets/start.safetensors, kimg: 0.008, batch: 4}}
"""
_PLUGIN = '''
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from pydantic import Field
from gist.stages.promise import Promise, Result, StageSettings

class Settings(StageSettings):
    """A stage with every kind of path."""
    promise: ClassVar[Promise] = Promise(work="beside:work", result=Result, files=())
    one: Path | None = None
    """One."""
    many: tuple[Path, ...] = ()
    """Many."""
    named: dict[str, Path] | Literal["none"] = "none"
    """By name."""
    some: Literal["auto"] | list[Annotated[Path, Field()]] = "auto"
    """Or a word."""
    text: str | None = None
    """No path."""
    secret: tuple[Path, ...] | None = Field(None, json_schema_extra={"private": "the secret files"})
    """Private ones."""
'''


@pytest.fixture
def study(folder: Path) -> Path:
    """A folder of a study: settings, and beside them images, a table and the network to start from."""
    place = folder / "the study"
    write_phantom_data_set(place / "images", count=40, size_range=(90, 110))
    (place / "tables").mkdir()
    (place / "images/labels.csv").rename(place / "tables/labels.csv")
    (place / "study.yaml").write_text(_SETTINGS.format(place=folder))
    shipped = Path(starts.__file__).parent / "shipped"
    shutil.copytree(shipped, place / "nets")
    (place / "nets/phantom-knee-64.safetensors").rename(place / "nets/start.safetensors")
    return place


def call(*words: str, cwd: Path) -> str:
    """What the command prints; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "gist", *words],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "300"},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_a_study_runs_from_any_working_folder_and_is_not_done_again_from_another(
    study: Path, folder: Path
) -> None:
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    call("run", "../the study/study.yaml", "--dry-run", cwd=elsewhere)
    call("run", "../the study/study.yaml", "--stages", "prepare,train", cwd=elsewhere)
    for cwd, words in (
        (folder, ("run", "the study/study.yaml", "--stages", "prepare,train")),
        (study, ("run", "study.yaml", "--stages", "prepare,train")),
        (elsewhere, ("train", "../run")),
    ):
        assert "train: done already." in call(*words, cwd=cwd)
    more = call("train", "run", "--kimg", "0.012", cwd=folder)
    assert "Continuing at 0.01 kimg" in more
    kept = yaml.safe_load((folder / "run/config.yaml").read_text())
    assert kept["train"]["start_from"] == "../the study/nets/start.safetensors"
    assert kept["prepare"]["labels"] is None


@pytest.mark.nightly
def test_a_training_of_an_older_gist_that_kept_the_path_as_typed_is_not_done_again(
    study: Path, folder: Path
) -> None:
    call("run", "the study/study.yaml", "--stages", "prepare,train", cwd=folder)
    record = folder / "run/train/stage.json"
    facts = json.loads(record.read_text())
    assert facts["settings"]["start_from"] == "../the study/nets/start.safetensors"
    facts["settings"]["start_from"] = "the study/nets/start.safetensors"
    record.write_text(json.dumps(facts))
    assert "train: done already." in call(
        "run", "the study/study.yaml", "--stages", "prepare,train", cwd=folder
    )
    shutil.copy(study / "nets/start.safetensors", folder / "other.safetensors")
    again = call(
        "run", "the study/study.yaml", "--set", "train.start_from=other.safetensors", "--dry-run", cwd=folder
    )
    assert "train.start_from changed" in again


def test_a_run_folder_behind_a_link_finds_the_network_it_started_from(study: Path, folder: Path) -> None:
    (folder / "scratch/deep/down").mkdir(parents=True)
    (folder / "runs").symlink_to(folder / "scratch/deep/down")
    config = load_config(study / "study.yaml", {"folder": str(folder / "runs/knee")})
    (folder / "runs/knee").mkdir()
    (folder / "runs/knee/config.yaml").write_text(as_yaml(config))
    kept = load_config(folder / "runs/knee/config.yaml").train.start_from
    assert isinstance(kept, Path)
    assert kept.is_file()


def test_what_is_no_path_stays_and_so_does_what_is_absolute(folder: Path) -> None:
    (folder / "study.yaml").write_text(
        "folder: runs/x\n"
        "train: {start_from: phantom-knee-64}\n"
        "generate: {network: network-000000008}\n"
        "evaluate: {weights: /weights/w.pth}\n"
        "utility: {weights_folder: ~/weights}\n"
        "report: {title: images}\n"
    )
    config = load_config(folder / "study.yaml")
    assert config.folder == Path("runs/x")
    assert config.train.start_from == "phantom-knee-64"
    assert config.generate.network == "network-000000008"
    assert config.evaluate.weights == Path("/weights/w.pth")
    assert config.utility.weights_folder == Path.home() / "weights"
    assert config.report.title == "images"


def test_paths_on_the_command_line_start_from_the_working_folder(study: Path) -> None:
    typed = [
        "train.start_from=x.safetensors",
        "prepare.labels=y.csv",
        "evaluate.weights=z.pth",
        "generate.network=n",
    ]
    config = load_config(study / "study.yaml", parse_changes(typed))
    assert config.train.start_from == Path("x.safetensors")
    assert config.prepare.labels == Path("y.csv")
    assert config.evaluate.weights == Path("z.pth")
    assert config.generate.network == Path("n")
    assert config.prepare.source == study / "images"


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("named_in", ["file", "command"])
def test_a_table_in_the_source_goes_before_one_beside_the_settings(
    folder: Path, zipped: bool, named_in: str
) -> None:
    (folder / "images").mkdir()
    (folder / "images/labels.csv").write_text("file,label\n")
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        archive.write(folder / "images/labels.csv", "labels.csv")
    source = "images.zip" if zipped else "images"
    settings = {"labels": "labels.csv"} | ({"source": source} if named_in == "file" else {})
    (folder / "study.yaml").write_text(yaml.safe_dump({"prepare": settings}))
    changes = {"prepare.source": str(folder / source)} if named_in == "command" else {}
    assert load_config(folder / "study.yaml", changes).prepare.labels == Path("labels.csv")
    (folder / "labels.csv").write_text("file,label\n")
    assert load_config(folder / "study.yaml", changes).prepare.labels == Path("labels.csv")
    (folder / "other.csv").write_text("file,label\n")
    (folder / "study.yaml").write_text(yaml.safe_dump({"prepare": settings | {"labels": "other.csv"}}))
    assert load_config(folder / "study.yaml", changes).prepare.labels == folder / "other.csv"


def test_a_path_of_the_wrong_type_is_still_one_sentence(folder: Path) -> None:
    (folder / "study.yaml").write_text("prepare: {source: [a], labels: labels.csv}\n")
    (folder / "labels.csv").write_text("")
    with pytest.raises(InputError, match=r"'prepare\.source' should be a path"):
        load_config(folder / "study.yaml")


def test_paths_of_a_stage_that_a_package_adds_are_of_the_same_kind(folder: Path) -> None:
    package = folder / "packages" / "beside_additions-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: beside-additions\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[gist.stages]\nbeside = beside:Settings\n")
    (package.parent / "beside.py").write_text(_PLUGIN)
    (folder / "study.yaml").write_text(
        "folder: run\n"
        "beside: {one: a, many: [b, /c], named: {01: d}, some: [e], text: f, secret: [DOE_JOHN/g]}\n"
    )
    script = (
        "from gist.config import as_yaml, load_config, parse_changes\n"
        "from gist.runs.private_paths import without_private_paths\n"
        "import json, sys\n"
        "config = load_config(sys.argv[1], parse_changes(sys.argv[2:]))\n"
        "said = without_private_paths('lost ' + str(config.beside.secret[0]), config)\n"
        "print(json.dumps([config.beside.model_dump(mode='json'), said, as_yaml(config)]))\n"
    )

    def settings(*changes: str) -> list[object]:
        found = subprocess.run(
            [sys.executable, "-c", script, str(folder / "study.yaml"), *changes],
            capture_output=True,
            text=True,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": os.pathsep.join((str(package.parent), *sys.path))},
            timeout=120,
        )
        assert found.returncode == 0, found.stderr
        return list(json.loads(found.stdout))

    found, said, kept = settings()
    assert found == {
        "one": f"{folder}/a",
        "many": [f"{folder}/b", "/c"],
        "named": {"01": f"{folder}/d"},
        "some": [f"{folder}/e"],
        "text": "f",
        "secret": [f"{folder}/DOE_JOHN/g"],
    }
    assert "DOE" not in f"{said}{kept}"
    assert yaml.safe_load(str(kept))["beside"]["named"] == {"01": "../d"}
    typed, _, _ = settings("beside.many=[01]", "beside.named=none", "beside.one=a #2")
    assert isinstance(typed, dict)
    assert (typed["many"], typed["named"], typed["one"]) == (["01"], "none", "a #2")


def test_settings_survive_the_run_folder_with_their_paths(folder: Path) -> None:
    config = build_config(
        {"folder": str(folder / "run"), "generate": {"network": str(folder / "x.safetensors")}}
    )
    (folder / "run").mkdir()
    (folder / "run/config.yaml").write_text(as_yaml(config))
    kept = load_config(folder / "run/config.yaml").generate.network
    assert isinstance(kept, Path)
    assert kept.resolve() == folder / "x.safetensors"

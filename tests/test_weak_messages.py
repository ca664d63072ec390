"""Mistakes that people make with commands: each is answered by what is wrong, where, and what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gist
import gist.errors
from gist.phantoms import write_phantom_data_set
from gist.runs.folder import RunFolder

_SETTINGS = """
device: cpu
threads: 1
prepare: {source: phantoms, labels: labels.csv, patient_column: patient_id, resolution: 32, test_fraction: 0.4}
train: {kimg: 0.016, batch: 4, channel_base: 512, channel_max: 16, z_dim: 32, w_dim: 32, snapshot_kimg: 0.008}
generate: {count: 6}
"""
_OF_PYTHON = ("Traceback", "Errno", "tuple", "dictionary", "NoneType", "Error(", "gist itself failed")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 40 phantoms, a settings file and its run in runs/mini, finished up to the synthetic images."""
    place = tmp_path_factory.mktemp("study")
    write_phantom_data_set(place / "phantoms", count=40, size_range=(90, 110))
    (place / "mini.yaml").write_text(_SETTINGS)
    gist.run(
        place / "mini.yaml",
        stages=["prepare", "train", "generate"],
        changes={"folder": str(place / "runs/mini")},
    )
    return place


@pytest.fixture
def place(finished: Path, folder: Path) -> Path:
    shutil.copytree(finished, folder, dirs_exist_ok=True)
    table = (folder / "phantoms/labels.csv").read_text().splitlines()
    rows = [f"{line},{'test' if number % 4 == 0 else 'train'}" for number, line in enumerate(table[1:])]
    (folder / "split.csv").write_text("\n".join([f"{table[0]},split", *rows]) + "\n")
    return folder


def said(place: Path, *words: str, code: int | None = 2) -> str:
    """What the command says, in one line, having ended with this code."""
    done = subprocess.run(
        [sys.executable, "-m", "gist", *words],
        cwd=place,
        env=os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    text = " ".join((done.stdout + done.stderr).split())
    assert not any(word in text for word in _OF_PYTHON), text
    assert code is None or done.returncode == code, text
    return text


def test_a_wrong_word_in_the_split_column_is_told_with_column_word_and_line(place: Path) -> None:
    table = (place / "split.csv").read_text().splitlines()
    (place / "wrong.csv").write_text("\n".join([*table[:3], table[3].removesuffix("train") + "tset"]) + "\n")
    options = ("--labels", "wrong.csv", "--split-column", "split")
    text = said(place, "prepare", "phantoms", "--run", "r", *options)
    assert "line 4: the column 'split' holds 'tset' where train, val or test is asked for" in text
    assert "--parts WORD=train" in text
    text = said(place, "prepare", "phantoms", "--run", "r", *options[:2], "--split-column", "patient_id")
    assert "the column 'patient_id' holds a text where" in text
    assert "PHANTOM" not in text


def test_a_missing_column_is_told_with_those_there_are_but_never_with_a_row(place: Path) -> None:
    options = ("prepare", "phantoms", "--run", "r", "--labels", "split.csv", "--file-column", "dicom")
    assert "no column 'dicom' among its 11: file, label, grade, patient_id, side, " in said(place, *options)
    table = (place / "split.csv").read_text().splitlines()
    for row in (
        "a/Muster^Anna.dcm,healthy,Muster,left",
        "Anna Muster,healthy,0,side",
        "file,label,19640502,patient",
    ):
        (place / "split.csv").write_text("\n".join([row, *table[1:]]) + "\n")
        text = said(place, *options)
        assert "no column 'dicom' among its 4; see prepare.file_column" in text
        assert "Muster" not in text


def test_a_part_that_is_nowhere_is_told(place: Path) -> None:
    options = ("prepare", "phantoms", "--run", "r", "--parts", "spare=none")
    assert "explains 'spare', but no folder of the source is called so" in said(place, *options)
    table = ("--labels", "split.csv", "--split-column", "split")
    assert "explains 'spare', but no cell of the column 'split' is called so" in said(place, *options, *table)


def test_a_folder_that_nobody_may_write_is_named_from_the_root(place: Path) -> None:
    locked = Path("/sys/run") if os.geteuid() == 0 else place / "locked"
    if os.geteuid() != 0:
        locked.mkdir(mode=0o500)
    run = os.path.relpath(locked / "run" if os.geteuid() != 0 else locked, place)
    text = said(place, "prepare", "phantoms", "--run", run, code=None)
    assert str(Path(place / run).absolute()) in text
    assert "cannot be written or read; check its permissions" in text


def test_a_deleted_snapshot_comes_with_a_remedy(place: Path) -> None:
    snapshots = sorted((place / "runs/mini/train/snapshots").iterdir())
    snapshots[-1].unlink()
    text = said(place, "generate", "runs/mini", "--count", "3")
    assert f"The snapshot runs/mini/train/snapshots/{snapshots[-1].name} is gone; put it back, " in text
    assert f"`--network {snapshots[0].stem}`" in text
    assert "`gist train runs/mini` trains again" in text


def test_a_deleted_picture_is_noticed_and_drawn_again_alone(place: Path) -> None:
    pictures = sorted((place / "runs/mini/generate/images").glob("*.png"))
    before = {file.name: file.read_bytes() for file in pictures}
    archive = (place / "runs/mini/generate/synthetic.zip").read_bytes()
    pictures[2].unlink()
    assert "to continue 1 of its 6 files images/*.png is gone" in said(place, "status", "runs/mini", code=0)
    renewed = said(place, "generate", "runs/mini", code=0)
    assert "generate: continuing, since 1 of its 6 files images/*.png is gone." in renewed
    assert {file.name: file.read_bytes() for file in pictures} == before
    assert (place / "runs/mini/generate/synthetic.zip").read_bytes() == archive


def test_a_network_file_instead_of_a_run_is_answered_with_the_command_meant(place: Path) -> None:
    network = next((place / "runs/mini/train/snapshots").iterdir()).relative_to(place)
    text = said(place, "generate", str(network))
    assert f"{network} is a file where a run folder is asked for" in text
    assert "gist generate RUN --network FILE" in text


def test_a_folder_instead_of_a_settings_file_is_told(place: Path) -> None:
    (place / "study.yaml").mkdir()
    with pytest.raises(gist.errors.InputError, match=r"is a folder, but settings are a file"):
        gist.run(place / "study.yaml")


def test_the_same_settings_from_another_folder_do_not_start_another_run(place: Path) -> None:
    (place / "elsewhere").mkdir()
    text = said(place / "elsewhere", "run", "../mini.yaml")
    assert "The run mini lies in ../runs/mini, and this command would start another in ./runs/mini" in text
    assert not (place / "elsewhere/runs").exists()
    assert RunFolder(place / "runs/mini").record("generate") is not None

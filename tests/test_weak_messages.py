"""Mistakes that people make with commands: each is answered by what is wrong, where, and what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
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


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short"], ids=["empty", "cut short"])
def test_a_zip_that_is_none_is_not_taken_for_a_settings_file(place: Path, content: bytes) -> None:
    (place / "Röntgen Bilder.zip").write_bytes(content)
    text = said(place, "run", "Röntgen Bilder.zip", "--yes")
    assert (
        "Röntgen Bilder.zip is no readable zip archive: damaged, empty or cut short; copy it again." in text
    )
    assert not (place / "runs/R-ntgen-Bilder").exists()


@pytest.mark.parametrize("number", ["inf", "-inf", "nan"])
def test_a_number_without_end_is_refused_and_the_run_stays_done(place: Path, number: str) -> None:
    text = said(place, "train", "runs/mini", f"--hours={number}")
    assert f"'train.hours' should be a finite number (it is '{number}')" in text
    assert "inf" not in (place / "runs/mini/config.yaml").read_text()
    assert "done" in said(place, "status", "runs/mini", code=0).split("train ")[1].split("generate")[0]


def test_a_seed_longer_than_any_computer_counts_is_refused(place: Path) -> None:
    text = said(place, "generate", "runs/mini", "--name", "far", "--first-seed", "9" * 32)
    assert "'generate.first_seed' should be less than" in text
    most = str(2**62 - 1)
    said(place, "generate", "runs/mini", "--out", "far", "--first-seed", most, "--count", "2", code=0)
    assert len(list((place / "far").rglob("*.png"))) == 2


def test_a_run_folder_is_no_data(place: Path) -> None:
    for command in (("plan", "runs/mini"), ("prepare", "runs/mini", "--run", "r")):
        assert "is a run folder of gist, whose pictures are no data" in said(place, *command)
    before = sorted((place / "phantoms").rglob("*.*"))
    text = said(place, "prepare", "phantoms", "--run", "phantoms")
    assert "The run folder is the folder of the images itself, and the two would be mixed" in text
    assert [file for file in sorted((place / "phantoms").rglob("*.*")) if file.name[0] != "."] == before


def test_sets_made_elsewhere_do_not_enter_the_run_of_a_trained_generator(place: Path) -> None:
    text = said(place, "evaluate", "runs/mini", "--real", "phantoms", "--synthetic", "phantoms")
    assert "runs/mini holds a trained generator and stays as it is; leave it out, or name a new run" in text


def test_a_set_made_elsewhere_is_called_so_in_its_line(place: Path) -> None:
    text = said(place, "generate", "runs/mini", "--name", "other", "--source", "phantoms", code=0)
    assert "40 images made elsewhere (healthy" in text


def test_changed_settings_are_told_as_they_are_typed(place: Path) -> None:
    for count in "23":
        text = said(
            place, "generate", "runs/mini", "--name", "rare", "--per-class", f"healthy={count}", code=0
        )
    assert "generate.per_class changed from {healthy: 2} to {healthy: 3}" in text


def test_one_stage_may_be_named_without_a_list(place: Path) -> None:
    result = gist.run(place / "mini.yaml", stages="prepare", changes={"folder": str(place / "runs/mini")})
    assert result.prepare is not None
    with pytest.raises(gist.errors.InputError, match="'trian' is not a stage; choose from prepare, train"):
        gist.run(place / "mini.yaml", stages="trian")


def test_the_remedy_for_a_damaged_archive_of_a_run_works(place: Path) -> None:
    archive = place / "runs/mini/generate/synthetic.zip"
    before = archive.read_bytes()
    archive.write_bytes(before[:500])
    text = said(place, "evaluate", "runs/mini")
    assert (
        "synthetic.zip is not a readable data set archive (File is not a zip file); if gist made it, delete it"
        in text
    )
    archive.unlink()
    said(place, "generate", "runs/mini", code=0)
    assert archive.read_bytes() == before


def test_a_damaged_member_of_an_archive_is_told(place: Path) -> None:
    with zipfile.ZipFile(place / "images.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(range(256)) * 40)
    damaged = bytearray((place / "images.zip").read_bytes())
    damaged[40:60] = b"\xff" * 20
    (place / "images.zip").write_bytes(damaged)
    with pytest.raises(gist.errors.InputError, match=r"images\.zip is not a readable data set archive"):
        gist.open_archive(place / "images.zip")


def test_the_demo_does_not_settle_among_somebodys_images(place: Path) -> None:
    before = sorted(place.joinpath("phantoms").iterdir())
    assert "phantoms holds something else" in said(place, "demo", "phantoms")
    assert sorted(place.joinpath("phantoms").iterdir()) == before


def test_weights_are_looked_for_in_a_folder_only(place: Path) -> None:
    (place / "weights.h5").write_bytes(b"")
    options = ("utility", "runs/mini", "--classifiers", "resnet101", "--weights-folder")
    assert "utility.weights_folder is a file" in said(place, *options, "weights.h5")
    assert "utility.weights_folder is not there" in said(place, *options, "nowhere")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("export", "runs/mini", "--to", "jpeg", "--out", "x"), "'jpeg' is not one of 'folder', 'dicom'."),
        (("smoothness", "x.safetensors", "--samples", "1"), "should be greater than or equal to 2"),
    ],
)
def test_a_wrong_choice_is_told_without_the_words_of_a_library(
    place: Path, words: tuple[str, ...], sentence: str
) -> None:
    told = said(place, *words)
    assert f": {sentence}" in told
    assert "Value error" not in told

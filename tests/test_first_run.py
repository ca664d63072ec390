"""From a folder of radiographs to a run with one command, as somebody does it for the first time."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

import gist
from gist.config import STAGE_NAMES, load_config
from gist.errors import InputError
from gist.intake.data_name import data_name
from gist.intake.survey import inspect
from gist.phantoms import write_phantom_data_set
from gist.stages.prepare import PrepareConfig

SMALL = [
    f"--set={setting}"
    for setting in (
        "device=cpu",
        "threads=1",
        "prepare.resolution=32",
        "prepare.test_fraction=0.4",
        "train.kimg=0.016",
        "train.snapshot_kimg=0.008",
        "train.batch=4",
        "train.channel_base=512",
        "train.channel_max=16",
        "train.z_dim=32",
        "train.w_dim=32",
        "generate.count=12",
        "evaluate.permutations=20",
        "utility.classifiers=[]",
    )
]


def write_pictures(folder: Path, seed: int = 0, side: int = 40, count: int = 15) -> Path:
    """A folder with two classes of pictures."""
    random = np.random.default_rng(seed)
    for name in ("healthy", "worn"):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            picture = random.integers(0, 255, (side, side), np.uint8)
            Image.fromarray(picture).save(folder / name / f"{number}.png")
    return folder


def environment(place: Path) -> dict[str, str]:
    home = place / "home"
    home.mkdir(exist_ok=True)
    settings = os.environ | {"HOME": str(home), "OMP_NUM_THREADS": "1", "COLUMNS": "80"}
    settings.pop("XDG_CONFIG_HOME", None)
    return settings


def command(*arguments: str | Path, cwd: Path, fails: int = 0) -> str:
    """What the command printed, on standard output and then on standard error."""
    whole = [sys.executable, "-m", "gist", *map(str, arguments)]
    place = next(part for part in (cwd, *cwd.parents) if part.parent.name.startswith("pytest-"))
    done = subprocess.run(whole, capture_output=True, text=True, cwd=cwd, env=environment(place), check=False)
    assert done.returncode == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def at_a_terminal(answer: str, *arguments: str, cwd: Path) -> tuple[int, str]:
    """Exit status and screen of a command at a terminal where somebody answers its question."""
    terminal, its_side = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "gist", *arguments],
        stdin=its_side,
        stdout=its_side,
        stderr=its_side,
        cwd=cwd,
        env=environment(cwd),
        start_new_session=True,
    )
    os.close(its_side)
    screen, answered = b"", False
    while True:
        select.select([terminal], [], [], 300)
        try:
            told = os.read(terminal, 4096)
        except OSError:  # the last process has left the terminal
            break
        screen += told
        if not answered and b"[Y/n]" in screen:
            os.write(terminal, answer.encode() + b"\n")
            answered = True
        if not told:
            break
    os.close(terminal)
    return running.wait(), screen.decode()


def test_a_folder_becomes_a_run_of_every_stage_and_the_same_command_continues_it(folder: Path) -> None:
    write_pictures(folder / "my hands")
    said = command("run", "my hands", "--yes", *SMALL, cwd=folder)
    assert "Classes: healthy (15), worn (15)." in said
    assert "Run folder: runs/radiographs," in said, "thirty images of unknown patients may be one person's"
    assert f"Report: {(folder / 'runs/radiographs/report/report.html').resolve()}" in said
    assert "prepare: 18 images to learn from and 12 held out at 32x32 (healthy 15, worn 15)." in said
    assert "train: 0.016 kimg, 2 snapshots" in said
    reports = [said.index(line) for line in ("report: report/report.html", "utility: left out, since")]
    assert reports == sorted(reports), "there is a report before the classifiers are trained"
    assert said.count("report: report/report.html") == 2, "and one with them"
    assert "train     done   0.016 kimg, 2 snapshots" in command("status", "runs/radiographs", cwd=folder)
    again = command("run", "my hands", *SMALL, cwd=folder)
    assert "Run folder: runs/radiographs, where this data belongs." in again
    assert [f"{stage}: done already" in again for stage in STAGE_NAMES] == [True] * len(STAGE_NAMES)
    assert "report: done already" in command("run", "runs/radiographs", cwd=folder)


def test_other_data_gets_a_run_folder_of_its_own_and_no_command_gives_it_the_first_ones(folder: Path) -> None:
    write_pictures(folder / "hands")
    write_pictures(folder / "feet", seed=1)
    only = ("--stages", "prepare", *SMALL)
    command("run", "hands", *only, cwd=folder)
    assert "Run folder: runs/radiographs-2, as runs/radiographs is of other data." in command(
        "run", "feet", *only, cwd=folder
    )
    before = (folder / "runs/radiographs/prepare/stage.json").read_bytes()
    for refused in (
        ("run", "feet", "--set", "name=radiographs", *only),
        ("prepare", "feet", "--run", "runs/radiographs"),
    ):
        assert "runs/radiographs holds what was made of other data" in command(*refused, cwd=folder, fails=2)
    assert (folder / "runs/radiographs/prepare/stage.json").read_bytes() == before
    (folder / "hands").rename(folder / "right hands")
    assert "prepare: done already" in command(
        "run", "right hands", "--set", "name=radiographs", *only, cwd=folder
    ), "the same data in another place"


def test_data_that_has_grown_stays_with_its_run(folder: Path) -> None:
    write_pictures(folder / "hands")
    only = ("--stages", "prepare", *SMALL)
    command("run", "hands", *only, cwd=folder)
    Image.fromarray(np.tile(np.arange(40, dtype=np.uint8), (40, 1))).save(folder / "hands/worn/new.png")
    said = command("run", "hands", *only, cwd=folder)
    assert "Run folder: runs/radiographs, where this data belongs." in said
    assert "prepare: starting again, since the source folder changed" in said


def test_settings_files_and_runs_inside_the_folder_of_the_images_are_no_data(folder: Path) -> None:
    data = write_pictures(folder / "hands")
    (data / "study.yaml").write_text("name: study\nprepare: {source: ., resolution: 32}\n")
    command("run", "study.yaml", "--stages", "prepare", cwd=data)
    with (data / "study.yaml").open("a") as file:
        file.write("seed: 0\n")
    assert "prepare: done already" in command("run", "study.yaml", "--stages", "prepare", cwd=data)
    for _ in range(2):
        said = command("run", ".", "--stages", "prepare", "--set", "name=second", *SMALL, cwd=data)
    assert "prepare: done already" in said
    assert gist.status(data / "runs/second")[0].state == "done"
    assert load_config(data / "study.yaml").run_folder == Path("runs/study")


@pytest.mark.parametrize(("answer", "status"), [("n", 1), ("", 0)])
def test_at_a_terminal_a_run_of_data_asks_on_one_screen_before_anything_is_written(
    folder: Path, answer: str, status: int
) -> None:
    write_pictures(folder / "hands")
    ended, screen = at_a_terminal(answer, "run", "hands", "--stages", "prepare", *SMALL, cwd=folder)
    asked = screen.partition("[Y/n]")[0].splitlines()
    assert len(asked) <= 24, screen
    assert max(map(len, asked)) <= 80, screen
    assert "0.016 kimg in batches of 4" in " ".join(screen.split())
    assert ended == status, screen
    assert (folder / "runs/radiographs/prepare/train.zip").exists() == (not answer)
    assert (folder / "runs").exists() == (not answer)


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("Knee study v2", "Knee-study-v2"),
        ("Knie-Übersicht", "Knie-Ubersicht"),
        ("knees 12.03.1961", "knees"),
        ("4711081", "radiographs"),
        ("Mustermann_Erika", "radiographs"),
        ("erika mustermann knees", "radiographs"),
    ],
)
def test_a_run_is_called_after_its_data_unless_that_might_name_a_patient(
    folder: Path, called: str, name: str
) -> None:
    write_phantom_data_set(folder / called, count=6, size_range=(60, 70))
    for file in (folder / called).rglob("*.dcm"):
        header = pydicom.dcmread(file)
        if header.PatientID == pydicom.dcmread(next((folder / called).rglob("*.dcm"))).PatientID:
            header.PatientName = "Mustermann^Erika"
            header.save_as(file)
    config = PrepareConfig(source=folder / called)
    assert data_name(config, inspect(config)) == name


def test_a_plan_written_as_settings_is_run_as_planned(folder: Path) -> None:
    write_pictures(folder / "hands")
    options = ("--classes", "[worn, healthy]", "--fit", "crop", *SMALL)
    assert "Next: gist run plans/study.yaml" in command(
        "plan", "hands", "--write", "plans/study.yaml", *options, cwd=folder
    )
    text = (folder / "plans/study.yaml").read_text()
    assert "  batch: 4  # given in the settings\n" in text
    assert "  gamma: 0.0512  # grows with pixels and falls with the batch: 32x32, batch 4\n" in text
    config = load_config(folder / "plans/study.yaml")
    assert config.prepare.source == (folder / "hands").resolve()
    assert (config.prepare.classes, config.prepare.fit) == (("worn", "healthy"), "crop")
    assert (config.name, config.train.kimg, config.generate.count) == ("radiographs", 0.016, 12)
    assert "prepare   not started" in command("run", "plans/study.yaml", "--dry-run", cwd=folder)
    assert "is there already" in command(
        "plan", "hands", "--write", "plans/study.yaml", *SMALL, cwd=folder, fails=2
    )
    assert (folder / "plans/study.yaml").read_text() == text


def test_a_plan_knows_the_classes_that_prepare_will_find(folder: Path) -> None:
    write_pictures(folder / "hands")
    for file in (folder / "hands/worn").iterdir():
        Image.open(file).resize((20, 20)).save(file)
    found = inspect(PrepareConfig(source=folder / "hands", resolution=32))
    made = gist.prepare(folder / "hands", folder / "run", resolution=32)
    assert set(found.classes) == set(made.class_names) == {"healthy"}


def test_a_plan_that_cannot_be_run_ends_as_an_error(folder: Path) -> None:
    write_pictures(folder / "hands", side=20)
    for wish in ((), ("--resolution", "64")):
        said = command("plan", "hands", *wish, cwd=folder, fails=2)
        assert "smaller than" in said.splitlines()[-1]
        assert "Next:" not in said
    assert "mostly smaller than 32 pixels" in command("run", "hands", cwd=folder, fails=2)
    assert not (folder / "runs").exists()


def test_examples_travel_with_the_package(folder: Path) -> None:
    listed = command("example", cwd=folder).splitlines()
    inside = {entry.name for entry in files("gist").joinpath("examples").iterdir()}
    assert {line.partition(":")[0] for line in listed} == inside >= {"knee.yaml", "folders.yaml"}
    command("example", "knee", cwd=folder)
    assert load_config(folder / "knee.yaml").prepare.source == folder / "knee"
    assert "stays as it is" in command("example", "knee", cwd=folder, fails=2)
    assert "choose from folders.yaml, " in command("example", "elbow", cwd=folder, fails=2)


def test_what_is_neither_data_nor_settings_is_told_so(folder: Path) -> None:
    with pytest.raises(InputError, match="nor a folder or zip of images"):
        gist.run(folder / "nothing")


def test_a_training_that_hours_end_says_how_far_it_came_and_what_is_next(folder: Path) -> None:
    write_pictures(folder / "hands")
    stages = ("--stages", "prepare,train", "--set", "train.hours=1e-9", "--set", "train.kimg=60")
    said = command("run", "hands", *SMALL, *stages, cwd=folder)
    assert "train: stopped by train.hours at 0.00 of 60 kimg" in said
    assert "Next: gist generate runs/radiographs" in said
    assert "stopped by train.hours at 0.00 of 60 kimg" in command("status", "runs/radiographs", cwd=folder)


def test_hours_alone_are_the_length_of_a_training(folder: Path) -> None:
    write_pictures(folder / "hands")
    small = [word for word in SMALL if "train.kimg" not in word]
    options = ("--stages", "prepare,train", "--hours", "0.0003")
    said = command("run", "hands", *small, *options, cwd=folder)
    assert " kimg, all that train.hours allowed" in said
    log = (folder / "runs/radiographs/train/log.jsonl").read_text().splitlines()
    assert len(log) > 2
    assert "all that train.hours allowed" in command("status", "runs/radiographs", cwd=folder)
    again = command("run", "runs/radiographs", "--stages", "train", "--hours", "0.0006", cwd=folder)
    assert " kimg, all that train.hours allowed" in again


def test_a_written_plan_by_hours_gives_no_number_of_images(folder: Path) -> None:
    write_pictures(folder / "hands")
    small = [word for word in SMALL if "train.kimg" not in word]
    command("plan", "hands", "--write", "study.yaml", *small, "--set", "train.hours=2", cwd=folder)
    text = (folder / "study.yaml").read_text()
    assert "  hours: 2.0  # given\n" in text
    assert "\n  kimg:" not in text

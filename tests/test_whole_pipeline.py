"""The main job through the command line, as a user runs it: real files, real processes, real kills."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gist.config import STAGE_NAMES
from gist.phantoms import write_phantom_data_set

_SETTINGS = """
name: small
device: cpu
threads: 1
folder: "{folder}/run"
prepare: {{source: phantoms, labels: labels.csv, patient_column: patient_id, resolution: 32, test_fraction: 0.4}}
train: {{kimg: 0.016, batch: 4, channel_base: 512, channel_max: 16, z_dim: 32, w_dim: 32, snapshot_kimg: 0.008}}
generate: {{count: 40}}
evaluate: {{permutations: 50}}
utility: {{steps: 2, seeds: 1}}
"""


def gist(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command as a user would, in an empty home."""
    home = cwd / "home"
    home.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "gist", *map(str, arguments)]
    settings = os.environ | {"HOME": str(home), "OMP_NUM_THREADS": "1", "COLUMNS": "160"} | environment
    settings.pop("XDG_CONFIG_HOME", None)
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=settings, timeout=300)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 60 phantoms as DICOM files and a settings file; the tests below build on one another in it."""
    place = tmp_path_factory.mktemp("hospital share") / "knee study"
    place.mkdir()
    write_phantom_data_set(place / "phantoms", count=60, size_range=(180, 200))
    (place / "small.yaml").write_text(_SETTINGS.format(folder=place))
    return place


@pytest.fixture(scope="module")
def finished(place: Path) -> Path:
    done = gist("run", "small.yaml", cwd=place)
    assert done.returncode == 0, done.stderr
    assert "Report: " in done.stdout
    return place / "run"


def test_every_stage_leaves_its_files_and_the_manifest_lists_them(finished: Path) -> None:
    for file in (
        "config.yaml",
        "prepare/train.zip",
        "prepare/test.zip",
        "train/log.jsonl",
        "train/snapshots/network-000000016.safetensors",
        "generate/synthetic.zip",
        "generate/labels.csv",
        "evaluate/scores.json",
        "utility/utility.json",
        "privacy/privacy.json",
        "report/report.html",
    ):
        assert (finished / file).stat().st_size > 0, file
    manifest = json.loads((finished / "manifest.json").read_text())
    assert set(manifest["stages"]) == set(STAGE_NAMES)
    assert manifest["packages"]["torch"]
    assert "prepare/train.zip" in manifest["stages"]["prepare"]["outputs"]
    assert not list(finished.rglob("*.part"))


def test_no_identity_of_the_source_is_in_anything_that_was_written(finished: Path) -> None:
    for file in finished.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            for secret in (b"FAKE", b"PHANTOM^", b"knee0", b"hospital share"):
                assert secret not in content, (file.name, secret)


def test_the_same_command_again_does_nothing(finished: Path, place: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in finished.rglob("*.zip")}
    again = gist("run", "small.yaml", cwd=place)
    assert again.returncode == 0
    assert again.stderr.count("done already") == len(STAGE_NAMES)
    assert before == {file: file.stat().st_mtime_ns for file in finished.rglob("*.zip")}


def test_status_and_dry_run_name_what_a_changed_setting_makes_stale(finished: Path, place: Path) -> None:
    done = gist("status", finished, cwd=place)
    assert done.stdout.count("done") == len(STAGE_NAMES)
    (train,) = [line for line in done.stdout.splitlines() if line.startswith("train")]
    assert "CPU, as the settings ask; cpu: fused filters" in train
    dry = gist("run", "small.yaml", "--dry-run", "--set", "generate.truncation_psi=0.7", cwd=place)
    assert "generate.truncation_psi changed from 1.0 to 0.7" in dry.stdout
    lines = {line.split()[0]: line for line in dry.stdout.splitlines() if line.strip()}
    assert "done" in lines["train"]
    assert "stale" in lines["generate"]


def test_a_higher_kimg_continues_training_instead_of_starting_again(finished: Path, place: Path) -> None:
    more = gist("train", finished, "--kimg", "0.024", cwd=place)
    assert more.returncode == 0, more.stderr
    assert "Continuing at 0.02 kimg" in more.stderr
    assert not (finished / "previous").exists()
    stale = gist("status", finished, cwd=place)
    assert "the result of train changed" in stale.stdout
    back = gist("run", "small.yaml", "--set", "train.kimg=0.024", cwd=place)
    assert back.returncode == 0, back.stderr
    assert "generate: starting again, since the result of train changed" in back.stderr


def test_a_changed_architecture_keeps_the_old_training_aside(finished: Path, place: Path) -> None:
    other = gist("run", "small.yaml", "--stages", "train", "--set", "train.gamma=5", cwd=place)
    assert other.returncode == 0, other.stderr
    assert "train.gamma changed" in other.stderr
    assert (finished / "previous" / "train-1" / "log.jsonl").exists()


def test_a_second_process_on_the_same_run_is_refused(place: Path) -> None:
    slow = [sys.executable, "-m", "gist", "run", "small.yaml", "--stages", "prepare,train"]
    slow += ["--set", "train.kimg=50", "--set", f"folder={place}/busy"]
    first = subprocess.Popen(slow, cwd=place, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not (place / "busy" / "train" / "progress.json").exists():
            assert first.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        second = gist("run", "small.yaml", "--set", f"folder={place}/busy", cwd=place)
        assert second.returncode == 1
        assert "Another gist process is working on" in second.stderr
        assert "running" in gist("status", place / "busy", cwd=place).stdout
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    after = gist("status", place / "busy", cwd=place)
    assert "interrupted; the same command continues it" in after.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "nothing.yaml"], 2, "no settings file"),
        (["run", "small.yaml", "--set", "train.kimgs=3"], 2, "did you mean 'kimg'"),
        (["run", "small.yaml", "--stages", "prepare,trian"], 2, "'trian' is not a stage"),
        (
            ["run", "small.yaml", "--set", "prepare.source=missing", "--set", "folder=x1"],
            2,
            "There is no source missing",
        ),
        (["run", "small.yaml", "--set", "prepare.labels=gone.csv", "--set", "folder=x2"], 2, "gone.csv"),
        (["run", "small.yaml", "--stages", "train", "--set", "folder=x3"], 2, "needs stage prepare"),
        (["status", "nowhere"], 2, "no gist run"),
        (["generate", "x4", "--count", "2"], 2, "no trained network"),
        (["plan", "missing"], 2, "missing"),
    ],
)
def test_bad_input_is_one_sentence_with_the_right_exit_code(
    place: Path, arguments: list[str], code: int, words: str
) -> None:
    done = gist(*arguments, cwd=place)
    assert done.returncode == code, done.stderr
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_an_empty_folder_and_one_without_images_are_one_sentence(place: Path) -> None:
    (place / "empty").mkdir(exist_ok=True)
    done = gist("prepare", "empty", "--run", "e1", cwd=place)
    assert done.returncode == 2, done.stderr
    (place / "texts").mkdir(exist_ok=True)
    (place / "texts" / "readme.txt").write_text("no picture")
    done = gist("prepare", "texts", "--run", "e2", cwd=place)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not list(place.glob("e?/prepare/*.zip"))


def test_plan_says_what_it_found_and_chose_before_anything_is_run(place: Path) -> None:
    done = gist("plan", "phantoms", "--set", "prepare.resolution=32", cwd=place)
    assert done.returncode == 0, done.stderr
    for words in ("healthy", "train.batch", "train.gamma", "s per 1000 images"):
        assert words in done.stdout


def test_python_offers_the_same_verbs_with_typed_results(finished: Path) -> None:
    import gist as library

    result = library.generate(finished, count=6, first_seed=100)
    assert result.images == 6
    assert library.report(finished).report == "report/report.html"
    page = (finished / "report" / "report.html").read_text()
    assert "Out of date" in page  # the evaluation is of the images before
    assert 'class="pair"' not in page
    assert library.status(finished)[0].stage == "prepare"


@pytest.mark.parametrize(
    "example", sorted((Path(__file__).parents[1] / "examples").glob("*.yaml")), ids=lambda p: p.stem
)
def test_every_example_passes_a_dry_run(example: Path, place: Path) -> None:
    source = place / "graded knees"
    source.mkdir(exist_ok=True)
    rows = [f"{grade}.png,train,{grade},{grade}" for grade in (0, 3, 4)]
    (source / "labels.csv").write_text("\n".join(["file,split,kl_grade,patient_id", *rows]))
    for grade in (0, 3, 4):
        (source / f"{grade}.png").touch()
    changes = ("--set", f"folder={place}/dry", "--set", f"prepare.source={source}")
    done = gist("run", example, "--dry-run", *changes, cwd=place)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("not started") == len(STAGE_NAMES)


def test_help_comes_quickly_and_names_every_command() -> None:
    heavy = "('torch', 'numpy', 'numba', 'pydicom')"
    modules = f"import sys, gist.cli; print(sorted(m for m in {heavy} if m in sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", modules], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
    done = subprocess.run(
        [sys.executable, "-m", "gist", "--help"], capture_output=True, text=True, check=True
    )
    for command in (
        "run",
        "plan",
        "status",
        "demo",
        "prepare",
        "train",
        "generate",
        "evaluate",
        "report",
        "schema",
    ):
        assert command in done.stdout

"""Every stage stopped, killed, or out of disk: one sentence, nothing half-written, and the same command goes on."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from gist.config import STAGE_NAMES
from gist.phantoms import write_phantom_data_set
from gist.runs.folder import RunFolder

SETTINGS = """
name: small
device: cpu
threads: 1
prepare: {source: phantoms, labels: labels.csv, patient_column: patient_id, resolution: 32, test_fraction: 0.4}
train:
  {architecture: stylegan3-t, kimg: 0.016, batch: 4, channel_base: 512, channel_max: 16, z_dim: 32, w_dim: 32,
  snapshot_kimg: 0.008, checkpoint_minutes: 0.01}
generate: {count: 40}
evaluate: {permutations: 50}
utility: {steps: 2, seeds: 1}
"""
RUN = [sys.executable, "-m", "gist", "run", "small.yaml"]
DEADLINE_SECONDS = 120


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("knees")
    write_phantom_data_set(place / "phantoms", count=60, size_range=(90, 110))
    (place / "small.yaml").write_text(SETTINGS)
    return place


@pytest.fixture(scope="module")
def unbroken(place: Path) -> dict[str, dict[str, str]]:
    """SHA-256 of what each stage writes when nothing goes wrong."""
    done = started(place, "unbroken")
    _, errors = done.communicate(timeout=DEADLINE_SECONDS)
    assert done.returncode == 0, errors
    return outputs(place / "unbroken")


def started(place: Path, folder: str) -> subprocess.Popen[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    return subprocess.Popen(
        [*RUN, "--set", f"folder={folder}"],
        cwd=place,
        env=environment,
        text=True,
        stderr=subprocess.PIPE,
        preexec_fn=hear_ctrl_c,
    )


def hear_ctrl_c() -> None:
    """As in a terminal; what a shell starts in the background inherits deafness to it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def outputs(folder: Path) -> dict[str, dict[str, str]]:
    records = {name: RunFolder(folder).record(name) for name in STAGE_NAMES}
    return {name: record.outputs for name, record in records.items() if record is not None}


def comparable(files: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Without those that tell times: the log and the page."""
    return {
        stage: {name: digest for name, digest in listed.items() if not name.endswith(("log.jsonl", "html"))}
        for stage, listed in files.items()
        if stage != "report"
    }


def wait_until_running(process: subprocess.Popen[str], run: RunFolder, stage: str) -> bool:
    """True as soon as this process runs the stage; False if it was over before that could be seen."""
    file = run.path / stage / "stage.json"
    of_before = (
        file.stat().st_mtime_ns if file.exists() else 0
    )  # may say "running" of a process that was killed
    end = time.monotonic() + DEADLINE_SECONDS
    while process.poll() is None:
        assert time.monotonic() < end, f"{stage} did not start"
        record = run.record(stage)
        if record is not None and record.state == "running" and file.stat().st_mtime_ns != of_before:
            return True
        time.sleep(0.002)
    return False


def assert_nothing_is_torn(folder: Path) -> None:
    """Every file under a final name is whole."""
    for file in folder.rglob("*.zip"):
        with zipfile.ZipFile(file) as archive:
            assert archive.testzip() is None, file
    for file in folder.rglob("*.json"):
        json.loads(file.read_text())
    for file in folder.rglob("report.html"):
        assert file.read_text().rstrip().endswith("</html>")


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGINT, id="Ctrl-C", marks=pytest.mark.nightly),
        pytest.param(signal.SIGKILL, id="kill -9"),
    ],
)
def test_stopped_in_each_stage_in_turn_the_same_command_ends_as_if_unbroken(
    place: Path, unbroken: dict[str, dict[str, str]], number: signal.Signals
) -> None:
    run = RunFolder(place / f"stopped-by-{number.name}")
    stopped = 0
    for stage in STAGE_NAMES:
        process = started(place, run.path.name)
        if wait_until_running(process, run, stage):
            time.sleep(random.uniform(0, 0.1))  # any moment of the stage will do
            process.send_signal(number)
        _, errors = process.communicate(timeout=DEADLINE_SECONDS)
        assert "Traceback" not in errors
        assert_nothing_is_torn(run.path)
        if process.returncode == -signal.SIGINT:  # it came while Python was closing down
            last = run.record(STAGE_NAMES[-1])
            assert last is not None
            assert last.state == "done"
        elif process.returncode != 0:
            stopped += 1
            assert process.returncode == (130 if number == signal.SIGINT else -9)
            if number == signal.SIGINT:
                assert "the same command" in " ".join(errors.split())
    assert stopped >= 3  # the shortest stages may be over before the signal arrives
    last = started(place, run.path.name)
    _, errors = last.communicate(timeout=DEADLINE_SECONDS)
    assert last.returncode == 0, errors
    assert comparable(outputs(run.path)) == comparable(unbroken)
    assert not list(run.path.rglob("*.part"))


ENDING = """
import sys
end = sys.exit
def interrupted_once(status=None):
    try:
        exec("raise KeyboardInterrupt")
    except KeyboardInterrupt:
        end(status)
sys.exit = interrupted_once
"""


def test_an_interrupt_in_executed_text_does_not_change_how_gist_ends(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(ENDING)
    paths = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    ended = subprocess.run(
        [sys.executable, "-m", "gist", "status", str(tmp_path / "nowhere")],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )
    assert "There is no gist run in" in ended.stderr
    assert ended.returncode == 2


FULL_DISK = """
set -eu
mount -t tmpfs -o size=24m none disk
for stage in {stages}; do
  head -c 100m /dev/zero > disk/filler 2>/dev/null || true
  truncate -s -{spare} disk/filler
  code=0
  {run} --stages $stage --set folder=disk/run 2> errors-$stage.txt || code=$?
  echo "$stage $code"
  {check}
  rm disk/filler
  {run} --stages $stage --set folder=disk/run 2> again-$stage.txt
done
cp -r disk/run after-full-disk
"""
CHECK = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
from test_stopped_and_full import assert_nothing_is_torn
assert_nothing_is_torn(Path("disk/run"))
"""


@pytest.mark.nightly
def test_a_full_disk_in_each_stage_is_one_sentence_and_the_same_command_goes_on(
    place: Path, unbroken: dict[str, dict[str, str]]
) -> None:
    """On a real file system that is really full."""
    may_mount = ["unshare", "--user", "--map-root-user", "--mount", "true"]
    if shutil.which("unshare") is None or subprocess.run(may_mount, capture_output=True).returncode != 0:
        pytest.skip("this system lets no user mount a small file system")
    (place / "disk").mkdir()
    (place / "check.py").write_text(CHECK)
    script = FULL_DISK.format(
        run=" ".join(f"'{word}'" for word in RUN),
        check=f"'{sys.executable}' check.py '{Path(__file__).parent}'",
        spare=12 * 1024,
        stages=" ".join(STAGE_NAMES),
    )
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", script],
        cwd=place, capture_output=True, text=True, timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + "".join(
        file.read_text() for file in sorted(place.glob("again-*.txt"))
    )
    codes = dict(line.split() for line in done.stdout.splitlines() if line.split()[0] in STAGE_NAMES)
    for stage, code in codes.items():
        errors = " ".join((place / f"errors-{stage}.txt").read_text().split())
        assert code == "1", (stage, code, errors)
        for words in ("is full", "the same command"):
            assert words in errors, (stage, errors)
        assert "Traceback" not in errors
    assert list(codes) == list(STAGE_NAMES)
    assert comparable(outputs(place / "after-full-disk")) == comparable(unbroken)

"""A package adds a stage, no file of gist is touched, and the stage is as good as any other."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
from added_package import SETTINGS, command, environment, gist

from gist.phantoms import write_phantom_data_set

IMAGES = 40


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with synthetic images; the tests below build on one another in it."""
    place = tmp_path_factory.mktemp("knee study")
    write_phantom_data_set(place / "phantoms", count=60, size_range=(90, 110))
    (place / "study.yaml").write_text(SETTINGS.format(folder=place))
    gist("run", "study.yaml", "--stages", "prepare,train,generate", cwd=place)
    return place


def states(place: Path) -> dict[str, dict[str, str]]:
    found = json.loads(gist("status", "run", "--json", cwd=place))
    return {entry["stage"]: entry for entry in found}


def measured(place: Path) -> dict[str, int]:
    """Image file of the stage -> when it was written."""
    return {file.name: file.stat().st_mtime_ns for file in (place / "run/contrast/done").glob("*.json")}


def test_it_has_a_command_with_its_settings_as_options(place: Path) -> None:
    shown = gist("contrast", "--help", cwd=place)
    assert "Measure the contrast of the synthetic images." in shown
    assert "--percentile" in shown
    assert "contrast" in gist("--help", cwd=place)


def test_a_killed_stage_stands_as_stopped_and_the_same_command_continues_it(place: Path) -> None:
    assert states(place)["contrast"]["state"] == "not started"
    running = subprocess.Popen(
        command("contrast", "run", "--seconds-each", "0.1"),
        cwd=place,
        env=environment(place),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while len(measured(place)) < 3:
        assert running.poll() is None, "it ended before it could be killed"
    running.send_signal(signal.SIGKILL)
    running.wait()
    before = measured(place)
    assert 3 <= len(before) < IMAGES
    assert states(place)["contrast"]["state"] == "stopped"
    gist("contrast", "run", "--seconds-each", "0", cwd=place)
    after = measured(place)
    assert len(after) == IMAGES
    assert before.items() <= after.items(), "what was measured is not measured again"
    assert states(place)["contrast"]["state"] == "done"
    assert "contrast: done already" in gist("contrast", "run", cwd=place)


def test_it_goes_stale_with_its_settings_and_with_the_images(place: Path) -> None:
    gist("run", "study.yaml", "--set", "contrast.percentile=10", "--stages", "contrast", cwd=place)
    assert json.loads((place / "run/contrast/contrast.json").read_text())["images"] == IMAGES
    gist("generate", "run", "--first-seed", "500", cwd=place)
    stale = states(place)["contrast"]
    assert (stale["state"], stale["why"]) == ("stale", "the result of generate changed")
    gist("contrast", "run", cwd=place)
    assert states(place)["contrast"]["state"] == "done"


def test_the_manifest_and_the_report_hold_it(place: Path) -> None:
    gist("report", "run", cwd=place)
    manifest = json.loads((place / "run/manifest.json").read_text())
    assert "contrast/contrast.json" in manifest["stages"]["contrast"]["outputs"]
    page = (place / "run/report/report.html").read_text()
    assert "How strong the contrast is" in page
    assert "The contrast of 40 synthetic images was measured." in page
    machine = json.loads((place / "run/report/report.json").read_text())
    assert machine["results"]["contrast"]["images"] == IMAGES


def test_the_report_goes_stale_when_it_is_done_again(place: Path) -> None:
    gist("contrast", "run", "--percentile", "20", cwd=place)
    assert states(place)["report"]["why"] == "the result of contrast changed"
    assert list(states(place))[-1] == "report", "the report stands behind all others"


def test_a_package_whose_stage_cannot_be_imported_is_named_in_one_sentence(place: Path) -> None:
    broken = place / "broken" / "broken_additions-2.0.dist-info"
    broken.mkdir(parents=True)
    (broken / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-additions\nVersion: 2.0\n")
    (broken / "entry_points.txt").write_text("[gist.stages]\nwrong = no_such_module:Config\n")
    where = environment(place) | {"PYTHONPATH": str(broken.parent)}
    done = subprocess.run(command("status"), capture_output=True, text=True, cwd=place, env=where, timeout=60)
    assert done.returncode == 2
    assert "which the package broken-additions adds, cannot be imported" in done.stderr
    assert "Traceback" not in done.stderr

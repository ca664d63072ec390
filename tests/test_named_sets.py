"""Several synthetic sets in one run, each with its own evaluation, utility, inspection and place in the report."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gist
from gist.errors import InputError
from gist.phantoms import write_phantom_data_set
from gist.progress import Silent

QUICK = {"classifiers": (), "seeds": 1}
OWN = ("generate", "evaluate", "utility", "privacy", "report")


def gist_command(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gist", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()
    }


def states(run: Path, name: str | None = None) -> dict[str, str]:
    return {entry.stage: entry.state for entry in gist.status(run, name=name) if entry.set_name == name}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose set without a name is drawn, evaluated and reported."""
    folder = tmp_path_factory.mktemp("sets")
    write_phantom_data_set(folder / "data", count=150, seed=0, progress=Silent())
    run = folder / "run"
    gist.prepare(
        folder / "data", run, resolution=64, labels="labels.csv", burned_in_text="ignore", test_fraction=0.4
    )
    gist.generate(run, network="phantom-knee-64", count=24)
    gist.evaluate(run)
    gist.measure_utility(run, **QUICK)
    gist.report(run)
    return run


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "run")
    return tmp_path / "run"


def test_a_second_set_stands_beside_the_first_and_changes_nothing_of_it(run: Path) -> None:
    own = {stage: files_of(run / stage) for stage in (*OWN, "prepare")}
    settings = (run / "config.yaml").read_bytes()
    drawn = gist.generate(run, name="rare", per_class={"severe": 20})
    assert drawn.class_counts["severe"] == drawn.images == 20
    assert drawn.archive == "sets/rare/generate/synthetic.zip"
    scores = gist.evaluate(run, name="rare").scores
    assert max(score.n_synthetic for score in scores) == 20
    assert gist.measure_utility(run, name="rare").left_out
    assert gist.measure_privacy(run, name="rare").verdict == "too few images to tell"
    page = gist.inspect(run, name="rare", worst=3, random=3)
    assert page == run / "sets/rare/inspect/inspect.html"
    assert gist.report(run, name="rare").report == "sets/rare/report/report.html"
    assert {stage: files_of(run / stage) for stage in (*OWN, "prepare")} == own
    assert (run / "config.yaml").read_bytes() == settings
    assert not (run / "inspect").exists()
    assert states(run, "rare") == dict.fromkeys(OWN, "done")
    manifest = json.loads((run / "manifest.json").read_text())
    assert "sets/rare/generate/synthetic.zip" in manifest["sets"]["rare"]["generate"]["outputs"]
    assert "generate/synthetic.zip" in manifest["stages"]["generate"]["outputs"]
    assert gist.generate(run, name="rare").images == 20, "asked again it is there"
    assert states(run)["report"] == "stale", "the run's report does not know the set yet"


def test_one_sets_other_pictures_put_only_its_own_aside(run: Path) -> None:
    gist.generate(run, name="rare", count=6)
    first = files_of(run / "sets/rare/generate/images")
    gist.generate(run, name="rare", count=4)
    assert files_of(run / "sets/rare/previous/generate-1/images") == first
    assert not (run / "previous").exists()
    gist.generate(run, name="rare", count=6)
    assert files_of(run / "sets/rare/generate/images") == first


def test_other_settings_of_the_first_set_leave_those_with_a_name_as_they_are(run: Path) -> None:
    gist.generate(run, name="rare", count=6)
    gist.generate(run, count=5)
    assert states(run, "rare")["generate"] == "done"
    assert gist.generate(run, name="rare").images == 6


def test_training_again_makes_every_set_stale_and_drawing_again_renews_it(run: Path) -> None:
    quick = {"channel_max": 16, "batch": 8, "snapshot_kimg": 0.032, "best_by": "none"}
    gist.run_stage(run, "train", kimg=0.032, changes={f"train.{key}": value for key, value in quick.items()})
    gist.generate(run, network="latest", count=4)
    gist.generate(run, name="rare", network="latest", count=6)
    of_first_network = files_of(run / "sets/rare/generate/images")
    gist.train(run, kimg=0.064)
    for name in (None, "rare"):
        assert states(run, name)["generate"] == "stale"
    gist.generate(run, name="rare")
    assert files_of(run / "sets/rare/generate/images") != of_first_network
    assert (states(run)["generate"], states(run, "rare")["generate"]) == ("stale", "done")


def test_the_runs_report_shows_every_set_and_is_stale_when_one_changes(run: Path) -> None:
    before = (run / "report/report.html").read_text()
    assert "Other synthetic sets" not in before
    gist.generate(run, name="rare", per_class={"severe": 20}, truncation_psi=0.7)
    gist.evaluate(run, name="rare")
    gist.report(run, name="rare")
    gist.report(run)
    page = (run / "report/report.html").read_text()
    assert "Other synthetic sets" in page
    assert 'href="../sets/rare/report/report.html"' in page
    assert "20 of class “severe”" in page
    assert "truncation ψ = 0.7" in page
    (told,) = json.loads((run / "report/report.json").read_text())["other_sets"]
    assert (told["name"], told["images"], told["truncation_psi"]) == ("rare", 20, 0.7)
    assert {score["name"].partition("[")[0] for score in told["scores"]} >= {"KID", "precision", "recall"}
    assert len(told["answers"]) == 3
    assert told["out_of_date"] == []
    own = (run / "sets/rare/report/report.html").read_text()
    assert "synthetic set rare</h1>" in own
    assert "Other synthetic sets" not in own
    gist.generate(run, name="rare", per_class={"severe": 21})
    assert states(run)["report"] == "stale"
    gist.report(run)
    (told,) = json.loads((run / "report/report.json").read_text())["other_sets"]
    assert told["out_of_date"]
    assert told["report"] is None, "a link to a report that is out of date"


def test_a_killed_drawing_of_a_set_continues_and_leaves_the_first_alone(run: Path) -> None:
    first, images = files_of(run / "generate"), run / "sets/many/generate/images"
    running = subprocess.Popen(
        [sys.executable, "-m", "gist", "generate", str(run), "--name", "many", "--count", "600"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while len(list(images.glob("*.png"))) < 3:
        assert running.poll() is None, "it ended before it could be killed"
    running.kill()
    running.wait()
    drawn = {file: file.stat().st_mtime_ns for file in images.glob("*.png")}
    assert 3 <= len(drawn) < 600
    assert states(run, "many")["generate"] == "stopped"
    assert gist.generate(run, name="many").images == 600, "the set remembers what was asked for"
    assert {file: file.stat().st_mtime_ns for file in drawn} == drawn, "what was drawn is not drawn again"
    assert not list(run.rglob("*.part"))
    assert files_of(run / "generate") == first


def test_a_set_is_exported_by_its_name(run: Path, tmp_path: Path) -> None:
    gist_command("generate", run, "--name", "rare", "--per-class", "severe=3")
    done = gist_command("export", run, "--to", "folder", "--out", tmp_path / "out", "--name", "rare")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out/severe").glob("*.png"))) == 3


@pytest.mark.parametrize("verb", ["evaluate", "utility", "inspect", "report"])
def test_a_misspelt_name_is_answered_with_the_sets_there_are(run: Path, verb: str) -> None:
    done = gist_command(verb, run, "--name", "rar")
    assert done.returncode == 2
    assert "make it with `gist generate" in done.stderr
    gist.generate(run, name="rare", count=2)
    done = gist_command(verb, run, "--name", "rar")
    assert done.returncode == 2
    assert "There is no synthetic set 'rar'" in done.stderr
    assert "there are: rare." in done.stderr
    assert not (run / "sets/rar").exists()


def test_a_name_that_differs_in_capitals_only_is_refused(run: Path) -> None:
    gist.generate(run, name="rare", count=2)
    done = gist_command("generate", run, "--name", "RARE", "--count", "2")
    assert done.returncode == 2
    assert "There is a synthetic set 'rare'" in done.stderr
    assert not (run / "sets/RARE").exists()


@pytest.mark.parametrize(
    "name", ["../../elsewhere", "Doe^John", "John Doe", "", ".hidden", "x" * 65, "a/b", "a\n"]
)
def test_a_name_that_is_no_plain_word_is_refused_and_not_repeated(run: Path, name: str) -> None:
    with pytest.raises(InputError, match="letters, digits, dot, dash and underscore") as told:
        gist.generate(run, name=name, count=2)
    assert len(name) < 3 or name not in str(told.value)
    assert not (run / "sets").exists()


def test_what_the_sets_share_is_not_changed_for_one_of_them(run: Path) -> None:
    for key in ("seed", "train.kimg", "prepare.resolution"):
        with pytest.raises(InputError, match="share"):
            gist.run_stage(run, "generate", name="rare", changes={key: 3})
    with pytest.raises(InputError, match="share stage train"):
        gist.run_stage(run, "train", name="rare")
    assert not (run / "sets").exists()


def test_status_lists_each_set_under_its_name(run: Path) -> None:
    gist.generate(run, name="rare", count=2)
    told = json.loads(gist_command("status", run, "--json").stdout)
    assert [entry["stage"] for entry in told if entry["set_name"] == "rare"] == list(OWN)
    assert {entry["set_name"] for entry in told} == {None, "rare"}
    lines = gist_command("status", run).stdout.splitlines()
    assert "set rare" in [line.strip() for line in lines]


def test_the_next_command_names_the_set(run: Path) -> None:
    done = gist_command("generate", run, "--name", "rare", "--count", 2)
    assert f"Next: gist evaluate {run} --name rare" in done.stderr


def test_pictures_of_a_runs_network_outside_it_leave_the_run_untouched(run: Path, tmp_path: Path) -> None:
    before = files_of(run)
    done = gist_command(
        "generate", run, "--network", "phantom-knee-64", "--count", 3, "--out", tmp_path / "pictures"
    )
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "pictures/images").rglob("*.png"))) == 3
    assert files_of(run) == before


def test_a_link_is_shown_only_to_a_report_that_is_current(run: Path) -> None:
    gist.generate(run, count=5)
    assert "Report:" not in gist_command("run", run, "--stages", "generate").stdout
    gist.evaluate(run)
    gist.measure_utility(run)
    gist.report(run)
    assert "Report:" in gist_command("run", run, "--stages", "generate").stdout


def test_pictures_outside_need_a_network_and_no_name(run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no trained network"):
        gist.generate_folder(tmp_path / "pictures", run=run, count=2)
    refused = gist_command("generate", run, "--name", "rare", "--out", tmp_path / "pictures")
    assert refused.returncode == 2
    assert "leave --out out" in refused.stderr
    assert not (tmp_path / "pictures").exists()


def test_answers_about_one_sets_images_show_in_its_report_alone(run: Path) -> None:
    gist.generate(run, name="rare", count=20)
    gist.evaluate(run, name="rare")
    gist.inspect(run, name="rare", worst=0, random=4)
    page = json.loads((run / "sets/rare/inspect/page.json").read_text())
    answers = {
        "format": "gist-inspection/2",
        "page": page["page"],
        "saved": "2026-01-01",
        "answers": {item["image"]: ["none"] for item in page["items"]},
        "hinted": [],
    }
    file = run.parent / "answers.json"
    file.write_text(json.dumps(answers))
    assert "--name rare" in gist_command("inspect", run, "--name", "rare", "--answers", file).stdout
    assert (run / "sets/rare/inspect/result.json").is_file()
    assert not (run / "inspect").exists()
    with pytest.raises(InputError, match="no inspection page"):
        gist.count_answers(run, file)


def test_a_run_of_one_set_lists_no_other_in_report_and_manifest(made: Path) -> None:
    assert json.loads((made / "report/report.json").read_text())["other_sets"] == []
    assert "sets" not in json.loads((made / "manifest.json").read_text())
    assert not (made / "sets").exists()

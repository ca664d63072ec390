"""A size study as a user runs it: real trainings, a trial that fails, kills, and two processes at once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from typer.testing import CliRunner

import gist
from gist.cli.app import app
from gist.errors import InputError
from gist.images.archive import read_data_set
from gist.progress import Silent
from gist.runs.folder import RunFolder
from gist.runs.pipeline import open_run
from gist.runs.standing import standings
from gist.studies.folder import StudyFolder
from gist.studies.result import StudyResult

SIZES, REPEATS = [12, 30], 2


class Notes(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


def study(settings: Path, out: Path, **options: object) -> StudyResult:
    return gist.studies.size(settings, out, **{"sizes": SIZES, "repeats": REPEATS} | options)  # type: ignore[arg-type]


def trials(out: Path) -> list[Path]:
    return sorted((out / "trials").iterdir())


@pytest.fixture(scope="module")
def finished(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("studies") / "how many"
    study(tiny, out)
    return out


@pytest.fixture
def copy(finished: Path, folder: Path) -> Path:
    return Path(shutil.copytree(finished, folder / "study"))


def test_every_trial_is_an_ordinary_run_folder_up_to_the_pictures(finished: Path) -> None:
    assert len(trials(finished)) == len(SIZES) * REPEATS
    for trial in trials(finished):
        run, config = open_run(trial)
        states = {entry.stage: entry.state for entry in standings(config, run)}
        assert [states[stage] for stage in ("prepare", "train", "generate")] == ["done"] * 3


def test_subsets_are_nested_and_all_trials_share_hold_out_budget_and_n(finished: Path) -> None:
    held_out = {(trial / "prepare/test.zip").read_bytes() for trial in trials(finished)}
    assert len(held_out) == 1
    for repeat in range(1, REPEATS + 1):
        small, large = (
            set(read_data_set(finished / f"trials/{size:06d}-images-scratch-{repeat}/prepare/train.zip").pngs)
            for size in SIZES
        )
        assert len(small) == SIZES[0]
        assert small < large
        assert not large & set(read_data_set(finished / "base/prepare/test.zip").pngs)
    records = StudyFolder(finished).records()
    assert len({(record.scores.n, record.scores.kimg) for record in records if record.scores}) == 1
    assert [record.scores.training_images for record in records if record.scores] == [12, 12, 30, 30]


def test_the_page_tells_the_answer_and_loads_nothing(finished: Path) -> None:
    page = (finished / "study.html").read_text()
    result = StudyResult.model_validate_json((finished / "result.json").read_text())
    assert result.sentences[0] in page
    assert page.count('<svg class="chart"') == 3
    assert "://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert page.count("Eight synthetic images, ") == len(SIZES)
    assert [point.images for point in result.control] == SIZES


def test_nothing_in_the_study_names_where_the_data_lay(finished: Path) -> None:
    for file in finished.rglob("*"):
        if file.is_file():
            assert b"Mustermann" not in file.read_bytes(), file.name


def test_the_same_call_does_nothing_again_and_says_the_same(tiny: Path, finished: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in finished.glob("trials/*/*/*")}
    result = (finished / "result.json").read_text()
    notes = Notes()
    study(tiny, finished, progress=notes)
    assert {file: file.stat().st_mtime_ns for file in finished.glob("trials/*/*/*")} == before
    assert (finished / "result.json").read_text() == result
    assert not notes.lines


def test_a_trial_that_fails_is_shown_and_the_others_go_on(tiny: Path, copy: Path) -> None:
    broken, other = trials(copy)[0], trials(copy)[1]
    for trial in (broken, other):
        shutil.rmtree(trial / "generate")
        (trial / "trial.json").unlink()
    (broken / "generate").write_text("in the way")
    result = study(tiny, copy)
    assert [record.trial.name for record in result.failed] == [broken.name]
    assert (other / "generate/synthetic.zip").is_file()
    assert "1 trial failed" in (copy / "study.html").read_text()
    assert str(copy) not in (broken / "trial.json").read_text()
    (broken / "generate").unlink()
    assert not study(tiny, copy).failed


def test_killed_in_the_middle_the_same_command_goes_on(tiny: Path, finished: Path, folder: Path) -> None:
    out = folder / "killed"
    command = [sys.executable, "-m", "gist", "study", "size", str(tiny), "--sizes", "12,30", "--repeats", "1"]
    with subprocess.Popen([*command, "--out", str(out)], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Trial 000030-images-scratch-1"):
                break
        process.kill()
    records = StudyFolder(out).records()
    assert [record.state for record in records] == ["done", "planned"]
    found = study(tiny, out, repeats=1)
    # On a CPU a seed gives the same bits, however often the work was interrupted.
    kids = {record.trial.name: record.scores.kid for record in found.records if record.scores}
    unbroken = StudyFolder(finished).records()
    assert kids == {
        record.trial.name: record.scores.kid
        for record in unbroken
        if record.scores and record.trial.repeat == 1
    }


def test_what_another_process_works_on_is_passed_over(tiny: Path, copy: Path) -> None:
    (trials(copy)[0] / "trial.json").unlink()
    with FileLock(trials(copy)[0] / ".claim"):
        result = study(tiny, copy)
        assert [record.trial.name for record in result.open] == [trials(copy)[0].name]
        with pytest.raises(InputError, match="Another process works on trial"):
            gist.studies.trial(copy, 1)
    assert "Not finished" in (copy / "study.html").read_text()
    assert gist.studies.trial(copy, 1).state == "done"
    assert not study(tiny, copy).open


def test_a_study_goes_on_by_its_folder_alone(copy: Path) -> None:
    kept = (copy / "result.json").read_text()
    (copy / "result.json").unlink()
    (trials(copy)[0] / "trial.json").unlink()
    said = CliRunner().invoke(app, ["study", "continue", str(copy)])
    assert said.exit_code == 0, said.output
    assert (copy / "result.json").read_text() == kept
    assert "4 trials done, 0 left" in CliRunner().invoke(app, ["status", str(copy)]).stdout


def test_without_slurm_nothing_is_begun(tiny: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    said = CliRunner().invoke(
        app, ["study", "size", str(tiny), "--out", str(folder / "new"), "--on", "slurm"]
    )
    assert "SLURM is not here" in str(said.exception)
    assert not (folder / "new").exists()
    said = CliRunner().invoke(app, ["study", "size", str(tiny), "--slots", "2"])
    assert "--slots is for jobs; give --on slurm as well" in str(said.exception)


def test_what_a_classifier_learns_from_the_pictures_is_added_to_trials_that_are_done(
    tiny: Path, copy: Path
) -> None:
    before = {record.trial.name: record.scores.kid for record in StudyFolder(copy).records() if record.scores}
    found = study(tiny, copy, gan_train=1)
    assert {record.trial.name: record.scores.kid for record in found.records if record.scores} == before
    assert found.real is not None
    for record in found.records:
        assert record.scores is not None
        assert record.scores.gan_train is not None
        assert 0 <= record.scores.gan_train.low <= record.scores.gan_train.value <= 1
        assert record.scores.identical == 0
    page = (copy / "study.html").read_text()
    assert page.count('<svg class="chart"') == 4
    assert '<th scope="col">GAN-train</th>' in page
    kept = (copy / "real.json").stat().st_mtime_ns
    study(tiny, copy, gan_train=1)
    assert (copy / "real.json").stat().st_mtime_ns == kept


def test_more_repeats_or_sizes_are_added_to_what_is_there(tiny: Path, copy: Path) -> None:
    before = (trials(copy)[0] / "trial.json").read_text()
    result = study(tiny, copy, sizes=[12, 20, 30], repeats=1, only_propose=True)
    assert [record.trial.name for record in result.open] == ["000020-images-scratch-1"]
    assert (trials(copy)[0] / "trial.json").read_text() == before


def test_a_study_larger_than_its_data_is_refused_in_a_sentence(tiny: Path, copy: Path) -> None:
    with pytest.raises(
        InputError, match=r"asks for 400 images and the data has \d+ to learn from, as \d+ are"
    ):
        study(tiny, copy, sizes=[12, 400])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"sizes": [30]}, "two sizes or more"),
        ({"sizes": [30, 30]}, "each given once"),
        ({"sizes": [1, 30]}, "of 4 images at least"),
        ({"repeats": 0}, "once at least"),
        ({"changes": {"train.kimg": 3}}, "began with another train.kimg"),
        ({"transfer_from": "nowhere.safetensors"}, "There is no network nowhere.safetensors"),
    ],
)
def test_a_wrong_question_is_refused_in_a_sentence(
    tiny: Path, finished: Path, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        study(tiny, finished, **options)


def test_a_folder_that_holds_something_else_stays_as_it_is(tiny: Path, folder: Path) -> None:
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something else"):
        study(tiny, folder)
    assert [file.name for file in folder.iterdir()] == ["thesis.txt"]


def test_a_trial_number_or_a_folder_that_is_none_is_refused(finished: Path, folder: Path) -> None:
    with pytest.raises(InputError, match="have the numbers 1 to 4"):
        gist.studies.trial(finished, 5)
    with pytest.raises(InputError, match="There is no study"):
        gist.studies.trial(folder, 1)


def test_sizes_that_are_no_numbers_are_refused_at_the_command_line(tiny: Path) -> None:
    said = CliRunner().invoke(app, ["study", "size", str(tiny), "--sizes", "some"])
    assert isinstance(said.exception, InputError)
    assert "no numbers of images" in str(said.exception)


def test_a_run_that_is_prepared_already_can_be_studied_without_its_source(
    finished: Path, folder: Path
) -> None:
    run = folder / "run"
    shutil.copytree(finished / "base", run)
    study(run, folder / "study", only_propose=True)
    assert (folder / "study/base/prepare/train.zip").read_bytes() == (run / "prepare/train.zip").read_bytes()
    assert json.loads((folder / "study/study.json").read_text())["kind"] == "size"
    assert RunFolder(folder / "study/base").record("prepare") is not None

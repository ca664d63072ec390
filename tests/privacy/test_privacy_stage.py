"""The stage in a run folder, the command on three folders, and the report's section."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made_runs import finish, generated, prepared, write_archive
from PIL import Image

from gist.config import Config
from gist.phantoms.radiograph import phantom_batch
from gist.privacy.audit import verdict_of
from gist.privacy.page import privacy_page
from gist.privacy.stage import measure_privacy
from gist.progress import Silent
from gist.runs.findings import read_findings
from gist.runs.folder import RunFolder
from gist.stages.privacy import PrivacyConfig, PrivacyFilter, PrivacyResult

QUICK = Config(threads=1, privacy=PrivacyConfig(steps=10, repeats=20, shown=4))
PHANTOMS = phantom_batch(range(90), 32)


class Listener(Silent):
    """Keeps the units in which a stage told its progress."""

    def __init__(self) -> None:
        self.units: list[str] = []

    def advance(self, done: float, total: float, unit: str, detail: str = "") -> None:
        assert 0 < done <= total
        assert bool(detail) == (unit == "steps")
        self.units.append(unit)


def made_run(
    folder: Path, *, copies: int = 0, hold_out: int = 30, flagged: tuple[int, ...] = ()
) -> RunFolder:
    """A run of 30 training and 30 synthetic phantoms, of which the last are copies of the first training images."""
    run = RunFolder(folder / "run")
    training, test, synthetic = PHANTOMS[:30], PHANTOMS[30 : 30 + hold_out], PHANTOMS[60:].copy()
    synthetic[len(synthetic) - copies :] = training[:copies]
    for name, images in (
        ("prepare/train", training),
        ("prepare/test", test),
        ("generate/synthetic", synthetic),
    ):
        if len(images):
            (run.path / f"{name}.zip").parent.mkdir(parents=True, exist_ok=True)
            write_archive(run.path / f"{name}.zip", {"": images})
    rows = [
        f"00000/img{i:08d}.png,{split},{split}{i},,{'text' if split == 'train' and i in flagged else ''}"
        for split, count in (("train", 30), ("test", hold_out))
        for i in range(count)
    ]
    (run.path / "prepare/records.csv").write_text(
        "\n".join(["image,split,patient,remarks,text", *rows]) + "\n"
    )
    finish(run, "prepare", prepared({"": training}, {"": test} if hold_out else None))
    finish(run, "generate", generated({"": synthetic}))
    return run


def test_an_audit_writes_all_it_found_and_shows_it(folder: Path) -> None:
    run, told = made_run(folder, copies=6, flagged=(0, 1)), Listener()
    result = measure_privacy(QUICK, run, told)
    written = json.loads((run.path / "privacy/privacy.json").read_text())
    assert result.verdict == written["verdict"] == "evidence of copying"
    assert written["identical"] == 6
    assert {each["kind"] for each in written["power"]} >= {"exact", "rotated", "mixed half and half"}
    assert {"steps", "images"} == set(told.units)
    finish(run, "privacy", result)
    page = privacy_page(read_findings(QUICK, run, "report"))
    assert page.answers[0].reply == "Yes"
    assert page.caveats
    body = str(page.sections[0].body)
    assert "evidence of copying" in body
    assert body.count("<figure") == len(result.pairs) > 0
    assert not {"00000/img00000000.png", "00000/img00000001.png"} & {pair.real for pair in result.pairs}


def test_an_audit_of_filtered_pictures_says_so_in_verdict_and_answer(folder: Path) -> None:
    run = made_run(folder)
    result = measure_privacy(QUICK, run, Silent())
    told = result.model_copy(
        update={"filtered": PrivacyFilter(level=0.01, dropped=7), "verdict": "none found", "p_value": 0.5}
    )
    power = [each.model_copy(update={"power": 1.0, "high": 1.0}) for each in told.power]
    told = told.model_copy(update={"power": tuple(power)})
    verdict, meaning = verdict_of(told)
    assert verdict == "none found"
    assert "dropped 7 pictures before" in meaning
    assert "a filter is not a proof" in meaning
    finish(run, "privacy", told)
    (answer,) = privacy_page(read_findings(QUICK, run, "report")).answers
    assert "after a filter with the same eye" in answer.rest


def test_subgroups_are_shown_and_grey_where_too_few_are_there(folder: Path) -> None:
    run = made_run(folder)
    records = run.path / "prepare/records.csv"
    header, *rows = records.read_text().splitlines()
    told = [f"{row},{'F' if number % 30 < 22 else 'M'}" for number, row in enumerate(rows)]
    records.write_text("\n".join([f"{header},group:sex", *told]) + "\n")
    result = measure_privacy(QUICK, run, Silent())
    women, men = result.subgroups
    assert (women.column, women.category, women.training, women.hold_out) == ("sex", "F", 22, 22)
    assert (men.training, men.hold_out, men.coverage, men.p_value) == (8, 8, None, None)
    assert women.coverage is not None
    finish(run, "privacy", result)
    body = str(privacy_page(read_findings(QUICK, run, "report")).sections[0].body)
    assert "sex: F" in body
    assert body.count("too few") >= 2


def test_an_audit_that_was_done_looks_at_nothing_anew_and_finds_the_same(folder: Path) -> None:
    run = made_run(folder)
    first = measure_privacy(QUICK, run, Silent())
    kept = {file: file.stat().st_mtime_ns for file in (run.path / "privacy/seen").iterdir()}
    told = Listener()
    second = measure_privacy(QUICK, run, told)
    assert second.model_copy(update={"seconds": 0}) == first.model_copy(update={"seconds": 0})
    assert "steps" not in told.units
    assert {file: file.stat().st_mtime_ns for file in (run.path / "privacy/seen").iterdir()} == kept


@pytest.mark.parametrize(("hold_out", "words"), [(0, "0 hold-out images"), (1, "only 1 hold-out image,")])
def test_without_enough_hold_out_images_nothing_can_be_told(folder: Path, hold_out: int, words: str) -> None:
    result = measure_privacy(QUICK, made_run(folder, hold_out=hold_out), Silent())
    assert result.verdict == "too few images to tell"
    assert words in result.meaning


def test_exact_copies_are_found_without_a_hold_out(folder: Path) -> None:
    result = measure_privacy(QUICK, made_run(folder, hold_out=0, copies=2), Silent())
    assert (result.verdict, result.identical) == ("evidence of copying", 2)


def gist(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a person calls it, in this folder."""
    command = [sys.executable, "-m", "gist", "privacy", *arguments, "--json", "out.json"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def write_folder(folder: Path, images: np.ndarray, first: int) -> Path:
    for number, image in enumerate(images, first):
        file = folder / "ab"[number % 2] / f"p{number:03d}_1.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(file)
    return folder


def test_three_folders_give_a_verdict_as_json_and_leave_no_image_behind(folder: Path) -> None:
    sets = [
        write_folder(folder / name, PHANTOMS[30 * i : 30 * i + 30], 30 * i) for i, name in enumerate("ABC")
    ]
    Image.fromarray(PHANTOMS[3]).save(sets[2] / "a" / "copy.png")
    before = {path for path in folder.rglob("*") if path.is_dir()}
    options = ["--train", "A", "--hold-out", "B", "--synthetic", "C", "--steps", "5", "--repeats", "20"]
    done = gist(folder, *options, "--set", "prepare.burned_in_text=ignore")
    assert done.returncode == 0, done.stderr
    out = json.loads((folder / "out.json").read_text())
    assert (out["verdict"], out["identical"]) == ("evidence of copying", 1)
    assert (out["training_images"], out["hold_out_images"], out["synthetic_images"]) == (30, 30, 31)
    assert PrivacyResult.model_validate(out).power
    assert "evidence of copying" in done.stdout
    assert {path for path in folder.rglob("*") if path.is_dir()} == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--train", "A"], "three sets"),
        (["--train", "nowhere", "--hold-out", "A", "--synthetic", "A"], "There is no nowhere"),
        (["--train", "A", "--hold-out", "A", "--synthetic", "empty"], "empty"),
    ],
)
def test_what_cannot_be_audited_is_said_in_a_sentence(folder: Path, options: list[str], words: str) -> None:
    write_folder(folder / "A", PHANTOMS[:4], 0)
    (folder / "empty").mkdir()
    done = gist(folder, *options)
    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "out.json").exists()

"""A study is scored against its sealed key; what was changed or does not belong is refused in a sentence."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

import gist
from gist.cli.app import app
from gist.errors import InputError
from gist.reader.study import create_study, read_study
from gist.runs.folder import RunFolder

Row = dict[str, object]


def read_by(study: Path, reader: str, wrong: int, *, most: int | None = None) -> Path:
    """A file of answers in the reader's order, the first `wrong` of them wrong, ending after `most`."""
    with (study / "key.csv").open(newline="", encoding="utf-8") as file:
        truths = {row["image"]: (row["truth"], row["class"]) for row in csv.DictReader(file)}
    other = {"real": "synthetic", "synthetic": "real", "left": "right", "right": "left"}
    rows: list[Row] = []
    for number, (image, repeat) in enumerate(read_study(study).order(reader)[:most]):
        truth, name = truths[image]
        cue = "blur" if truth == "synthetic" and number % 2 else ""
        answer = other[truth] if number < wrong else truth
        rows.append(
            {"reader": reader, "image": image, "answer": answer, "confidence": 1 + number % 5, "class_answer": name,
             "cues": cue, "comment": "", "seconds": 2 + number % 7, "repeat": repeat}
        )  # fmt: skip
    file = study / "answers" / f"{reader}.csv"
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file


@pytest.fixture
def study(run: RunFolder) -> Path:
    """Ten real and ten synthetic images for three readers."""
    place = run.path / "reader" / "blind"
    create_study(
        run, place, images=10, reference_images=4, repeats=6, readers=("A", "B", "C"), asks_class=True
    )
    return place


def invoked(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_a_study_is_scored_and_written_down(study: Path) -> None:
    for reader, wrong in (("A", 9), ("B", 11), ("C", 7)):
        read_by(study, reader, wrong)
    output = invoked("reader", "score", study)
    found = json.loads((study / "score.json").read_text())
    assert [reader["counts"]["right"] for reader in found["readers"]] == [11, 9, 13]
    assert found["counts"]["right"] == 33
    assert found["equivalence"]["set_beforehand"] is True
    assert [each["images"] for each in found["kappas"]["with_self"]] == [6, 6, 6]
    assert [(each["truth"], each["right"], each["n"]) for each in found["classes"]] == [
        ("real", 30, 30),
        ("synthetic", 30, 30),
    ]
    assert found["several_readers"]["accuracy"]["readers"] == 3
    assert "33 of 60 answers" in output
    page = (study / "protocol.html").read_text()
    for said in (read_study(study).key_sha256, "Planned before", "Blur", "33 of 60", "10 points"):
        assert said in page
    assert (
        page.index("Objective")
        < page.index("Reference standard")
        < page.index("Counts")
        < page.index("Limitations")
    )


def test_the_report_tells_of_it_and_becomes_stale_when_it_is_scored_again(
    run: RunFolder, study: Path
) -> None:
    read_by(study, "A", 6)
    gist.report(run.path)
    assert "Do people tell them from real ones?" not in (run.path / "report/report.html").read_text()
    gist.reader.score_study(study)
    assert {each.stage: each.state for each in gist.status(run.path)}["report"] == "stale"
    gist.report(run.path)
    page, facts = ((run.path / "report" / name).read_text() for name in ("report.html", "report.json"))
    assert "14 of 20 answers" in page
    assert "14 of 20" in json.loads(facts)["reader_tests"]["blind"]["sentence"]


def test_pairs_have_sides_instead_of_sensitivity_to_synthetic_images(run: RunFolder) -> None:
    place = run.path / "reader" / "pairs"
    create_study(run, place, images=12, reference_images=2, repeats=2, readers=("A",), kind="pairs")
    read_by(place, "A", 4)
    found = gist.reader.score_study(place)
    assert (found.counts["right"], found.counts["readings"], found.kind) == (8, 12, "pairs")
    assert found.auc is None
    assert "Right where the real image was on the right" in (place / "protocol.html").read_text()


def test_a_reader_who_stopped_half_way_counts_as_far_as_it_goes(study: Path) -> None:
    read_by(study, "A", 5)
    read_by(study, "B", 2, most=7)
    found = gist.reader.score_study(study)
    assert [(reader.answered, reader.of) for reader in found.readers] == [(20, 20), (7, 20)]
    assert "Not read by C." in found.notes
    assert any("Reader B answered 7 of 20" in note for note in found.notes)
    assert found.several_readers is None


def test_a_damaged_picture_takes_nothing_from_the_score(study: Path) -> None:
    read_by(study, "A", 5)
    for file in (study / "images").iterdir():
        file.write_bytes(b"\x89PNG")
    assert gist.reader.score_study(study).counts["right"] == 15
    assert "Blur" in (study / "protocol.html").read_text()


def test_nobody_has_read_it_yet(study: Path) -> None:
    with pytest.raises(InputError, match=r"Nobody has read .*`gist reader serve"):
        gist.reader.score_study(study)


def test_a_changed_key_is_refused_and_nothing_is_written(study: Path) -> None:
    read_by(study, "A", 5)
    key = study / "key.csv"
    key.write_bytes(key.read_bytes().replace(b",real,", b",synthetic,", 1))
    with pytest.raises(InputError, match="key that was sealed"):
        gist.reader.score_study(study)
    assert not (study / "score.json").exists()


def test_a_changed_study_file_is_refused(study: Path) -> None:
    read_by(study, "A", 5)
    file = study / "study.json"
    file.write_text(file.read_text().replace('"margin": 0.1', '"margin": 0.4'))
    with pytest.raises(InputError, match="was changed after the study was made"):
        gist.reader.score_study(study)


def test_answers_to_another_study_are_refused(run: RunFolder, study: Path) -> None:
    other = run.path / "reader" / "other"
    create_study(run, other, images=10, reference_images=4, repeats=6, readers=("A",))
    shutil.copy(read_by(other, "A", 3), study / "answers" / "A.csv")
    with pytest.raises(InputError, match="of another study, or were changed by hand"):
        gist.reader.score_study(study)


def test_two_files_of_one_reader_are_refused(study: Path) -> None:
    file = read_by(study, "A", 3)
    shutil.copy(file, file.with_name("A (1).csv"))
    with pytest.raises(InputError, match=r"Reader A stands in two files, A \(1\).csv and A.csv"):
        gist.reader.score_study(study)


def test_a_reader_whom_the_study_does_not_know_is_refused(study: Path) -> None:
    file = read_by(study, "A", 3)
    file.write_text(file.read_text().replace("\nA,", "\nZ,"))
    with pytest.raises(InputError, match="Z is no reader of the study"):
        gist.reader.score_study(study)


def test_a_study_has_its_own_margin(study: Path) -> None:
    result = CliRunner().invoke(app, ["reader", "score", str(study), "--margin", "0.3"])
    assert isinstance(result.exception, InputError)
    assert "its own margin" in str(result.exception)

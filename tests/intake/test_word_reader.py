"""Words in the pixels are read by tesseract where it is installed; a program that fails costs no picture."""

from __future__ import annotations

import csv
import shutil
import stat
import time
from pathlib import Path

import numpy as np
import pytest
from listener import Listener
from prepare_call import PrepareCall
from test_burned_in_text import covered, knee, save, write

from gist.config import build_config
from gist.intake.burned_in_text import find_text, find_words
from gist.intake.stage import prepare
from gist.intake.word_reader import read_page, reading_seconds
from gist.runs.folder import RunFolder
from gist.stages.vocabulary import Remark

NAME = "Jill"
needs_tesseract = pytest.mark.skipif(
    shutil.which("tesseract") is None, reason="the program tesseract is not installed"
)


def named_and_plain(folder: Path) -> Path:
    """Five knees, one of them with a name too short for the search for strokes."""
    for number in range(5):
        grey = knee(number) * np.float32(0.7)
        if number == 0:
            grey, _ = write(grey, NAME, 14, 1.0, 0.03, 0.03)
            assert find_text(grey) == ()
        save(folder / "source" / f"{number}.png", grey)
    return folder / "source"


def records(run: RunFolder) -> list[dict[str, str]]:
    with (run.path / "prepare" / "records.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def page(run: RunFolder) -> str:
    return (run.path / "prepare" / "data.html").read_text(encoding="utf-8")


@needs_tesseract
def test_words_are_found_that_strokes_alone_do_not_show(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    source = named_and_plain(folder)
    result = prepare_stage(source, resolution=64)
    flagged = [row for row in records(run) if row["text"]]
    assert result.text_search == "words"
    assert len(flagged) == 1
    assert Remark.TEXT_READ.value in flagged[0]["remarks"]
    assert "tesseract looked for words" in page(run)
    strokes_only = RunFolder(folder / "strokes only")
    result = prepare_stage(source, strokes_only, resolution=64, burned_in_text_ocr="off")
    assert result.text_search == "strokes"
    assert not [row for row in records(strokes_only) if row["text"]]
    assert "does not read" in page(strokes_only)


@needs_tesseract
def test_what_was_read_is_nowhere_in_the_run_folder(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    prepare_stage(named_and_plain(folder), resolution=64)
    written = [path.read_bytes().upper() for path in run.path.rglob("*") if path.is_file()]
    assert len(written) >= 5
    assert not [data for data in written if NAME.upper().encode() in data]


@needs_tesseract
@pytest.mark.parametrize("choice", ["mask", "reject"])
def test_words_are_painted_over_or_refused(
    choice: str, folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    result = prepare_stage(named_and_plain(folder), resolution=64, burned_in_text=choice)
    if choice == "reject":
        assert result.train_images + result.test_images == 4
        return
    written, place = write(knee(0) * np.float32(0.7), NAME, 14, 1.0, 0.03, 0.03)
    assert covered(find_words(written), place) > 0.9
    masked = [row for row in records(run) if Remark.TEXT_PAINTED_OVER.value in row["remarks"]]
    assert len(masked) == 1


def test_films_without_rows_of_strokes_are_not_given_to_the_program(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = folder / "calls"
    program(folder, monkeypatch, f"echo called >> '{calls}'")
    for number in range(12):
        find_words(knee(number))
    assert not calls.exists()
    find_words(write(knee(0) * np.float32(0.7), "SMITH, JOHN A", 14, 1.0, 0.03, 0.03)[0])
    assert calls.read_text() == "called\n"  # one page, whatever the picture holds


@needs_tesseract
def test_what_reading_costs_is_told_before_it_begins(folder: Path, run: RunFolder) -> None:
    listener = Listener()
    tree = {"source": str(named_and_plain(folder)), "resolution": 64}
    prepare(build_config({"prepare": tree, "device": "cpu"}), run, listener)
    assert "Words in the pixels are read by tesseract" in listener.notes[0]
    assert "--burned-in-text-ocr off" in listener.notes[0]


@needs_tesseract
def test_several_lines_of_different_height_are_each_found_where_they_stand() -> None:
    written, first = write(knee(0, 600) * np.float32(0.6), "Jill", 14, 1.0, 0.03, 0.03)
    written, second = write(written, "Radiology", 40, 1.0, 0.9, 0.9)
    written, third = write(written, "Hospital", 20, 0.0, 0.5, 0.5)
    boxes = find_words(written)
    for place in (first, second, third):
        assert covered(boxes, place) > 0.9, place


@needs_tesseract
def test_knees_without_text_are_not_read_as_words() -> None:
    assert [number for number in range(12) if find_words(knee(number))] == []


def program(folder: Path, monkeypatch: pytest.MonkeyPatch, lines: str) -> None:
    """Another program of that name, alone on the path."""
    path = folder / "bin" / "tesseract"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")


def test_a_program_that_hangs_is_stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(folder, monkeypatch, "exec sleep 60")
    start = time.monotonic()
    assert read_page(np.zeros((8, 8), np.uint8), seconds=0.2) == []
    assert time.monotonic() - start < 30


@pytest.mark.parametrize("lines", ["exit 1", "echo a; echo b\tc", "seq -s '\t' 12; seq -s x 12 | tr x '\t'"])
def test_a_program_that_reads_nothing_is_not_relied_on(
    lines: str,
    folder: Path,
    prepare_stage: PrepareCall,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program(folder, monkeypatch, lines)
    assert reading_seconds() is None
    for number in range(4):
        save(folder / "source" / f"{number}.png", knee(number))
    result = prepare_stage(folder / "source", resolution=64)
    assert result.text_search == "strokes"
    assert result.train_images + result.test_images == 4


def test_a_search_that_was_not_made_is_not_reported(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    for number in range(4):
        save(folder / "source" / f"{number}.png", knee(number))
    assert prepare_stage(folder / "source", resolution=64, burned_in_text="ignore").text_search == "none"
    assert "Text was not looked for" in page(run)

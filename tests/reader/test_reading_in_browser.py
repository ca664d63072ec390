"""A reader's way through the whole test in a real browser, with all that can go wrong on the way."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from browser_page import browser_page
from reader_browser import Reading, kill_browser
from reader_process import free_port, served

from gist.reader import score_study
from gist.reader.serve import write_files
from gist.reader.study import Study, create_study
from gist.runs.folder import RunFolder


@pytest.fixture
def study(run: RunFolder, folder: Path) -> tuple[Path, Study]:
    """16 images of which 4 are read twice."""
    place = folder / "study"
    return place, create_study(run, place, images=8, repeats=4, reference_images=4, asks_class=True)


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def assert_all_is_there(file: Path, study: Study, said: list[list[str]]) -> None:
    found = rows(file)
    columns = ("answer", "confidence", "class_answer", "cues", "comment")
    assert [[row[column] for column in columns] for row in found] == said
    assert [(row["image"], int(row["repeat"])) for row in found] == study.order("reader-1")
    assert all(row["reader"] == "reader-1" and 0 < float(row["seconds"]) < 600 for row in found)


def test_a_session_at_the_server_survives_a_reload_a_server_kill_and_a_browser_kill(
    study: tuple[Path, Study], folder: Path
) -> None:
    place, facts = study
    answers, profile = place / "answers/reader-1.csv", folder / "profile"
    said: list[list[str]] = []
    with served(place, free_port()) as server:
        with browser_page(profile, server_killed=True) as page:
            reading = Reading(page, said)
            page.goto(server.link)
            reading.begin(0)
            for _ in range(5):
                reading.answer()
                assert len(rows(answers)) == len(said)  # before the next image shows
            page.reload()
            reading.begin(5)
            for _ in range(4):
                reading.answer()
            server.kill()
            reading.press()
            page.wait_for_selector("#message:not([hidden])")
            assert "not kept yet" in page.inner_text("#message")
            assert page.get_attribute("body", "data-shown") == "9"
            server.start()
            page.keyboard.press("Enter")  # the same answer once more
            page.wait_for_selector("body[data-shown='10']")
            for _ in range(3):
                reading.answer()
            kill_browser(page, profile)
        with browser_page(profile) as page:
            reading = Reading(page, said)
            page.goto(server.link)
            reading.begin(13)
            page.keyboard.press("p")
            assert page.is_visible("#start")
            page.keyboard.press("Enter")
            assert page.is_visible("#reading")
            while len(said) < 20:
                reading.answer()
            assert page.is_visible("#done")
            assert page.inner_text("#place") == "20 of 20 read"
    assert_all_is_there(answers, facts, said)
    truth = {row["image"]: row["truth"] for row in rows(place / "key.csv")}
    first = [row for row in rows(answers) if row["repeat"] == "0"]
    right = sum(row["answer"] == truth[row["image"]] for row in first)
    assert score_study(place).accuracy == pytest.approx(right / 16)


def test_the_same_in_one_file_without_a_server(study: tuple[Path, Study], folder: Path) -> None:
    place, facts = study
    (file,) = write_files(place, "reader-1")
    profile = folder / "profile"
    said: list[list[str]] = []
    with browser_page(profile) as page:
        reading = Reading(page, said)
        page.goto(file.as_uri())
        reading.begin(0)
        for _ in range(5):
            reading.answer()
        page.reload()
        reading.begin(5)
        for _ in range(6):
            reading.answer()
        kill_browser(page, profile)
    with browser_page(profile) as page:
        reading = Reading(page, said)
        page.goto(file.as_uri())
        reading.begin(11)
        while len(said) < 20:
            reading.answer()
        with page.expect_download() as saved:
            page.click("#finish")
        saved.value.save_as(folder / saved.value.suggested_filename)
    assert_all_is_there(folder / "reader-1.csv", facts, said)

    with browser_page(folder / "another machine") as page:  # which goes on from a saved file
        whole = (folder / "reader-1.csv").read_text().splitlines(keepends=True)
        (folder / "half.csv").write_text("".join(whole[:8]))
        page.goto(file.as_uri())
        page.wait_for_selector("body[data-ready]")
        page.set_input_files("#open", folder / "half.csv")
        page.get_by_text("Image 8 of 20").wait_for()
        (folder / "other.csv").write_text("".join([whole[0], *whole[3:8]]))
        page.set_input_files("#open", folder / "other.csv")
        page.get_by_text("holds no answers of this reader").wait_for()
        Reading(page, said).begin(7)

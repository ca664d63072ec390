"""From a folder of images to a report in a real browser, without touching a terminal."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from browser_page import browser_page, playwright
from web_process import serving

import gist
from gist.phantoms import write_phantom_data_set

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="the package axe is not installed")


def is_accessible(page: playwright.Page) -> None:
    found = axe.Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
        "the page is wider than the window"
    )


def step(page: playwright.Page, name: str) -> None:
    """The next step has come; it is fit for all who use it."""
    page.wait_for_url(f"**/{name}")
    is_accessible(page)


def test_a_folder_of_images_becomes_a_report_by_clicks_alone(folder: Path) -> None:
    write_phantom_data_set(folder / "knees", count=24, size_range=(40, 60))
    with (
        serving(folder / "projects") as server,
        browser_page(folder / "profile", width=390) as page,
    ):
        page.set_default_timeout(120_000)
        page.goto(server.link)
        page.wait_for_selector("#title")
        assert "#" not in page.url, "the token has left the address"
        is_accessible(page)
        page.fill("#title", "Knees, first try")
        page.click("text=Begin")
        step(page, "images")
        page.set_input_files("#folder", folder / "knees")
        page.wait_for_selector("#brought:has-text('25 files here')")
        page.select_option("#labels", "labels.csv")
        page.click("#go")
        step(page, "data")
        page.click("a.main:has-text('What will be done')")
        step(page, "plan")
        page.select_option("[name='train.architecture']", "dcgan")
        page.fill("[name='train.kimg']", "0.05")
        page.fill("[name='generate.count']", "8")
        page.click("button:has-text('Start')")
        step(page, "training")
        page.wait_for_selector("img.grid")
        page.click("a.main:has-text('Results')")
        step(page, "results")
        with page.expect_download() as download:
            page.click("#synthetic")
        with zipfile.ZipFile(download.value.path()) as archive:
            assert sum(name.endswith(".png") for name in archive.namelist()) == 8
        with page.expect_popup() as report:
            page.click("#report")
        report.value.wait_for_selector("h1:has-text('Knees-first-try')")
    run = folder / "projects" / "Knees-first-try"
    assert {entry.state for entry in gist.status(run)} == {"done"}, "the command line sees the same run"
    assert [standing.folder for standing in gist.list_runs(folder / "projects")] == [run]
    said = b"".join(file.read_bytes() for file in run.rglob("*") if file.is_file())
    assert str(folder).encode() not in said, "the run folder holds no path of the disk"
    assert not list(run.rglob("*.bin")), "what was brought lies outside the run folder"


def test_a_page_goes_on_bringing_files_when_the_server_returns(folder: Path) -> None:
    source = folder / "radiographs"
    source.mkdir()
    for name in ("a", "b"):
        (source / f"{name}.raw").write_bytes(name.encode() * (9 << 20))
    with (
        serving(folder / "projects") as server,
        browser_page(folder / "profile", server_killed=True) as page,
    ):
        page.set_default_timeout(120_000)
        page.goto(server.link)
        page.fill("#title", "p")
        page.click("text=Begin")
        page.wait_for_url("**/images")
        page.route("**/uploads/*/4194304", lambda route: (server.kill(), route.abort()), times=1)
        page.set_input_files("#folder", source)
        page.wait_for_selector("#trouble:has-text('does not answer')")
        server.start()
        page.wait_for_selector("#brought:has-text('2 files here')")
        pieces = sorted((folder / "projects" / "uploads" / "p").glob("*.bin"))
        assert {piece.read_bytes() for piece in pieces} == {b"a" * (9 << 20), b"b" * (9 << 20)}

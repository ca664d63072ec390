"""Runs side by side: best only where intervals say so, unlike terms apart, stale marked, no private path."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, chromium
from typer.testing import CliRunner

import gist
from gist.cli.app import app
from gist.errors import InputError
from gist.reporting.comparison import ComparedRow, RunComparison
from gist.runs.folder import RunFolder
from gist.stages.utility import Interval, UtilityClassifier, UtilityResult
from gist.utility.counts import arm_result


@pytest.fixture
def copy(evaluated_once: Path, folder: Path) -> Callable[..., Path]:
    """Makes evaluated runs of a name, on the same data, whose scores and settings may be changed."""

    def made(name: str, score: Callable[[dict[str, Any]], None] | None = None, **settings: str) -> Path:
        run = Path(shutil.copytree(evaluated_once, folder / f"Meier Anna 1961 {name}"))
        config = run / "config.yaml"
        text = config.read_text("utf-8").replace("name: knee", f"name: {name}")
        for old, new in settings.items():
            assert f"{old}:" in text
            text = text.replace(f"{old}: ", f"{old}: {new} #", 1)
        config.write_text(text, "utf-8")
        record = json.loads((run / "evaluate/stage.json").read_text())
        for each in record["result"]["scores"]:
            if score is not None:
                score(each)
        (run / "evaluate/stage.json").write_text(json.dumps(record))
        return run

    return made


def _kid(low: float, high: float) -> Callable[[dict[str, Any]], None]:
    def change(score: dict[str, Any]) -> None:
        if score["name"].startswith("KID"):
            score |= {"value": (low + high) / 2, "low": low, "high": high}

    return change


def _terms(old: str, new: str) -> Callable[[dict[str, Any]], None]:
    def change(score: dict[str, Any]) -> None:
        assert old in score["fingerprint"] or not score["name"].startswith("KID")
        score["fingerprint"] = score["fingerprint"].replace(old, new)

    return change


def _of(comparison: RunComparison, name: str) -> list[ComparedRow]:
    return [row for row in comparison.scores if row.name.startswith(name)]


def _best(row: ComparedRow) -> list[str]:
    return [run for run, value in row.values.items() if value.best]


@pytest.mark.parametrize(
    ("intervals", "best"),
    [
        ([(1.0, 2.0), (2.5, 3.0)], ["first"]),
        ([(4.0, 5.0), (2.5, 3.0)], ["second"]),
        ([(1.0, 2.6), (2.5, 3.0)], []),
        ([(1.0, 2.0), (1.0, 2.0)], []),
    ],
)
def test_two_runs_on_the_same_data_have_a_best_only_where_intervals_do_not_overlap(
    copy: Callable[..., Path], folder: Path, intervals: list[tuple[float, float]], best: list[str]
) -> None:
    runs = [copy(name, _kid(*ends)) for name, ends in zip(("first", "second"), intervals, strict=True)]
    found = gist.compare(runs, folder / "page.html")
    (kid,) = _of(found, "KID")
    assert list(kid.values) == ["first", "second"]
    assert kid.apart == ""
    assert _best(kid) == best
    assert found.settings == {}
    page = (folder / "page.html").read_text("utf-8")
    assert page.count('<span class="best">best</span>') == 1 + len(best)  # one stands in the explanation
    assert page.count("data:image/png") == 2
    assert "Meier" not in page
    assert str(folder) not in page
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_terms("reference=", "reference=f"), "other held-out images"),
        (_terms(" n=", " n=1"), "another number of images"),
        (_terms("radiomics", "other-radiomics"), "another extractor"),
    ],
)
def test_scores_on_unlike_terms_stand_apart_and_win_nothing(
    copy: Callable[..., Path], folder: Path, change: Callable[[dict[str, Any]], None], why: str
) -> None:
    def worse(score: dict[str, Any]) -> None:
        _kid(7.0, 8.0)(score)
        change(score)

    runs = [copy("first", _kid(1.0, 2.0)), copy("second", _kid(1.0, 2.0)), copy("third", worse)]
    together, apart = _of(gist.compare(runs, folder / "page.html"), "KID")
    assert list(together.values) == ["first", "second"]
    assert list(apart.values) == ["third"]
    assert why in apart.apart
    assert _best(together) == _best(apart) == []
    assert f"Not comparable with the first row of this name: {apart.apart}." in (
        folder / "page.html"
    ).read_text("utf-8")


def test_differing_settings_are_listed_and_stale_results_are_marked_and_win_nothing(
    copy: Callable[..., Path], folder: Path
) -> None:
    runs = [copy("first", _kid(1.0, 2.0), neighbours="4"), copy("second", _kid(7.0, 8.0))]
    found = gist.compare(runs, folder / "page.html")
    assert found.settings == {"evaluate.neighbours": {"first": 4, "second": 3}}
    assert found.runs[0].stale == ("evaluate",)
    (kid,) = _of(found, "KID")
    assert kid.values["first"].stale
    assert _best(kid) == []
    assert (
        "In first, what is said of evaluate describes an earlier state" in (folder / "page.html").read_text()
    )


def test_what_readers_saw_stands_beside(copy: Callable[..., Path], folder: Path) -> None:
    runs = [copy("first"), copy("second")]
    for run, kind in zip(runs, ("none", "blur"), strict=True):
        gist.inspect(run, worst=0, random=20)
        listed = json.loads((run / "inspect/page.json").read_text())
        answers = {
            item["picture"]: {"kinds": [kind], "comment": "", "hinted": False} for item in listed["items"]
        }
        saved = {"format": "gist-inspection/3", "page": "x", "saved": "x", "kinds": listed["kinds"]}
        (folder / "answers.json").write_text(json.dumps(saved | {"answers": answers}))
        gist.count_answers(run, folder / "answers.json")
    rows = {row.name: row for row in gist.compare(runs, folder / "page.html").inspection}
    assert [value.value for value in rows["any artifact"].values.values()] == [0.0, 1.0]
    assert _best(rows["any artifact"]) == _best(rows["Blur"]) == ["first"]
    assert _best(rows["Joint formation"]) == []


def test_the_terminal_shows_a_line_per_run_and_json_for_programs(
    copy: Callable[..., Path], folder: Path
) -> None:
    runs = [str(copy("first", _kid(1.0, 2.0))), str(copy("second", _kid(4.0, 5.0)))]
    page = ["--out", str(folder / "page.html")]
    for _ in range(2):  # its own page is replaced
        told = CliRunner().invoke(app, ["compare", *runs, *page], env={"COLUMNS": "200"})
        assert told.exit_code == 0, told.output
    lines = [line for line in told.output.splitlines() if line.startswith(("first ", "second "))]
    assert len(lines) == 2
    assert "1.50 *" in lines[0]
    done = CliRunner().invoke(app, ["compare", *runs, *page, "--json"])
    assert [run["name"] for run in json.loads(done.stdout)["runs"]] == ["first", "second"]


def test_what_cannot_be_compared_is_one_sentence_and_leaves_every_file_alone(
    copy: Callable[..., Path], folder: Path
) -> None:
    run = copy("first")
    other = copy("second")
    page = folder / "page.html"
    with pytest.raises(InputError, match="at least two runs"):
        gist.compare([run], page)
    with pytest.raises(InputError, match="given twice"):
        gist.compare([run, run.parent / "." / run.name], page)
    (folder / "nothing").mkdir()
    with pytest.raises(InputError, match="There is no gist run in"):
        gist.compare([run, folder / "nothing"], page)
    assert not page.exists()
    gist.report(run)
    for taken in (run / "report/report.html", run / "config.yaml", folder):
        before = taken.read_bytes() if taken.is_file() else None
        with pytest.raises(InputError, match="is there already and is no comparison"):
            gist.compare([run, other], taken)
        assert before is None or taken.read_bytes() == before


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_the_page_does_not_scroll_sideways_and_tables_keep_their_columns(
    copy: Callable[..., Path], folder: Path, width: int, height: int
) -> None:
    executable = chromium()
    if executable is None:
        pytest.skip("no Chromium on this machine")
    names = ["first", "second-with-a-name-that-is-rather-long", "third", "fourth"]
    runs = [copy(name, _kid(number, number + 0.5)) for number, name in enumerate(names)]
    gist.compare(runs, folder / "page.html")
    with Browser(folder / "browser", executable) as browser:
        browser.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        browser.open(folder / "page.html")
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
        columns = browser.evaluate("[...document.querySelectorAll('thead tr')].map(row => row.cells.length)")
        assert set(columns) == {5}
        assert browser.evaluate(
            "[...document.querySelectorAll('.scroll')].every(box => box.clientWidth > 300)"
        )
        assert browser.errors == []


def test_what_classifiers_learned_stands_beside_where_they_were_tested_on_the_same_images(
    copy: Callable[..., Path], folder: Path
) -> None:
    runs = {name: copy(name) for name in ("first", "second", "third")}
    for name, run in runs.items():
        record = RunFolder(run).record("evaluate")
        assert record is not None
        arms = []
        for arm in ("Base", "GAN-train", "GAN-test"):
            reached = 0.6 if (arm, name) == ("GAN-train", "first") else 0.9
            made = arm_result(
                classifier="small",
                arm=arm,
                learned_from={"mild": 10, "severe": 10},
                tested_on="held-out real",
                class_names=("mild", "severe"),
                confusions=[((9, 1), (2, 8))],
                balanced=(reached - 0.1, reached + 0.1),
            )
            value = Interval(value=reached, low=reached - 0.1, high=reached + 0.1)
            arms.append(made.model_copy(update={"balanced_accuracy": value}))
        small = UtilityClassifier(name="small", weights="from scratch", steps=250, pixels=32)
        result = UtilityResult(
            class_names=("mild", "severe"), seeds=1, classifiers=(small,), arms=tuple(arms)
        )
        told = result.model_dump(mode="json")
        changes = {"stage": "utility", "settings": {"seed": 0}, "outputs": {}, "result": told}
        RunFolder(run).stage_folder("utility")
        RunFolder(run).write_record(record.model_copy(update=changes))
    third = json.loads((runs["third"] / "prepare/stage.json").read_text())
    third["outputs"]["prepare/test.zip"] = "0" * 64
    (runs["third"] / "prepare/stage.json").write_text(json.dumps(third))
    rows = gist.compare(list(runs.values()), folder / "page.html").utility
    taught = [row for row in rows if row.name == "GAN-train"]
    assert [list(row.values) for row in taught] == [["first", "second"], ["third"]]
    assert taught[1].apart == "other held-out images"
    assert _best(taught[0]) == ["second"]
    assert {run for row in rows if row.name == "GAN-test" for run in _best(row)} == set()

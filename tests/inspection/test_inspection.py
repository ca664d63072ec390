"""The inspection page holds what it should; answers become rates, or one sentence on what is wrong with them."""

from __future__ import annotations

import base64
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from made_runs import write_text_flags
from PIL import Image
from typer.testing import CliRunner

import gist
from gist.cli.app import app
from gist.errors import InputError
from gist.files import sha256_of
from gist.images.archive import ArchiveWriter, read_data_set
from gist.inspection import read_inspection
from gist.metrics.artifacts.table import read_table, worst_and_random
from gist.phantoms import write_phantom_data_set
from gist.runs.folder import RunFolder

KINDS = ["joint", "blur", "curvature", "object", "text", "osteophyte"]


class Page(HTMLParser):
    """Articles of the page with their images and check boxes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.articles: list[tuple[str, list[str], list[str]]] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "article":
            self.articles.append((found["data-image"], [], []))
            self.inside = True
        if self.inside and tag == "img":
            self.articles[-1][1].append(found["src"])
        if self.inside and tag == "input" and found.get("type") == "checkbox":
            self.articles[-1][2].append(found["value"])

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "article"


def _list(run_folder: Path) -> dict[str, Any]:
    listed: dict[str, Any] = json.loads((run_folder / "inspect/page.json").read_text())
    return listed


def _save(run_folder: Path, answers: dict[str, list[str]], **changes: Any) -> Path:
    """A file of answers as the page saves it, by image name; `hinted` names those given after hints."""
    listed = _list(run_folder)
    pictures = {item["image"]: item["picture"] for item in listed["items"]}
    hinted, comments = changes.pop("hinted", ()), changes.pop("comments", {})
    given = {
        pictures.get(image, image): {
            "kinds": kinds,
            "comment": comments.get(image, ""),
            "hinted": image in hinted,
        }
        for image, kinds in answers.items()
    }
    saved = {"format": "gist-inspection/3", "page": listed["page"], "saved": "2026-03-01T12:00:00Z"}
    file = run_folder.parent / "answers.json"
    file.write_text(json.dumps(saved | {"kinds": listed["kinds"], "answers": given} | changes))
    return file


def _save_as_before(run_folder: Path, answers: dict[str, list[str]], hinted: list[str]) -> Path:
    """A page and a file of answers of before answers knew their pictures by content."""
    listed = _list(run_folder)
    for item in listed["items"]:
        del item["picture"]
    old = {name: listed[name] for name in ("table_sha256", "items")} | {"page": "0123456789abcdef"}
    (run_folder / "inspect/page.json").write_text(json.dumps(old))
    saved = {"format": "gist-inspection/2", "page": old["page"], "saved": "2026-03-01T12:00:00Z"}
    file = run_folder.parent / "old-answers.json"
    file.write_text(json.dumps(saved | {"answers": answers, "hinted": hinted}))
    return file


def test_the_page_shows_each_image_once_with_heat_map_and_nearest_real_image(run_folder: Path) -> None:
    file = gist.inspect(run_folder, worst=8, random=10)
    text = file.read_text(encoding="utf-8")
    articles = Page(text).articles
    judged = read_table(run_folder / "evaluate/artifacts.csv")
    worst, random = worst_and_random(judged, 8, 10, seed=0)
    assert {name for name, _, _ in articles} == {judged[row].image for row in {*worst, *random}}
    assert len({name for name, _, _ in articles}) == len(articles)
    for _, uris, boxes in articles:
        assert boxes == [*KINDS, "other", "none"]
        marks = []
        for uri in uris:
            with Image.open(
                io.BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,")))
            ) as image:
                image.load()
                assert image.size == (32, 32)
                marks.append(image.info["Synthetic"])
        assert marks == ["YES", "YES", "NO"]
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)
    assert "http" not in text.replace("http-equiv", "")
    items = _list(run_folder)["items"]
    assert sum(item["worst"] for item in items) == 8
    assert sum(item["random"] for item in items) == 10


def test_the_order_does_not_give_the_worst_away_and_the_page_can_be_rebuilt(run_folder: Path) -> None:
    first = gist.inspect(run_folder, worst=8, random=10).read_bytes()
    flags = [item["worst"] for item in _list(run_folder)["items"]]
    assert flags != sorted(flags)
    assert flags != sorted(flags, reverse=True)
    assert gist.inspect(run_folder, worst=8, random=10).read_bytes() == first


def test_answers_on_the_random_sample_become_rates_with_wilson_intervals(run_folder: Path) -> None:
    gist.inspect(run_folder, worst=5, random=12)
    items = _list(run_folder)["items"]
    random = [item["image"] for item in items if item["random"]]
    only_worst = [item["image"] for item in items if not item["random"]]
    answers: dict[str, list[str]] = {image: ["none"] for image in random[:10]}
    answers |= {random[0]: ["blur"], random[1]: ["blur", "joint"], random[2]: ["text"]}
    answers |= {image: ["curvature"] for image in only_worst}
    result = gist.count_answers(run_folder, _save(run_folder, answers))
    assert result.overall is not None
    assert (result.overall.count, result.overall.n, result.random_asked) == (3, 10, 12)
    # Wilson 1927 for 3 of 10.
    assert (result.overall.low, result.overall.high) == pytest.approx((0.1078, 0.6032), abs=1e-4)
    assert {kind: rate.count for kind, rate in result.kinds.items()} == {
        "joint": 1,
        "blur": 2,
        "curvature": 0,
        "object": 0,
        "text": 1,
        "osteophyte": 0,
        "other": 0,
    }
    assert sum(rate.n for rate in result.classes.values()) == 10
    assert sum(rate.count for rate in result.classes.values()) == 3
    worst = {item["image"] for item in items if item["worst"]}
    assert result.worst_answered == len(worst & answers.keys())
    assert result.worst_with_artifact == sum(answers[image] != ["none"] for image in worst & answers.keys())
    assert json.loads((run_folder / "inspect/result.json").read_text()) == result.model_dump(mode="json")


def test_answers_on_the_worst_alone_give_no_rate(run_folder: Path) -> None:
    gist.inspect(run_folder, worst=5, random=0)
    image = _list(run_folder)["items"][0]["image"]
    result = gist.count_answers(run_folder, _save(run_folder, {image: ["object"]}))
    assert result.overall is None
    assert result.kinds == {}
    assert (result.worst_answered, result.worst_with_artifact) == (1, 1)


@pytest.mark.parametrize(
    ("answers", "changes", "words"),
    [
        ({"00009/img00009000.png": ["blur"]}, {}, "none of the pictures"),
        ({"first": ["none", "blur"]}, {}, "cannot give"),
        ({"first": ["ugly"]}, {}, "cannot give"),
        ({}, {}, "holds no answer yet"),
        ({"first": ["blur"]}, {"more": 1}, "is not a file of answers"),
        ({"first": ["blur"]}, {"format": "gist-inspection/1"}, "is not a file of answers"),
        ({"first": []}, {}, "is not a file of answers"),
        ({"first": ["other"]}, {"comments": {"first": "x" * 301}}, "is not a file of answers"),
    ],
)
def test_answers_that_do_not_fit_are_refused_in_one_sentence(
    run_folder: Path, answers: dict[str, list[str]], changes: dict[str, Any], words: str
) -> None:
    gist.inspect(run_folder, worst=3, random=3)
    first = _list(run_folder)["items"][0]["image"]
    changes = {**changes, "comments": dict.fromkeys([first], "".join(changes.get("comments", {}).values()))}
    named = {first if image == "first" else image: kinds for image, kinds in answers.items()}
    with pytest.raises(InputError, match=words):
        gist.count_answers(run_folder, _save(run_folder, named, **changes))
    assert not (run_folder / "inspect/result.json").exists()


def test_a_missing_page_or_file_or_evaluation_is_named(run_folder: Path, folder: Path) -> None:
    with pytest.raises(InputError, match="There is no inspection page"):
        gist.count_answers(run_folder, folder / "none.json")
    gist.inspect(run_folder, worst=1, random=1)
    with pytest.raises(InputError, match="where the browser saved"):
        gist.count_answers(run_folder, folder / "none.json")
    (folder / "binary.json").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="is not a file of answers"):
        gist.count_answers(run_folder, folder / "binary.json")
    with pytest.raises(InputError, match="Zero images"):
        gist.inspect(run_folder, worst=0, random=0)
    (run_folder / "evaluate/stage.json").unlink()
    with pytest.raises(InputError, match="holds no judged images"):
        gist.inspect(run_folder)


def test_images_drawn_after_the_evaluation_are_not_shown_with_its_findings(run_folder: Path) -> None:
    record = run_folder / "generate/stage.json"
    changed = json.loads(record.read_text())
    changed["outputs"]["generate/synthetic.zip"] = "0" * 64
    record.write_text(json.dumps(changed))
    with pytest.raises(InputError, match="changed after they were evaluated"):
        gist.inspect(run_folder)


def test_the_report_shows_the_artifacts_and_then_what_readers_saw(run_folder: Path) -> None:
    gist.report(run_folder)
    page = (run_folder / "report/report.html").read_text(encoding="utf-8")
    assert 'id="artifact-verdict"' in page
    assert "No reader has inspected these images yet" in page
    assert "What readers saw" not in page
    gist.inspect(run_folder, worst=2, random=12)
    random = [item["image"] for item in _list(run_folder)["items"] if item["random"]]
    answers = {image: ["none"] for image in random} | {random[0]: ["joint"], random[1]: ["joint"]}
    gist.count_answers(run_folder, _save(run_folder, answers))
    assert [entry.state for entry in gist.status(run_folder) if entry.stage == "report"] == ["stale"]
    gist.report(run_folder)
    page = (run_folder / "report/report.html").read_text(encoding="utf-8")
    assert "What readers saw" in page
    seen = re.findall(r'<data class="artifact-seen" value="(\d+)">', page)
    assert seen[:6] == ["2", "2", "0", "0", "0", "0"]


def test_training_images_that_show_text_are_neither_shown_nor_named_as_nearest(run_folder: Path) -> None:
    table = run_folder / "evaluate/artifacts.csv"
    flagged = sorted({image.nearest for image in read_table(table)})[:3]
    write_text_flags(RunFolder(run_folder), *((name, "train", "", "1 2 3 4") for name in flagged))
    hidden = sum(image.nearest in flagged for image in read_table(table))
    page = gist.inspect(run_folder, worst=30, random=0).read_text(encoding="utf-8")
    assert page.count("Not shown, as it seems to show text") == hidden > 0
    assert "3 of 104 real images seem to show text" in page
    (run_folder / "evaluate/stage.json").unlink()
    gist.evaluate(run_folder)
    assert not {image.nearest for image in read_table(table)} & {*flagged}
    page = gist.inspect(run_folder, worst=30, random=0).read_text(encoding="utf-8")
    assert "Not shown, as it seems to show text" not in page


def test_answers_after_hints_are_counted_apart(run_folder: Path) -> None:
    gist.inspect(run_folder, worst=2, random=12)
    items = _list(run_folder)["items"]
    random = [item["image"] for item in items if item["random"]]
    worst = [item["image"] for item in items if item["worst"] and not item["random"]]
    answers = {image: ["none"] for image in random} | {image: ["blur"] for image in [*random[:4], *worst]}
    hinted = [*random[3:6], *worst]
    result = gist.count_answers(run_folder, _save(run_folder, answers, hinted=hinted))
    assert result.overall is not None
    assert (result.overall.count, result.overall.n, result.random_asked) == (3, 9, 9)
    assert result.kinds["blur"].count == 3
    assert result.hinted is not None
    assert (result.hinted.count, result.hinted.n) == (1, 3)
    assert (result.worst_hinted, result.worst_hinted_with_artifact) == (len(worst), len(worst))
    gist.report(run_folder)
    page = (run_folder / "report/report.html").read_text(encoding="utf-8")
    assert "Readers answered 3 further images drawn at random after they had seen hints" in page
    assert "Artifacts in 9 images drawn at random, answered before any hint" in page


def _names(page: Path) -> list[str]:
    """Names of the boxes of the first image."""
    found = re.findall(
        r'<input type="checkbox" value="[^"]+" data-key=".">\s*(.+?) <kbd>', page.read_text("utf-8")
    )
    return found[: found.index("None") + 1]


@pytest.mark.parametrize(
    ("part", "own", "foreign"),
    [
        ("KNEE", "Osteophyte", "Ribs"),
        ("CHEST", "Ribs", "Osteophyte"),
        ("hand", "Small bones", "Vertebrae"),
        ("LSPINE", "Vertebrae", "Joint formation"),
        ("HIP", "Joint formation", "Osteophyte"),
        ("WHOLEBODY", "Anatomy", "Joint formation"),
    ],
)
def test_the_kinds_to_tick_fit_the_part_of_the_body(
    run_folder: Path, part: str, own: str, foreign: str
) -> None:
    page = gist.inspect(run_folder, worst=1, random=2, changes={"inspect.body_part": part})
    assert own in _names(page)
    assert foreign not in page.read_text("utf-8")
    assert _names(page)[-2:] == ["Other", "None"]


def test_phantoms_are_knees_and_what_is_not_known_has_kinds_for_any_radiograph(run_folder: Path) -> None:
    record = run_folder / "prepare/stage.json"
    told = json.loads(record.read_text())
    del told["result"]["body_part"]
    record.write_text(json.dumps(told))
    assert "Joint formation" not in _names(gist.inspect(run_folder, worst=1, random=2))
    write_phantom_data_set(run_folder / "phantoms", count=104)
    assert "Osteophyte" in _names(gist.inspect(run_folder, worst=1, random=2))


def test_own_kinds_are_asked_counted_and_shown(run_folder: Path) -> None:
    kinds = "double contour,missing fibula <b>, Blur"
    done = CliRunner().invoke(
        app, ["inspect", str(run_folder), "--worst", "1", "--random", "6", "--kinds", kinds]
    )
    assert done.exit_code == 0, done.output
    page = run_folder / "inspect/inspect.html"
    assert _names(page) == ["double contour", "missing fibula &lt;b&gt;", "Blur", "Other", "None"]
    random = [item["image"] for item in _list(run_folder)["items"] if item["random"]]
    answers = {random[0]: ["double contour", "blur"], random[1]: ["missing fibula <b>"], random[2]: ["none"]}
    result = gist.count_answers(run_folder, _save(run_folder, answers))
    assert {kind: rate.count for kind, rate in result.kinds.items()} == {
        "double contour": 1,
        "missing fibula <b>": 1,
        "blur": 1,
        "other": 0,
    }
    gist.report(run_folder)
    report = (run_folder / "report/report.html").read_text("utf-8")
    assert "missing fibula &lt;b&gt;" in report
    assert "missing fibula <b>" not in report


@pytest.mark.parametrize("kinds", ["None,blur", "blur,BLUR", "", ",".join("abcdefghij"), "x" * 41])
def test_kinds_that_no_page_can_ask_are_refused_in_one_sentence(run_folder: Path, kinds: str) -> None:
    done = CliRunner().invoke(app, ["inspect", str(run_folder), "--set", f"inspect.kinds=[{kinds}]"])
    assert isinstance(done.exception, InputError)
    assert "inspect.kinds" in str(done.exception)
    assert not (run_folder / "inspect").exists()


def test_comments_to_other_are_kept_counted_and_shown_escaped(run_folder: Path) -> None:
    page = gist.inspect(run_folder, worst=0, random=6)
    assert "write no names" in page.read_text("utf-8")
    random = [item["image"] for item in _list(run_folder)["items"]]
    answers = {random[0]: ["other"], random[1]: ["other", "blur"], random[2]: ["blur"]}
    comments = {random[0]: "<script>alert(1)</script>\n[bold]halo[/]", random[1]: "", random[2]: "not ticked"}
    saved = _save(run_folder, answers, comments=comments)
    printed = CliRunner().invoke(app, ["inspect", str(run_folder), "--answers", str(saved)]).output
    assert "<script>alert(1)</script> [bold]halo[/]" in " ".join(printed.split())
    result = json.loads((run_folder / "inspect/result.json").read_text())
    assert result["kinds"]["other"]["count"] == 2
    assert result["comments"] == [{"image": random[0], "text": "<script>alert(1)</script> [bold]halo[/]"}]
    gist.report(run_folder)
    report = (run_folder / "report/report.html").read_text("utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; [bold]halo[/]" in report
    assert "<script" not in report


def _evaluate_otherwise(run_folder: Path) -> None:
    """Other scores of the same pictures."""
    table = (run_folder / "evaluate/artifacts.csv").read_bytes()
    gist.evaluate(run_folder, neighbours=4)
    judged = run_folder / "evaluate/artifacts.csv"
    record = json.loads((run_folder / "evaluate/stage.json").read_text())
    if judged.read_bytes() == table:  # as a newer version's detectors would leave it
        judged.write_bytes(table + b"\n")
        record["outputs"]["evaluate/artifacts.csv"] = sha256_of(judged)
        (run_folder / "evaluate/stage.json").write_text(json.dumps(record))


def test_answers_survive_a_new_evaluation_and_a_page_with_other_kinds(run_folder: Path) -> None:
    gist.inspect(run_folder, worst=3, random=8)
    random = [item["image"] for item in _list(run_folder)["items"] if item["random"]]
    answers = {random[0]: ["blur"], random[1]: ["joint"], random[2]: ["blur", "joint"], random[3]: ["none"]}
    saved = _save(run_folder, answers)
    before = gist.count_answers(run_folder, saved)
    _evaluate_otherwise(run_folder)
    assert read_inspection(RunFolder(run_folder)) == before
    changes = {"inspect.kinds": ("double contour", "blur")}
    gist.inspect(run_folder, worst=3, random=8, changes=changes)
    after = gist.count_answers(run_folder, saved)
    assert after.overall is not None
    assert (after.overall.count, after.overall.n, after.left_out) == (2, 3, 1)
    assert {kind: rate.count for kind, rate in after.kinds.items()} == {
        "double contour": 0,
        "blur": 2,
        "other": 0,
    }


def test_answers_are_lost_when_the_pictures_change(run_folder: Path) -> None:
    gist.inspect(run_folder, worst=0, random=4)
    answers = {item["image"]: ["blur"] for item in _list(run_folder)["items"]}
    gist.count_answers(run_folder, _save(run_folder, answers))
    record = json.loads((run_folder / "generate/stage.json").read_text())
    record["outputs"]["generate/synthetic.zip"] = "0" * 64
    (run_folder / "generate/stage.json").write_text(json.dumps(record))
    gist.evaluate(run_folder, neighbours=4)
    table = json.loads((run_folder / "evaluate/stage.json").read_text())
    table["outputs"]["evaluate/artifacts.csv"] = "1" * 64
    (run_folder / "evaluate/stage.json").write_text(json.dumps(table))
    assert read_inspection(RunFolder(run_folder)) is None


@pytest.mark.parametrize("page", ["as it was", "built anew", "built anew after an evaluation"])
def test_answers_of_an_earlier_page_still_count(run_folder: Path, page: str) -> None:
    gist.inspect(run_folder, worst=0, random=6)
    images = [item["image"] for item in _list(run_folder)["items"]]
    saved = _save_as_before(
        run_folder, {images[0]: ["joint"], images[1]: ["none"], images[2]: ["text"]}, [images[2]]
    )
    if page.endswith("evaluation"):
        _evaluate_otherwise(run_folder)
    if page != "as it was":
        gist.inspect(run_folder, worst=2, random=6)
        gist.inspect(run_folder, worst=0, random=6)
    result = gist.count_answers(run_folder, saved)
    assert result.overall is not None
    assert result.hinted is not None
    assert (result.overall.count, result.overall.n, result.hinted.count) == (1, 2, 1)
    changed = json.loads(saved.read_text()) | {"page": "fedcba9876543210"}
    saved.write_text(json.dumps(changed))
    with pytest.raises(InputError, match="answers another page"):
        gist.count_answers(run_folder, saved)


def test_a_picture_that_was_drawn_twice_is_asked_once_and_counts_twice(run_folder: Path) -> None:
    archive = run_folder / "generate/synthetic.zip"
    images = read_data_set(archive)
    with ArchiveWriter(archive, images.class_names) as writer:
        for label in images.labels.tolist():
            writer.add(images.pngs[7], label)
    gist_pages = gist.inspect(run_folder, worst=0, random=5)
    assert len(Page(gist_pages.read_text("utf-8")).articles) == 1
    items = _list(run_folder)["items"]
    result = gist.count_answers(run_folder, _save(run_folder, {items[0]["image"]: ["blur"]}))
    assert result.overall is not None
    assert (result.overall.count, result.overall.n) == (5, 5)

"""The page as a whole: self-contained, well formed, true to the records, fit for the eye of a stranger."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
from made_runs import write_text_flags
from page_reader import PageReader, shown_number
from run_builder import RunBuilder

from gist.errors import InputError
from gist.images.archive import archive_name, read_data_set
from gist.pages.charts import COLOURS
from gist.progress import Silent
from gist.reporting.stage import write_report
from gist.runs.folder import RunFolder
from gist.stages.evaluate import Neighbour
from gist.training.loop import StopReason

Builder = Callable[..., RunBuilder]
TITLES = {
    "prepare": "What went in",
    "train": "Training",
    "generate": "Real beside synthetic",
    "evaluate": "Scores",
}


def test_the_page_asks_nothing_of_any_other_machine(finished: RunBuilder) -> None:
    page = finished.page()
    reader = PageReader(page)
    links = [attributes["href"] for tag, attributes in reader.elements if "href" in attributes and tag == "a"]
    assert links
    beside = {"model_card.md", "data_card.md", "report.json"}
    assert all(link.startswith(("https://doi.org/10.", "#")) or link in beside for link in links)
    assert beside <= {file.name for file in (finished.run.path / "report").iterdir()}
    assert not [tag for tag, _ in reader.elements if tag in ("script", "link", "iframe", "object", "base")]
    sources = [attributes["src"] for _, attributes in reader.elements if "src" in attributes]
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    style = page[page.index("<style>") : page.index("</style>")]
    assert not re.search(r"url\(|@import|//", style)


def test_the_page_is_well_formed_and_readable_by_screen_readers(finished: RunBuilder) -> None:
    reader = PageReader(finished.page())
    tags = [tag for tag, _ in reader.elements]
    assert ("html", {"lang": "en"}) in reader.elements
    assert tags.count("h1") == 1
    assert reader.headings[:2] == ["What to do next", "Contents"]
    assert [heading[0] for heading in reader.headings[2:]] == ["1", "2", "3", "4", "5", "6"]
    assert all(attributes["alt"] for tag, attributes in reader.elements if tag == "img")
    charts = [attributes for tag, attributes in reader.elements if tag == "svg"]
    assert len(charts) == 4
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in charts)
    assert all("scope" in attributes for tag, attributes in reader.elements if tag == "th")


def test_text_colours_stand_out_from_white(finished: RunBuilder) -> None:
    page = finished.page()
    style = page[page.index("<style>") : page.index("</style>")]
    colours = {
        *re.findall(r"[ {]color: (#[0-9a-f]{6})", style),
        *re.findall(r"--(?:ink|soft|accent): (#\w{6})", style),
    }
    assert len(colours) > 5
    assert all(_contrast_with_white(colour) >= 4.5 for colour in {*colours, *COLOURS})


def _contrast_with_white(colour: str) -> float:
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05))


def test_every_image_decodes_and_says_whether_it_is_synthetic(finished: RunBuilder) -> None:
    images = PageReader(finished.page()).images()
    assert len(images) == 2 + 2 * 2 + 1 + 12
    for attributes, pixels, text in images:
        assert pixels.dtype == np.uint8
        assert int(attributes["width"]) % pixels.shape[1] == 0
        said = {"real": "NO", "pair": "LEFT IMAGE ONLY"}.get(_kind(attributes["alt"]), "YES")
        assert text["Synthetic"] == said


def _kind(alt: str) -> str:
    if "nearest training image" in alt:
        return "pair"
    return "real" if "real radiographs" in alt else "synthetic"


def test_the_sheets_show_equally_many_images_of_the_right_class_from_the_held_out_set(
    finished: RunBuilder,
) -> None:
    images = PageReader(finished.page(finished.config(samples_per_class=4))).images()
    for label, name in enumerate(finished.class_names):
        for side, archive in (
            ("real radiographs", "prepare/test.zip"),
            ("synthetic images", "generate/synthetic.zip"),
        ):
            (sheet,) = [
                pixels for attributes, pixels, _ in images if attributes["alt"] == f"4 {side} of class {name}"
            ]
            data = read_data_set(finished.run.path / archive)
            known = {data.image(int(index)).tobytes() for index in data.of_class(label)}
            tiles = [sheet[:, 66 * column : 66 * column + 64].tobytes() for column in range(4)]
            assert len(set(tiles)) == 4
            assert set(tiles) <= known


def test_each_neighbour_stands_beside_its_training_image_closest_first(finished: RunBuilder) -> None:
    reader = PageReader(finished.page())
    pairs = [pixels for attributes, pixels, _ in reader.images() if _kind(attributes["alt"]) == "pair"]
    evaluation = finished.run.record("evaluate")
    assert evaluation is not None
    assert evaluation.result is not None
    expected = sorted(evaluation.result["neighbours"], key=lambda pair: pair["percentile"])
    made = read_data_set(finished.run.path / "generate/synthetic.zip")
    known = read_data_set(finished.run.path / "prepare/train.zip")
    assert len(pairs) == len(expected)
    for pixels, pair in zip(pairs, expected, strict=True):
        np.testing.assert_array_equal(pixels[:, :64], made.image(made.names.index(pair["synthetic"])))
        np.testing.assert_array_equal(pixels[:, 66:], known.image(known.names.index(pair["real"])))
    assert [float(value) for value, _ in reader.of_class("percentile")] == [
        pair["percentile"] for pair in expected
    ]
    assert [float(value) for value, _ in reader.of_class("distance")] == [
        pair["distance"] for pair in expected
    ]


@pytest.mark.parametrize(
    ("column", "field", "places"),
    [
        ("value", "value", 3),
        ("baseline", "baseline", 1),
        ("n-real", "n_real", 9),
        ("n-synthetic", "n_synthetic", 9),
    ],
)
def test_scores_shown_are_those_recorded(finished: RunBuilder, column: str, field: str, places: int) -> None:
    reader = PageReader(finished.page())
    record = finished.run.record("evaluate")
    assert record is not None
    assert record.result is not None
    ordered = sorted(record.result["scores"], key=lambda score: score["group"] != "overall")
    expected = [score[field] for score in ordered if score[field] is not None]
    assert [float(value) for value, _ in reader.of_class(column)] == expected
    tolerance = 10.0 ** (1 - places) if places < 9 else 0
    for (_, text), value in zip(reader.of_class(column), expected, strict=True):
        assert shown_number(text) == pytest.approx(
            value, rel=tolerance, abs=0.005 if field == "baseline" else 0
        )


@pytest.mark.parametrize(
    ("identifier", "value", "text"),
    [
        ("train-images", "20", "20"),
        ("test-images", "10", "10"),
        ("patients", "27", "27"),
        ("resolution", "64", "64 × 64"),
        ("kimg", "60.0", "60,000"),
        ("train-seconds", "7384.0", "2 h 3 min"),
        ("psi", "0.9", "0.9"),
        ("images-per-second", "6.82", "6.82"),
    ],
)
def test_facts_shown_are_those_recorded(finished: RunBuilder, identifier: str, value: str, text: str) -> None:
    assert PageReader(finished.page()).by_id(identifier) == (value, text)


def test_a_score_without_power_reads_cannot_tell_and_shows_no_number(finished: RunBuilder) -> None:
    reader = PageReader(finished.page())
    lights = [
        attributes["class"]
        for _, attributes in reader.elements
        if attributes.get("class", "").startswith("light")
    ]
    of_one = ["light fair", "light poor", "light unknown"]
    assert lights == [*of_one, "light neutral", *of_one, *of_one, "light neutral"]
    assert reader.text.count("Cannot tell") == 3 + 1 + 1
    assert len(reader.of_class("value")) == 7


@pytest.mark.parametrize("last", ["prepare", "train", "generate", "evaluate"])
def test_only_finished_stages_have_a_section(builder: Builder, last: str) -> None:
    made = builder()
    stages = ["prepare", "train", "generate", "evaluate"]
    for stage in stages[: stages.index(last) + 1]:
        getattr(made, f"done_{stage}")()
    reader = PageReader(made.page())
    headings = " ".join(reader.headings)
    for stage in stages:
        assert (TITLES[stage] in headings) == (stages.index(stage) <= stages.index(last))
    assert ("Nearest neighbours" in headings) == (last == "evaluate")
    assert "Settings and provenance" in headings
    results = json.loads((made.run.path / "report/report.json").read_text())["results"]
    assert list(results) == stages[: stages.index(last) + 1]


def test_a_run_without_any_finished_stage_is_told_what_to_do(builder: Builder) -> None:
    made = builder()
    with pytest.raises(InputError, match="run `gist prepare`"):
        write_report(made.config(), made.run, Silent())
    assert not (made.run.path / "report/report.html").exists()


def test_a_hostile_class_name_is_text_and_nothing_else(builder: Builder) -> None:
    hostile = ('<script>alert("x")</script>', "'\"><img src=https://evil.example/x>&amp;")
    made = builder(class_names=hostile)
    made.done_everything()
    page = made.page()
    reader = PageReader(page)
    assert "<script" not in page
    assert all(name in reader.text for name in hostile)
    assert len(reader.images()) == 2 + 2 * 2 + 1 + 12


def test_hostile_notes_reasons_and_titles_are_text(builder: Builder) -> None:
    evil = "<b onclick=x>{{ 7*7 }}</b>"
    made = builder()
    made.done_prepare(notes=(evil,), rejected={evil: 2})
    made.done_train(reasons={"gamma": evil}, device_reason=evil)
    reader = PageReader(made.page(made.config(title=evil)))
    assert not [tag for tag, _ in reader.elements if tag == "b"]
    assert reader.text.count(evil) >= 5


def test_folders_that_the_user_named_stay_out_of_page_and_summary(finished: RunBuilder) -> None:
    page = finished.page()
    machine_readable = (finished.run.path / "report/report.json").read_text(encoding="utf-8")
    for text in (page, machine_readable):
        assert "Meier" not in text
        assert "/home" not in text
        assert "anonym" not in text.lower()


def test_the_same_run_gives_the_same_bytes(finished: RunBuilder) -> None:
    assert finished.page() == finished.page()


def test_a_report_of_large_images_stays_small(builder: Builder) -> None:
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (40, 256, 256), dtype=np.uint8)
    made = builder(images=noise, class_names=tuple("abcdefgh"))
    made.done_prepare(resolution=256)
    made.done_train(resolution=256)
    made.done_generate()
    made.done_evaluate(
        neighbours=tuple(
            Neighbour(
                synthetic=archive_name(i % 30),
                real=archive_name(i % 20),
                distance=1.0,
                drawn="at random",
                percentile=0.5,
            )
            for i in range(100)
        )
    )
    page = made.page(made.config(samples_per_class=64))
    assert len(page) < 15_000_000
    assert "shown at 64 × 64 pixels" in page


@pytest.mark.parametrize("reason", get_args(StopReason))
def test_every_reason_to_stop_training_has_words(builder: Builder, reason: StopReason) -> None:
    made = builder()
    made.done_train(stopped_because=reason)
    assert re.search(r"It ended because (the|no) [a-z ]+\.", PageReader(made.page()).text)


def test_an_unconditional_run_shows_one_sheet_of_each_kind(builder: Builder) -> None:
    made = builder(class_names=())
    made.done_prepare()
    made.done_generate()
    reader = PageReader(made.page())
    assert [attributes["alt"] for attributes, _, _ in reader.images()] == [
        "10 synthetic images",
        "10 real radiographs",
        "10 real radiographs",
        "10 synthetic images",
    ]


def test_without_a_hold_out_real_images_come_from_the_training_set(builder: Builder) -> None:
    made = builder()
    made.done_prepare(test_archive=None, test_images=0, patients=None)
    text = PageReader(made.page()).text
    assert "Real images come from the training set" in text
    assert "none held out" in text


def test_a_stage_older_than_what_it_was_made_from_is_marked(finished: RunBuilder) -> None:
    assert "Out of date" not in PageReader(finished.page()).text
    finished.images = finished.images[::-1]
    finished.done_prepare()
    text = PageReader(finished.page()).text
    assert "The stage “train” was finished before “prepare” was done again" in text


def test_an_evaluation_of_other_archives_is_refused_with_a_remedy(finished: RunBuilder) -> None:
    foreign = Neighbour(
        synthetic="00000/img00009999.png",
        real=archive_name(0),
        distance=1.0,
        drawn="at random",
        percentile=0.5,
    )
    finished.done_evaluate(neighbours=(foreign,))
    with pytest.raises(InputError, match="run `gist evaluate` again"):
        finished.page()


def test_a_record_of_another_version_is_refused_with_a_remedy(finished: RunBuilder) -> None:
    record = finished.run.record("train")
    assert record is not None
    finished.run.write_record(record.model_copy(update={"result": {"kimg": 1}}))
    with pytest.raises(InputError, match=re.escape(f"run `{finished.run.command('train')}` again")):
        finished.page()


def test_a_missing_archive_is_named(finished: RunBuilder) -> None:
    (finished.run.path / "generate/synthetic.zip").unlink()
    with pytest.raises(InputError, match=r"synthetic\.zip"):
        finished.page()


def test_the_summary_for_machines_holds_every_result(finished: RunBuilder) -> None:
    finished.page()
    summary = json.loads((finished.run.path / "report/report.json").read_text(encoding="utf-8"))
    for stage in ("prepare", "train", "generate", "evaluate"):
        record = RunFolder(finished.run.path).record(stage)
        assert record is not None
        assert summary["results"][stage] == record.result
    assert summary["copying"] == {
        "outcome": "none detected by this check",
        "images": 30,
        "identical": 0,
        "explanation": "3 of 30 are close, as chance has it.",
    }


def test_real_images_that_show_text_are_on_no_picture_of_the_page(finished: RunBuilder) -> None:
    flagged = {"prepare/train.zip": (0, 7, 14), "prepare/test.zip": (0, 1, 2, 3)}
    write_text_flags(
        finished.run,
        *(
            (archive_name(number), archive[8:-4], "text in the pixels", "1 2 3 4")
            for archive, numbers in flagged.items()
            for number in numbers
        ),
    )
    reader = PageReader(finished.page())
    assert "7 of 30 real images seem to show text, which may be a name, and were left out" in reader.text
    real = [
        pixels[row : row + 64, column : column + 64].tobytes()
        for attributes, pixels, _ in reader.images()
        if _kind(attributes["alt"]) in ("real", "pair")
        for row in range(0, pixels.shape[0] - 63, 66)
        for column in range(0, pixels.shape[1] - 63, 66)
    ]
    hidden = {
        read_data_set(finished.run.path / archive).image(number).tobytes()
        for archive, numbers in flagged.items()
        for number in numbers
    }
    assert len(real) == 2 * 4 + 2 * 3 + 2 * 9
    assert not hidden & set(real)


def test_where_all_real_images_show_text_none_is_shown(finished: RunBuilder) -> None:
    names = [archive_name(number) for number in range(20)]
    write_text_flags(
        finished.run, *((name, split, "", "1 2 3 4") for split in ("train", "test") for name in names)
    )
    reader = PageReader(finished.page())
    assert {text["Synthetic"] for _, _, text in reader.images()} == {"YES"}
    assert "No real image of this class can be shown" in reader.text
    assert "Copying: none detected by this check" in reader.text

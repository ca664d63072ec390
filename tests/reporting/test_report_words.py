"""Sentences, numbers and verdicts of the report."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from page_reader import PageReader
from run_builder import RunBuilder, near_copies

from gist import numerals
from gist.config import build_config
from gist.evaluation.copying import copying_verdict
from gist.evaluation.score_table import score_table
from gist.phantoms import write_phantom_data_set
from gist.reporting.parts import asked, caveat, summary
from gist.runs.findings import without_paths
from gist.stages.evaluate import EvaluateResult


def evaluated(verdict: str, meaning: str = "", identical: int | None = 0) -> EvaluateResult:
    return EvaluateResult(
        scores=(near_copies(verdict, meaning),),
        neighbours=(),
        identical_images=identical,
        scores_file="evaluate/scores.json",
        notes=(),
        seconds=1.0,
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (8.44, "8.4 s"),
        (45, "45 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
        (97200, "1 d 3 h"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    assert numerals.duration(seconds) == text


@settings(max_examples=200, deadline=None)
@given(value=st.floats(-1e8, 1e8).filter(lambda value: abs(value) > 1e-5))
def test_three_significant_digits_are_right_to_half_a_unit(value: float) -> None:
    shown = float(numerals.significant(value).replace(",", "").replace(numerals.MINUS, "-"))
    assert shown == pytest.approx(value, rel=0.00501, abs=1e-6)


@pytest.mark.parametrize(
    ("numbers", "texts"),
    [
        ((0.04217, 0.0381, 0.0466, 0.00071), ("0.0422", "0.0381", "0.0466", "0.0007")),
        ((0.00333, 0.0006, 0.0186, 0.82333), ("0.003", "0.001", "0.019", "0.823")),
        ((1716.2, None, None, 18.4), ("1,716", "", "", "18")),
        ((0.0492, None, None, 0.9205), ("0.049", "", "", "0.920")),
        ((2.87, 0.0027), ("2.87", "0.003")),
        ((-0.0003, -0.002, 0.0015), ("−0.00030", "−0.00200", "0.00150")),
        ((0.0, 0.0, 0.0188), ("0", "0", "0.0188")),
        ((0.12, 9e-19, -9e-19), ("0.120", "0", "0")),
        ((None,), ("",)),
    ],
)
def test_numbers_that_stand_together_have_equal_digits(
    numbers: tuple[float | None, ...], texts: tuple[str, ...]
) -> None:
    assert numerals.together(*numbers) == texts


def test_scores_untold_for_one_reason_share_a_row_and_footnotes_count_up() -> None:
    untold = [
        near_copies().model_copy(
            update={"name": f"{kind}[radiomics]", "group": "rare", "value": None, "verdict": "unknown",
                    "meaning": "Too few images to tell.", "fingerprint": "few"}
        )
        for kind in ("KID", "precision", "recall")
    ]  # fmt: skip
    told = [
        near_copies().model_copy(update={"name": name, "fingerprint": name, "verdict": "good"})
        for name in ("KID[a]", "FD[a]")
    ]
    table = score_table([told[0], *untold, told[1], near_copies()])
    assert [(name, [row.name for row in rows]) for name, rows in table.groups] == [
        ("overall", ["KID[a]", "FD[a]", "near-copies"]),
        ("rare", ["KID, precision and recall"]),
    ]
    footnotes = [row.footnote for _, rows in table.groups for row in rows]
    assert footnotes == [1, 2, 3, 4]


def test_one_is_one_image(builder: Callable[..., RunBuilder]) -> None:
    made = builder()
    made.done_prepare(upsampled=1)
    made.done_generate()
    page = PageReader(made.page(made.config(samples_per_class=1))).text
    assert "1 held-out radiograph " in page
    assert "1 generated image –" in page
    assert not re.search(r"\b1 (images|radiographs|pictures)\b", page)


def test_minus_zero_is_zero_and_minus_is_a_minus() -> None:
    assert numerals.fixed(-0.0001, 2) == "0.00"
    assert numerals.fixed(-1.5, 1) == "−1.5"


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        ("none found", "none detected by this check"),
        ("fair", "not settled"),
        ("poor", "evidence of copying"),
        ("unknown", "too few images to tell"),
    ],
)
def test_the_verdict_on_copying_is_that_of_the_search_among_all_images(verdict: str, outcome: str) -> None:
    found = copying_verdict(evaluated(verdict, "30 of 300.", identical=3))
    assert found is not None
    assert (found.outcome, found.explanation, found.images, found.identical) == (outcome, "30 of 300.", 30, 3)


def test_an_evaluation_that_counted_copies_among_the_shown_pairs_only_gives_no_verdict() -> None:
    found = copying_verdict(evaluated("none found", identical=None))
    assert found is not None
    assert found.outcome == "not counted over all images"
    assert "run `gist evaluate` again" in found.explanation


def test_the_number_of_copies_is_the_same_on_page_and_cards(finished: RunBuilder) -> None:
    said = "30 of 300 synthetic images cannot be told from a training image by coarse structure"
    finished.done_evaluate(scores=(near_copies("poor", f"{said}."),), identical_images=30)
    page = finished.page()
    for text in (page, *(file.read_text(encoding="utf-8") for file in finished.run.path.glob("report/*.md"))):
        assert said in text
        assert "evidence of copying" in text


def test_the_summary_tells_each_stage_in_numbers(finished: RunBuilder) -> None:
    text = " ".join(summary(asked(finished.findings())))
    for part in (
        "30 real radiographs of 2 classes from 27 patients went in: 20 to learn from and 10 held out",
        "4 more files were set aside",
        "A StyleGAN3-T generator learned from them for 2 h 3 min on the CPU, seeing 60,000 images",
        "drew 30 synthetic images",
        "Of 3 overall scores, 1 reads fair, 1 reads poor and 1 cannot be told for lack of images",
        "difference from real images (KID[radiomics]), is 0.0422 (95 % interval 0.0381 to 0.0466)",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("verdict", "changes", "part"),
    [
        ("poor", {}, "should not stand in"),
        ("unknown", {}, "too few images"),
        ("good", {"patients": None}, "patients are not known"),
        ("good", {"upsampled": 5}, "5 real images were enlarged"),
        ("good", {}, "a passed distance test proves nothing"),
    ],
)
def test_the_gravest_caveat_comes_first(
    builder: Callable[..., RunBuilder], verdict: str, changes: dict[str, object], part: str
) -> None:
    made = builder()
    made.done_prepare(**changes)
    made.done_train()
    made.done_generate()
    first = made.done_evaluate()
    *quality, _ = (score.model_copy(update={"verdict": verdict}) for score in first.scores)
    made.done_evaluate(scores=(*quality, near_copies()))
    assert part in caveat(asked(made.findings()))
    made.done_evaluate(scores=(*quality, near_copies("poor")), identical_images=1)
    assert "evidence of copying" in caveat(asked(made.findings()))


@pytest.mark.parametrize(
    ("verdict", "reads"), [("none found", "None found"), ("fair", "Not settled"), ("poor", "Found")]
)
def test_the_search_for_copies_never_reads_as_quality(finished: RunBuilder, verdict: str, reads: str) -> None:
    finished.done_evaluate(scores=(near_copies(verdict),))
    page = finished.page()
    assert f"{reads}</span></td>" in page
    assert "Good" not in page.split('id="scores"')[1].split("<tbody>")[1]
    assert f"| {reads} |" in (finished.run.path / "report/model_card.md").read_text(encoding="utf-8")
    assert "No score could be computed" in " ".join(summary(asked(finished.findings())))


def test_images_that_nobody_compared_are_called_so(builder: Callable[..., RunBuilder]) -> None:
    made = builder()
    made.done_prepare()
    made.done_generate()
    assert "nothing is known of their quality" in caveat(asked(made.findings()))


def test_paths_from_the_root_are_cut_to_their_last_part() -> None:
    settings_ = {
        "source": "/data/Meier",
        "start_from": "/nets/knee.safetensors",
        "other": ["C:\\a\\b.png", "a/b"],
        "batch": 4,
    }
    assert without_paths(settings_, {"source"}) == {
        "start_from": "knee.safetensors",
        "other": ["b.png", "a/b"],
        "batch": 4,
    }


def test_phantoms_are_never_called_radiographs_of_patients(finished: RunBuilder) -> None:
    write_phantom_data_set(finished.run.path / "phantoms", count=30, size_range=(180, 180))
    page = PageReader(finished.page()).text
    assert "30 phantoms of 2 classes from 27 invented patients, all drawn by gist, went in" in page
    assert "The images that this page calls real are phantoms, drawn by gist: nobody was X-rayed" in page
    folder = finished.run.path / "report"
    cards = [(folder / name).read_text(encoding="utf-8") for name in ("model_card.md", "data_card.md")]
    for text in (page, *cards):
        assert "ethics approval" not in text
        assert "real radiograph" not in text
    assert all("phantoms, drawn by gist" in card for card in cards)


def test_phantoms_stay_phantoms_where_their_folder_is_not_known_any_more(finished: RunBuilder) -> None:
    finished.done_prepare(phantoms=True)
    assert "phantoms of 2 classes" in " ".join(summary(asked(finished.findings())))


@pytest.mark.parametrize("changes", [{"train_images": 21}, {}])
def test_fewer_phantoms_than_images_or_another_source_are_real_images(
    finished: RunBuilder, folder: Path, changes: dict[str, object]
) -> None:
    write_phantom_data_set(finished.run.path / "phantoms", count=30, size_range=(180, 180))
    finished.done_prepare(**changes)
    other = {} if changes else {"prepare": {"source": str(folder / "hospital")}}
    config = build_config({"name": "knee", "folder": str(finished.run.path), **other})
    text = " ".join(summary(asked(finished.findings(config))))
    assert "real radiographs" in text
    assert "phantom" not in text

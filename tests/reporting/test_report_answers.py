"""What the report answers first, and what it advises: each from the findings, and no more than they carry."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from run_builder import RunBuilder, near_copies, utility

from gist.pages.section import Answer, StagePage, Step
from gist.pages.words import COPIES, STAND_IN, TEACH
from gist.reporting.parts import DEFAULT_STEP, answers, asked, next_steps
from gist.stages.train import Snapshot

Builder = Callable[..., RunBuilder]
SNAPSHOTS = tuple(
    Snapshot(file=f"train/snapshots/network-{kimg:06}000.safetensors", kimg=kimg) for kimg in (20, 40, 60)
)


def _said(made: RunBuilder) -> dict[str, tuple[str, str]]:
    return {each.question: (each.reply, each.rest) for each in answers(asked(made.findings()))}


def _advised(made: RunBuilder) -> str:
    return " ".join(next_steps(asked(made.findings())))


def _evaluated(made: RunBuilder, verdict: str, **changes: object) -> None:
    """Every score of quality reads so, and no copies were found."""
    *quality, _ = made.done_evaluate().scores
    read = (score.model_copy(update={"verdict": verdict} | changes) for score in quality)
    made.done_evaluate(scores=(*read, near_copies()))


def test_until_a_stage_has_run_its_questions_cannot_be_answered(builder: Builder) -> None:
    made = builder()
    made.done_prepare()
    assert {reply for reply, _ in _said(made).values()} == {"Cannot tell"}
    assert list(_said(made)) == [STAND_IN, COPIES, TEACH]
    assert _advised(made).startswith("Train a generator")
    made.done_train()
    assert _advised(made).startswith("Draw synthetic images")
    made.done_generate()
    assert "nobody has compared them" in _said(made)[STAND_IN][1]
    assert _advised(made).startswith("Compare the images with held-out real ones")


@pytest.mark.parametrize(
    ("verdict", "changes", "reply", "part"),
    [
        ("good", {}, "Yes", "for developing and trying out methods"),
        ("poor", {}, "No", "as a whole they differ measurably from real ones. Use them to try out"),
        ("unknown", {}, "Cannot tell", "are too few"),
        ("fair", {"p_value": 0.01}, "No", "a difference from real ones shows, though a small one"),
        ("fair", {"p_value": 0.3}, "Cannot tell", "may stay unseen"),
    ],
)
def test_what_the_images_may_stand_in_for_follows_from_the_scores(
    finished: RunBuilder, verdict: str, changes: dict[str, object], reply: str, part: str
) -> None:
    _evaluated(finished, verdict, **changes)
    said = _said(finished)[STAND_IN]
    assert said[0] == reply
    assert part in said[1]


def test_a_class_that_fails_is_named_where_all_together_pass(finished: RunBuilder) -> None:
    scores = [
        score.model_copy(update={"verdict": "poor" if score.group == "KL 3-4" else "good"})
        for score in finished.done_evaluate().scores[:-1]
    ]
    finished.done_evaluate(scores=(*scores, near_copies()))
    assert _said(finished)[STAND_IN][0] == "No"
    assert "those of class “KL 3-4” do not look like real ones" in _said(finished)[STAND_IN][1]


@pytest.mark.parametrize(
    ("verdict", "identical", "reply", "part"),
    [
        ("none found", 0, "No", "does not prove that there is none"),
        ("fair", 0, "Cannot tell", "Look at the pairs"),
        ("poor", 0, "Yes", "likely"),
        ("poor", 3, "Yes", "3 of 30 synthetic images cannot be told from a training image"),
        ("unknown", 0, "Cannot tell", "too few to search"),
        ("none found", None, "Cannot tell", "an earlier version"),
    ],
)
def test_copies_are_answered_by_the_search_among_all_images(
    finished: RunBuilder, verdict: str, identical: int | None, reply: str, part: str
) -> None:
    finished.done_evaluate(scores=(near_copies(verdict),), identical_images=identical)
    said = _said(finished)[COPIES]
    assert said[0] == reply
    assert part in said[1]
    assert ("share neither images nor network" in _advised(finished)) == (reply == "Yes")


@pytest.mark.parametrize(
    ("taught", "added", "reply", "part", "stand_in"),
    [
        ("poor", "fair", "No", "worth few. Added to the real ones they make no difference.", "No"),
        ("fair", "good", "No", "worth few. Added to the real ones they help.", "No"),
        ("unknown", "unknown", "Cannot tell", "what GAN-train says.", "Yes"),
        ("good", "poor", "Yes", "worth few. Added to the real ones they harm.", "Yes"),
    ],
)
def test_what_a_classifier_learns_bears_on_what_the_images_stand_in_for(
    finished: RunBuilder, taught: str, added: str, reply: str, part: str, stand_in: str
) -> None:
    _evaluated(finished, "good")
    finished.done_utility(utility(taught, added, finished.class_names))
    said = _said(finished)
    assert said[TEACH][0] == reply
    assert part in said[TEACH][1]
    assert said[STAND_IN][0] == stand_in
    assert ("to train a classifier for classes “KL 0-1” and “KL 3-4”" in said[STAND_IN][1]) == (
        taught == "good"
    )
    assert "what a classifier learns" not in _advised(finished)


def test_answers_about_images_that_are_others_now_are_taken_back(finished: RunBuilder) -> None:
    _evaluated(finished, "good")
    finished.done_utility(utility("good", "good", finished.class_names))
    assert {reply for reply, _ in _said(finished).values()} == {"Yes", "No"}
    finished.images = finished.images[::-1]
    finished.done_generate()
    assert {reply for reply, _ in _said(finished).values()} == {"Cannot tell"}


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"stopped_because": "hours reached"}, "train.hours ended it early"),
        ({"snapshots": SNAPSHOTS, "best": SNAPSHOTS[2].file}, "no snapshot is better than the last"),
        ({"snapshots": SNAPSHOTS, "best": SNAPSHOTS[0].file}, "Draw from the best snapshot"),
    ],
)
def test_the_advice_for_poor_images_follows_from_the_training(
    builder: Builder, changes: dict[str, object], part: str
) -> None:
    made = builder()
    made.done_prepare()
    made.done_train(**changes)
    made.done_generate()
    _evaluated(made, "poor")
    assert part in _advised(made)
    assert "20 images to learn from are few" in _advised(made)
    _evaluated(made, "good")
    assert part not in _advised(made)


@pytest.mark.parametrize("start", [None, "/nets of Meier/knee.safetensors", "phantom-knee-64"])
def test_a_network_to_start_from_is_advised_where_none_was_used_and_else_named(
    builder: Builder, start: str | None
) -> None:
    made = builder()
    made.done_prepare()
    made.done_train(start_from=start)
    made.done_generate()
    _evaluated(made, "poor")
    page = made.page()
    card = (made.run.path / "report/model_card.md").read_text(encoding="utf-8")
    assert ("start from a" in page.lower()) == (start is None)
    if start is not None:
        name = start.rpartition("/")[2]
        assert f"Started from the network `{name}`" in card
        assert f"A StyleGAN3-T generator that started from {name} learned" in page
    assert "Meier" not in page + card


def test_without_held_out_images_they_are_asked_for_first(builder: Builder) -> None:
    made = builder()
    made.done_prepare(test_archive=None, test_images=0)
    made.done_train()
    made.done_generate()
    _evaluated(made, "poor")
    assert _advised(made).startswith("Hold images out")


def test_the_heaviest_answer_and_the_heaviest_steps_are_shown() -> None:
    pages = {
        "one": StagePage(answers=(Answer("Q?", "Yes", ".", 20),), steps=(Step(20, "c"), Step(60, "b"))),
        "two": StagePage(
            answers=(Answer("Q?", "No", ".", 60), Answer("R?", "Yes", ".")),
            steps=(Step(100, "a"), Step(1, "d")),
        ),
    }
    assert [(each.question, each.reply) for each in answers(pages)] == [("Q?", "No"), ("R?", "Yes")]
    assert next_steps(pages) == ["a", "b", "c"]
    assert next_steps({}) == [DEFAULT_STEP]


def test_machines_read_the_same_answers(finished: RunBuilder) -> None:
    page = finished.page()
    facts = json.loads((finished.run.path / "report/report.json").read_text(encoding="utf-8"))
    assert [each["question"] for each in facts["answers"]] == [STAND_IN, COPIES, TEACH]
    assert all(each["sentence"].startswith(each["reply"]) for each in facts["answers"])
    assert facts["next_steps"] == next_steps(asked(finished.findings()))
    assert all(step in page for step in facts["next_steps"])

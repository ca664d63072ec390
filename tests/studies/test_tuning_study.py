"""Tuning: what may be chosen, what Optuna is told, and whether a gain holds; and the smaller studies beside it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import pytest

import gist
from gist.config import Config
from gist.errors import InputError
from gist.studies.arms import _transfer
from gist.studies.folder import StudyFolder
from gist.studies.pruning import gives_up
from gist.studies.record import Trial, TrialRecord, TrialScores
from gist.studies.result import Compared
from gist.studies.space import Choice, check_choices, check_objectives, front, next_settings, read_choice

SCORES: dict[str, Any] = {
    "training_images": 36, "patients": 36, "n": 24, "extractor": "radiomics", "kid_low": 0.0, "kid_high": 1.0,
    "naive": 1.0, "naive_images": 30, "odd_share": None, "odd_low": None, "odd_high": None, "near_copies": 0.0,
    "near_copies_low": 0.0, "near_copies_high": 0.1, "near_copies_expected": 0.1, "kimg": 1.0, "train_seconds": 1.0,
    "device": "cpu",
}  # fmt: skip
GAMMA = {"train.gamma": Choice(low=0.1, high=10.0, log=True)}


def tried(
    number: int,
    gamma: float,
    kid: float | None,
    state: Literal["planned", "done", "failed", "pruned"] = "done",
    snapshots: dict[int, float] | None = None,
    **scored: float,
) -> TrialRecord:
    trial = Trial(
        name=f"trial-{number:03d}", group=f"trial {number}", repeat=3, settings={"train.gamma": gamma}
    )
    scores = None if kid is None else TrialScores(kid=kid, **SCORES | scored)
    return TrialRecord(trial=trial, state=state, scores=scores, snapshots=snapshots or {})


@pytest.mark.parametrize(
    ("text", "key", "choice"),
    [
        ("train.gamma=0.1:10:log", "train.gamma", Choice(low=0.1, high=10.0, log=True)),
        ("train.gamma=1:5", "train.gamma", Choice(low=1.0, high=5.0)),
        ("train.batch=4:16", "train.batch", Choice(low=4, high=16)),
        ("train.batch=4,8", "train.batch", Choice(values=(4, 8))),
        ("train.precision=float32,bfloat16", "train.precision", Choice(values=("float32", "bfloat16"))),
    ],
)
def test_a_range_is_read_as_its_setting_is_typed(text: str, key: str, choice: Choice) -> None:
    assert read_choice(text) == (key, choice)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("train.gama=0.1:10", "names no setting of the training"),
        ("prepare.resolution=32,64", "names no setting of the training"),
        ("train.gamma", "names no setting of the training"),
        ("train.gamma=3", "leaves nothing to choose"),
        ("train.gamma=10:1", "must rise"),
        ("train.gamma=0:1:log", "begin above 0"),
        ("train.gamma=1:2:steps", "must rise"),
        ("train.gamma=low:high", "not of two numbers"),
        ("train.batch=4.5:16", "not of two numbers"),
    ],
)
def test_a_range_that_is_none_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read_choice(text)


def test_a_value_that_the_setting_does_not_take_is_refused_before_anything_starts() -> None:
    with pytest.raises(InputError, match=r"train\.batch"):
        check_choices({"train.batch": Choice(low=0, high=8)}, Config())
    with pytest.raises(InputError, match="Nothing is to be tuned"):
        check_choices({}, Config())


def test_what_was_tried_guides_what_is_tried_next() -> None:
    low_is_good = [
        tried(at, gamma, gamma) for at, gamma in enumerate([0.1, 0.2, 0.5, 1, 2, 4, 6, 8, 9, 10] * 2)
    ]
    asked = [next_settings(GAMMA, low_is_good, seed)["train.gamma"] for seed in range(12)]
    assert all(0.1 <= gamma <= 10 for gamma in asked)
    assert sorted(asked)[6] < 1


def test_failed_and_running_trials_and_those_of_another_range_are_no_hindrance() -> None:
    records = [
        tried(1, 1.0, 0.5),
        tried(2, 2.0, None, "failed"),
        tried(3, 3.0, None, "planned"),
        tried(4, 99.0, 0.1),
        tried(5, 5.0, None, "pruned", {1: 3.0}),
    ]
    assert next_settings(GAMMA, records, 0) == next_settings(GAMMA, records, 0)
    assert 0.1 <= next_settings(GAMMA, records, 0)["train.gamma"] <= 10


def test_without_optuna_a_sentence_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['optuna'] = None\n"
        "from gist.studies.space import Choice, next_settings\n"
        "next_settings({'train.gamma': Choice(low=1.0, high=2.0)}, [], 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "pip install 'gist-synth[study]'" in done.stderr


def test_a_search_ends_with_an_honest_sentence_and_goes_on_from_its_folders(tiny: Path, folder: Path) -> None:
    pytest.importorskip("optuna", reason="the extra study is not installed")
    out = folder / "tuned"
    ranges, both = ["train.gamma=0.1:10:log"], ("kid", "cost")
    found = gist.studies.tune(tiny, out, ranges=ranges, trials=1, repeats=2, objectives=both)
    names = [record.trial.name for record in found.records]
    assert {"default-1", "default-2", "trial-001"} <= set(names)
    assert not found.failed
    assert not found.open
    assert found.sentences[0].startswith(("Nothing beats the default beyond noise", "Tuning pays"))
    assert found.front == ("trial-001",)
    assert "no trial lowers one without raising another but trial-001 (KID " in found.sentences[1]
    seeds = {record.trial.group: record.trial.repeat for record in found.records}
    assert seeds["trial 1"] not in (1, 2)  # so that what is compared is fresh
    first = (out / "trials/trial-001/trial.json").read_text()
    assert gist.studies.trial(out, 4 - 1).trial.name == "trial-001"
    more = gist.studies.tune(
        tiny, out, ranges=["train.gamma=0.1:10:log"], trials=2, repeats=2, only_propose=True
    )
    assert not more.open
    assert (out / "trials/trial-001/trial.json").read_text() == first
    assert gist.studies.trial(out, 4).trial.name == "trial-002"


def test_a_trial_is_given_up_when_its_best_snapshot_is_worse_than_the_median_of_others() -> None:
    pytest.importorskip("optuna", reason="the extra study is not installed")
    others = [
        tried(at, 1.0, 1.0, snapshots={1: 9.0, 2: kid, 3: 1.0}) for at, kid in enumerate([2, 3, 4, 5, 6])
    ]
    assert gives_up({1: 9.0, 2: 4.5}, others)
    assert not gives_up({1: 9.0, 2: 3.5}, others)
    assert not gives_up({1: 3.5, 2: 8.0}, others)  # its best counts, as the last need not be
    assert not gives_up({1: 50.0}, others)  # too early to say
    assert not gives_up({1: 9.0, 2: 50.0}, others[:4])  # too few to compare with
    unfinished = [tried(9, 1.0, None, "failed"), tried(8, 1.0, None, "pruned", {2: 0.1})]
    assert not gives_up({1: 9.0, 2: 50.0}, [*others[:4], *unfinished])


def test_a_trial_that_is_given_up_is_neither_failed_nor_tried_again_and_its_run_can_go_on(
    tiny: Path, folder: Path
) -> None:
    pytest.importorskip("optuna", reason="the extra study is not installed")
    out, ranges = folder / "tuned", ["train.gamma=0.1:10:log"]
    options: dict[str, Any] = {
        "ranges": ranges,
        "trials": 6,
        "repeats": 1,
        "prune": True,
        "only_propose": True,
    }
    with pytest.raises(InputError, match="at least 50 held-out images, and there are 24"):
        gist.studies.tune(tiny, folder / "few", **options)
    changes = {"train.kimg": 0.4, "prepare.test_fraction": 0.85}
    gist.studies.tune(tiny, out, changes=changes, **options)
    study = StudyFolder(out)
    better = [tried(at, 1.0, 0.1, snapshots=dict.fromkeys(range(1, 60), -1000000.0)) for at in range(1, 6)]
    for record in better:
        study.write(record)
    given_up = gist.studies.trial(out, 1 + 6)
    assert (given_up.state, given_up.error, given_up.scores) == ("pruned", None, None)
    assert len(given_up.snapshots) >= 2
    record = study.run_of(given_up.trial).record("train")
    assert record is not None
    assert record.state == "stopped"
    written = (out / "trials/trial-006/trial.json").read_text()
    assert gist.studies.trial(out, 1 + 6).state == "pruned"
    assert (out / "trials/trial-006/trial.json").read_text() == written
    for record in better:
        shutil.rmtree(study.run_of(record.trial).path)
    found = gist.studies.tune(tiny, out, changes=changes, **options)
    assert [record.trial.name for record in found.pruned] == ["trial-006"]
    assert not found.failed
    assert "Given up early: KID[radiomics] " in (out / "study.html").read_text()


def test_several_ends_have_a_front_and_other_names_are_refused() -> None:
    pytest.importorskip("optuna", reason="the extra study is not installed")
    records = [
        tried(1, 1.0, 5.0, train_seconds=10.0), tried(2, 2.0, 3.0, train_seconds=20.0),
        tried(3, 3.0, 6.0, train_seconds=12.0), tried(4, 4.0, 3.0, train_seconds=20.0), tried(5, 5.0, None, "failed"),
    ]  # fmt: skip
    both = ("kid", "cost")
    assert [record.trial.name for record in front(records, both)] == ["trial-001", "trial-002", "trial-004"]
    assert 0.1 <= next_settings(GAMMA, records, 0, both)["train.gamma"] <= 10
    for names, prune, words in (
        (["beauty"], False, "lowers kid"), (["cost"], False, "lowers kid"), (["kid", "cost"], True, "KID alone"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            check_objectives(names, prune)


def test_kinds_of_generators_are_compared_at_equal_minutes(tiny: Path, folder: Path) -> None:
    with pytest.raises(InputError, match="There is no kind of generator 'dreams'"):
        gist.studies.architectures(tiny, folder / "study", names=["dreams"])
    found = gist.studies.architectures(
        tiny,
        folder / "study",
        names=["stylegan2", "dcgan"],
        minutes=0.02,
        repeats=1,
        changes={"train.kimg": None},
    )
    assert [record.trial.group for record in found.records] == ["stylegan2", "dcgan"]
    assert all(record.state == "done" for record in found.records), found.failed
    assert "after 0.02 minutes each" in found.sentences[0]
    assert "noise alone may explain" in found.sentences[0]  # each was run once


def test_a_starting_network_is_held_against_a_start_from_scratch(tiny: Path, folder: Path) -> None:
    found = gist.studies.transfer(tiny, "phantom-knee-64", folder / "study", repeats=1, only_propose=True)
    assert [record.trial.name for record in found.open] == ["scratch-1", "transfer-1"]
    settings = [
        (folder / f"study/trials/{name}-1/config.yaml").read_text() for name in ("scratch", "transfer")
    ]
    assert ["start_from: phantom-knee-64" in text for text in settings] == [False, True]


def test_one_run_of_each_start_is_not_called_no_difference() -> None:
    scratch = Compared(group="scratch", repeats=1, kid=300.0, low=200.0, high=400.0)
    transfer = Compared(
        group="transfer", repeats=1, kid=120.0, low=90.0, high=150.0, difference=(-180.0, -279.0, -81.0)
    )
    assert "one run of each says nothing of the noise" in _transfer((scratch, transfer))
    more = [group.model_copy(update={"repeats": 3}) for group in (scratch, transfer)]
    assert "makes no difference beyond noise" in _transfer(more)

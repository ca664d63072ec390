"""What comes with a snapshot: its score, the best one, patience, the animation, TensorBoard, warnings."""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch
from PIL import Image

from gist.config import Config
from gist.errors import InputError
from gist.generation.network import find_network
from gist.generators.gan.troubles import knows_by_heart, sure_of_all
from gist.progress import Silent
from gist.runs.checkpoint import load_newest
from gist.runs.folder import RunFolder
from gist.training.loop import Stop
from gist.training.record import TrainingRecord
from gist.training.stage import train
from gist.training.warnings import collapse

Prepared = Callable[..., tuple[Config, RunFolder]]
QUICK = {"architecture": "stylegan2", "mapping_layers": 2}


class Notes(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def _state_sha(run: RunFolder) -> str:
    found = load_newest(run.path / "train" / "checkpoints")
    assert found is not None
    return str(found[1]["sha256"])


def test_snapshots_are_scored_on_held_out_images_and_the_best_can_be_asked_for(prepared: Prepared) -> None:
    config, run = prepared(held_out=50, best_by="kid", tensorboard=False, **QUICK)
    result = train(config, run, Silent())
    scores = {snapshot.file: snapshot.kid for snapshot in result.snapshots}
    assert len(scores) == 2
    assert all(kid is not None and kid > 0 for kid in scores.values())
    assert all(snapshot.kid_error and snapshot.kid_error > 0 for snapshot in result.snapshots)
    assert result.best == min(scores, key=lambda file: scores[file] or 0)
    assert find_network("best", run) == run.path / result.best
    lines = [json.loads(line) for line in (run.path / result.log).read_text().splitlines()]
    assert [line["kid"] for line in lines if "kid" in line] == pytest.approx(list(scores.values()), rel=1e-4)
    assert all(
        {"loss_G", "loss_D", "real_logit", "fake_logit", "fake_sign", "gradient_norm_D", "variety"}
        <= line.keys()
        for line in lines
        if "kid" in line
    )
    unscored, other = prepared("unscored", **QUICK)
    train(unscored, other, Silent())
    assert _state_sha(run) == _state_sha(other), "looking at a snapshot changed what is learned"
    with pytest.raises(InputError, match=r"train\.best_by=kid"):
        find_network("best", other)


def test_patience_without_enough_held_out_images_is_one_sentence(prepared: Prepared) -> None:
    config, run = prepared(held_out=10, patience_kimg=1.0)
    with pytest.raises(InputError, match=r"at least 50 held-out images and there are 10"):
        train(config, run, Silent())


@pytest.mark.parametrize(
    ("kids", "reason"),
    [
        ([0.9, 0.5, 0.6, 0.7], "no longer better"),
        ([0.9, 0.5, 0.6], None),
        ([0.5, 0.4, 0.3, 0.2], None),
        ([], None),
    ],
)
def test_patience_counts_from_the_best_snapshot(kids: Sequence[float], reason: str | None) -> None:
    record = TrainingRecord(
        snapshots=[
            {"file": f"{i}", "kimg": 10.0 * (i + 1), "kid": kid, "kid_error": 0.01}
            for i, kid in enumerate(kids)
        ]
    )
    assert Stop(100_000, None, patience_kimg=20.0).reached(45_000, record) == reason


def test_the_animation_shows_every_snapshot_and_says_that_it_is_synthetic(prepared: Prepared) -> None:
    config, run = prepared(**QUICK)
    result = train(config, run, Silent())
    assert result.progress_animation is not None
    with Image.open(run.path / result.progress_animation) as animation:
        assert animation.n_frames == 1 + len(result.snapshots)  # type: ignore[attr-defined]
        assert "Synthetic: YES" in animation.getexif()[0x010E]


def test_tensorboard_that_is_not_installed_is_a_note_and_not_an_error(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_import = builtins.__import__

    def without_tensorboard(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith(("tensorboard", "torch.utils.tensorboard")):
            raise ImportError(name)
        return real_import(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_tensorboard)
    config, run = prepared(tensorboard=True, kimg=0.004, **QUICK)
    notes = Notes()
    train(config, run, notes)
    assert any("pip install gist-synth[tensorboard]" in note for note in notes.notes)
    assert not (run.path / "train" / "tensorboard").exists()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_gets_every_number_of_the_log(prepared: Prepared) -> None:
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="the extra tensorboard is not installed",
    )
    config, run = prepared(tensorboard=True, **QUICK)
    train(config, run, Silent())
    events = accumulator.EventAccumulator(str(run.path / "train" / "tensorboard"))
    events.Reload()
    lines = [json.loads(line) for line in (run.path / "train" / "log.jsonl").read_text().splitlines()]
    assert {name for line in lines for name in line} - {"kimg", "warnings"} == set(events.Tags()["scalars"])
    assert events.Scalars("loss_D")[-1].value == pytest.approx(lines[-1]["loss_D"], rel=1e-4)
    assert events.Scalars("loss_D")[-1].step == 32
    assert events.Tags()["images"] == ["synthetic images"]


def test_a_precision_that_breaks_down_is_given_up_for_float32_and_training_goes_on(
    prepared: Prepared,
) -> None:
    wild = QUICK | {"precision": "float16", "discriminator_lr": 300.0, "kimg": 0.008}
    config, run = prepared(**wild)
    notes = Notes()
    result = train(config, run, notes)
    assert any("going on from the last checkpoint in float32" in note for note in notes.notes)
    assert result.kimg == 0.008
    found = load_newest(run.path / "train" / "checkpoints")
    assert found is not None
    assert found[1]["float32_only"] is True
    assert all(bool(torch.isfinite(value).all()) for value in found[0].values())


@pytest.mark.parametrize(
    ("varieties", "kimg", "warned"),
    [
        ([0.02], 4, False),
        ([0.02, 0.05], 30, True),
        ([0.3, 0.8, 0.1], 12, True),
        ([0.3, 0.8, 0.7], 12, False),
        ([], 50, False),
    ],
)
def test_a_collapse_is_told_from_a_young_generator(
    varieties: Sequence[float], kimg: float, warned: bool
) -> None:
    assert (collapse(varieties, kimg, "again") is not None) == warned


@pytest.mark.parametrize(("on_hold_out", "words"), [(0.7, "70% of the way"), (0.3, None)])
def test_overfitting_on_the_hold_out_is_told_in_words(on_hold_out: float, words: str | None) -> None:
    sentence = knows_by_heart({"overfitting": on_hold_out})
    assert (sentence is None) == (words is None)
    assert words is None or (sentence is not None and words in sentence)


@pytest.mark.parametrize(
    ("means", "adaptive", "words"),
    [
        ({"real_sign": 0.95}, True, None),
        ({"real_sign": 0.95}, False, "no augmentation holds it back"),
        ({"real_sign": 0.6}, False, None),
    ],
)
def test_a_discriminator_that_is_sure_of_its_images_is_told_in_words(
    means: Mapping[str, float], adaptive: bool, words: str | None
) -> None:
    sentence = sure_of_all(means, adaptive=adaptive)
    assert (sentence is None) == (words is None)
    assert words is None or (sentence is not None and words in sentence)

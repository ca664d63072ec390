"""What the evaluate stage says to images and weights that it cannot use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from known_images import textured
from made_runs import Labelled

from gist import verbs
from gist.config import Config, as_yaml
from gist.errors import InputError
from gist.evaluation.stage import evaluate
from gist.progress import Silent
from gist.runs.folder import RunFolder
from gist.stages.evaluate import EvaluateConfig, EvaluateResult

MakeRun = Callable[..., RunFolder]
QUICK = Config(threads=1, evaluate=EvaluateConfig(permutations=19, shown=2))


def with_settings(**changes: object) -> Config:
    return QUICK.model_copy(update={"evaluate": QUICK.evaluate.model_copy(update=changes)})


def images(count: int, seed: int) -> Labelled:
    return {"": textured(count, seed)}


def grey(count: int) -> Labelled:
    return {"": np.full((count, 32, 32), 90, np.uint8)}


@pytest.fixture(autouse=True)
def no_weights(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of weights, on a machine without network."""
    monkeypatch.setenv("GIST_WEIGHTS_DIR", str(folder / "weights"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.delenv("TORCH_HOME", raising=False)
    (folder / "weights").mkdir()
    return folder / "weights"


def score_names(result: EvaluateResult, *, told: bool) -> set[str]:
    return {score.name.partition("[")[0] for score in result.scores if (score.value is not None) == told}


@pytest.mark.parametrize(
    ("training", "words"),
    [
        (images(1, 1), "There is one training image only"),
        (grey(30), "All training images look the same"),
        ({"": np.tile(textured(1, 1), (30, 1, 1))}, "All training images look the same"),
    ],
)
def test_training_images_that_nothing_can_be_measured_against_are_refused(
    make_run: MakeRun, training: Labelled, words: str
) -> None:
    with pytest.raises(InputError, match=words) as caught:
        evaluate(QUICK, make_run(training, images(30, 2), images(30, 3)), Silent())
    assert str(caught.value).count(". ") == 0, "more than one sentence"


def test_one_held_out_image_gives_no_number_and_says_how_many_are_needed(make_run: MakeRun) -> None:
    result = evaluate(QUICK, make_run(images(40, 1), images(1, 2), images(40, 3)), Silent())
    assert score_names(result, told=True) == set()
    assert "Too few images to tell: 1 per side" in result.scores[0].meaning


def test_identical_held_out_images_count_as_one(make_run: MakeRun) -> None:
    run = make_run(images(40, 1), {"": np.tile(textured(1, 2), (40, 1, 1))}, images(40, 3))
    result = evaluate(QUICK, run, Silent())
    assert any("39 duplicates among the held-out images" in note for note in result.notes)
    assert score_names(result, told=True) == set()


def test_more_neighbours_than_images_leave_out_what_counts_neighbours_and_say_so(make_run: MakeRun) -> None:
    run = make_run(images(60, 1), images(40, 2), images(40, 3))
    result = evaluate(with_settings(neighbours=40), run, Silent())
    assert score_names(result, told=False) == {"precision", "recall", "density", "coverage"}
    assert {"KID", "FD", "diversity"} <= score_names(result, told=True)
    untold = [score for score in result.scores if score.value is None]
    assert all("Too few different real images for 40 neighbours" in score.meaning for score in untold)
    assert all(score.verdict == "unknown" for score in untold)


def test_8_and_16_bit_images_in_one_set_are_compared_at_256_levels_and_noted(make_run: MakeRun) -> None:
    shallow = textured(40, 3)
    mixed = np.empty(40, object)
    mixed[:] = [*shallow[:20], *(shallow[20:].astype(np.uint16) * 257)]
    train, test = images(40, 1), images(40, 2)
    plain = evaluate(QUICK, make_run(train, test, {"": shallow}), Silent())
    result = evaluate(QUICK, make_run(train, test, {"": mixed}), Silent())
    assert any("Some images have 8 bits and others 16" in note for note in result.notes)
    assert [score.value for score in result.scores] == pytest.approx([score.value for score in plain.scores])


def test_missing_weights_are_told_by_the_stage_with_the_way_to_get_them(make_run: MakeRun) -> None:
    run = make_run(images(40, 1), images(40, 2), images(40, 3))
    with pytest.raises(InputError, match=r"91 MiB.*gist weights fetch inception --yes"):
        evaluate(with_settings(extractor="inception"), run, Silent())


def test_weights_with_another_checksum_are_refused_by_the_stage(make_run: MakeRun, no_weights: Path) -> None:
    (no_weights / "resnet50-0676ba61.pth").write_bytes(b"half a download")
    run = make_run(images(40, 1), images(40, 2), images(40, 3))
    with pytest.raises(InputError, match=r"checksum of .* is wrong"):
        evaluate(with_settings(extractor="resnet50"), run, Silent())


@pytest.mark.parametrize(
    "settings", [{"extractor": "squeezenet"}, {"extractor": "resnet50", "weights": "gone.pth"}]
)
def test_weights_that_cannot_be_had_leave_the_old_evaluation_as_it_was(
    make_run: MakeRun, settings: dict[str, str]
) -> None:
    run = make_run(images(40, 1), images(40, 2), images(40, 3))
    run.config_file.write_text(as_yaml(QUICK), encoding="utf-8")
    verbs.evaluate(run.path)
    before = {file: file.read_bytes() for file in (run.path / "evaluate").rglob("*") if file.is_file()}
    with pytest.raises(InputError, match=r"weights"):
        verbs.evaluate(run.path, **settings)
    assert {file: file.read_bytes() for file in before} == before
    assert run.record("evaluate").state == "done"  # type: ignore[union-attr]

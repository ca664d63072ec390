from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from known_images import knees, textured
from made_runs import Labelled, write_archive, write_text_flags
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from gist.config import Config
from gist.errors import InputError
from gist.evaluation.fingerprint import compare
from gist.evaluation.stage import evaluate
from gist.images.archive import archive_name, read_data_set
from gist.metrics.extractors import Radiomics
from gist.metrics.features import extract
from gist.progress import Silent
from gist.runs.folder import RunFolder
from gist.stages.evaluate import EvaluateConfig, EvaluateResult, Score

MakeRun = Callable[..., RunFolder]
QUICK = Config(evaluate=EvaluateConfig(permutations=99, shown=6))


class Listener(Silent):
    """Keeps what a stage reported."""

    def __init__(self) -> None:
        self.steps: list[tuple[float, float]] = []
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def advance(self, done: float, total: float, unit: str, detail: str = "") -> None:
        assert (unit, detail) == ("images", "")
        self.steps.append((done, total))


def score(result: EvaluateResult, name: str, group: str = "overall") -> Score:
    return next(s for s in result.scores if (s.name, s.group) == (name, group))


def small(train: int = 120, test: int = 60, synthetic: int = 60) -> tuple[Labelled, Labelled, Labelled]:
    return {"": textured(train, 1)}, {"": textured(test, 2)}, {"": textured(synthetic, 3)}


def test_images_like_the_real_ones_score_like_real_ones(make_run: MakeRun) -> None:
    listener = Listener()
    run = make_run(*small())
    result = evaluate(QUICK, run, listener)
    kid = score(result, "KID[radiomics]")
    assert kid.p_value is not None
    assert kid.p_value > 0.01
    assert (kid.n_real, kid.n_synthetic) == (60, 60)
    relative = score(result, "relative FD[radiomics]")
    assert relative.value == pytest.approx(1.0, abs=0.2)
    assert (relative.n_real, relative.baseline) == (30, 1.0)
    assert score(result, "near-copies").verdict == "none found"
    assert listener.steps[-1] == (540, 540)
    stored = json.loads((run.path / result.scores_file).read_text(encoding="utf-8"))
    assert [s["name"] for s in stored["scores"]] == [s.name for s in result.scores]
    assert stored["settings"]["permutations"] == 99
    assert not any("FID" in s.name for s in result.scores)


def test_blurred_images_score_much_worse_and_the_words_say_so(make_run: MakeRun) -> None:
    train, test, synthetic = small()
    fair = evaluate(QUICK, make_run(train, test, synthetic), Silent())
    soft = gaussian_filter(np.asarray(synthetic[""], np.float32), (0, 2, 2)).astype(np.uint8)
    poor = evaluate(QUICK, make_run(train, test, {"": soft}), Silent())
    for name in ("KID[radiomics]", "relative FD[radiomics]", "FD[radiomics]"):
        assert compare(score(fair, name), score(poor, name)) > 0
        assert score(poor, name).verdict == "poor"
    assert score(poor, "precision[radiomics]").verdict == "poor"
    assert "more than chance" in score(poor, "KID[radiomics]").meaning


def test_copies_of_training_images_are_called_out(make_run: MakeRun) -> None:
    train, test, _ = small()
    result = evaluate(QUICK, make_run(train, test, {"": train[""][:40]}), Silent())
    copies = score(result, "near-copies")
    assert copies.value == 1.0
    assert copies.verdict == "poor"
    assert len(result.neighbours) == 6
    assert all(pair.synthetic == pair.real and pair.percentile == 0.0 for pair in result.neighbours)


def test_every_copy_is_counted_and_not_only_those_shown(make_run: MakeRun) -> None:
    train, test, synthetic = small(synthetic=300)
    synthetic = {"": np.concatenate([synthetic[""][:270], train[""][:30]])}
    result = evaluate(QUICK, make_run(train, test, synthetic), Silent())
    assert result.identical_images == 30
    assert len(result.neighbours) == 6
    copies = score(result, "near-copies")
    assert copies.meaning.startswith("30 of 300 synthetic images cannot be told from a training image")
    assert copies.verdict == "poor"


def test_pairs_with_images_that_show_text_are_counted_but_others_are_shown(make_run: MakeRun) -> None:
    train, test, synthetic = small(synthetic=50)
    run = make_run(train, test, {"": np.concatenate([synthetic[""], train[""][:10]])})
    flagged = [archive_name(number) for number in range(8)]
    write_text_flags(run, *((name, "train", "text in the pixels", "1 2 3 4") for name in flagged))
    result = evaluate(QUICK, run, Silent())
    assert result.identical_images == 10
    assert len(result.neighbours) == 6
    assert not {pair.real for pair in result.neighbours} & {*flagged}
    assert any("such pairs are counted but not shown" in note for note in result.notes)


def test_one_copy_among_too_few_images_to_judge_is_told(make_run: MakeRun) -> None:
    train, test, _ = small(test=10)
    result = evaluate(QUICK, make_run(train, test, {"": train[""][:1]}), Silent())
    assert score(result, "near-copies").meaning.startswith("1 of 1 synthetic images cannot be told")


def test_classes_are_compared_in_one_mix_and_one_by_one(make_run: MakeRun) -> None:
    train = {"mild": textured(100, 1), "severe": textured(60, 2, smoothing=0.5)}
    test = {"mild": textured(80, 3), "severe": textured(15, 4, smoothing=0.5)}
    synthetic = {"mild": textured(40, 5), "severe": textured(200, 6, smoothing=0.5)}
    result = evaluate(QUICK, make_run(train, test, synthetic), Silent())
    assert score(result, "KID[radiomics]").n_real == 40 + 15
    assert score(result, "KID[radiomics]", "mild").n_real == 40
    assert score(result, "relative FD[radiomics]").value == pytest.approx(1.0, abs=0.25)
    severe = score(result, "KID[radiomics]", "severe")
    assert severe.value is None
    assert severe.verdict == "unknown"
    assert "Too few images to tell" in severe.meaning
    assert any("one mix of classes" in note for note in result.notes)


def test_a_class_that_was_not_generated_is_left_out_and_noted(make_run: MakeRun) -> None:
    train = {"mild": textured(80, 1), "severe": textured(80, 2)}
    test = {"mild": textured(40, 3), "severe": textured(40, 4)}
    run = make_run(train, test, {"mild": textured(50, 5)})
    result = evaluate(QUICK, run, Silent())
    assert score(result, "FD[radiomics]").n_real == 40
    assert score(result, "FD[radiomics]", "severe").value is None
    assert any("1 class of the hold-out" in note for note in result.notes)


def test_unlabelled_synthetic_images_are_compared_without_classes(make_run: MakeRun) -> None:
    train = {"mild": textured(80, 1), "severe": textured(80, 2)}
    test = {"mild": textured(30, 3), "severe": textured(30, 4)}
    result = evaluate(QUICK, make_run(train, test, {"": textured(50, 5)}), Silent())
    assert {s.group for s in result.scores} == {"overall"}
    assert any("carry no classes" in note for note in result.notes)


def test_without_a_hold_out_the_reader_is_warned(make_run: MakeRun) -> None:
    train, _, synthetic = small()
    result = evaluate(QUICK, make_run(train, None, synthetic), Silent())
    assert any("No image was held out" in note and "the scores flatter it" in note for note in result.notes)
    assert score(result, "KID[radiomics]").n_real == 60
    assert "training real images" in score(result, "KID[radiomics]").meaning
    assert score(result, "near-copies").value is not None


@pytest.mark.parametrize("synthetic", [1, 5, 19])
def test_a_handful_of_images_gets_no_number(make_run: MakeRun, synthetic: int) -> None:
    result = evaluate(QUICK, make_run(*small(synthetic=synthetic)), Silent())
    assert all(s.value is None and s.verdict == "unknown" for s in result.scores)
    assert len(result.neighbours) == min(synthetic, 6)


def test_identical_and_constant_synthetic_images_are_noted_and_score_poorly(make_run: MakeRun) -> None:
    train, test, _ = small()
    grey = np.full((50, 32, 32), 90, np.uint8)
    result = evaluate(QUICK, make_run(train, test, {"": grey}), Silent())
    assert any("Only 1 of 50 synthetic images" in note for note in result.notes)
    assert any("50 of 50 synthetic images are a single grey" in note for note in result.notes)
    assert score(result, "recall[radiomics]").value == 0.0
    assert score(result, "KID[radiomics]").verdict == "poor"


def test_identical_training_images_are_refused(make_run: MakeRun) -> None:
    _, test, synthetic = small()
    with pytest.raises(InputError, match="All training images look the same"):
        evaluate(QUICK, make_run({"": np.tile(textured(1, 0), (50, 1, 1))}, test, synthetic), Silent())


def test_duplicates_and_leaks_in_the_hold_out_are_noted(make_run: MakeRun) -> None:
    train, test, synthetic = small()
    doubled = np.concatenate([test[""], test[""][:7], train[""][:3]])
    result = evaluate(QUICK, make_run(train, {"": doubled}, synthetic), Silent())
    assert any("7 duplicates" in note for note in result.notes)
    assert any("3 held-out images are among the training images, too" in note for note in result.notes)


def test_another_size_is_refused_with_both_sizes(make_run: MakeRun) -> None:
    train, test, _ = small()
    with pytest.raises(InputError, match="synthetic images are 64x64 and the training images 32x32"):
        evaluate(QUICK, make_run(train, test, {"": textured(30, 3, side=64)}), Silent())


def test_one_image_of_another_size_is_named(make_run: MakeRun) -> None:
    run = make_run(*small())
    mixed = np.empty(30, object)
    mixed[:] = [*textured(29, 0), textured(1, 0, side=64)[0]]
    write_archive(run.path / "generate/synthetic.zip", {"": mixed})
    with pytest.raises(InputError, match=r"img00000029\.png of the synthetic images is 64x64"):
        evaluate(QUICK, run, Silent())


def test_16_bit_images_are_compared_with_8_bit_ones_on_equal_terms(make_run: MakeRun) -> None:
    train, test, synthetic = small()
    plain = evaluate(QUICK, make_run(train, test, synthetic), Silent())
    deep = {"": np.asarray(synthetic[""], np.uint16) * 257}
    result = evaluate(QUICK, make_run(train, test, deep), Silent())
    assert score(result, "FD[radiomics]").value == pytest.approx(
        score(plain, "FD[radiomics]").value, rel=1e-4
    )
    assert any("8 bits" in note for note in result.notes)


def test_a_stage_that_has_not_finished_is_named(folder: Path) -> None:
    with pytest.raises(InputError, match=r"prepare stage of .* has not finished"):
        evaluate(QUICK, RunFolder(folder), Silent())


def test_the_same_run_evaluates_to_the_same_file_and_reuses_its_features(make_run: MakeRun) -> None:
    run = make_run(*small())
    first = evaluate(QUICK, run, Silent())
    stored = (run.path / first.scores_file).read_bytes()
    cached = {file: file.stat().st_mtime_ns for file in (run.path / "evaluate/features").iterdir()}
    second = evaluate(QUICK, run, Silent())
    assert (run.path / second.scores_file).read_bytes() == stored
    assert {file: file.stat().st_mtime_ns for file in (run.path / "evaluate/features").iterdir()} == cached
    damaged = next(iter(cached))
    damaged.write_bytes(b"not features")
    evaluate(QUICK, run, Silent())
    assert (run.path / second.scores_file).read_bytes() == stored


def test_at_most_max_images_of_each_side_are_compared(make_run: MakeRun) -> None:
    config = Config(evaluate=EvaluateConfig(permutations=9, max_images=30))
    result = evaluate(config, make_run(*small()), Silent())
    assert score(result, "KID[radiomics]").n_real == 30
    assert sum("max_images" in note for note in result.notes) == 3


def test_unlike_scores_are_not_compared(make_run: MakeRun) -> None:
    train, test, synthetic = small()
    a = evaluate(QUICK, make_run(train, test, synthetic), Silent())
    b = evaluate(QUICK, make_run(train, {"": test[""][:40]}, synthetic), Silent())
    kid = score(a, "KID[radiomics]")
    assert compare(kid, kid) == 0.0
    with pytest.raises(InputError, match="rest on different things: reference="):
        compare(kid, score(b, "KID[radiomics]"))
    with pytest.raises(InputError, match="different scores"):
        compare(kid, score(a, "FD[radiomics]"))
    with pytest.raises(InputError, match="missing for want of images"):
        compare(kid, kid.model_copy(update={"value": None}))


def test_real_knees_against_real_knees_and_against_blurred_ones(make_run: MakeRun, shared_dir: Path) -> None:
    grades = (0, 3)
    real = {name: images[:400] for name, images in knees(shared_dir, "train", grades).items()}
    train = {name: images[:200] for name, images in real.items()}
    unseen = {name: images[200:] for name, images in real.items()}
    test = knees(shared_dir, "val", grades)
    result = evaluate(QUICK, make_run(train, test, unseen), Silent())
    assert 0.85 < (score(result, "relative FD[radiomics]").value or 0) < 1.2
    assert score(result, "KID[radiomics]").verdict == "good"
    assert score(result, "near-copies").verdict == "none found"
    for name in ("precision", "recall", "density", "coverage", "diversity"):
        assert score(result, f"{name}[radiomics]").verdict == "good"
    soft = {
        name: gaussian_filter(np.asarray(images, np.float32), (0, 1.5, 1.5)).astype(np.uint8)
        for name, images in unseen.items()
    }
    blurred = evaluate(QUICK, make_run(train, test, soft), Silent())
    assert (score(blurred, "relative FD[radiomics]").value or 0) > 8
    assert score(blurred, "KID[radiomics]").verdict == "poor"
    assert score(blurred, "KID[radiomics]", "KL 3").verdict == "poor"


class NotNumbers(Radiomics):
    """Features of the third image are not numbers."""

    def features(self, x_NHW: NDArray[np.float32]) -> NDArray[np.float64]:
        values = super().features(x_NHW)
        values[2, 5] = np.nan
        return values


def test_an_image_whose_features_are_not_numbers_is_named(folder: Path) -> None:
    write_archive(folder / "some.zip", {"": textured(5, 0)})
    data = read_data_set(folder / "some.zip")
    with pytest.raises(
        InputError, match=r"img00000002\.png of the synthetic images gives features that are not"
    ):
        extract(data, np.arange(5), NotNumbers(32), "synthetic", folder / "cache", lambda _: None)
    assert not (folder / "cache").exists()


def test_the_result_says_how_many_held_out_images_percentiles_rest_on(make_run: MakeRun) -> None:
    train, test, synthetic = small(test=45)
    assert evaluate(QUICK, make_run(train, test, synthetic), Silent()).held_out_images == 45
    assert evaluate(QUICK, make_run(train, None, synthetic), Silent()).held_out_images == 0


def test_squeezenet_names_its_scores_and_leaves_features_as_they_are(
    make_run: MakeRun, shared_dir: Path
) -> None:
    weights = shared_dir / "data/weights/squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5"
    settings = EvaluateConfig(extractor="squeezenet", weights=weights, permutations=19, shown=4)
    run = make_run(*small(train=26, test=22, synthetic=22))
    result = evaluate(Config(threads=1, evaluate=settings), run, Silent())
    fd = score(result, "FD[squeezenet]")
    assert "weights=17154246284f" in fd.fingerprint
    assert "standardiser=none" in fd.fingerprint
    assert fd.value is not None
    assert fd.value > 100  # activations of hundreds of grey levels, not standard scores
    assert 1 <= (score(result, "diversity[squeezenet]").value or 0) <= 22
    stored = (run.path / "evaluate/scores.json").read_text(encoding="utf-8")
    assert str(weights.parent) not in stored

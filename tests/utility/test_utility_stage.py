from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from bars import both, write_run
from made_runs import finish
from torchvision.models import get_model, inception_v3

from gist.config import Config
from gist.errors import InputError
from gist.files import sha256_of
from gist.machine.interruption import Stopped
from gist.metrics.weights import CATALOGUE
from gist.progress import Silent
from gist.runs.folder import RunFolder
from gist.stages.train import TrainResult
from gist.stages.utility import UtilityArm, UtilityConfig, UtilityFinding, UtilityResult
from gist.utility.arms import ARMS
from gist.utility.classifiers import CLASSIFIERS, SmallNetwork, build_network
from gist.utility.learning import learn
from gist.utility.pools import Pool
from gist.utility.stage import measure_utility

QUICK = Config(threads=1, utility=UtilityConfig(steps=24, validation_fraction=0.3))


class Listener(Silent):
    """Keeps what a stage reported; may stop it."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.notes: list[str] = []
        self.done: list[float] = []
        self.stop_after = stop_after

    def note(self, text: str) -> None:
        self.notes.append(text)

    def advance(self, done: float, total: float, unit: str, detail: str = "") -> None:
        assert (unit, bool(detail)) == ("trainings", True)
        self.done.append(done / total)
        if done == self.stop_after:
            raise Stopped("asked by the test")


class StopsWhenNamed(Listener):
    """Stops as soon as the classifier was named."""

    def note(self, text: str) -> None:
        super().note(text)
        if text.startswith("Classifier"):
            raise Stopped("asked by the test")


def finding(result: UtilityResult, question: str) -> UtilityFinding:
    return next(one for one in result.findings if one.question == question)


def arm(result: UtilityResult, name: str) -> UtilityArm:
    return next(one for one in result.arms if one.arm == name)


def kept(run: RunFolder) -> dict[str, int]:
    return {file.name: file.stat().st_mtime_ns for file in (run.path / "utility" / "trained").glob("*.json")}


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, UtilityResult, Listener]:
    """A run whose synthetic images are as good as real ones."""
    run = write_run(
        tmp_path_factory.mktemp("honest") / "run", train=both(60, 1), test=both(90, 2), synthetic=both(90, 3)
    )
    listener = Listener()
    return run, measure_utility(QUICK, run, listener), listener


def test_images_as_good_as_real_ones_teach_as_much_and_are_recognised(
    honest: tuple[RunFolder, UtilityResult, Listener],
) -> None:
    _, result, listener = honest
    assert arm(result, "Base").balanced_accuracy.value > 0.8
    assert abs(finding(result, "GAN-train").difference.value) < 0.08
    assert finding(result, "GAN-train").verdict in ("good", "fair")
    assert finding(result, "GAN-test").verdict in ("good", "fair")
    assert listener.done[-1] == 1.0
    assert any("small: trained from scratch" in note for note in listener.notes)


def test_shuffled_labels_give_chance_and_the_dummy_too(
    honest: tuple[RunFolder, UtilityResult, Listener],
) -> None:
    _, result, _ = honest
    shuffled = next(one for one in result.controls if one.name == "shuffled labels")
    assert shuffled.passed
    assert shuffled.balanced_accuracy.value == pytest.approx(0.5, abs=0.12)
    dummy = arm(result, "always the commonest class")
    assert dummy.recall == 0.5
    assert dummy.confusions in ((((90, 0), (90, 0)),), (((0, 90), (0, 90)),))


def test_more_real_images_teach_more(honest: tuple[RunFolder, UtilityResult, Listener]) -> None:
    _, result, _ = honest
    (worth,) = result.worth
    assert worth.curve[0] < worth.curve[-1]
    assert worth.sizes[-1] == sum(arm(result, "Base").learned_from.values()) == worth.images


def test_the_file_for_machines_holds_every_raw_count(
    honest: tuple[RunFolder, UtilityResult, Listener],
) -> None:
    run, result, _ = honest
    stored = json.loads((run.path / "utility" / "utility.json").read_text())
    assert "seconds" not in stored
    assert UtilityResult.model_validate(stored) == result.model_copy(update={"seconds": 0.0})
    for one in result.arms:
        if one.arm != "always the commonest class":
            assert len(one.confusions) == 5
            assert all(np.sum(counts) == one.tested for counts in one.confusions)


def test_the_same_call_again_trains_nothing_and_writes_the_same_bytes(
    honest: tuple[RunFolder, UtilityResult, Listener],
) -> None:
    run, _, _ = honest
    trained, written = kept(run), (run.path / "utility" / "utility.json").read_bytes()
    assert len(trained) == 5 * len(ARMS)
    measure_utility(QUICK, run, Silent())
    assert kept(run) == trained
    assert (run.path / "utility" / "utility.json").read_bytes() == written


def test_one_more_seed_costs_only_itself(honest: tuple[RunFolder, UtilityResult, Listener]) -> None:
    run, _, _ = honest
    trained = kept(run)
    more = QUICK.model_copy(update={"utility": QUICK.utility.model_copy(update={"seeds": 6})})
    result = measure_utility(more, run, Silent())
    assert result.seeds == 6
    after = kept(run)
    assert len(after) == 6 * len(ARMS)
    assert {name: after[name] for name in trained} == trained


def test_stopped_in_the_middle_it_goes_on_and_ends_as_if_unbroken(folder: Path) -> None:
    few = Config(threads=1, utility=UtilityConfig(steps=3, seeds=2))
    sets = {"train": both(20, 1), "test": both(12, 2), "synthetic": both(20, 3)}
    whole, broken = (write_run(folder / name, **sets) for name in ("whole", "broken"))
    measure_utility(few, whole, Silent())
    with pytest.raises(Stopped):
        measure_utility(few, broken, Listener(stop_after=5))
    before = kept(broken)
    assert len(before) == 5
    damaged = broken.path / "utility" / "trained" / min(before)
    damaged.write_text("{")
    measure_utility(few, broken, Silent())
    assert {name: kept(broken)[name] for name in before if name != damaged.name} == {
        name: time for name, time in before.items() if name != damaged.name
    }
    file = Path("utility") / "utility.json"
    assert (broken.path / file).read_bytes() == (whole.path / file).read_bytes()


def test_images_under_the_wrong_class_teach_the_wrong_class() -> None:
    def pool(images: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]) -> Pool:
        stack = np.concatenate([images["thin"], images["thick"]])
        return Pool(stack, np.repeat([0, 1], len(images["thin"])), np.arange(len(stack)).astype(str))

    fakes = both(60, 3)
    swapped = {"thin": fakes["thick"], "thick": fakes["thin"]}
    test = pool(both(60, 2))
    learned = learn(
        CLASSIFIERS["small"], pool(swapped), pool(swapped), {"real": test},
        classes=2, steps=40, seed=0, weights=None, device=torch.device("cpu"),
    )  # fmt: skip
    assert np.mean(np.array(learned.predicted["real"]) == test.labels) < 0.25


def test_copies_of_training_images_are_recognised_better_than_new_ones() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(24) % 2

    def noise(seed: int) -> Pool:
        images = np.random.default_rng(seed).integers(0, 256, (24, 16, 16)).astype(np.uint8)
        return Pool(images, labels, rng.permutation(24).astype(str))

    training, fresh = noise(1), noise(2)
    learned = learn(
        CLASSIFIERS["small"], training, fresh.take(np.arange(0)), {"copies": training, "fresh": fresh},
        classes=2, steps=100, seed=0, weights=None, device=torch.device("cpu"),
    )  # fmt: skip
    right = {name: np.mean(np.array(found) == labels) for name, found in learned.predicted.items()}
    assert right["copies"] > 0.9
    assert right["fresh"] < 0.8


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"train": {"": both(20, 1)["thin"]}}, "fewer than two classes"),
        ({"test": None}, "no real image is held out"),
        ({"synthetic": {"": both(20, 3)["thin"]}}, "the synthetic images carry no classes"),
        ({"synthetic": {"thin": both(20, 3)["thin"]}}, "fewer than two classes have"),
        ({"synthetic": both(3, 3)}, "fewer than 4 images"),
    ],
)
def test_where_the_question_cannot_be_asked_the_result_says_why(
    folder: Path, changes: dict[str, object], why: str
) -> None:
    sets = {"train": both(20, 1), "test": both(12, 2), "synthetic": both(20, 3)} | changes
    listener = Listener()
    result = measure_utility(QUICK, write_run(folder / "run", **sets), listener)  # type: ignore[arg-type]
    assert result.left_out is not None
    assert why in result.left_out
    assert not result.arms
    assert why in listener.notes[-1]


def test_without_a_classifier_the_stage_is_left_out_before_anything_is_read(folder: Path) -> None:
    result = measure_utility(Config(utility=UtilityConfig(classifiers=())), RunFolder(folder), Silent())
    assert result.left_out == "utility.classifiers is empty"


def test_a_run_without_synthetic_images_is_told_what_to_run(folder: Path) -> None:
    with pytest.raises(InputError, match=r"prepare stage .* has not finished"):
        measure_utility(QUICK, RunFolder(folder / "run"), Silent())


def test_a_damaged_weight_file_is_named_and_nothing_is_trained(folder: Path) -> None:
    run = write_run(folder / "run", train=both(20, 1), test=both(12, 2), synthetic=both(20, 3))
    weights = folder / "weights"
    weights.mkdir()
    (weights / "resnet101-63fe2227.pth").write_bytes(b"half a download")
    config = Config(utility=UtilityConfig(classifiers=("resnet101",), weights_folder=weights))
    with pytest.raises(InputError, match=r"checksum of .*resnet101-63fe2227\.pth is wrong"):
        measure_utility(config, run, Silent())
    assert not kept(run)


def test_inception_starts_from_a_file_with_new_last_layers_and_learns_a_step(folder: Path) -> None:
    file = folder / "own.pth"
    with torch.device("meta"):  # shapes only
        shapes = inception_v3(weights=None, init_weights=False).state_dict()
    torch.save({name: torch.full(tensor.shape, 0.01) for name, tensor in shapes.items()}, file)
    ours = build_network("inception_v3", 2, file).state_dict()
    replaced = {name for name in ours if ours[name].shape != shapes[name].shape}
    assert replaced == {"fc.weight", "fc.bias", "AuxLogits.fc.weight", "AuxLogits.fc.bias"}
    floats = {name for name in ours if ours[name].is_floating_point()} - replaced
    assert all(bool((ours[name] == 0.01).all()) for name in floats)
    images = np.concatenate(list(both(1, 1).values()))
    pool = Pool(images, np.array([0, 1]), np.array(["p", "q"]))
    learned = learn(
        replace(CLASSIFIERS["inception_v3"], batch=2), pool, pool, {"real": pool},
        classes=2, steps=1, seed=0, weights=file, device=torch.device("cpu"),
    )  # fmt: skip
    assert (len(learned.predicted["real"]), learned.best_step) == (2, 1)


def made_weights(file: Path, name: str) -> dict[str, torch.Size]:
    """A file of random weights as torchvision's `name` has them; returns their shapes."""
    with torch.device("meta"):
        empty = get_model(name, weights=None).state_dict()
    random = torch.Generator().manual_seed(0)

    def drawn(like: torch.Tensor) -> torch.Tensor:
        if not like.is_floating_point():
            return torch.zeros(like.shape, dtype=like.dtype)
        # One number for each output, stored once, keeps the file of a large network small.
        numbers = torch.rand((*like.shape[:1], *(1 for _ in like.shape[1:])), generator=random)
        return (numbers / max(1, like[0].numel())).expand(like.shape)

    torch.save({key: drawn(like) for key, like in empty.items()}, file)
    return {key: like.shape for key, like in empty.items()}


@pytest.mark.filterwarnings("ignore:for .* copying from a non-meta parameter")
@pytest.mark.parametrize(("name", "last"), [("resnet101", "fc"), ("vgg19", "classifier.6")])
def test_a_network_of_the_literature_starts_from_its_file_and_it_is_said_which(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, last: str
) -> None:
    entry = CATALOGUE[name]
    shapes = made_weights(folder / entry.file, name)
    digest = sha256_of(folder / entry.file)
    monkeypatch.setitem(CATALOGUE, name, replace(entry, sha256=digest))
    monkeypatch.setitem(CLASSIFIERS, name, replace(CLASSIFIERS[name], pixels=64, batch=2))
    with torch.device("meta"):
        ours = build_network(name, 2, folder / entry.file).state_dict()
    assert {key for key in ours if ours[key].shape != shapes[key]} == {f"{last}.weight", f"{last}.bias"}
    run = write_run(folder / "run", train=both(12, 1), test=both(2, 2), synthetic=both(12, 3))
    config = UtilityConfig(classifiers=(name,), steps=1, seeds=1, weights_folder=folder)  # type: ignore[arg-type]
    # VGG-19's 140 million weights take too long to train even for a step.
    listener = Listener(stop_after=1) if name == "resnet101" else StopsWhenNamed()
    with pytest.raises(Stopped):
        measure_utility(Config(threads=1, utility=config), run, listener)
    expected = f"started from ImageNet weights, SHA-256 {digest[:12]}"
    assert f"Classifier {name}: {expected}." in listener.notes
    trained = [json.loads(file.read_text()) for file in (run.path / "utility" / "trained").glob("*.json")]
    assert [one["weights"] for one in trained] == ([expected] if name == "resnet101" else [])


@pytest.mark.parametrize(
    ("pretrained", "words"),
    [(True, "since its ImageNet weights were not found"), (False, "as utility.pretrained=false asks")],
)
def test_without_weights_it_is_said_that_a_network_learns_from_scratch(
    folder: Path, monkeypatch: pytest.MonkeyPatch, pretrained: bool, words: str
) -> None:
    for variable in ("GIST_WEIGHTS_DIR", "XDG_CACHE_HOME", "TORCH_HOME"):
        monkeypatch.setenv(variable, str(folder / "empty"))
    run = write_run(folder / "run", train=both(12, 1), test=both(2, 2), synthetic=both(12, 3))
    listener = StopsWhenNamed()
    config = UtilityConfig(classifiers=("vgg19",), pretrained=pretrained)
    with pytest.raises(Stopped):
        measure_utility(Config(threads=1, utility=config), run, listener)
    assert listener.notes[-1] == f"Classifier vgg19: trained from scratch, {words}."
    assert any("gist weights fetch vgg19" in note for note in listener.notes) == pretrained


def test_few_held_out_patients_leave_every_verdict_open_and_no_set_to_choose_by_is_said(folder: Path) -> None:
    run = write_run(folder / "run", train=both(10, 1), test=both(18, 2), synthetic=both(20, 3))
    config = UtilityConfig(steps=2, validation_fraction=1e-9)
    result = measure_utility(Config(threads=1, utility=config), run, Silent())
    assert {one.verdict for one in result.findings} == {"unknown"}
    assert all("The rarest class has 9 held-out patients" in one.meaning for one in result.findings)
    assert result.notes[0].startswith("No real image could be set aside to choose by")


def test_weights_of_another_network_are_named(folder: Path) -> None:
    file = folder / "own.pth"
    torch.save(SmallNetwork(2).state_dict(), file)
    with (
        torch.device("meta"),
        pytest.raises(InputError, match="does not hold torchvision's weights of vgg19"),
    ):
        build_network("vgg19", 3, file)


def trained_for(seconds: float) -> TrainResult:
    return TrainResult(
        snapshots=(),
        kimg=1.0,
        seconds=seconds,
        device="cpu",
        device_reason="",
        resolution=32,
        class_names=(),
        settings={},
        reasons={},
        log="train/log.jsonl",
        grid_real="train/grids/real.png",
        grids=(),
        stopped_because="kimg reached",
    )


def test_it_takes_no_longer_than_the_training_that_it_judges_unless_asked(folder: Path) -> None:
    run = write_run(folder / "run", train=both(20, 1), test=both(12, 2), synthetic=both(20, 3))
    unasked, asked = (
        Config(threads=1, utility=UtilityConfig(steps=1, seeds=seeds))  # type: ignore[arg-type]
        for seeds in ("auto", 2)
    )
    finish(run, "train", trained_for(1e-6))
    result = measure_utility(unasked, run, Silent())
    assert "longer than the training of the generator" in result.in_one_line()
    assert measure_utility(asked, run, Silent()).seeds == 2
    for file in (run.path / "utility/trained").glob("*.json"):  # as if each had taken a second
        file.write_text(json.dumps(json.loads(file.read_text()) | {"seconds": 1.0}))
    finish(run, "train", trained_for(2.5 * len(ARMS)))
    listener = Listener()
    result = measure_utility(unasked, run, listener)
    assert result.seeds == 2
    assert "balanced accuracy" in result.in_one_line()
    assert any("2 of 5 seeds took as long" in note for note in listener.notes)

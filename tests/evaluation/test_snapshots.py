from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from known_images import textured
from made_runs import write_archive

from gist.config import Config
from gist.errors import InputError
from gist.evaluation.snapshots import evaluate_snapshots, read_snapshot_curve
from gist.evaluation.snapshots_page import snapshot_section
from gist.evaluation.stage import evaluate
from gist.generation.stage import find_network
from gist.generators.gan.networks import build_generator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.network_file import save_network
from gist.progress import Silent
from gist.runs.folder import RunFolder
from gist.stages.evaluate import EvaluateConfig, SnapshotCurve
from gist.stages.generate import GenerateConfig

MakeRun = Callable[..., RunFolder]
CONFIG = Config(threads=1, evaluate=EvaluateConfig())


def add_snapshot(run: RunFolder, kimg: int, *, brightness: float) -> Path:
    """A generator whose images are as bright as its last bias says; textures are those of an untrained network."""
    torch.manual_seed(0)
    spec = NetworkSpec(
        architecture="stylegan2",
        resolution=32,
        z_dim=16,
        w_dim=16,
        mapping_layers=2,
        channel_base=256,
        channel_max=8,
    )
    G = build_generator(spec)
    with torch.no_grad():
        for name, parameter in G.named_parameters():
            if name.endswith("bias") and "torgb" in name.lower() and "affine" not in name:
                parameter.add_(brightness)
    file = run.path / "train" / "snapshots" / f"network-{kimg:06d}.safetensors"
    save_network(file, G, metadata={"kimg": kimg, "class_names": []})
    return file


@pytest.fixture
def trained(make_run: MakeRun) -> RunFolder:
    run = make_run({"": textured(120, 1)}, {"": textured(60, 2)}, {"": textured(20, 3)})
    add_snapshot(run, 1, brightness=9.0)
    add_snapshot(run, 2, brightness=0.0)
    return run


def test_every_snapshot_is_scored_and_the_closest_one_is_best(trained: RunFolder) -> None:
    curve = evaluate_snapshots(CONFIG, trained, Silent())
    assert [entry.kimg for entry in curve.snapshots] == [1.0, 2.0]
    first, second = (entry.scores[0] for entry in curve.snapshots)
    assert first.name == second.name == "KID[radiomics]"
    assert first.fingerprint == second.fingerprint
    assert first.value is not None
    assert second.value is not None
    best = min(curve.snapshots, key=lambda entry: entry.scores[0].value or 0.0)
    assert curve.best == best.file
    assert [score.name for score in best.scores[1:]] == [
        "FD[radiomics]",
        "precision[radiomics]",
        "recall[radiomics]",
    ]
    assert read_snapshot_curve(trained) == curve
    assert find_network("best", trained) == trained.path / "train" / "snapshots" / curve.best


def test_a_snapshot_that_was_evaluated_is_not_evaluated_again(trained: RunFolder) -> None:
    curve = evaluate_snapshots(CONFIG, trained, Silent())
    marked = curve.snapshots[0].scores[0].model_copy(update={"meaning": "kept from before"})
    first = curve.snapshots[0].model_copy(update={"scores": (marked, *curve.snapshots[0].scores[1:])})
    table = curve.model_copy(update={"snapshots": (first,)})  # as if it had been stopped after the first
    (trained.path / "evaluate/snapshots.json").write_text(table.model_dump_json(), encoding="utf-8")
    again = evaluate_snapshots(CONFIG, trained, Silent())
    assert again.snapshots[0].scores[0].meaning == "kept from before"
    assert again.snapshots[1] == curve.snapshots[1]


def test_other_settings_evaluate_all_snapshots_again(trained: RunFolder) -> None:
    before = evaluate_snapshots(CONFIG, trained, Silent())
    after = evaluate_snapshots(Config(threads=1, evaluate=EvaluateConfig(max_images=40)), trained, Silent())
    assert before.snapshots[0].scores[0].n_real == 60
    assert {entry.scores[0].n_real for entry in after.snapshots} == {40}


def test_equal_snapshots_are_told_to_be_tied(trained: RunFolder) -> None:
    for kimg, brightness in ((3, 9.01), (4, 0.01)):  # twins of the two that are there
        add_snapshot(trained, kimg, brightness=brightness)
    curve = evaluate_snapshots(CONFIG, trained, Silent())
    number = int(curve.best.removeprefix("network-").removesuffix(".safetensors"))
    twin = {1: 3, 3: 1, 2: 4, 4: 2}[number]
    assert f"network-{twin:06d}.safetensors" in curve.tied
    section = snapshot_section(curve)
    assert section is not None
    assert Path(curve.best).stem in section.sentence
    assert "cannot be told from it" in section.sentence
    assert len(section.charts) == 3


def keep_for_choosing(run: RunFolder, count: int) -> None:
    write_archive(run.path / "prepare/val.zip", {"": textured(count, 9)})
    record = run.record("prepare")
    assert record is not None
    assert record.result is not None
    kept = {"val_archive": "prepare/val.zip", "val_images": count}
    run.write_record(record.model_copy(update={"result": record.result | kept}))


@pytest.mark.parametrize(
    ("kept", "judged_by", "n", "words"),
    [
        (45, "validation", 45, "a fair test of the choice"),
        (19, "held-out", 60, "these flatter it a little"),
        (None, "held-out", 60, "these flatter it a little"),
    ],
)
def test_snapshots_are_chosen_by_the_images_kept_for_choosing_if_these_are_enough(
    trained: RunFolder, kept: int | None, judged_by: str, n: int, words: str
) -> None:
    if kept is not None:
        keep_for_choosing(trained, kept)
    curve = evaluate_snapshots(CONFIG, trained, Silent())
    assert curve.judged_by == judged_by
    assert {entry.scores[0].n_real for entry in curve.snapshots} == {n}
    section = snapshot_section(curve)
    assert section is not None
    assert words in section.sentence
    result = evaluate(
        CONFIG.model_copy(update={"generate": GenerateConfig(network="best")}), trained, Silent()
    )
    flattered = any(
        "The snapshot was chosen by its distance to held-out images" in note for note in result.notes
    )
    assert flattered == (judged_by == "held-out")


def test_without_a_hold_out_the_curve_says_that_the_generator_has_seen_the_images(make_run: MakeRun) -> None:
    run = make_run({"": textured(60, 1)}, None, {"": textured(20, 3)})
    add_snapshot(run, 1, brightness=0.0)
    curve = evaluate_snapshots(CONFIG, run, Silent())
    assert curve.judged_by == "training"
    section = snapshot_section(curve)
    assert section is not None
    assert "images that the generator has seen" in section.sentence


def test_best_does_not_come_from_a_table_that_lacks_a_newer_snapshot(trained: RunFolder) -> None:
    evaluate_snapshots(CONFIG, trained, Silent())
    add_snapshot(trained, 4, brightness=0.0)
    with pytest.raises(InputError, match=r"No snapshot in .* has been scored"):
        find_network("best", trained)


def test_a_run_without_snapshots_or_with_too_few_real_images_is_refused(make_run: MakeRun) -> None:
    run = make_run({"": textured(60, 1)}, {"": textured(10, 2)}, {"": textured(20, 3)})
    with pytest.raises(InputError, match="holds no snapshot"):
        evaluate_snapshots(CONFIG, run, Silent())
    add_snapshot(run, 1, brightness=0.0)
    with pytest.raises(InputError, match=r"at least 20 real images .* there are 10"):
        evaluate_snapshots(CONFIG, run, Silent())


def test_a_damaged_table_counts_as_none(trained: RunFolder) -> None:
    table = trained.path / "evaluate" / "snapshots.json"
    table.parent.mkdir()
    table.write_text('{"best": ', encoding="utf-8")
    assert read_snapshot_curve(trained) is None
    assert isinstance(evaluate_snapshots(CONFIG, trained, Silent()), SnapshotCurve)
    assert json.loads(table.read_text(encoding="utf-8"))["best"]

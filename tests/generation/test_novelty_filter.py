"""Near-copies are replaced by further seeds, counted and told, and the audit knows that a filter came before it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from made_runs import finish, prepared, write_archive

from gist.config import Config, build_config
from gist.errors import InputError
from gist.generation.best_snapshot import generate_inputs
from gist.generation.page import FILTERED, generate_page
from gist.generation.stage import generate
from gist.generators.gan.generator import Generator
from gist.generators.gan.networks import build_generator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.network_file import save_network
from gist.generators.synthesis import synthesise
from gist.phantoms.radiograph import phantom_batch
from gist.privacy.novelty import novelty
from gist.privacy.stage import measure_privacy
from gist.privacy.views import Looked
from gist.progress import Silent
from gist.runs.findings import read_findings
from gist.runs.folder import RunFolder
from gist.stages.generate import GenerateResult

LEVEL = 0.05
MEMORISED = 4
"""The first seeds, whose pictures are training images."""


@pytest.fixture(scope="module")
def network() -> Generator:
    torch.manual_seed(1)
    return build_generator(NetworkSpec("dcgan", 32, channel_base=512, channel_max=16, z_dim=32)).eval()


def made_run(
    folder: Path,
    network: Generator,
    *,
    copied: range = range(MEMORISED),
    hold_out: int = 60,
    **settings: object,
) -> tuple[Config, RunFolder]:
    """A run whose training images are phantoms, and the pictures that the network draws from some seeds."""
    run = RunFolder(folder / "run")
    save_network(folder / "net.safetensors", network, metadata={"class_names": [], "kimg": 1.0})
    phantoms = phantom_batch(range(30), 32)
    others = np.stack(list(synthesise(network, list(range(9000, 9000 + hold_out)), [0] * hold_out)))
    learned = np.stack(list(synthesise(network, list(copied), [0] * len(copied))))
    training = np.concatenate([learned, phantoms])
    run.stage_folder("prepare")
    for name, images in (("train", training), ("test", others)):
        write_archive(run.path / f"prepare/{name}.zip", {"": images})
    rows = [
        f"00000/img{i:08d}.png,{split},{split}{i},,"
        for split, images in (("train", training), ("test", others))
        for i in range(len(images))
    ]
    (run.path / "prepare/records.csv").write_text(
        "\n".join(["image,split,patient,remarks,text", *rows]) + "\n"
    )
    finish(run, "prepare", prepared({"": training}, {"": others}))
    chosen = {"network": str(folder / "net.safetensors"), "count": 24, "min_novelty": LEVEL} | settings
    tree = {"folder": str(run.path), "device": "cpu", "threads": 1, "privacy": {"steps": 10, "repeats": 20}}
    return build_config(tree | {"generate": chosen}), run


def seeds(run: RunFolder, result: GenerateResult) -> dict[int, float]:
    """Seed -> novelty of the pictures that were kept."""
    with (run.path / result.labels_table).open(encoding="utf-8") as file:
        return {int(row["seed"]): float(row["novelty"]) for row in csv.DictReader(file)}


def test_copies_are_replaced_counted_and_told_by_the_audit(folder: Path, network: Generator) -> None:
    config, run = made_run(folder, network)
    result = generate(config, run, Silent())
    kept = seeds(run, result)
    assert result.images == len(kept) == 24
    assert not set(range(MEMORISED)) & kept.keys()
    assert min(kept.values()) > LEVEL
    assert result.near_copies >= MEMORISED
    assert result.last_seed == 23 + result.near_copies
    assert (result.min_novelty, result.rejected) == (LEVEL, {})
    finish(run, "generate", result)
    assert generate_page(read_findings(config, run, "report")).caveats == (FILTERED,)
    eye = set((run.path / "privacy/seen").iterdir())
    audit = measure_privacy(config, run, Silent())
    assert audit.filtered is not None
    assert (audit.filtered.level, audit.filtered.dropped) == (LEVEL, result.near_copies)
    assert audit.verdict != "evidence of copying"
    # What the filter looked with, the audit looks with.
    assert eye <= set((run.path / "privacy/seen").iterdir())
    assert len([*(run.path / "privacy/seen").iterdir()]) - len(eye) == 11


def test_an_interrupted_filter_goes_on_to_the_same_pictures(folder: Path, network: Generator) -> None:
    config, run = made_run(folder, network)
    first = generate(config, run, Silent())
    table = (run.path / first.labels_table).read_bytes()
    for file in sorted((run.path / "generate/images").iterdir())[3::2]:
        file.unlink()
    second = generate(config, run, Silent())
    assert (run.path / second.labels_table).read_bytes() == table
    assert second.near_copies == first.near_copies


def test_both_filters_count_each_picture_once(folder: Path, network: Generator) -> None:
    config, run = made_run(folder, network, copied=range(60))
    config = config.model_copy(
        update={"generate": config.generate.model_copy(update={"reject_artifacts": 0.05, "first_seed": 50})}
    )
    result = generate(config, run, Silent())
    assert result.last_seed == 50 + 23 + result.near_copies + sum(result.rejected.values())
    assert result.near_copies >= 10
    assert not set(range(50, 60)) & seeds(run, result).keys()


def test_a_network_that_draws_its_training_images_again_is_one_sentence(
    folder: Path, network: Generator
) -> None:
    config, run = made_run(folder, network, copied=range(250))
    with pytest.raises(InputError, match=r"Only \d of 2\d\d pictures passed the filter of near-copies"):
        generate(config, run, Silent())


def test_too_few_held_out_images_for_a_share_are_said_before_anything_is_drawn(
    folder: Path, network: Generator
) -> None:
    config, run = made_run(folder, network, min_novelty=0.01)
    with pytest.raises(
        InputError, match=r"min_novelty at 0\.01 is calibrated on at least 99 held-out images"
    ):
        generate(config, run, Silent())
    assert not (run.path / "generate").exists()


def test_a_share_that_too_few_of_the_held_out_images_can_tell_is_said(
    folder: Path, network: Generator
) -> None:
    config, run = made_run(folder, network, min_novelty=0.02)
    few = config.model_copy(update={"privacy": config.privacy.model_copy(update={"max_images": 40})})
    with pytest.raises(InputError, match=r"at least 49 held-out images and privacy\.max_images lets in 40"):
        generate(few, run, Silent())


def test_another_eye_makes_a_filtered_set_stale_and_no_other(folder: Path, network: Generator) -> None:
    config, run = made_run(folder, network)
    longer = config.model_copy(update={"privacy": config.privacy.model_copy(update={"steps": 20})})
    assert generate_inputs(config, run) != generate_inputs(longer, run)
    config, longer = (
        each.model_copy(update={"generate": each.generate.model_copy(update={"min_novelty": None})})
        for each in (config, longer)
    )
    assert generate_inputs(config, run) == generate_inputs(longer, run)


def test_hold_out_images_are_dropped_as_often_as_the_number_says() -> None:
    rng = np.random.default_rng(0)

    def looked(count: int) -> Looked:
        ratio = np.clip(0.8 + 0.1 * rng.normal(size=(count, 4)), 0.01, 1)
        return Looked(ratio, np.zeros((count, 4), np.int64))

    dropped = []
    for _ in range(200):
        hold_out, others = looked(199), looked(100)
        dropped.append((novelty(others, hold_out) <= 0.05).mean())
    assert np.mean(dropped) == pytest.approx(0.05, abs=0.01)

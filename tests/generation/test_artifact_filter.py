"""The artifact filter replaces odd pictures by further seeds, the same ones however often it is interrupted."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gist.config import Config, build_config
from gist.errors import InputError
from gist.generation.stage import generate
from gist.generators.gan.generator import Generator
from gist.generators.gan.networks import build_generator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.network_file import save_network
from gist.generators.synthesis import synthesise
from gist.images.archive import ArchiveWriter, read_data_set
from gist.images.png import encode_png
from gist.marking.watermark import embed
from gist.progress import Silent
from gist.runs.folder import RunFolder, StageRecord
from gist.stages.prepare import PrepareResult

CLASSES = ("mild", "severe")
LEVEL = 0.2


@pytest.fixture(scope="module")
def network() -> Generator:
    torch.manual_seed(1)
    spec = NetworkSpec("stylegan3-t", 32, classes=2, channel_base=512, channel_max=16, z_dim=32, w_dim=32)
    return build_generator(spec).eval()


@pytest.fixture(scope="module")
def own_pictures(network: Generator) -> NDArray[np.uint8]:
    """Pictures that stand in for real ones: those of the network itself, so that the filter should pass most."""
    seeds = list(range(5000, 5120))
    return np.stack(list(synthesise(network, seeds, [seed % 2 for seed in seeds])))


def _run(
    folder: Path, network: Generator, real: NDArray[np.uint8], held_out: int, **settings: object
) -> tuple[Config, RunFolder]:
    run = RunFolder(folder / "run")
    save_network(folder / "net.safetensors", network, metadata={"class_names": list(CLASSES), "kimg": 1.0})
    for name, images in (("train", real[: len(real) - held_out]), ("test", real[len(real) - held_out :])):
        with ArchiveWriter(run.stage_folder("prepare") / f"{name}.zip", CLASSES) as writer:
            for number, image in enumerate(images):
                writer.add(encode_png(image), number % 2)
    prepared = PrepareResult(
        resolution=real.shape[1],
        class_names=CLASSES,
        train_archive="prepare/train.zip",
        test_archive="prepare/test.zip" if held_out else None,
        train_images=len(real) - held_out,
        test_images=held_out,
        class_counts={name: {"train": 1, "test": 1} for name in CLASSES},
        patients=None,
        rejected={},
        rejected_table="prepare/rejected.csv",
        source_digest="0" * 64,
        upsampled=0,
        notes=(),
    )
    run.write_record(
        StageRecord(
            stage="prepare",
            state="done",
            settings={},
            continued_settings={},
            inputs={},
            result=prepared.model_dump(mode="json"),
            started="2026-01-01T00:00:00+00:00",
        )
    )
    tree = {"folder": str(run.path), "device": "cpu", "threads": 1}
    chosen = {"network": str(folder / "net.safetensors"), "count": 30, "reject_artifacts": LEVEL} | settings
    return build_config(tree | {"generate": chosen}), run


def _rows(run: RunFolder, table: str) -> list[dict[str, str]]:
    with (run.path / table).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_odd_pictures_are_replaced_counted_and_explained(
    folder: Path, network: Generator, own_pictures: NDArray[np.uint8]
) -> None:
    config, run = _run(folder, network, own_pictures, 50)
    result = generate(config, run, Silent())
    dropped = sum(result.rejected.values())
    assert result.images == 30
    assert 0 < dropped < 30
    assert result.last_seed == 29 + dropped
    assert result.reject_level == LEVEL
    rows = _rows(run, result.labels_table)
    assert Counter(row["label"] for row in rows) == {"mild": 15, "severe": 15}
    assert all(float(row["p"]) > LEVEL for row in rows)
    seeds = {int(row["seed"]) for row in rows}
    assert len(seeds) == 30
    assert {int(f.stem.removeprefix("seed")) for f in (run.path / "generate/images").iterdir()} == seeds
    data = read_data_set(run.path / result.archive)
    for index in (0, 29):
        label = CLASSES.index(rows[index]["label"])
        (picture,) = synthesise(network, [int(rows[index]["seed"])], [label])
        marked = embed(picture, bytes.fromhex(result.network_sha256[:8]))
        np.testing.assert_array_equal(data.image(index), marked)


def test_an_interrupted_filter_continues_to_the_same_pictures(
    folder: Path, network: Generator, own_pictures: NDArray[np.uint8]
) -> None:
    config, run = _run(folder, network, own_pictures, 50)
    first = generate(config, run, Silent())
    table = (run.path / first.labels_table).read_bytes()
    for file in sorted((run.path / "generate/images").iterdir())[5::3]:
        file.unlink()
    second = generate(config, run, Silent())
    assert (run.path / second.labels_table).read_bytes() == table
    assert second.rejected == first.rejected


def test_a_network_that_draws_nothing_like_the_real_images_is_one_sentence(
    folder: Path, network: Generator, own_pictures: NDArray[np.uint8]
) -> None:
    stripes = np.clip(own_pictures.astype(int) + 60 * (np.arange(32) % 2), 0, 255).astype(np.uint8)
    config, run = _run(folder, network, stripes, 50)
    with pytest.raises(InputError, match=r"Only \d of 200 pictures passed the artifact filter"):
        generate(config, run, Silent())


@pytest.mark.parametrize(
    ("held_out", "level", "words"),
    [
        (0, LEVEL, "at least 20 held-out images and there are 0"),
        (25, 0.02, "at 0.02 is calibrated on at least 49 held-out images and there are 25"),
    ],
)
def test_without_enough_held_out_images_the_filter_says_what_it_needs(
    folder: Path,
    network: Generator,
    own_pictures: NDArray[np.uint8],
    held_out: int,
    level: float,
    words: str,
) -> None:
    config, run = _run(folder, network, own_pictures, held_out, reject_artifacts=level)
    with pytest.raises(InputError, match=words):
        generate(config, run, Silent())


def test_a_network_of_another_size_or_a_run_without_data_is_refused(
    folder: Path, network: Generator, own_pictures: NDArray[np.uint8]
) -> None:
    large = own_pictures.repeat(2, axis=1).repeat(2, axis=2)
    config, run = _run(folder, network, large, 50)
    with pytest.raises(InputError, match="draws 32x32 and the prepared images are 64x64"):
        generate(config, run, Silent())
    (run.path / "prepare/stage.json").unlink()
    with pytest.raises(InputError, match="run prepare first or leave it out"):
        generate(config, run, Silent())

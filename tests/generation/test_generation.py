"""A picture depends on its seed; what is written is marked and is a data set that gist reads again."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gist.config import Config, build_config
from gist.data_set import read_data_set
from gist.errors import InputError
from gist.generation import generate, synthesise
from gist.networks import Generator, NetworkSpec, build_generator
from gist.pretrained import save_network
from gist.progress import Silent
from gist.run_folder import RunFolder


def _network(classes: int = 3) -> Generator:
    torch.manual_seed(1)
    spec = NetworkSpec(
        "stylegan3-t", 32, classes=classes, channel_base=512, channel_max=16, z_dim=32, w_dim=32
    )
    return build_generator(spec).eval()


@pytest.fixture
def network_file(folder: Path) -> Path:
    file = folder / "net.safetensors"
    save_network(file, _network(), metadata={"class_names": ["none", "mild", "severe"], "kimg": 1.0})
    return file


def _config(folder: Path, network: Path, **settings: object) -> tuple[Config, RunFolder]:
    tree = {"folder": str(folder / "run"), "device": "cpu", "threads": 1}
    config = build_config(tree | {"generate": {"network": str(network), "count": 10} | settings})
    return config, RunFolder(folder / "run")


def test_a_picture_is_the_same_whatever_is_drawn_with_it() -> None:
    G = _network()
    together = list(synthesise(G, list(range(13)), [i % 3 for i in range(13)]))
    for seed in (0, 5, 12):
        (alone,) = synthesise(G, [seed], [seed % 3])
        np.testing.assert_array_equal(alone, together[seed])
    backwards = list(synthesise(G, list(range(12, -1, -1)), [i % 3 for i in range(12, -1, -1)]))
    np.testing.assert_array_equal(np.stack(backwards[::-1]), np.stack(together))


def test_no_bit_of_an_image_depends_on_those_that_are_computed_with_it() -> None:
    G = _network()
    z, c = torch.randn(8, 32), torch.nn.functional.one_hot(torch.arange(8) % 3, 3).float()
    with torch.no_grad():
        first, other = G(z[:4], c[:4]), G(z[[3, 5, 0, 7]], c[[3, 5, 0, 7]])
    assert torch.equal(first[0], other[2])
    assert torch.equal(first[3], other[0])


def test_the_output_is_marked_synthetic_and_reads_as_a_data_set(folder: Path, network_file: Path) -> None:
    config, run = _config(folder, network_file, per_class={"mild": 3, "severe": 2}, first_seed=7)
    result = generate(config, run, Silent())
    assert result.class_counts == {"none": 0, "mild": 3, "severe": 2}
    data = read_data_set(run.path / result.archive)
    assert data.class_names == ("none", "mild", "severe")
    assert data.labels.tolist() == [1, 1, 1, 2, 2]
    with (run.path / result.labels_table).open() as table:
        rows = list(csv.DictReader(table))
    assert [row["seed"] for row in rows] == ["7", "8", "9", "10", "11"]
    for index, row in enumerate(rows):
        with Image.open(run.path / "generate" / row["file"]) as image:
            assert image.text["Synthetic"] == "YES"  # type: ignore[attr-defined]
            assert image.text["Class"] == row["label"]  # type: ignore[attr-defined]
            np.testing.assert_array_equal(np.asarray(image), data.image(index))


def test_images_that_an_interrupted_call_wrote_are_kept(folder: Path, network_file: Path) -> None:
    config, run = _config(folder, network_file)
    first = generate(config, run, Silent())
    files = sorted((run.path / "generate" / "images").iterdir())
    files[3].unlink()
    written = files[2].stat().st_mtime_ns
    second = generate(config, run, Silent())
    assert files[2].stat().st_mtime_ns == written
    assert files[3].exists()
    assert second.images == first.images == 10


def test_truncation_to_zero_gives_the_same_picture_for_every_seed(folder: Path, network_file: Path) -> None:
    config, run = _config(folder, network_file, truncation_psi=0.0, per_class={"mild": 4})
    data = read_data_set(run.path / generate(config, run, Silent()).archive)
    spread = data.array().std(axis=0).max()
    assert spread < 0.01


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"per_class": {"mid": 3}}, "'mid', but the network's classes are: none, mild, severe"),
        ({"per_class": {"mild": 0}}, "asks for no image"),
    ],
)
def test_classes_that_the_network_does_not_know_are_refused(
    folder: Path, network_file: Path, settings: dict[str, object], words: str
) -> None:
    config, run = _config(folder, network_file, **settings)
    with pytest.raises(InputError, match=words):
        generate(config, run, Silent())


def test_a_missing_or_broken_network_file_is_one_sentence(folder: Path) -> None:
    config, run = _config(folder, folder / "none.safetensors")
    with pytest.raises(InputError, match="There is no network"):
        generate(config, run, Silent())
    (folder / "bad.safetensors").write_bytes(b"not a network")
    config, run = _config(folder, folder / "bad.safetensors")
    with pytest.raises(InputError, match=r"bad\.safetensors"):
        generate(config, run, Silent())


def test_a_rate_is_given_only_where_pictures_were_computed(folder: Path, network_file: Path) -> None:
    config, run = _config(folder, network_file)
    assert (generate(config, run, Silent()).images_per_second or 0) > 0
    assert generate(config, run, Silent()).images_per_second is None

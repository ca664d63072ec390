"""A picture depends on its seed; what is written is marked and is a data set that gist reads again."""

from __future__ import annotations

import csv
import ctypes
import multiprocessing
import resource
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gist import ops
from gist.config import Config, build_config
from gist.errors import InputError
from gist.generation.drawing import draws_of_classes, draws_of_mix
from gist.generation.stage import generate
from gist.generators.gan.generator import Generator
from gist.generators.gan.networks import build_generator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.network_file import save_network
from gist.generators.synthesis import synthesise
from gist.images.archive import read_data_set
from gist.progress import Silent
from gist.runs.folder import RunFolder

_MMAP_THRESHOLD = -3  # of mallopt(3)


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


def _large_network() -> Generator:
    """Takes some hundred megabytes for eight pictures at once by plain torch."""
    torch.manual_seed(1)
    return build_generator(NetworkSpec("stylegan3-t", 64, channel_base=2048, channel_max=64)).eval()


def _draw_with_little_memory(connection: Connection, spare_bytes: int) -> None:
    # What is freed goes back to the system at once, so that the limit means what it says.
    ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, 1 << 16)
    torch.set_num_threads(1)
    ops.set_backend("reference")
    G = _large_network()
    parts: list[int] = []
    G.synthesis.register_forward_pre_hook(lambda _, inputs: parts.append(len(inputs[0])))
    with torch.no_grad():
        G(torch.zeros(2, G.z_dim))
    # Two pictures found memory and will again; eight need more.
    peak = int(Path("/proc/self/status").read_text().split("VmPeak:")[1].split()[0]) * 1024
    resource.setrlimit(resource.RLIMIT_AS, (peak + spare_bytes,) * 2)
    connection.send((np.stack(list(synthesise(G, list(range(8))))), parts[1:]))


def test_memory_that_runs_out_makes_chunks_smaller_and_changes_no_more_than_rounding() -> None:
    here, there = multiprocessing.Pipe(duplex=False)
    spawn = multiprocessing.get_context("spawn")
    child = spawn.Process(target=_draw_with_little_memory, args=(there, 64 * 2**20))
    child.start()
    there.close()
    pictures, parts = here.recv()
    child.join()
    assert child.exitcode == 0
    assert parts[0] == 8
    assert parts[-1] < 8
    untroubled = np.stack(list(synthesise(_large_network(), list(range(8)))))
    assert np.abs(pictures.astype(int) - untroubled).max() <= 1


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
    assert [row["seed"] for row in rows] == ["8", "11", "14", "9", "12"]
    for index, row in enumerate(rows):
        with Image.open(run.path / "generate" / row["file"]) as image:
            assert image.text["Synthetic"] == "YES"  # type: ignore[attr-defined]
            assert image.text["Class"] == row["label"]  # type: ignore[attr-defined]
            np.testing.assert_array_equal(np.asarray(image), data.image(index))


@settings(deadline=None, max_examples=50)
@given(mix=st.lists(st.integers(0, 400), min_size=1, max_size=6).filter(any), count=st.integers(1, 300))
def test_more_images_keep_the_seeds_and_classes_of_fewer(mix: list[int], count: int) -> None:
    more = draws_of_mix(count + 57, mix, 3)
    assert more[:count] == draws_of_mix(count, mix, 3)
    for label, share in enumerate(mix):
        found = sum(draw.label == label for draw in more)
        assert abs(found - len(more) * share / sum(mix)) < len(mix)
        assert share or not found
    fewer = [number // 2 for number in mix]
    assert set(draws_of_classes(fewer, 3)) <= set(draws_of_classes(mix, 3))
    assert len({draw.seed for draw in draws_of_classes(mix, 3)}) == sum(mix)


def test_a_larger_set_begins_with_the_same_files(folder: Path, network_file: Path) -> None:
    contents = []
    for count in (5, 12):
        config, run = _config(folder / str(count), network_file, count=count)
        generate(config, run, Silent())
        contents.append({file.name: file.read_bytes() for file in (run.path / "generate/images").iterdir()})
    assert len(contents[0]) == 5
    assert contents[0].items() <= contents[1].items()


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

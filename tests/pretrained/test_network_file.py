"""Our own network files keep a network exactly, and bad ones are refused with a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import gist
from gist.errors import InputError
from gist.generators.gan.discriminator_file import load_discriminator, save_discriminator
from gist.generators.gan.generator import Generator
from gist.generators.gan.networks import build_discriminator, build_generator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.network_file import load_network, save_network
from gist.generators.registry import families

SIZES = {"z_dim": 8, "w_dim": 8, "channel_base": 64, "channel_max": 4, "classes": 2}


def small_generator(architecture: str = "stylegan2") -> Generator:
    return build_generator(NetworkSpec(architecture, 16, **SIZES))


def refusal_of(path: Path) -> str:
    with pytest.raises(InputError) as refusal:
        load_network(path)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


@pytest.mark.parametrize("architecture", families())
def test_a_saved_network_comes_back_bit_for_bit_with_its_metadata(folder: Path, architecture: str) -> None:
    G = small_generator(architecture)
    G.mapping(torch.randn(4, 8), torch.eye(2)[[0, 1, 0, 1]], update_emas=True)
    path = folder / "network.safetensors"
    save_network(path, G, metadata={"classes": ["grade 0", "grade 4"], "kimg": 12.5})
    loaded, metadata = load_network(path)
    assert loaded.spec == G.spec
    assert not loaded.training
    assert metadata["classes"] == ["grade 0", "grade 4"]
    assert metadata["kimg"] == 12.5
    assert "synthetic" in metadata["notice"]
    assert metadata["gist_version"] == gist.__version__
    for name, tensor in G.state_dict().items():
        assert bool((loaded.state_dict()[name] == tensor).all()), name
    z, c = torch.randn(2, 8), torch.eye(2)
    with torch.no_grad():
        assert bool((loaded(z, c) == G.eval()(z, c)).all())


def test_a_discriminator_comes_back_and_is_not_taken_for_a_generator(folder: Path) -> None:
    D = build_discriminator(NetworkSpec("stylegan2", 16, **SIZES))
    path = folder / "discriminator.safetensors"
    save_discriminator(path, D, metadata={})
    loaded, _ = load_discriminator(path, freeze_layers=1)
    x, c = torch.rand(2, 1, 16, 16), torch.eye(2)
    with torch.no_grad():
        assert bool((loaded(x, c) == D(x, c)).all())
    assert "fromrgb.weight" not in dict(loaded.named_parameters())
    assert "holds a discriminator" in refusal_of(path)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_a_truncated_network_file_is_refused(folder: Path, share: float) -> None:
    path = folder / "network.safetensors"
    save_network(path, small_generator(), metadata={})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert "not a readable network file" in refusal_of(path)


def test_a_missing_file_and_an_official_pickle_are_refused(folder: Path) -> None:
    assert "no network file" in refusal_of(folder / "absent.safetensors")
    (folder / "network.pkl").write_bytes(b"\x80\x04}.")
    assert "imported" in refusal_of(folder / "network.pkl")


def rewrite(path: Path, header: dict[str, Any] | None, tensors: dict[str, torch.Tensor]) -> None:
    metadata = None if header is None else {"gist": json.dumps(header)}
    path.write_bytes(safetensors.torch.save(tensors, metadata=metadata))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": 99}, "format 99"),
        ({"kind": "poem"}, "poem"),
        ({"spec": 3}, "unreadable"),
        ({"spec": {"architecture": "stylegan2"}}, "resolution"),
        ({"metadata": []}, "unreadable"),
    ],
)
def test_a_false_description_is_refused(folder: Path, change: dict[str, Any], told: str) -> None:
    G = small_generator()
    header = {"format": 1, "kind": "generator", "spec": G.spec.to_json(), "metadata": {}, **change}
    path = folder / "network.safetensors"
    rewrite(path, header, G.state_dict())
    assert told in refusal_of(path)


def test_a_description_far_larger_than_its_tensors_is_refused_before_building(folder: Path) -> None:
    G = small_generator()
    huge = {"resolution": 2048, "channel_base": 2**20, "channel_max": 8192, "d_channel_base": 2048}
    spec = {**G.spec.to_json(), **huge}
    path = folder / "network.safetensors"
    rewrite(path, {"format": 1, "kind": "generator", "spec": spec, "metadata": {}}, G.state_dict())
    assert "shape" in refusal_of(path)


def test_foreign_tensors_and_infinite_weights_are_refused(folder: Path) -> None:
    G = small_generator()
    header = {"format": 1, "kind": "generator", "spec": G.spec.to_json(), "metadata": {}}
    path = folder / "network.safetensors"
    rewrite(path, None, G.state_dict())
    assert "without the description" in refusal_of(path)
    rewrite(path, header, {**G.state_dict(), "extra": torch.zeros(1)})
    assert "extra" in refusal_of(path)
    rewrite(path, header, {**G.state_dict(), "mapping.w_avg": torch.full((8,), torch.nan)})
    assert "mapping.w_avg" in refusal_of(path)
    rewrite(path, header, {**G.state_dict(), "mapping.w_avg": torch.zeros(8, dtype=torch.int32)})
    assert "instead of numbers" in refusal_of(path)


def test_a_network_that_broke_in_training_is_not_written(folder: Path) -> None:
    G = small_generator()
    G.mapping.w_avg.fill_(torch.nan)
    path = folder / "network.safetensors"
    with pytest.raises(InputError, match=r"mapping\.w_avg"):
        save_network(path, G, metadata={})
    assert not path.exists()

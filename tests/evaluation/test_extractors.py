from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision.models
from known_images import textured
from random_weights import dino_tensors, randomised, write_network
from torch import Tensor, nn

from gist.errors import InputError
from gist.metrics.extractors import EXTRACTORS, extractor_named
from gist.metrics.weights import Unavailable

SQUEEZENET = "squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5"


@pytest.fixture(autouse=True)
def places(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIST_WEIGHTS_DIR", str(folder / "weights"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.delenv("TORCH_HOME", raising=False)
    (folder / "weights").mkdir()
    return folder / "weights"


def unit(count: int, side: int = 32) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return textured(count, 0, side=side).astype(np.float32) / 255


def test_radiomics_need_no_weights_and_auto_falls_back_to_them_and_says_so() -> None:
    notes: list[str] = []
    assert extractor_named("auto", 32, note=notes.append).name == "radiomics"
    assert "No pretrained weights were found" in notes[0]
    assert "gist weights" in notes[0]


def test_auto_takes_the_weights_that_are_there(shared_dir: Path, places: Path) -> None:
    (places / SQUEEZENET).symlink_to(shared_dir / "data" / "weights" / SQUEEZENET)
    notes: list[str] = []
    assert extractor_named("auto", 32, note=notes.append).name == "squeezenet"
    assert "squeezenet" in notes[0]


@pytest.mark.parametrize("name", [name for name in EXTRACTORS if name != "radiomics"])
def test_an_extractor_asked_for_by_name_is_never_replaced(name: str) -> None:
    with pytest.raises(Unavailable, match=f"weights of '{name}' .*gist weights fetch {name}"):
        extractor_named(name, 32)


def test_weights_need_the_name_of_their_extractor(places: Path) -> None:
    for name in ("auto", "radiomics"):
        with pytest.raises(InputError, match="must say whose weights it holds"):
            extractor_named(name, 32, weights=places / "x.pth")
    with pytest.raises(InputError, match="no feature extractor 'resnet'"):
        extractor_named("resnet", 32)


def test_weights_of_another_network_are_refused(places: Path) -> None:
    torch.save({"conv.weight": torch.zeros(3)}, places / "other.pth")
    for name in ("resnet50", "dinov2", "squeezenet"):
        with pytest.raises(InputError, match=r"another network|does not hold a DINOv2"):
            extractor_named(name, 32, weights=places / "other.pth")


def test_a_resnet_gives_its_pooled_activations_of_the_documented_preprocessing(places: Path) -> None:
    file = write_network(places / "mine.pth", torchvision.models.resnet50)
    extractor = extractor_named("resnet50", 32, weights=file)
    assert extractor.name.startswith("resnet50-")
    for part in ("levels=256", "channels=grey*3", "resize=bicubic-antialias-224", "mean=123.675", "weights="):
        assert part in extractor.identity
    x = unit(2)
    network = torchvision.models.resnet50()
    network.load_state_dict(torch.load(file, weights_only=True))
    network.fc = nn.Identity()
    levels = torch.from_numpy(np.rint(x * 255)).expand(3, 2, 32, 32).permute(1, 0, 2, 3)
    large = F.interpolate(levels, (224, 224), mode="bicubic", antialias=True) / 255
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    with torch.no_grad():
        expected = network.eval()((large - mean) / std).numpy()
    np.testing.assert_allclose(extractor.features(x), expected, rtol=1e-3, atol=1e-4)


def test_swav_is_a_resnet_without_its_head(places: Path) -> None:
    tensors = randomised(torchvision.models.resnet50()).state_dict()
    kept = {f"module.{name}": value for name, value in tensors.items() if not name.startswith("fc.")}
    torch.save(kept | {"module.prototypes.weight": torch.zeros(3, 2)}, places / "swav.pth.tar")
    torch.save(tensors, places / "plain.pth")
    x = unit(1)
    swav = extractor_named("swav", 32, weights=places / "swav.pth.tar").features(x)
    plain = extractor_named("resnet50", 32, weights=places / "plain.pth").features(x)
    np.testing.assert_allclose(swav, plain, rtol=1e-6)


def test_equal_pictures_of_8_and_16_bits_have_equal_features(shared_dir: Path) -> None:
    extractor = extractor_named("squeezenet", 32, weights=shared_dir / "data" / "weights" / SQUEEZENET)
    eight = textured(2, 0)
    sixteen = (eight.astype(np.uint16) * 257).astype(np.float32) / 65535
    assert extractor.name == "squeezenet"
    np.testing.assert_array_equal(
        extractor.features(eight.astype(np.float32) / 255), extractor.features(sixteen)
    )
    assert extractor.features(unit(2)).shape == (2, 512)


def test_squeezenet_from_keras_gives_what_a_channels_last_network_gives(shared_dir: Path) -> None:
    h5py = pytest.importorskip("h5py", reason="the package h5py is not installed")
    file = shared_dir / "data" / "weights" / SQUEEZENET
    x = unit(1)
    large = F.interpolate(
        torch.from_numpy(np.rint(x * 255))[:, None], (224, 224), mode="bicubic", antialias=True
    )
    blue_green_red = large.expand(-1, 3, -1, -1) - torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    with h5py.File(file) as weights:

        def layer(x: Tensor, name: str, **options: int) -> Tensor:
            found: dict[int, Tensor] = {}
            weights[name].visititems(
                lambda _, item: (
                    found.update({item.ndim: torch.from_numpy(item[()])}) if hasattr(item, "ndim") else None
                )
            )
            return F.relu(F.conv2d(x, found[4].permute(3, 2, 0, 1), found[1], **options))

        y = F.max_pool2d(layer(blue_green_red, "conv1", stride=2), 3, 2)
        for number in range(2, 10):
            y = layer(y, f"fire{number}/squeeze1x1")
            parts = [layer(y, f"fire{number}/expand1x1"), layer(y, f"fire{number}/expand3x3", padding=1)]
            y = torch.cat(parts, dim=1)
            if number in (3, 5):
                y = F.max_pool2d(y, 3, 2)
        expected = y.mean(dim=(2, 3)).numpy()
    found = extractor_named("squeezenet", 32, weights=file).features(x)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


def by_definition(tensors: dict[str, Tensor], x: Tensor, heads: int) -> Tensor:
    """DINOv2's class token, written out: scaled residual blocks over patch and class tokens."""
    width = tensors["cls_token"].shape[-1]
    norm = partial(F.layer_norm, normalized_shape=(width,), eps=1e-6)

    def linear(x: Tensor, name: str) -> Tensor:
        return F.linear(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"])

    patches = F.conv2d(x, tensors["patch_embed.proj.weight"], tensors["patch_embed.proj.bias"], stride=14)
    tokens = torch.cat([tensors["cls_token"].expand(len(x), -1, -1), patches.flatten(2).mT], dim=1)
    tokens = tokens + tensors["pos_embed"]
    for index in range(sum(name.endswith("ls1.gamma") for name in tensors)):
        block = f"blocks.{index}"
        y = norm(tokens, weight=tensors[f"{block}.norm1.weight"], bias=tensors[f"{block}.norm1.bias"])
        q, k, v = linear(y, f"{block}.attn.qkv").chunk(3, dim=-1)
        q, k, v = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in (q, k, v))
        weights = torch.softmax(q @ k.mT / (width // heads) ** 0.5, dim=-1)
        y = linear((weights @ v).transpose(1, 2).flatten(2), f"{block}.attn.proj")
        tokens = tokens + tensors[f"{block}.ls1.gamma"] * y
        y = norm(tokens, weight=tensors[f"{block}.norm2.weight"], bias=tensors[f"{block}.norm2.bias"])
        y = linear(F.gelu(linear(y, f"{block}.mlp.fc1")), f"{block}.mlp.fc2")
        tokens = tokens + tensors[f"{block}.ls2.gamma"] * y
    return norm(tokens, weight=tensors["norm.weight"], bias=tensors["norm.bias"])[:, 0]


def test_dinov2_computes_what_its_paper_defines(places: Path) -> None:
    tensors = dino_tensors(width=128, depth=2, grid=16)
    torch.save(tensors, places / "mine.pth")
    x = unit(2)
    large = F.interpolate(
        torch.from_numpy(np.rint(x * 255))[:, None], (224, 224), mode="bicubic", antialias=True
    )
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    expected = by_definition(tensors, (large / 255 - mean) / std, heads=2)
    found = extractor_named("dinov2", 32, weights=places / "mine.pth").features(x)
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-3, atol=1e-4)


def test_dinov2_positions_learnt_for_larger_images_are_interpolated(places: Path) -> None:
    torch.save(dino_tensors(width=64, depth=1, grid=37), places / "mine.pth")
    found = extractor_named("dinov2", 32, weights=places / "mine.pth").features(unit(1))
    assert found.shape == (1, 64)
    assert np.isfinite(found).all()

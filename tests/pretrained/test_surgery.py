"""Weight surgery keeps the pretrained function wherever mathematics allows it."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from gist.errors import InputError
from gist.generators.gan.discriminator import Discriminator
from gist.generators.gan.generator import Generator
from gist.generators.gan.networks import build_discriminator, build_generator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.gan.surgery import LUMA, adapt_state

STYLE_BASED = ("stylegan3-t", "stylegan3-r", "stylegan2")
SIZES = {
    "z_dim": 12,
    "w_dim": 8,
    "channel_base": 128,
    "channel_max": 6,
    "d_channel_base": 128,
    "d_channel_max": 6,
}
Z = torch.randn(3, 12, generator=torch.Generator().manual_seed(0))
X = torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1


def pair(architecture: str = "stylegan2", **fields: float) -> tuple[Generator, Discriminator]:
    torch.manual_seed(2)
    spec = NetworkSpec(architecture, **{"resolution": 16, **SIZES, **fields})
    G, D = build_generator(spec), build_discriminator(spec)
    with torch.no_grad():
        for name, parameter in [*G.named_parameters(), *D.named_parameters()]:
            if name.endswith("bias"):
                parameter.add_(torch.randn_like(parameter) * (10 if "mapping.layers" in name else 0.1))
    return G, D


@torch.no_grad()
@pytest.mark.parametrize("architecture", STYLE_BASED)
def test_turning_conditional_changes_no_image_and_no_logit(architecture: str) -> None:
    G, D = pair(architecture)
    target = dataclasses.replace(G.spec, classes=3)
    new_G, G_fates = adapt_state(G, target)
    new_D, D_fates = adapt_state(D, target)
    torch.testing.assert_close(new_G(Z, torch.eye(3)), G(Z), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(new_D(X, torch.eye(3)), D(X), rtol=1e-3, atol=1e-4)
    assert dict(G_fates)["mapping.embed.weight"] == "new"
    assert dict(G_fates)["mapping.layers.0.weight"] == "adapted"
    assert dict(D_fates)["head.out.weight"] == "adapted"
    assert dict(D_fates)["blocks.0.conv0.weight"] == "copied"


@torch.no_grad()
@pytest.mark.parametrize("architecture", STYLE_BASED)
def test_each_class_starts_as_the_class_it_is_told_to(architecture: str) -> None:
    G, D = pair(architecture, classes=3)
    origins = [2, 0, 1, 2]
    new_G, fates = adapt_state(G, dataclasses.replace(G.spec, classes=4), class_origins=origins)
    new_D, _ = adapt_state(D, dataclasses.replace(D.spec, classes=4), class_origins=origins)
    for new, old in enumerate(origins):
        c_new, c_old = torch.eye(4)[[new] * 3], torch.eye(3)[[old] * 3]
        torch.testing.assert_close(new_G(Z, c_new), G(Z, c_old), rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(new_D(X, c_new), D(X, c_old), rtol=1e-3, atol=1e-4)
    assert dict(fates)["mapping.embed.weight"] == "adapted"


def test_a_network_turned_conditional_can_learn_its_classes_at_once() -> None:
    G, D = pair("stylegan2")
    target = dataclasses.replace(G.spec, classes=3)
    new_G, _ = adapt_state(G, target)
    new_D, _ = adapt_state(D, target)
    new_D(new_G(Z, torch.eye(3)), torch.eye(3)).sum().backward()
    for network in (new_G, new_D):
        gradient = network.get_parameter("mapping.embed.weight").grad
        assert gradient is not None
        assert gradient.abs().max() > 0


@torch.no_grad()
def test_more_classes_start_as_the_old_ones_in_turn() -> None:
    G, D = pair("stylegan3-t", classes=2)
    target = dataclasses.replace(G.spec, classes=3)
    new_G, fates = adapt_state(G, target)
    new_D, _ = adapt_state(D, target)
    old_c = torch.eye(2)[[0, 1, 0]]
    torch.testing.assert_close(new_G(Z, torch.eye(3)), G(Z, old_c), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(new_D(X, torch.eye(3)), D(X, old_c), rtol=1e-3, atol=1e-4)
    assert dict(fates)["mapping.embed.weight"] == "adapted"
    assert dict(fates)["mapping.embed.bias"] == "copied"


@torch.no_grad()
def test_dropping_the_classes_gives_the_mean_class() -> None:
    G, D = pair("stylegan2", classes=1)
    target = dataclasses.replace(G.spec, classes=0)
    new_G, _ = adapt_state(G, target)
    new_D, _ = adapt_state(D, target)
    # With one class the mean class is that class.
    torch.testing.assert_close(new_G(Z), G(Z, torch.ones(3, 1)), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(new_D(X), D(X, torch.ones(3, 1)), rtol=1e-3, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("detail", [0.0, 4.0])
@pytest.mark.parametrize("architecture", STYLE_BASED)
def test_grey_from_rgb_is_the_luma_of_the_old_picture(architecture: str, detail: float) -> None:
    G, D = pair(architecture, channels=3, d_detail=detail)
    target = dataclasses.replace(G.spec, channels=1)
    new_G, fates = adapt_state(G, target)
    new_D, _ = adapt_state(D, target)
    luma = (G(Z) * torch.tensor(LUMA).reshape(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    torch.testing.assert_close(new_G(Z), luma, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(new_D(X), D(X.expand(-1, 3, -1, -1)), rtol=1e-3, atol=1e-4)
    assert "adapted" in dict(fates).values()
    assert "new" not in dict(fates).values()


@torch.no_grad()
@pytest.mark.parametrize("detail", [0.0, 4.0])
def test_rgb_from_grey_repeats_the_grey_picture(detail: float) -> None:
    G, D = pair("stylegan2", channels=1, d_detail=detail)
    target = dataclasses.replace(G.spec, channels=3)
    new_G, _ = adapt_state(G, target)
    new_D, _ = adapt_state(D, target)
    torch.testing.assert_close(new_G(Z), G(Z).expand(-1, 3, -1, -1), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(new_D(X.expand(-1, 3, -1, -1)), D(X), rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_a_larger_resolution_keeps_the_layers_of_equal_size() -> None:
    G, D = pair("stylegan2", resolution=16)
    target = dataclasses.replace(G.spec, resolution=32)
    new_G, G_fates = adapt_state(G, target)
    new_D, D_fates = adapt_state(D, target)
    assert new_G(Z).shape == (3, 1, 32, 32)
    fates = dict(G_fates)
    assert fates["synthesis.blocks.2.conv1.weight"] == "copied"
    assert fates["synthesis.blocks.3.conv1.weight"] == "new"
    # The old block of size 16, number 0, is number 1 in the larger discriminator.
    assert dict(D_fates)["blocks.1.conv0.weight"] == "copied"
    assert dict(D_fates)["blocks.0.conv0.weight"] != "adapted"
    assert bool((new_D.blocks[1].conv0.weight == D.blocks[0].conv0.weight).all())
    smaller, _ = adapt_state(G, dataclasses.replace(G.spec, resolution=16))
    assert bool((smaller(Z) == G(Z)).all())


@pytest.mark.parametrize(
    ("field", "value"), [("architecture", "stylegan3-t"), ("z_dim", 8), ("mapping_layers", 3)]
)
def test_what_cannot_be_adapted_is_refused_by_name(field: str, value: object) -> None:
    G, _ = pair("stylegan2")
    with pytest.raises(InputError, match=field):
        adapt_state(G, dataclasses.replace(G.spec, **{field: value}))


def test_frozen_layers_of_an_adapted_discriminator_hold_the_old_weights() -> None:
    _, D = pair("stylegan2")
    new_D, _ = adapt_state(D, dataclasses.replace(D.spec, classes=2), freeze_layers=4)
    assert bool((new_D.blocks[0].skip.weight == D.blocks[0].skip.weight).all())
    assert "blocks.0.skip.weight" not in dict(new_D.named_parameters())

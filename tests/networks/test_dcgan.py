"""The baseline architecture: normalisation, conditioning, limits, and that it trains like the others."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from gist.errors import InputError
from gist.generators.dcgan.networks import BatchNorm
from gist.generators.gan.networks import build_discriminator, build_generator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.gan.surgery import adapt_state


def small(**fields: int) -> NetworkSpec:
    sizes = {"z_dim": 16, "w_dim": 16, "channel_base": 128, "channel_max": 16}
    return NetworkSpec("dcgan", **{"resolution": 32, **sizes, **fields})


def test_the_layers_are_the_papers_at_64_pixels() -> None:
    spec = NetworkSpec("dcgan", 64, channels=3, z_dim=100, w_dim=100, channel_base=4096, channel_max=1024)
    with torch.device("meta"):
        G, D = build_generator(spec), build_discriminator(spec)
    assert [tuple(layer.weight.shape[:2]) for layer in G.synthesis.layers] == [
        (1024, 512),
        (512, 256),
        (256, 128),
        (128, 3),
    ]
    assert [tuple(layer.weight.shape[:2]) for layer in D.layers] == [
        (128, 3),
        (256, 128),
        (512, 256),
        (1024, 512),
    ]
    assert len(G.synthesis.norms) == 4
    assert len(D.norms) == 3


def test_batch_normalisation_normalises_and_remembers_only_when_asked() -> None:
    torch.manual_seed(0)
    norm = BatchNorm(3)
    x = torch.randn(8, 3, 4, 4) * 5 + 2
    before = norm.mean.clone()
    y = (norm(x, update=False) - norm.bias[:, None, None]) / norm.weight[:, None, None]
    torch.testing.assert_close(y.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.var((0, 2, 3), correction=0), torch.ones(3), atol=1e-4, rtol=0)
    assert torch.equal(norm.mean, before)
    for _ in range(200):
        norm(x, update=True)
    torch.testing.assert_close(norm.eval()(x, update=True), norm.train()(x, update=False), atol=0.02, rtol=0)


def test_in_evaluation_a_picture_does_not_depend_on_its_companions() -> None:
    torch.manual_seed(1)
    G = build_generator(small())
    z = torch.randn(4, 16)
    G(z, update_emas=True)
    G.eval()
    with torch.no_grad():
        together = G(z)
        alone = torch.cat([G(z[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)
    assert together.abs().max() <= 1


def test_derivatives_of_the_penalty_reach_every_weight_of_the_discriminator() -> None:
    torch.manual_seed(2)
    D = build_discriminator(small(classes=2))
    torch.nn.init.normal_(D.embed.weight)
    x = torch.randn(4, 1, 32, 32, requires_grad=True)
    (slope,) = torch.autograd.grad(D(x, torch.eye(2)[[0, 1, 0, 1]]).sum(), x, create_graph=True)
    slope.square().sum().backward()
    for name, parameter in D.named_parameters():
        if name.endswith("weight"):
            assert parameter.grad is not None, name
            assert parameter.grad.abs().max() > 0, name


def test_turning_conditional_changes_no_image_and_no_logit() -> None:
    torch.manual_seed(3)
    G, D = build_generator(small()), build_discriminator(small())
    target = dataclasses.replace(G.spec, classes=3)
    new_G, _ = adapt_state(G, target)
    new_D, fates = adapt_state(D, target)
    z, x, c = torch.randn(3, 16), torch.randn(3, 1, 32, 32), torch.eye(3)
    with torch.no_grad():
        torch.testing.assert_close(new_G(z, c), G(z), rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(new_D(x, c), D(x))
    assert dict(fates)["embed.weight"] == "new"


def test_a_larger_discriminator_takes_over_the_levels_of_equal_size() -> None:
    D = build_discriminator(small(resolution=16, d_channel_base=128, d_channel_max=16))
    larger, fates = adapt_state(D, dataclasses.replace(D.spec, resolution=32))
    # Level 1 of the small network, from 8x8 to 4x4, is level 2 of the larger.
    assert torch.equal(larger.layers[2].weight, D.layers[1].weight)
    assert dict(fates)["layers.0.weight"] == "new"


def test_what_it_cannot_do_is_refused_in_words() -> None:
    with pytest.raises(InputError, match="at most 256x256"):
        small(resolution=512, channel_base=512)
    with pytest.raises(InputError, match="no layers to freeze"):
        build_discriminator(small(), freeze_layers=1)
    with pytest.raises(InputError, match="one-hot"):
        build_discriminator(small(classes=2))(torch.zeros(1, 1, 32, 32))

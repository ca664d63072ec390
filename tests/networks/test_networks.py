"""Freshly built networks: shapes, initialisation, running averages, conditioning, derivatives."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from gist.errors import InputError
from gist.generators.gan.layers import Conv2d, FullyConnected
from gist.generators.gan.networks import build_discriminator, build_generator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.registry import families
from gist.generators.stylegan.discriminator import minibatch_std

ARCHITECTURES = tuple(families())


def small(architecture: str, **fields: object) -> NetworkSpec:
    sizes = {"z_dim": 16, "w_dim": 16, "channel_base": 128, "channel_max": 8, "d_channel_base": 128}
    return NetworkSpec(architecture, **{"resolution": 32, **sizes, "d_channel_max": 8, **fields})


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("channels", "classes"), [(1, 0), (3, 4)])
def test_networks_have_the_promised_shapes(architecture: str, channels: int, classes: int) -> None:
    spec = small(architecture, channels=channels, classes=classes)
    G, D = build_generator(spec), build_discriminator(spec)
    c = torch.eye(4)[[0, 3]] if classes else None
    z = torch.randn(2, G.z_dim)
    assert G.mapping(z, c).shape == (2, G.num_ws, 16)
    images = G(z, c)
    assert images.shape == (2, channels, 32, 32)
    assert D(images, c).shape == (2, 1)
    assert (G.c_dim, G.img_channels, G.img_resolution, G.w_dim) == (classes, channels, 32, 16)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("resolution", [16, 64])
def test_other_resolutions_build_and_run(architecture: str, resolution: int) -> None:
    G = build_generator(small(architecture, resolution=resolution))
    with torch.no_grad():
        assert G(torch.randn(1, 16)).shape == (1, 1, resolution, resolution)


def test_the_published_networks_at_1024_have_the_published_sizes() -> None:
    def parameters(network: nn.Module) -> int:
        return sum(parameter.numel() for parameter in network.parameters())

    with torch.device("meta"):
        alias_free = build_generator(NetworkSpec("stylegan3-t", 1024, channels=3))
        older = build_generator(NetworkSpec("stylegan2", 1024, channels=3))
        D = build_discriminator(older.spec)
    assert parameters(alias_free) / 1e6 == pytest.approx(22.3, abs=0.05)
    assert parameters(older) == 30_370_060
    assert parameters(D) == 29_012_513


def test_initialisation_follows_the_papers() -> None:
    torch.manual_seed(0)
    G = build_generator(small("stylegan3-t", w_dim=64, z_dim=64, channel_base=512, channel_max=16))
    mapping_weight = G.mapping.layers[0].weight
    layer = G.synthesis.layers[3]
    assert mapping_weight.std().item() == pytest.approx(100, rel=0.1)
    assert layer.weight.std().item() == pytest.approx(1, rel=0.1)
    assert not layer.bias.any()
    assert bool((layer.affine.bias == 1).all())
    assert not G.synthesis.input.affine.weight.any()
    assert G.synthesis.input.affine.bias.tolist() == [1, 0, 0, 0]
    assert bool((G.synthesis.input.freqs.norm(dim=1) < 2).all())
    assert float(layer.magnitude_ema) == 1


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_running_averages_move_only_when_asked(architecture: str) -> None:
    torch.manual_seed(1)
    G = build_generator(small(architecture))
    before = {name: buffer.clone() for name, buffer in G.named_buffers()}
    z = torch.randn(4, 16)
    G(z)
    assert all(bool((before[name] == buffer).all()) for name, buffer in G.named_buffers())
    with torch.no_grad():
        w_mean = G.mapping(z)[:, 0].mean(dim=0)
    G(z, update_emas=True)
    torch.testing.assert_close(G.mapping.w_avg, w_mean * 0.002, rtol=1e-3, atol=1e-7)
    if G.spec.family.alias_free:
        moved = [float(layer.magnitude_ema) != 1 for layer in G.synthesis.layers]
        assert all(moved)
    assert not G.mapping.w_avg.requires_grad


@pytest.mark.parametrize("architecture", ["stylegan3-t", "stylegan2"])
def test_classes_change_the_image_and_missing_classes_are_refused(architecture: str) -> None:
    torch.manual_seed(2)
    spec = small(architecture, classes=3)
    G, D = build_generator(spec), build_discriminator(spec)
    z = torch.randn(1, 16)
    with torch.no_grad():
        first, second = G(z, torch.eye(3)[:1]), G(z, torch.eye(3)[1:2])
    assert (first - second).abs().max() > 1e-3
    for wrong in (None, torch.eye(2)[:1]):
        with pytest.raises(InputError, match="one-hot"):
            G(z, wrong)
        with pytest.raises(InputError, match="one-hot"):
            D(first, wrong)


def test_wrong_latents_images_and_noise_modes_are_refused_in_words() -> None:
    spec = small("stylegan2")
    G, D = build_generator(spec), build_discriminator(spec)
    with pytest.raises(InputError, match=r"\[N, 16\]"):
        G(torch.randn(1, 17))
    with pytest.raises(InputError, match="1, 32, 32"):
        D(torch.zeros(1, 3, 32, 32))
    with pytest.raises(InputError, match="noise_mode"):
        G(torch.randn(1, 16), noise_mode="loud")


def test_noise_of_stylegan2_is_constant_random_or_absent() -> None:
    torch.manual_seed(3)
    G = build_generator(small("stylegan2"))
    for name, parameter in G.named_parameters():
        if name.endswith("noise_strength"):
            parameter.data.fill_(0.3)
    z = torch.randn(1, 16)
    with torch.no_grad():
        const = G(z)
        assert bool((G(z) == const).all())
        torch.manual_seed(4)
        random = G(z, noise_mode="random")
        torch.manual_seed(4)
        assert bool((G(z, noise_mode="random") == random).all())
        assert not torch.allclose(random, const)
        assert not torch.allclose(G(z, noise_mode="none"), const)


def test_frozen_layers_are_out_of_reach_of_optimisers_but_keep_their_names() -> None:
    spec = small("stylegan2")
    frozen, free = build_discriminator(spec, freeze_layers=3), build_discriminator(spec)
    assert set(frozen.state_dict()) == set(free.state_dict())
    trained = {name for name, _ in frozen.named_parameters()}
    assert {name for name, _ in free.named_parameters()} - trained == {
        "fromrgb.weight",
        "fromrgb.bias",
        "blocks.0.conv0.weight",
        "blocks.0.conv0.bias",
        "blocks.0.conv1.weight",
        "blocks.0.conv1.bias",
    }
    frozen.requires_grad_(True)
    assert not frozen.fromrgb.weight.requires_grad


def test_minibatch_std_uses_the_largest_group_that_divides_the_batch() -> None:
    torch.manual_seed(5)
    x = torch.randn(6, 3, 4, 4)
    # Groups of 3 interleaved images: 0 2 4 and 1 3 5.
    expected = [x[start::2].var(dim=0, correction=0).add(1e-8).sqrt().mean() for start in (0, 1)]
    found = minibatch_std(x, 4)
    assert found.shape == (6, 1, 4, 4)
    for index in range(6):
        torch.testing.assert_close(found[index, 0, 0, 0], expected[index % 2])


@pytest.mark.parametrize(("down", "kernel"), [(1, 3), (2, 3), (2, 1)])
def test_the_discriminator_convolution_can_be_differentiated_twice(down: int, kernel: int) -> None:
    torch.manual_seed(6)
    layer = Conv2d(2, 3, kernel, down=down, clamp=1.0).double()
    x = torch.randn(1, 2, 6, 6, dtype=torch.float64, requires_grad=True)
    weight = layer.weight.detach().requires_grad_()

    def run(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(layer, {"weight": weight}, (x,))

    assert torch.autograd.gradcheck(run, (x, weight))
    assert torch.autograd.gradgradcheck(run, (x, weight))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_path_length_gradients_reach_the_mapping_network(architecture: str) -> None:
    torch.manual_seed(7)
    G = build_generator(small(architecture, resolution=16))
    ws = G.mapping(torch.randn(2, 16))
    images = G.synthesis(ws)
    (slope,) = torch.autograd.grad((images * torch.randn_like(images)).sum(), ws, create_graph=True)
    slope.square().sum(dim=2).mean().sqrt().backward()
    gradient = G.mapping.layers[0].weight.grad
    assert gradient is not None
    assert bool(gradient.isfinite().all())
    assert gradient.abs().max() > 0


def test_a_learning_rate_multiplier_leaves_the_function_unchanged_at_initialisation() -> None:
    torch.manual_seed(8)
    plain = FullyConnected(5, 4, bias_init=0.5)
    torch.manual_seed(8)
    slow = FullyConnected(5, 4, bias_init=0.5, lr_multiplier=0.01)
    x = torch.randn(3, 5)
    torch.testing.assert_close(plain(x), slow(x))


def test_a_rotation_by_a_quarter_turn_rotates_the_image_of_config_r() -> None:
    torch.manual_seed(9)
    G = build_generator(small("stylegan3-r", channel_base=512, channel_max=16)).eval()
    z = torch.randn(1, 16)
    with torch.no_grad():
        upright = G(z)
        G.synthesis.input.transform.copy_(torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))
        turned = G(z)
    either = [torch.rot90(upright, turns, (2, 3)) for turns in (1, 3)]
    assert min(float((turned - image).abs().max()) for image in either) < 1e-4 * float(upright.abs().max())
    assert (turned - upright).abs().max() > 0.1 * upright.abs().max()


def test_specs_can_be_varied_without_touching_the_original() -> None:
    spec = small("stylegan3-t")
    wider = dataclasses.replace(spec, channel_max=12)
    assert build_generator(wider).synthesis.layers[0].weight.shape[0] == 12
    assert spec.channel_max == 8


def test_networks_train_in_plain_torch() -> None:
    torch.manual_seed(10)
    spec = small("stylegan3-t", resolution=16)
    G, D = build_generator(spec), build_discriminator(spec)
    G_optimizer = torch.optim.Adam(G.parameters(), lr=0.002, betas=(0.0, 0.99))
    z = torch.randn(4, 16)
    losses = []
    for _ in range(4):
        G_optimizer.zero_grad()
        loss = nn.functional.softplus(-D(G(z))).mean()
        loss.backward()
        G_optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_every_architecture_that_a_spec_accepts_can_be_built() -> None:
    assert set(ARCHITECTURES) == {"stylegan3-t", "stylegan3-r", "stylegan2", "dcgan"}

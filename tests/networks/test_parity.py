"""Our networks compute what the reference implementation computed from the same weights, by every path.

Triton's kernels run here under their interpreter, in a process that `test_triton.py` starts, and on a GPU if there is
one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gist import ops
from gist.generators.gan.discriminator import Discriminator
from gist.generators.gan.generator import Generator
from gist.generators.gan.networks import build_generator
from gist.generators.stylegan.official.state import load_official

OUTPUT_TOLERANCE = 1e-4
GRADIENT_TOLERANCE = 1e-3
NAMES = ("stylegan3-t-64-uncond-1ch", "stylegan3-r-64-cond5-3ch", "stylegan2-64-cond2-1ch")
PATHS: list[ops.Backend] = ["triton"] if os.environ.get("TRITON_INTERPRET") == "1" else ["reference", "cpu"]
ON_GPU = ["triton on a GPU"] if torch.cuda.is_available() else []


@dataclass(frozen=True)
class Case:
    G: Generator
    G_ema: Generator
    D: Discriminator
    z: Tensor
    c: Tensor | None
    """None for the unconditional network, as a user would pass it."""
    numbers: dict[str, Tensor]


@pytest.fixture(scope="module", params=[*PATHS, *ON_GPU])
def device(request: pytest.FixtureRequest) -> Iterator[torch.device]:
    """Where the operations run, by which path."""
    rounds_less = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    ops.set_backend("triton" if request.param in ON_GPU else request.param)
    yield torch.device("cuda" if request.param in ON_GPU else "cpu")
    ops.set_backend("auto")
    torch.backends.cudnn.allow_tf32 = rounds_less


@pytest.fixture(scope="module", params=NAMES)
def case(request: pytest.FixtureRequest, device: torch.device, shared_dir: Path) -> Case:
    folder = shared_dir / "parity"
    with np.load(folder / f"{request.param}.npz") as numbers:
        tensors = {name: torch.from_numpy(numbers[name]).to(device) for name in numbers}
    networks = load_official(folder / f"{request.param}.pkl")
    assert networks.G is not None
    assert networks.D is not None
    G, G_ema, D = (network.to(device) for network in (networks.G, networks.G_ema, networks.D))
    c = tensors["c"] if tensors["c"].shape[1] else None
    return Case(G, G_ema, D, tensors["z"], c, tensors)


def relative_error(ours: Tensor, reference: Tensor) -> float:
    assert ours.shape == reference.shape
    return float((ours.detach() - reference).abs().max() / reference.abs().max())


def parameter(network: Generator | Discriminator, official_name: str) -> nn.Parameter:
    """The parameter that the reference calls `official_name`."""
    last = network.img_resolution.bit_length() - 1
    name = re.sub(r"^b4\.", "head.", official_name) if isinstance(network, Discriminator) else official_name
    name = re.sub(r"^b64\.fromrgb", "fromrgb", name)
    name = re.sub(r"^b(\d+)\.", lambda size: f"blocks.{last + 1 - int(size[1]).bit_length()}.", name)
    name = re.sub(r"^mapping\.fc", "mapping.layers.", name)
    name = re.sub(r"synthesis\.L(\d+)_\d+_\d+", r"synthesis.layers.\1", name)
    name = re.sub(
        r"synthesis\.b(\d+)\.", lambda size: f"synthesis.blocks.{int(size[1]).bit_length() - 3}.", name
    )
    return network.get_parameter(name)


def test_mapping_gives_the_reference_w_with_and_without_truncation(case: Case) -> None:
    mapping = case.G_ema.mapping
    ws = mapping(case.z, case.c)
    halfway = mapping(case.z, case.c, truncation_psi=0.7)
    cut = mapping(case.z, case.c, truncation_psi=0.7, truncation_cutoff=4)
    assert relative_error(ws, case.numbers["ws_psi1"]) < OUTPUT_TOLERANCE
    assert relative_error(halfway, case.numbers["ws_psi0.7"]) < OUTPUT_TOLERANCE
    assert relative_error(cut, case.numbers["ws_psi0.7_cut4"]) < OUTPUT_TOLERANCE


def test_generators_give_the_reference_images(case: Case) -> None:
    with torch.no_grad():
        images = case.G_ema(case.z, case.c)
        truncated = case.G_ema(case.z, case.c, truncation_psi=0.7)
        of_G = case.G(case.z, case.c)
    assert relative_error(images, case.numbers["img_psi1"]) < OUTPUT_TOLERANCE
    assert relative_error(truncated, case.numbers["img_psi0.7"]) < OUTPUT_TOLERANCE
    assert relative_error(of_G, case.numbers["img_G_psi1"]) < OUTPUT_TOLERANCE


def test_the_first_image_alone_is_the_reference_one(case: Case) -> None:
    with torch.no_grad():
        image = case.G_ema(case.z[:1], None if case.c is None else case.c[:1])
    assert relative_error(image, case.numbers["img_psi1"][:1]) < OUTPUT_TOLERANCE


def test_a_user_transform_moves_the_image_like_the_reference(case: Case) -> None:
    if "transform_inv" not in case.numbers:
        pytest.skip("stylegan2 takes no transform")
    transform = case.G_ema.synthesis.input.transform
    transform.copy_(case.numbers["transform_inv"])
    with torch.no_grad():
        images = case.G_ema(case.z, case.c)
    transform.copy_(torch.eye(3))
    assert relative_error(images, case.numbers["img_transform"]) < OUTPUT_TOLERANCE


def test_every_layer_has_the_reference_mean_and_spread(case: Case) -> None:
    names = [name for name in case.numbers if name.startswith("act_mean_std/")]
    if not names:
        pytest.skip("the reference recorded no activations of stylegan2")
    found: list[Tensor] = []
    layers = [case.G_ema.synthesis.input, *case.G_ema.synthesis.layers]
    hooks = [
        layer.register_forward_hook(lambda _, __, y: found.append(torch.stack([y.mean(), y.std()])))
        for layer in layers
    ]
    with torch.no_grad():
        case.G_ema(case.z, case.c)
    for hook in hooks:
        hook.remove()
    assert len(found) == len(names)
    for name, mean_std in zip(names, found, strict=True):
        assert relative_error(mean_std, case.numbers[name]) < OUTPUT_TOLERANCE, name


def test_discriminator_gives_the_reference_logits_also_for_a_batch_of_one(case: Case) -> None:
    images = case.numbers["img_psi1"]
    first_c = None if case.c is None else case.c[:1]
    with torch.no_grad():
        noise_logits = case.D(case.numbers["x"], case.c)
        logits = case.D(images, case.c)
        alone = case.D(images[:1], first_c)
    assert relative_error(noise_logits, case.numbers["d_logits_x"]) < OUTPUT_TOLERANCE
    assert relative_error(logits, case.numbers["d_logits_img_psi1"]) < OUTPUT_TOLERANCE
    assert relative_error(alone, case.numbers["d_logits_img_psi1_first1"]) < OUTPUT_TOLERANCE


def test_r1_and_its_gradients_are_the_reference_ones(case: Case) -> None:
    x = case.numbers["x"].clone().requires_grad_()
    case.D.zero_grad()
    (slope,) = torch.autograd.grad(case.D(x, case.c).sum(), x, create_graph=True)
    r1 = slope.square().sum(dim=(1, 2, 3))
    (0.5 * r1.mean()).backward()
    assert relative_error(slope, case.numbers["dlogits_dx"]) < GRADIENT_TOLERANCE
    assert relative_error(r1, case.numbers["r1_x"]) < GRADIENT_TOLERANCE
    checked = [name for name in case.numbers if name.startswith("r1grad/")]
    assert len(checked) == 3
    for name in checked:
        gradient = parameter(case.D, name.removeprefix("r1grad/")).grad
        assert relative_error(gradient, case.numbers[name]) < GRADIENT_TOLERANCE, name


def test_generator_loss_has_the_reference_gradients(case: Case) -> None:
    case.G_ema.zero_grad()
    logits = case.D(case.G_ema(case.z, case.c), case.c)
    nn.functional.softplus(-logits).mean().backward()
    checked = [name for name in case.numbers if name.startswith("ggrad/")]
    assert len(checked) == 3
    for name in checked:
        gradient = parameter(case.G_ema, name.removeprefix("ggrad/")).grad
        assert relative_error(gradient, case.numbers[name]) < GRADIENT_TOLERANCE, name


def test_our_filter_design_gives_the_filters_stored_in_the_snapshot(case: Case) -> None:
    stored = case.G_ema.state_dict()
    fresh = build_generator(case.G_ema.spec).state_dict()
    filters = [name for name in stored if name.endswith("_filter")]
    assert bool(filters) == case.G_ema.spec.family.alias_free
    for name in filters:
        assert torch.allclose(stored[name].cpu(), fresh[name], atol=1e-7), name

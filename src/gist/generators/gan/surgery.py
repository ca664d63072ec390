"""Weight surgery: a pretrained network as the start of one with other classes, colours or resolution.

Where the mathematics allows it, the new network computes at the start exactly what the old one did:
one without classes turned conditional ignores the class at first, but is free to learn it at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from gist.errors import InputError
from gist.generators.gan.discriminator import Discriminator
from gist.generators.gan.generator import Generator
from gist.generators.gan.layers import FullyConnected, normalize_second_moment
from gist.generators.gan.mapping import MappingNetwork, adopt_embedding
from gist.generators.gan.networks import build_discriminator, build_generator
from gist.generators.gan.spec import NetworkSpec
from gist.images.colour import LUMA

Fate = Literal["copied", "adapted", "new"]
Network = TypeVar("Network", Generator, Discriminator)

LEVELS = ("blocks", "layers", "norms")
"""Parts of a discriminator that are counted from the image."""


class Transfer(NamedTuple):
    """What became of one tensor of the new network."""

    name: str
    fate: Fate


@torch.no_grad()
def adapt_state(
    source: Network,
    target_spec: NetworkSpec,
    *,
    class_origins: Sequence[int] | None = None,
    freeze_layers: int = 0,
) -> tuple[Network, list[Transfer]]:
    """A network of `target_spec` that starts from `source`, and the fate of each of its tensors.

    Handles other classes, grey and RGB, another resolution (same-sized layers are copied, the others are
    new) and other widths (new where shapes differ). `class_origins` says for each class of the target which
    class of the source it starts as; default: class k as k modulo the source's number. `freeze_layers` applies
    to discriminators. New weights are drawn from torch's default generator. Raises InputError if architecture,
    z_dim, w_dim or mapping depth differ.
    """
    for name in ("architecture", "z_dim", "w_dim", "mapping_layers", "d_mapping_layers"):
        old, new = getattr(source.spec, name), getattr(target_spec, name)
        if old != new:
            raise InputError(
                f"the pretrained network has {name} {old}, the new one {new}: set {name}: {old}."
            )
    target = (
        build_generator(target_spec)
        if isinstance(source, Generator)
        else build_discriminator(target_spec, freeze_layers=freeze_layers)
    )
    assert isinstance(target, type(source))
    fates = _copy_equal_shapes(source, target)
    if class_origins is None:
        class_origins = [k % max(1, source.c_dim) for k in range(target_spec.classes)]
    if isinstance(source, Generator) and isinstance(target, Generator):
        _adapt_generator_classes(source.mapping, target.mapping, class_origins, fates)
        _adapt_to_rgb(source, target, fates)
    if isinstance(source, Discriminator) and isinstance(target, Discriminator):
        fates |= dict.fromkeys(target.adopt(source, class_origins), "adapted")
    return target, [Transfer(name, fate) for name, fate in fates.items()]


def _copy_equal_shapes(source: Generator | Discriminator, target: nn.Module) -> dict[str, Fate]:
    tensors = source.state_dict()
    shift = 0
    if isinstance(source, Discriminator) and isinstance(target, Discriminator):
        # A discriminator's levels count from the largest, so equal sizes have shifted numbers.
        shift = source.img_resolution.bit_length() - target.img_resolution.bit_length()
    fates: dict[str, Fate] = {}
    for name, tensor in target.state_dict().items():
        old = tensors.get(_shifted(name, shift))
        if old is None or old.shape != tensor.shape:
            fates[name] = "new"
        elif name.endswith("_filter"):
            # Filters follow from the layer's own sampling rates.
            fates[name] = "copied" if torch.allclose(old, tensor, atol=1e-6) else "new"
        else:
            tensor.copy_(old)
            fates[name] = "copied"
    return fates


def _shifted(name: str, shift: int) -> str:
    level, _, rest = name.partition(".")
    if level not in LEVELS or shift == 0:
        return name
    number, _, rest = rest.partition(".")
    return f"{level}.{int(number) + shift}.{rest}"


def _adapt_generator_classes(
    source: MappingNetwork, target: MappingNetwork, origins: Sequence[int], fates: dict[str, Fate]
) -> None:
    if source.embed and target.embed:
        if adopt_embedding(target.embed, source.embed, origins):
            fates["mapping.embed.weight"] = "adapted"
        return
    if source.c_dim == target.c_dim:
        return
    old, new = _first(source), _first(target)
    z_dim = source.z_dim
    # Equalised learning rate divides by sqrt(inputs), which changes with the class part.
    scale = old.weight_gain / new.weight_gain
    new.weight[:, :z_dim] = old.weight[:, :z_dim] * scale
    if target.embed:
        # All classes start as one embedding, whose effect the bias takes back.
        target.embed.weight.zero_()
        target.embed.bias.normal_()
        class_part, embedding, sign = new.weight[:, z_dim:], target.embed.bias[None], -1.0
        gain = new.weight_gain
        fates["mapping.embed.weight"] = fates["mapping.embed.bias"] = "new"
    else:
        assert source.embed is not None
        class_part, embedding, sign = old.weight[:, z_dim:], _embeddings(source), 1.0
        gain = old.weight_gain
    effect = class_part @ normalize_second_moment(embedding).mean(dim=0) * gain
    new.bias.copy_(old.bias + sign * effect / new.bias_gain)
    fates["mapping.layers.0.weight"] = fates["mapping.layers.0.bias"] = "adapted"


def _embeddings(mapping: MappingNetwork) -> Tensor:
    assert mapping.embed is not None
    embeddings: Tensor = mapping.embed(torch.eye(mapping.c_dim))
    return embeddings


def _first(mapping: MappingNetwork) -> FullyConnected:
    layer = mapping.layers[0]
    assert isinstance(layer, FullyConnected)
    return layer


def _adapt_to_rgb(source: Generator, target: Generator, fates: dict[str, Fate]) -> None:
    """Output colours: grey is the luma of the old RGB; RGB is three times the old grey."""
    if source.img_channels == target.img_channels:
        return
    tensors, state = source.state_dict(), target.state_dict()
    luma = torch.tensor(LUMA)
    to_rgb = {f"synthesis.{name}" for name in target.synthesis.to_rgb}
    for name, tensor in state.items():
        layer, _, kind = name.rpartition(".")
        old = tensors.get(name)
        if (
            layer not in to_rgb
            or kind not in ("weight", "bias")
            or old is None
            or old.shape[1:] != tensor.shape[1:]
        ):
            continue
        if target.img_channels == 1:
            tensor.copy_((luma.reshape(-1, *[1] * (old.ndim - 1)) * old).sum(dim=0, keepdim=True))
        else:
            tensor.copy_(old.expand_as(tensor))
        fates[name] = "adapted"

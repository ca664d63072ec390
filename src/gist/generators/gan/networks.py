"""A generator and its discriminator made from their spec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gist.addresses import imported
from gist.generators.gan.discriminator import Discriminator
from gist.generators.gan.generator import Generator, Synthesis
from gist.generators.gan.spec import NetworkSpec


@dataclass(frozen=True)
class Networks:
    """How one architecture's networks are made.

    `discriminator` receives the spec and the number of layers to freeze, counted from the image.
    """

    synthesis: Callable[[NetworkSpec], Synthesis]
    discriminator: Callable[[NetworkSpec, int], Discriminator]


def _networks(spec: NetworkSpec) -> Networks:
    found: Networks = imported(spec.family.networks)
    return found


def build_generator(spec: NetworkSpec) -> Generator:
    """A freshly initialised generator in training mode, float32 on the CPU.

    Draws its weights from torch's default generator: seed it first for repeatable networks.
    """
    return Generator(spec, _networks(spec).synthesis(spec))


def build_discriminator(spec: NetworkSpec, *, freeze_layers: int = 0) -> Discriminator:
    """A freshly initialised discriminator; its first `freeze_layers` layers (freeze-D) are not trained."""
    return _networks(spec).discriminator(spec, freeze_layers)


def described_generator(description: Mapping[str, Any]) -> Generator:
    """A generator as a network file describes it. Raises InputError for a description that is none."""
    return build_generator(NetworkSpec.from_json(description))

"""Architectures by name: a further one is a module, a line here and a name in `spec.ARCHITECTURES`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gist.generators.dcgan.networks import DCGANDiscriminator, DCGANSynthesis
from gist.generators.gan.discriminator import Discriminator
from gist.generators.gan.generator import Generator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.stylegan.discriminator import ResidualDiscriminator
from gist.generators.stylegan.stylegan2 import StyleGAN2Synthesis
from gist.generators.stylegan.stylegan3 import StyleGAN3Synthesis


@dataclass(frozen=True)
class Architecture:
    """How one architecture's networks are made from a spec.

    `discriminator` receives the spec and the number of layers to freeze, counted from the image.
    """

    generator: Callable[[NetworkSpec], Generator]
    discriminator: Callable[[NetworkSpec, int], Discriminator]


def _stylegan3(spec: NetworkSpec) -> Generator:
    return Generator(spec, StyleGAN3Synthesis(spec))


def _stylegan2(spec: NetworkSpec) -> Generator:
    return Generator(spec, StyleGAN2Synthesis(spec))


def _dcgan(spec: NetworkSpec) -> Generator:
    return Generator(spec, DCGANSynthesis(spec))


REGISTRY: dict[str, Architecture] = {
    "stylegan3-t": Architecture(_stylegan3, ResidualDiscriminator),
    "stylegan3-r": Architecture(_stylegan3, ResidualDiscriminator),
    "stylegan2": Architecture(_stylegan2, ResidualDiscriminator),
    "dcgan": Architecture(_dcgan, DCGANDiscriminator),
}


def build_generator(spec: NetworkSpec) -> Generator:
    """A freshly initialised generator in training mode, float32 on the CPU.

    Draws its weights from torch's default generator: seed it first for repeatable networks.
    """
    return REGISTRY[spec.architecture].generator(spec)


def build_discriminator(spec: NetworkSpec, *, freeze_layers: int = 0) -> Discriminator:
    """A freshly initialised discriminator; its first `freeze_layers` layers (freeze-D) are not trained."""
    return REGISTRY[spec.architecture].discriminator(spec, freeze_layers)

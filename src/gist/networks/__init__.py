"""Generators and discriminators, written from Karras et al. 2018 to 2021."""

from gist.networks.discriminator import Discriminator
from gist.networks.generator import Generator
from gist.networks.registry import REGISTRY, Architecture, build_discriminator, build_generator
from gist.networks.spec import NetworkSpec

__all__ = [
    "REGISTRY",
    "Architecture",
    "Discriminator",
    "Generator",
    "NetworkSpec",
    "build_discriminator",
    "build_generator",
]

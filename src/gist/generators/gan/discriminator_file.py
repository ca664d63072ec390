"""Discriminators beside the network files of their generators, for transfer learning.

A discriminator betrays which images it was trained on: never share one trained on patients' images.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from gist.generators.gan.discriminator import Discriminator
from gist.generators.gan.generator import Generator
from gist.generators.gan.networks import build_discriminator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.network_file import read_network, write_network
from gist.generators.network_state import filled

DISCRIMINATOR = "discriminator"


def save_discriminator(path: Path, D: Discriminator, *, metadata: Mapping[str, Any]) -> None:
    """Writes a discriminator as `save_network` does a generator."""
    write_network(path, DISCRIMINATOR, D, D.spec.to_json(), metadata)


def load_discriminator(path: Path, *, freeze_layers: int = 0) -> tuple[Discriminator, dict[str, Any]]:
    """Like `load_network` for a discriminator, with its first `freeze_layers` layers frozen."""
    description, metadata, tensors = read_network(path, DISCRIMINATOR)
    spec = NetworkSpec.from_json(description)
    network = filled(
        lambda: build_discriminator(spec, freeze_layers=freeze_layers),
        tensors,
        f"the network file '{path.name}'",
    )
    return network, metadata


def discriminator_beside(path: Path) -> Path:
    """Where the discriminator of a generator's file lies, if it was kept: `x.discriminator.safetensors` for `x`."""
    return path.with_name(f"{path.stem}.discriminator.safetensors")


def discriminator_of(path: Path) -> Discriminator | None:
    """The discriminator that lies beside a generator's file, None where there is none."""
    beside = discriminator_beside(path)
    return load_discriminator(beside)[0] if beside.is_file() else None


def discriminator_in(model: Generator, checkpoint: Mapping[str, Tensor]) -> Discriminator:
    """The discriminator that a generator learned from, of the tensors of a checkpoint.

    Raises InputError where they are of other networks.
    """
    own = {name.removeprefix("D/"): value for name, value in checkpoint.items() if name.startswith("D/")}
    return filled(lambda: build_discriminator(model.spec), own, "the checkpoint")

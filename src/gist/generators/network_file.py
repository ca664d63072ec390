"""Our own network file: safetensors with the network's description and origin in the header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import safetensors
import safetensors.torch
from torch import Tensor

from gist.errors import InputError
from gist.files import write_atomic
from gist.generators.gan.discriminator import Discriminator
from gist.generators.gan.generator import Generator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.network_state import filled
from gist.generators.registry import build_discriminator, build_generator
from gist.version import __version__

FORMAT = 1
HEADER_KEY = "gist"
NOTICE = "Images made with this network are synthetic; they show no real person."

Kind = Literal["generator", "discriminator"]


def save_network(path: Path, G_ema: Generator, *, metadata: Mapping[str, Any]) -> None:
    """Writes a generator with its spec and `metadata` (JSON values: class names, kimg, ...), atomically.

    Raises InputError if a weight is not finite, since such a network is of no use.
    """
    _save(path, "generator", G_ema, G_ema.spec, metadata)


def load_network(path: Path) -> tuple[Generator, dict[str, Any]]:
    """The generator in evaluation mode and its metadata; the metadata also has `notice`, `gist_version`.

    Raises InputError, one sentence, for a file that is missing, damaged or of another kind.
    """
    spec, metadata, tensors = _read(path, "generator")
    return filled(lambda: build_generator(spec), tensors, f"the network file '{path.name}'"), metadata


def save_discriminator(path: Path, D: Discriminator, *, metadata: Mapping[str, Any]) -> None:
    """Like `save_network` for a discriminator, which transfer learning starts from.

    A discriminator betrays which images it was trained on: never share one trained on patients' images.
    """
    _save(path, "discriminator", D, D.spec, metadata)


def load_discriminator(path: Path, *, freeze_layers: int = 0) -> tuple[Discriminator, dict[str, Any]]:
    """Like `load_network` for a discriminator, with its first `freeze_layers` layers frozen."""
    spec, metadata, tensors = _read(path, "discriminator")
    network = filled(
        lambda: build_discriminator(spec, freeze_layers=freeze_layers),
        tensors,
        f"the network file '{path.name}'",
    )
    return network, metadata


def discriminator_beside(path: Path) -> Path:
    """Where the discriminator of a generator's file lies, if it was kept: `x.discriminator.safetensors` for `x`."""
    return path.with_name(f"{path.stem}.discriminator.safetensors")


def _save(
    path: Path, kind: Kind, network: Generator | Discriminator, spec: NetworkSpec, metadata: Mapping[str, Any]
) -> None:
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    for name, tensor in tensors.items():
        if not bool(tensor.isfinite().all()):
            raise InputError(f"'{path.name}' was not written: the network's '{name}' is not finite.")
    header = {
        "format": FORMAT,
        "kind": kind,
        "spec": spec.to_json(),
        "metadata": {"notice": NOTICE, "gist_version": __version__, **metadata},
    }
    write_atomic(path, safetensors.torch.save(tensors, metadata={HEADER_KEY: json.dumps(header)}))


def _read(path: Path, kind: Kind) -> tuple[NetworkSpec, dict[str, Any], dict[str, Tensor]]:
    """Spec, metadata and tensors of a file of the wanted kind, everything but the shapes checked."""
    try:
        with safetensors.safe_open(path, framework="pt", device="cpu") as file:
            text = (file.metadata() or {}).get(HEADER_KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except FileNotFoundError as error:
        raise InputError(f"there is no network file '{path.name}' at the given place.") from error
    except (safetensors.SafetensorError, OSError, RuntimeError, ValueError) as error:
        raise InputError(
            f"'{path.name}' is not a readable network file (damaged, cut short or of another kind); "
            "an official .pkl must be imported first."
        ) from error
    if text is None:
        raise InputError(f"'{path.name}' is a safetensors file without the description of a gist network.")
    try:
        header = json.loads(text)
        number, stored_kind = header["format"], header["kind"]
        fields, metadata = header["spec"], header["metadata"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"'{path.name}' has an unreadable network description.") from error
    if number != FORMAT:
        raise InputError(
            f"'{path.name}' has the network format {str(number)[:20]}; this version reads {FORMAT}."
        )
    if stored_kind != kind:
        raise InputError(f"'{path.name}' holds a {str(stored_kind)[:20]}, not a {kind}.")
    if not isinstance(fields, dict) or not isinstance(metadata, dict):
        raise InputError(f"'{path.name}' has an unreadable network description.")
    return NetworkSpec.from_json(fields), metadata, tensors

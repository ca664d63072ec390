"""Our own network file: safetensors with the network's description and origin in the header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors
import safetensors.torch
from torch import Tensor, nn

from gist.errors import InputError
from gist.files import write_atomic
from gist.generators.model import Model
from gist.generators.network_state import filled
from gist.generators.registry import family_named
from gist.version import __version__

FORMAT = 1
HEADER_KEY = "gist"
NOTICE = "Images made with this network are synthetic; they show no real person."
GENERATOR = "generator"


class NetworkContent(NamedTuple):
    """What a network file holds, everything but the tensors' names and shapes checked."""

    description: dict[str, Any]
    metadata: dict[str, Any]
    tensors: dict[str, Tensor]


def save_network(path: Path, model: Model, *, metadata: Mapping[str, Any]) -> None:
    """Writes a model with its description and `metadata` (JSON values: class names, kimg, ...), atomically.

    Raises InputError if a weight is not finite, since such a network is of no use.
    """
    write_network(path, GENERATOR, model, model.description(), metadata)


def load_network(path: Path) -> tuple[Model, dict[str, Any]]:
    """The model in evaluation mode and its metadata; the metadata also has `notice`, `gist_version`.

    Raises InputError, one sentence, for a file that is missing, damaged or of another kind.
    """
    description, metadata, tensors = read_network(path, GENERATOR)
    name = description.get("architecture")
    if not isinstance(name, str):
        raise InputError("the network description lacks the field 'architecture'.")
    family = family_named(name)
    model = filled(lambda: family.model(description), tensors, f"the network file '{path.name}'")
    return model, metadata


def write_network(
    path: Path, kind: str, network: nn.Module, description: Mapping[str, Any], metadata: Mapping[str, Any]
) -> None:
    """Writes any network as a file of this kind, such as "discriminator", atomically.

    Raises InputError if a weight is not finite.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    for name, tensor in tensors.items():
        if not bool(tensor.isfinite().all()):
            raise InputError(f"'{path.name}' was not written: the network's '{name}' is not finite.")
    header = {
        "format": FORMAT,
        "kind": kind,
        "spec": description,
        "metadata": {"notice": NOTICE, "gist_version": __version__, **metadata},
    }
    write_atomic(path, safetensors.torch.save(tensors, metadata={HEADER_KEY: json.dumps(header)}))


def read_network(path: Path, kind: str) -> NetworkContent:
    """What a file of this kind holds.

    Raises InputError, one sentence, for a file that is missing, damaged or of another kind.
    """
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
        description, metadata = header["spec"], header["metadata"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"'{path.name}' has an unreadable network description.") from error
    if number != FORMAT:
        raise InputError(
            f"'{path.name}' has the network format {str(number)[:20]}; this version reads {FORMAT}."
        )
    if stored_kind != kind:
        raise InputError(f"'{path.name}' holds a {str(stored_kind)[:20]}, not a {kind}.")
    if not isinstance(description, dict) or not isinstance(metadata, dict):
        raise InputError(f"'{path.name}' has an unreadable network description.")
    return NetworkContent(description, metadata, tensors)

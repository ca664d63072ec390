"""Weight files as tensors, read without running anything that they hold."""

from __future__ import annotations

import pickle
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from gist.errors import InputError


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors by name from a safetensors file or a PyTorch file, of the latter tensors only.

    A training checkpoint is reduced to its `state_dict`, and the prefix `module.` of parallel training goes.

    Raises:
        InputError: the file is damaged, or holds anything but tensors.
    """
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError):
        raise InputError(
            f"{path} cannot be read as weights; it is damaged, or holds more than tensors, which gist refuses."
        ) from None
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError(f"{path} does not hold weights by name; give a state dict of the network.")
    return {str(name).removeprefix("module."): value for name, value in content.items()}


def fill(network: nn.Module, tensors: dict[str, Tensor], path: Path) -> nn.Module:
    """The network with these weights, frozen, in evaluation mode.

    Raises:
        InputError: the weights are of another network.
    """
    try:
        network.load_state_dict(tensors)
    except RuntimeError:
        raise InputError(
            f"{path} holds the weights of another network; check evaluate.extractor and evaluate.weights."
        ) from None
    return network.eval().requires_grad_(False)

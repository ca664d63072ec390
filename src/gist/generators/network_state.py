"""Fills a network with tensors from a file, trusting neither their names nor their shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

from gist.errors import InputError

Network = TypeVar("Network", bound=nn.Module)


def filled(build: Callable[[], Network], tensors: Mapping[str, Tensor], what: str) -> Network:
    """A network from `build` holding `tensors`, in evaluation mode, float32 on the CPU.

    Names and shapes are checked before any memory is taken, values (finite) before they are used.
    torch's random state is left as it was. Raises InputError naming the first tensor that does not fit.
    """
    with torch.random.fork_rng(devices=[]):
        with torch.device("meta"):
            wanted = {name: tensor.shape for name, tensor in build().state_dict().items()}
        for name, shape in wanted.items():
            if name not in tensors:
                raise InputError(f"{what} lacks the tensor '{name}'.")
            if tensors[name].shape != shape:
                raise InputError(
                    f"{what} holds '{name}' with shape {list(tensors[name].shape)} instead of {list(shape)}."
                )
            if not tensors[name].is_floating_point():
                raise InputError(f"{what} holds '{name}' as {tensors[name].dtype} instead of numbers.")
            if not bool(torch.isfinite(tensors[name]).all()):
                raise InputError(f"{what} holds values in '{name}' that are not finite.")
        unknown = sorted(set(tensors) - set(wanted))
        if unknown:
            raise InputError(f"{what} holds the unknown tensor '{unknown[0][:100]}'.")
        network = build()
    network.load_state_dict(dict(tensors))
    return network.eval()

"""How many bits the networks compute with, and when fewer than 32 are safe."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import nn

from gist.machine.device import Device, round_convolutions

Precision = Literal["float32", "tf32", "bfloat16", "float16"]
_INNER = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def choose_precision(wanted: Literal["auto"] | Precision, device: Device) -> tuple[Precision, str]:
    """The precision to start with, and why."""
    if wanted != "auto":
        return wanted, "given in the settings"
    if not device.on_gpu:
        return "float32", "a CPU gains little from fewer bits"
    if torch.cuda.is_bf16_supported(including_emulation=False):
        return "bfloat16", "this GPU computes it several times faster, with the range of float32"
    return "float16", "this GPU has no bfloat16; float32 takes over if a number leaves its range"


def apply_precision(precision: Precision, *networks: nn.Module) -> None:
    """Sets it for networks with an `inner_dtype`, and whether a GPU rounds float32 convolutions to TF32."""
    round_convolutions(to_tf32=precision != "float32")
    for network in networks:
        for module in _with_inner_dtype(network):
            module.inner_dtype = _INNER.get(precision, torch.float32)


def wider_precision(precision: Precision, device: Device) -> Precision | None:
    """What takes over where numbers leave the range of `precision`; None if nothing has a larger one."""
    if precision in ("float32", "tf32"):
        return None
    return "tf32" if device.on_gpu else "float32"


def _with_inner_dtype(network: nn.Module) -> list[Any]:
    return [module for module in network.modules() if hasattr(module, "inner_dtype")]


class FullPrecision:
    """A context in which a network computes in float32, as penalties that are differentiated twice need."""

    def __init__(self, network: nn.Module) -> None:
        self._modules = _with_inner_dtype(network)

    def __enter__(self) -> None:
        self._dtypes = [module.inner_dtype for module in self._modules]
        for module in self._modules:
            module.inner_dtype = torch.float32

    def __exit__(self, *_: object) -> None:
        for module, dtype in zip(self._modules, self._dtypes, strict=True):
            module.inner_dtype = dtype

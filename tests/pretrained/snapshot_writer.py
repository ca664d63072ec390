"""Writes our networks in the form of an official snapshot, to test the reader without the real ones."""

from __future__ import annotations

import collections
import io
import pickle
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from gist.generators.gan.discriminator import Discriminator
from gist.generators.gan.generator import Generator


class Record:
    """Pickles as a call of the official persistence function with one dict."""

    def __init__(self, class_name: str, state: dict[str, Any]) -> None:
        self.meta = {
            "type": "class",
            "version": 6,
            "module_src": "raise SystemExit('the embedded source was executed')",
            "class_name": class_name,
            "state": state,
        }

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[dict[str, Any]]]:
        return sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj, (self.meta,)


@contextmanager
def official_modules() -> Iterator[None]:
    """Lets pickle find the official function by name while writing."""

    def _reconstruct_persistent_obj(meta: dict[str, Any]) -> None:
        raise AssertionError(meta)

    package, module = ModuleType("torch_utils"), ModuleType("torch_utils.persistence")
    _reconstruct_persistent_obj.__module__ = "torch_utils.persistence"
    _reconstruct_persistent_obj.__qualname__ = "_reconstruct_persistent_obj"
    module._reconstruct_persistent_obj = _reconstruct_persistent_obj  # type: ignore[attr-defined]
    package.persistence = module  # type: ignore[attr-defined]
    sys.modules.update({"torch_utils": package, "torch_utils.persistence": module})
    try:
        yield
    finally:
        del sys.modules["torch_utils"], sys.modules["torch_utils.persistence"]


def write_snapshot(path: Path, snapshot: dict[str, Any]) -> Path:
    buffer = io.BytesIO()
    with official_modules():
        pickle.dump(snapshot, buffer, protocol=4)
    path.write_bytes(buffer.getvalue())
    return path


def record_of(network: Generator | Discriminator, **arguments: Any) -> Record:
    """The network under its official names, with the given constructor arguments."""
    tensors = {_official_name(network, name): tensor for name, tensor in network.state_dict().items()}
    record = _nested(tensors)
    record.meta["state"].update(_init_args=(), _init_kwargs=arguments)
    return record


def _official_name(network: Generator | Discriminator, name: str) -> str:
    last = network.img_resolution.bit_length() - 1
    if isinstance(network, Discriminator):
        name = re.sub(r"^blocks\.(\d+)", lambda match: f"b{2 ** (last - int(match[1]))}", name)
        name = re.sub(r"^head\.", "b4.", name)
        name = re.sub(r"^fromrgb", f"b{network.img_resolution}.fromrgb", name)
    name = re.sub(r"^mapping\.layers\.(\d+)", r"mapping.fc\1", name)
    name = re.sub(r"^synthesis\.layers\.(\d+)", r"synthesis.L\1_36_16", name)
    return re.sub(r"^synthesis\.blocks\.(\d+)", lambda match: f"synthesis.b{4 * 2 ** int(match[1])}", name)


def _nested(tensors: dict[str, Tensor]) -> Record:
    own: dict[str, Any] = {"_parameters": collections.OrderedDict(), "_buffers": {}, "_modules": {}}
    inner: dict[str, dict[str, Tensor]] = collections.defaultdict(dict)
    for name, tensor in tensors.items():
        head, _, rest = name.partition(".")
        if rest:
            inner[head][rest] = tensor
        else:
            own["_parameters"][head] = torch.nn.Parameter(tensor.clone())
    own["_modules"] = {name: _nested(part) for name, part in inner.items()}
    return Record("Part", own)

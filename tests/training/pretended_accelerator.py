"""A device "pretended" whose tensors lie in host memory, to see what a GPU would be asked for: which calls wait for
it, which mix devices, and that numbers come out as on the CPU. No GPU is needed.

Importing it gives the process this device; do so in a process of its own.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

_setup_privateuseone_for_python_backend("pretended")
DEVICE = torch.device("pretended:0")


class _HostGenerator(torch.Generator):
    """The device has no random numbers of its own."""

    def __new__(cls, device: torch.device | str = "cpu") -> _HostGenerator:
        return super().__new__(cls, "cpu" if torch.device(device).type == DEVICE.type else device)


torch.Generator = _HostGenerator  # type: ignore[misc]

_ATEN = torch.ops.aten
_READS = {
    _ATEN._local_scalar_dense,
    _ATEN.is_nonzero,
    _ATEN.equal,
    _ATEN.nonzero,
    _ATEN.masked_select,
    _ATEN.item,
    _ATEN._unique2,
    _ATEN.unique_dim,
    _ATEN.unique_consecutive,
    _ATEN.bincount,
    _ATEN._linalg_check_errors,
}
"""Operations whose result Python, or the shape of a tensor, depends on: they wait for the device."""


class OnDevice(torch.Tensor):
    """A tensor that says it is on the device."""

    host: torch.Tensor

    @staticmethod
    def __new__(cls, host: torch.Tensor) -> OnDevice:
        made = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, host.shape, strides=host.stride(), storage_offset=host.storage_offset(),
            dtype=host.dtype, device=DEVICE,
        )  # fmt: skip
        made.host = host
        return made  # type: ignore[no-any-return]

    def __repr__(self) -> str:  # type: ignore[override]
        return f"OnDevice({tuple(self.shape)})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise AssertionError(f"{func} on a tensor of the device outside `Accelerator`")


class Accelerator(TorchDispatchMode):
    """While it is entered, operations on the device work and are watched."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []
        """Operations that a GPU would make the host wait for."""
        self.mixed: list[str] = []
        """Operations on tensors of the device and of the host, which a GPU refuses."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        here = [isinstance(tensor, OnDevice) for tensor in tensors]
        target = torch.device(kwargs["device"]) if kwargs.get("device") is not None else None
        makes = target is not None and target.type == DEVICE.type
        if not any(here) and not makes:
            return func(*args, **kwargs)
        self._watch(func, args, kwargs, tensors, here, target)
        host_kwargs = tree_map(_host, kwargs) | ({"device": torch.device("cpu")} if makes else {})
        result = func(*tree_map(_host, args), **host_kwargs)
        leaves_device = target is not None and not makes
        wrapped = result if leaves_device else tree_map(_on_device, result)
        if func.overloadpacket is _ATEN._to_copy or not any(here):
            return wrapped
        return return_and_correct_aliasing(func, args, kwargs, wrapped)

    def _watch(
        self,
        func: Any,
        args: Any,
        kwargs: dict[str, Any],
        tensors: list[torch.Tensor],
        here: list[bool],
        target: torch.device | None,
    ) -> None:
        name = func.overloadpacket
        if name in _READS or (name is _ATEN.index and _chooses_by_truth(args[1])):
            self.waits.append(str(func))
        elif name is _ATEN._to_copy:
            arrives = not here[0] and target is not None and target.type == DEVICE.type
            leaves = here[0] and target is not None and target.type == "cpu"
            if leaves or (arrives and not kwargs.get("non_blocking")):
                self.waits.append(f"{func} of {tuple(tensors[0].shape)}")
        elif name is _ATEN.copy_:
            if here[0] != here[1] and not (here[0] and len(args) > 2 and args[2]):
                self.waits.append(f"{func} of {tuple(tensors[0].shape)}")
        elif not all(ours or not tensor.ndim for ours, tensor in zip(here, tensors, strict=True)):
            self.mixed.append(f"{func} of {[tuple(tensor.shape) for tensor in tensors]}")


def _chooses_by_truth(indices: Any) -> bool:
    """Whether a tensor of truth values is among the indices: how many are true, only the device knows."""
    return any(index is not None and index.dtype in (torch.bool, torch.uint8) for index in indices)


def _host(leaf: Any) -> Any:
    return leaf.host if isinstance(leaf, OnDevice) else leaf


def _on_device(leaf: Any) -> Any:
    return OnDevice(leaf) if isinstance(leaf, torch.Tensor) else leaf

"""Reads snapshots of the reference implementation without executing anything they contain.

A pickle is a program. Here it can call only the stand-ins defined in this file: they check their arguments,
allocate no more than the file itself holds, and are made anew for every file, so that a hostile pickle
cannot alter the ones used for the next.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
import warnings
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gist.errors import InputError

MAX_FILE_BYTES = 4 * 2**30
MAX_OPCODES = 4_000_000
STORAGE_PICKLES = 5
"""torch's own storage format: magic number, version, system, the storage's description, its key."""


@dataclass(frozen=True, slots=True)
class ModuleRecord:
    """One pickled network or layer: its class name and what it stored, nothing of its source."""

    class_name: str
    state: dict[str, Any]


class _Refused(Exception):
    """The file asks for something that a network snapshot does not contain."""


def read_official_pickle(path: Path) -> dict[str, Any]:
    """The top-level dict of a snapshot: numbers, containers, float tensors and ModuleRecords.

    Raises InputError, one sentence, for a file that cannot be read, is damaged, oversized or not such a
    snapshot, or that names a global outside the list a snapshot needs.
    """
    try:
        size_bytes = path.stat().st_size
        if size_bytes > MAX_FILE_BYTES:
            raise InputError(
                f"'{path.name}' has {size_bytes / 2**30:.1f} GiB; network files of at most "
                f"{MAX_FILE_BYTES // 2**30} GiB are read."
            )
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"the network file '{path.name}' cannot be opened: {error.strerror or error}."
        ) from error
    try:
        _check_program(content)
        snapshot = _SnapshotUnpickler(content).load()
    except _Refused as refusal:
        raise InputError(
            f"'{path.name}' was not loaded because {refusal}; only unmodified network pickles are read."
        ) from refusal
    except Exception as error:
        raise InputError(
            f"'{path.name}' is not a readable network pickle (damaged, cut short or of another kind)."
        ) from error
    if not isinstance(snapshot, dict):
        raise InputError(f"'{path.name}' is a pickle, but not of a network snapshot.")
    return snapshot


def _check_program(content: bytes) -> None:
    """Walks the opcodes without running them: sizes must be honest and the memo dense.

    The C unpickler allocates what an opcode claims before reading it, so claims are checked first.
    """
    stored = 0
    for count, (opcode, argument, _) in enumerate(pickletools.genops(content)):
        if count > MAX_OPCODES:
            raise _Refused(f"it has more than {MAX_OPCODES} opcodes")
        if opcode.name.startswith("EXT"):
            raise _Refused("it uses the pickle extension registry")
        if "PUT" in opcode.name or opcode.name == "MEMOIZE":
            if isinstance(argument, int) and argument > stored:
                raise _Refused("its memo is sparse, which exhausts memory")
            stored += 1


class _SnapshotUnpickler(pickle.Unpickler):
    """Resolves the globals of a snapshot to this file's stand-ins and refuses all others by name."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))
        self._allowed = _stand_ins(budget_bytes=len(content))

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        try:
            return self._allowed[module_name, global_name]
        except KeyError:
            raise _Refused(f"it names the global '{module_name}.{global_name}'"[:200]) from None


def _stand_ins(budget_bytes: int) -> dict[tuple[str, str], Any]:
    """Fresh stand-ins for every global that a snapshot needs; storages may take `budget_bytes` together."""

    class EasyDict(dict[str, Any]):
        """A dict whose keys the original also offers as attributes."""

    class Opaque:
        """A numpy array or dtype: only its kind is kept, since no setting of a network is an array."""

        def __init__(self, *arguments: Any) -> None:
            self.kind = arguments[0] if arguments and isinstance(arguments[0], str) else ""

        def __setstate__(self, state: Any) -> None:
            del state

    def load_storage(blob: Any) -> Tensor:
        nonlocal budget_bytes
        budget_bytes -= len(blob)
        # The same bytes can be named any number of times in a small file.
        if budget_bytes < 0:
            raise _Refused("its storages claim more bytes than the file holds")
        return _storage(blob)

    allowed: dict[tuple[str, str], Any] = {
        ("collections", "OrderedDict"): OrderedDict,
        ("builtins", "set"): set,
        ("dnnlib.util", "EasyDict"): EasyDict,
        ("torch_utils.persistence", "_reconstruct_persistent_obj"): lambda meta: _module_record(meta),
        ("torch._utils", "_rebuild_tensor_v2"): lambda *arguments: _tensor(*arguments[:4]),
        ("torch._utils", "_rebuild_parameter"): lambda *arguments: _parameter(arguments[0]),
        ("torch.storage", "_load_from_bytes"): load_storage,
        ("numpy", "ndarray"): Opaque,
        ("numpy", "dtype"): Opaque,
    }
    for module_name in ("numpy.core.multiarray", "numpy._core.multiarray"):
        allowed[module_name, "_reconstruct"] = lambda *_: Opaque()
        allowed[module_name, "scalar"] = lambda dtype, value: _scalar(dtype.kind, value)
    return allowed


def _scalar(kind: str, value: Any) -> float | int | bool:
    """A numpy number from its little-endian bytes."""
    formats = {"f8": "<d", "f4": "<f", "i8": "<q", "i4": "<i", "u8": "<Q", "b1": "<?"}
    if kind not in formats or not isinstance(value, bytes):
        raise _Refused(f"it holds a numpy number of the unexpected kind '{kind[:20]}'")
    number: float | int | bool = struct.unpack(formats[kind], value)[0]
    return number


def _module_record(meta: Any) -> ModuleRecord:
    """The stored state of a network; its embedded source text is dropped, never run."""
    class_name, state = meta["class_name"], meta["state"]
    if not isinstance(class_name, str) or not isinstance(state, dict):
        raise _Refused("a network record in it is malformed")
    return ModuleRecord(class_name, state)


def _parameter(tensor: Any) -> Tensor:
    if not isinstance(tensor, Tensor):
        raise _Refused("a parameter in it is not a tensor")
    return tensor


def _tensor(storage: Any, offset: Any, size: Any, stride: Any) -> Tensor:
    """A view of an embedded storage, all of which must lie inside it."""
    if not isinstance(storage, Tensor):
        raise _Refused("a tensor in it has no storage")
    numbers = (offset, *size, *stride)
    if len(size) != len(stride) or not all(type(number) is int and number >= 0 for number in numbers):
        raise _Refused("a tensor in it has an impossible shape")
    elements = 1
    for length in size:
        elements *= length
    last = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
    if elements > storage.numel() or (elements > 0 and last >= storage.numel()):
        raise _Refused("a tensor in it claims more numbers than the file holds")
    return storage.as_strided(size, stride, offset)


def _storage(blob: Any) -> Tensor:
    """A storage in torch's own format, read with `weights_only` after its claims were checked, as 1-D."""
    if not isinstance(blob, bytes):
        raise _Refused("a storage in it is not bytes")
    stream = io.BytesIO(blob)
    for _ in range(STORAGE_PICKLES):
        start = stream.tell()
        for opcode, argument, _ in pickletools.genops(stream):
            if opcode.name in ("GLOBAL", "INST") and not _is_storage_type(argument):
                raise _Refused(f"a storage in it names the global '{str(argument).replace(' ', '.')}'"[:200])
            if opcode.name in ("STACK_GLOBAL", "REDUCE", "BUILD", "OBJ", "NEWOBJ", "NEWOBJ_EX"):
                raise _Refused(f"a storage in it contains the instruction {opcode.name}")
            # The magic number at the very start is the only honest number larger than the blob.
            if start > 0 and isinstance(argument, int) and argument > max(len(blob), 1001):
                raise _Refused("a storage in it claims more numbers than the file holds")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        storage = torch.load(io.BytesIO(blob), map_location="cpu", weights_only=True)
    if not isinstance(storage, torch.storage.TypedStorage):
        raise _Refused("a storage in it is of an unexpected kind")
    return torch.tensor([], dtype=storage.dtype).set_(storage)


def _is_storage_type(name: Any) -> bool:
    module_name, _, class_name = str(name).partition(" ")
    return module_name == "torch" and class_name.endswith("Storage") and class_name.isidentifier()

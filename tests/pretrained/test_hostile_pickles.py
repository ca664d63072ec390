"""A pickle that is hostile, damaged or something else never executes and ends in one sentence."""

from __future__ import annotations

import contextlib
import os
import pickle
import pickletools
import resource
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from snapshot_writer import record_of, write_snapshot

from gist.errors import InputError
from gist.generators.gan.networks import build_generator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.stylegan.official.state import load_official

TINY = {"z_dim": 4, "w_dim": 4, "channel_base": 16, "channel_max": 2}


class Call:
    """Pickles as a call of `function`."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.function, self.arguments


def refusal_of(path: Path) -> str:
    with pytest.raises(InputError) as refusal:
        load_official(path)
    sentence = str(refusal.value)
    assert "\n" not in sentence
    assert len(sentence) < 400
    return sentence


def written(folder: Path, content: bytes) -> Path:
    path = folder / "network.pkl"
    path.write_bytes(content)
    return path


def storage_bytes(numbers: torch.Tensor) -> bytes:
    """A storage as torch pickles it inside a tensor."""
    found = [blob for _, blob, _ in pickletools.genops(pickle.dumps(numbers)) if isinstance(blob, bytes)]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("protocol", range(6))
def test_a_call_of_os_system_is_refused_by_name_and_not_made(folder: Path, protocol: int) -> None:
    witness = folder / "executed"
    content = pickle.dumps({"G_ema": Call(os.system, f"touch '{witness}'")}, protocol=protocol)
    assert "system" in refusal_of(written(folder, content))
    assert not witness.exists()


@pytest.mark.parametrize(
    "function", [eval, exec, getattr, __import__, open, bytearray, torch.load, pickle.loads, os.remove]
)
def test_other_dangerous_globals_are_refused_by_name(folder: Path, function: Callable[..., Any]) -> None:
    content = pickle.dumps(Call(function, "1"), protocol=4)
    assert f"{function.__module__}.{function.__name__}" in refusal_of(written(folder, content))


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_call_nested_in_a_storage_is_refused_and_not_made(folder: Path, protocol: int) -> None:
    witness = folder / "executed"
    hostile = pickle.dumps(Call(os.system, f"touch '{witness}'"), protocol=protocol)
    for blob in (hostile, storage_bytes(torch.zeros(3))[:100] + hostile):
        content = pickle.dumps({"G_ema": Call(torch.storage._load_from_bytes, blob)}, protocol=4)
        refusal_of(written(folder, content))
        assert not witness.exists()


def test_a_storage_that_names_another_global_is_refused_by_name(folder: Path) -> None:
    blob = storage_bytes(torch.zeros(3))
    assert b"ctorch\nFloatStorage\n" in blob
    blob = blob.replace(b"ctorch\nFloatStorage\n", b"cbuiltins\neval\n")
    content = pickle.dumps(Call(torch.storage._load_from_bytes, blob), protocol=4)
    assert "builtins.eval" in refusal_of(written(folder, content))


def oversized_storage() -> bytes:
    """A storage of 12 bytes that claims 2^31 - 1."""
    blob = storage_bytes(torch.zeros(3))
    assert blob.count(b"K\x03N") == 1
    blob = blob.replace(b"K\x03N", b"J" + struct.pack("<i", 2**31 - 1) + b"N")
    return pickle.dumps(Call(torch.storage._load_from_bytes, blob), protocol=4)


def oversized_tensor() -> bytes:
    numbers = torch.zeros(3)

    class Claiming:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
            storage = torch.storage.TypedStorage(
                wrap_storage=numbers.untyped_storage(), dtype=torch.float32, _internal=True
            )
            return torch._utils._rebuild_tensor_v2, (storage, 0, (10**9,), (0,), False, {})

    return pickle.dumps({"G_ema": Claiming()}, protocol=4)


def repeated_storage() -> bytes:
    """One blob in the file, a thousand storages made of it."""
    blob = storage_bytes(torch.zeros(250_000))
    return pickle.dumps([Call(torch.storage._load_from_bytes, blob) for _ in range(1000)], protocol=4)


OVERSIZED = {
    "bytes of a terabyte": b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"abc.",
    "text of a terabyte": b"\x80\x04\x8d" + struct.pack("<Q", 2**40) + b"abc.",
    "bytearray of an exabyte": b"\x80\x05\x96" + struct.pack("<Q", 2**60) + b"abc.",
    "frame of a terabyte": b"\x80\x04\x95" + struct.pack("<Q", 2**40) + b"}.",
    "memo of four billion": b"\x80\x02}r\xff\xff\xff\xff.",
    "memo of four billion as text": b"}p4000000000\n.",
    "integer of a gigabyte": b"\x80\x02\x8b" + struct.pack("<i", 2**30) + b"1.",
    "storage": oversized_storage(),
    "tensor": oversized_tensor(),
    "storage used a thousand times": repeated_storage(),
    "numpy array": pickle.dumps(Call(np.zeros(1).__reduce__()[0], np.ndarray, (10**12,), b"b"), protocol=4),
}


@pytest.mark.parametrize("kind", OVERSIZED)
def test_claimed_sizes_beyond_the_file_are_refused_without_taking_the_memory(folder: Path, kind: str) -> None:
    path = written(folder, OVERSIZED[kind])
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refusal_of(path)
    taken_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) / 1024
    assert taken_mib < 64


@pytest.mark.parametrize("content", [b"", b".", b"PK\x03\x04 zip", b"\x89PNG\r\n", b"hello", bytes(1000)])
def test_a_file_that_is_no_pickle_is_refused(folder: Path, content: bytes) -> None:
    assert "not a readable network pickle" in refusal_of(written(folder, content))


@pytest.mark.parametrize("value", [3, "text", [], {}, {"G_ema": 5}, {"G": None, "G_ema": None}])
def test_a_pickle_of_something_else_is_refused(folder: Path, value: Any) -> None:
    refusal_of(written(folder, pickle.dumps(value, protocol=4)))


def test_a_missing_file_and_a_folder_are_refused(folder: Path) -> None:
    assert "cannot be opened" in refusal_of(folder / "absent.pkl")
    assert "cannot be opened" in refusal_of(folder)


def test_stand_ins_altered_by_one_pickle_do_not_reach_the_next(folder: Path, snapshot: bytes) -> None:
    # BUILD with a slot state sets attributes on whatever was just looked up.
    for name in (b"cdnnlib.util\nEasyDict\n", b"ctorch._utils\n_rebuild_tensor_v2\n", b"cnumpy\nndarray\n"):
        load = pickle.dumps({"__init__": 1, "__call__": 1, "__code__": 1, "__setstate__": 1}, protocol=2)[
            2:-1
        ]
        refusal_of(written(folder, b"\x80\x02" + name + b"N" + load + b"\x86b."))
        assert load_official(written(folder, snapshot)).G_ema.z_dim == 4


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    spec = NetworkSpec("stylegan2", 16, mapping_layers=1, **TINY)
    arguments = {
        "z_dim": 4,
        "w_dim": 4,
        "img_resolution": 16,
        "img_channels": 1,
        "mapping_kwargs": {"num_layers": 1},
    }
    record = record_of(build_generator(spec), **arguments, channel_base=16, channel_max=2)
    path = tmp_path_factory.mktemp("snapshot") / "g.pkl"
    return write_snapshot(path, {"G_ema": record}).read_bytes()


def test_a_network_nested_without_end_is_refused(folder: Path, snapshot: bytes) -> None:
    assert load_official(written(folder, snapshot)).G_ema.z_dim == 4
    inner = record_of(build_generator(NetworkSpec("stylegan2", 16, mapping_layers=1, **TINY)))
    state = inner.meta["state"]
    state["_init_args"] = (4, 0, 4, 16, 1)
    level = state["_modules"]["mapping"]
    for _ in range(7):
        wrapped = type(level)("Part", {"_parameters": {}, "_buffers": {}, "_modules": {}})
        wrapped.meta["state"]["_modules"] = {str(index): level for index in range(10)}
        level = wrapped
    state["_modules"]["more"] = level
    assert "nested" in refusal_of(write_snapshot(folder / "bomb.pkl", {"G_ema": inner}))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 0.999))
def test_a_truncated_snapshot_is_refused(folder: Path, snapshot: bytes, share: float) -> None:
    assert "damaged" in refusal_of(written(folder, snapshot[: int(len(snapshot) * share)]))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.floats(0, 0.999), value=st.integers(0, 255))
def test_a_flipped_byte_is_read_or_refused_but_never_crashes(
    folder: Path, snapshot: bytes, position: float, value: int
) -> None:
    damaged = bytearray(snapshot)
    damaged[int(len(damaged) * position)] = value
    path = written(folder, bytes(damaged))
    with contextlib.suppress(InputError):
        assert load_official(path).G_ema.img_resolution == 16

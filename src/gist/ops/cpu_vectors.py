"""What the compiled CPU loops share: their vectors, and how numba compiles and caches them."""

import zlib
from collections.abc import Callable, Collection
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
import numba.extending
from llvmlite import ir  # type: ignore[import-untyped]

LANES = 16
"""Values per vector: one AVX-512 register of float32, two of AVX2, four of NEON."""

intrinsic: Callable[[Any], Callable[..., None]] = numba.extending.intrinsic
compile_inside: Callable[[Any], Callable[..., Any]] = numba.njit(nogil=True, error_model="numpy")
"""Compiles a function that compiled loops call."""


def compile_loop(function: Any, *vector_modules: ModuleType, fastmath: Collection[str] = ()) -> Any:
    """`function` compiled at its first call, without the interpreter's lock, and kept on disk where possible.

    numba recompiles when the file of `function` changes; the modules whose vector instructions are part of
    the machine code too are made part of the cached name.
    """
    sources = [__file__, *(str(module.__file__) for module in vector_modules)]
    digest = zlib.crc32(b"".join(Path(source).read_bytes() for source in sources))
    function.__qualname__ = f"{function.__qualname__}_{digest:08x}"
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": set(fastmath)}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no folder it may write to: compile afresh in every process
        return numba.njit(**options)(function)


def splat(builder: Any, value: Any) -> Any:
    """A vector with the same value in every lane."""
    undefined = ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined)
    one = builder.insert_element(undefined, value, ir.IntType(32)(0))
    return builder.shuffle_vector(
        one, undefined, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    )

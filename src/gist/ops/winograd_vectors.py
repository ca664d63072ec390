"""The vector instructions of Winograd convolution: tile transforms, matrix products, transposition.

Each function here makes a numba intrinsic that works on flat float32 arrays and vectors of LANES channels.
Import only when needed: numba is loaded here.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types

from gist.ops.cpu_vectors import LANES, intrinsic, splat

BLOCK = 4
"""Rows of a matrix product that share each vector they load."""

Matrix = npt.NDArray[np.float64]


def _fma(builder: Any, total: Any, a: Any, b: Any) -> Any:
    return builder.fadd(total, builder.fmul(a, b, flags=("contract",)), flags=("contract",))


_F32 = ir.FloatType()
_VECTOR = ir.VectorType(_F32, LANES)
_ZEROS = ir.Constant(_VECTOR, [0.0] * LANES)


def _load(builder: Any, data: Any, index: Any) -> Any:
    return builder.load(builder.bitcast(builder.gep(data, [index]), _VECTOR.as_pointer()), align=4)


def _store(builder: Any, value: Any, data: Any, index: Any) -> None:
    builder.store(value, builder.bitcast(builder.gep(data, [index]), _VECTOR.as_pointer()), align=4)


def _emit_linear(builder: Any, matrix: Matrix, values: list[Any]) -> list[Any]:
    """matrix @ values; rows of +-points share their even and odd halves."""
    results: list[Any] = []

    def weighted(row: Matrix) -> Any:
        total = None
        for factor, value in zip(row, values, strict=True):
            if factor == 0:
                continue
            scale = ir.Constant(_VECTOR, [float(factor)] * LANES)
            if total is None:
                total = value if factor == 1 else builder.fmul(scale, value)
            else:
                total = builder.fadd(total, value) if factor == 1 else _fma(builder, total, scale, value)
        return _ZEROS if total is None else total

    row = 0
    while row < len(matrix):
        twin = row + 1 < len(matrix) and np.allclose(np.abs(matrix[row]), np.abs(matrix[row + 1]))
        if twin:
            same = weighted((matrix[row] + matrix[row + 1]) / 2)
            opposite = weighted((matrix[row] - matrix[row + 1]) / 2)
            results += [builder.fadd(same, opposite), builder.fsub(same, opposite)]
        else:
            results.append(weighted(matrix[row]))
        row += 2 if twin else 1
    return results


def make_tile_transform(matrix: Matrix) -> Callable[..., None]:
    """An intrinsic: out tile = matrix @ tile @ matrix.T for LANES channels side by side, float32.

    Sample (y, x) of the tile is at data[start + y * row_step + x * step], likewise for `out`.
    """
    outputs, inputs = matrix.shape

    @intrinsic
    def tile_transform(  # type: ignore[no-untyped-def]
        _typing, out, _out_start, _out_row_step, _out_step, data, _start, _row_step, _step
    ):
        index = types.intp
        signature = types.void(out, index, index, index, data, index, index, index)

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            out_data = context.make_array(sig.args[0])(context, builder, args[0]).data
            tile_data = context.make_array(sig.args[4])(context, builder, args[4]).data

            def place(y: int, x: int, start: Any, row_step: Any, step: Any) -> Any:
                in_row = builder.add(start, builder.mul(row_step, row_step.type(y)))
                return builder.add(in_row, builder.mul(step, step.type(x)))

            rows = []
            for y in range(inputs):
                tile_row = [_load(builder, tile_data, place(y, x, *args[5:8])) for x in range(inputs)]
                rows.append(_emit_linear(builder, matrix, tile_row))
            for x in range(outputs):
                column = _emit_linear(builder, matrix, [row[x] for row in rows])
                for y, value in enumerate(column):
                    _store(builder, value, out_data, place(y, x, *args[1:4]))
            return context.get_dummy_value()

        return signature, codegen

    return tile_transform


def make_multiply(vectors: int, add: bool) -> Callable[..., None]:
    """An intrinsic: BLOCK rows of C = A @ B (or C += A @ B), `vectors` * LANES columns wide, float32.

    A[m, k] is at a[a_start + m * a_row + k * a_step], B[k, n] at b[b_start + k * b_row + n], C likewise.
    """

    @intrinsic
    def multiply(  # type: ignore[no-untyped-def]
        _typing, c, _c_start, _c_row, a, _a_start, _a_row, _a_step, b, _b_start, _b_row, _depth
    ):
        index = types.intp
        signature = types.void(c, index, index, a, index, index, index, b, index, index, index)

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            c_data, a_data, b_data = (
                context.make_array(sig.args[i])(context, builder, args[i]).data for i in (0, 3, 7)
            )
            _, c_start, c_row, _, a_start, a_row, a_step, _, b_start, b_row, depth = args
            integer = c_start.type
            allocate: Callable[..., Any] = cgutils.alloca_once
            places = [
                builder.add(builder.add(c_start, builder.mul(c_row, integer(m))), integer(n * LANES))
                for m in range(BLOCK)
                for n in range(vectors)
            ]
            totals = [allocate(builder, _VECTOR) for _ in places]
            for total, at in zip(totals, places, strict=True):
                builder.store(_load(builder, c_data, at) if add else _ZEROS, total)
            a_starts = [builder.add(a_start, builder.mul(a_row, integer(m))) for m in range(BLOCK)]
            with cgutils.for_range(builder, depth) as loop:
                b_at = builder.add(b_start, builder.mul(b_row, loop.index))
                columns = [
                    _load(builder, b_data, builder.add(b_at, integer(n * LANES))) for n in range(vectors)
                ]
                a_at = builder.mul(a_step, loop.index)
                for m, start in enumerate(a_starts):
                    factor = splat(builder, builder.load(builder.gep(a_data, [builder.add(start, a_at)])))
                    for n, column in enumerate(columns):
                        total = totals[m * vectors + n]
                        builder.store(_fma(builder, builder.load(total), factor, column), total)
            for total, at in zip(totals, places, strict=True):
                _store(builder, builder.load(total), c_data, at)
            return context.get_dummy_value()

        return signature, codegen

    return multiply


@intrinsic
def transpose(_typing, out, _out_start, _out_row, data, _start, _row, _last):  # type: ignore[no-untyped-def]
    """out[out_start + j * out_row + i] = data[start + min(i, last) * row + j], i and j < LANES, float32."""
    index = types.intp
    signature = types.void(out, index, index, data, index, index, index)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        out_data = context.make_array(sig.args[0])(context, builder, args[0]).data
        data = context.make_array(sig.args[3])(context, builder, args[3]).data
        _, out_start, out_row, _, start, row, last = args
        integer = start.type
        vectors = []
        for i in range(LANES):
            within = builder.icmp_signed("<", integer(i), last)
            source = builder.select(within, integer(i), last)
            vectors.append(_load(builder, data, builder.add(start, builder.mul(row, source))))
        # Swap blocks of 8, 4, 2 and 1 lanes between vectors that are as far apart.
        distance = LANES // 2
        while distance:
            low = [lane if not lane & distance else LANES + lane - distance for lane in range(LANES)]
            high = [lane + distance if not lane & distance else LANES + lane for lane in range(LANES)]
            masks = [ir.Constant(ir.VectorType(ir.IntType(32), LANES), mask) for mask in (low, high)]
            for i in range(LANES):
                if not i & distance:
                    pair = vectors[i], vectors[i + distance]
                    vectors[i], vectors[i + distance] = (builder.shuffle_vector(*pair, m) for m in masks)
            distance //= 2
        for j, vector in enumerate(vectors):
            _store(builder, vector, out_data, builder.add(out_start, builder.mul(out_row, integer(j))))
        return context.get_dummy_value()

    return signature, codegen

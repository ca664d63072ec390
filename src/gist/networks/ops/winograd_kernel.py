"""3x3 convolution on CPU with a quarter of the multiplications (Winograd 1980; Lavin and Gray 2016).

Each 4x4 tile of the result comes from a 6x6 tile of the image: transformed to 36 values per channel, channels
are mixed by one matrix product per value, and the sums are transformed back. Channels lie along the vector
lanes. Import only when needed: numba is loaded here.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import binding, ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

LANES = 16
VALUES = 36
BLOCK = 4
"""Rows of a matrix product that share each vector they load."""

_Matrix = npt.NDArray[np.float64]


def _toom_cook(points: list[float]) -> tuple[_Matrix, _Matrix, _Matrix]:
    """The matrices of F(4, 3): back transform [4, 6], weight transform [6, 3], image transform [6, 6].

    Products of polynomials are found from their values at the points and at infinity. Points of the form
    +-1/b, +-b with b = sqrt(2) keep the rounding error four times below that of the usual +-1, +-2.
    """
    count = len(points)
    back, weights, image = np.zeros((4, 6)), np.zeros((6, 3)), np.zeros((6, 6))
    for i, point in enumerate(points):
        others = [other for j, other in enumerate(points) if j != i]
        back[:, i] = point ** np.arange(4)
        weights[i] = point ** np.arange(3) / np.prod(point - np.array(others))
        image[i, :count] = np.poly(others)[::-1]
    back[3, count] = weights[count, 2] = 1
    image[count] = np.poly(points)[::-1]
    return back, weights, np.where(np.abs(image) < 1e-12, 0, image)


BACK, WEIGHTS, IMAGE = _toom_cook([0.0, 0.5**0.5, -(0.5**0.5), 2**0.5, -(2**0.5)])


def _wide() -> bool:
    """Whether the processor has 32 vector registers of 16 lanes, so that a block may keep 16 sums."""
    return bool(binding.get_host_cpu_features().get("avx512f"))


def _splat(builder: Any, value: Any) -> Any:
    undefined = ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined)
    one = builder.insert_element(undefined, value, ir.IntType(32)(0))
    return builder.shuffle_vector(
        one, undefined, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    )


def _fma(builder: Any, total: Any, a: Any, b: Any) -> Any:
    return builder.fadd(total, builder.fmul(a, b, flags=("contract",)), flags=("contract",))


_F32 = ir.FloatType()
_VECTOR = ir.VectorType(_F32, LANES)
_ZEROS = ir.Constant(_VECTOR, [0.0] * LANES)


def _load(builder: Any, data: Any, index: Any) -> Any:
    return builder.load(builder.bitcast(builder.gep(data, [index]), _VECTOR.as_pointer()), align=4)


def _store(builder: Any, value: Any, data: Any, index: Any) -> None:
    builder.store(value, builder.bitcast(builder.gep(data, [index]), _VECTOR.as_pointer()), align=4)


def _emit_linear(builder: Any, matrix: _Matrix, values: list[Any]) -> list[Any]:
    """matrix @ values; rows of +-points share their even and odd halves."""
    results: list[Any] = []

    def weighted(row: _Matrix) -> Any:
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


def _make_tile_transform(matrix: _Matrix) -> Callable[..., None]:
    """An intrinsic: out tile = matrix @ tile @ matrix.T for LANES channels side by side, float32.

    Sample (y, x) of the tile is at data[start + y * row_step + x * step], likewise for `out`.
    """
    outputs, inputs = matrix.shape

    @intrinsic  # type: ignore[untyped-decorator, unused-ignore]
    def tile_transform(  # type: ignore[no-untyped-def]
        _typing, out, _out_start, _out_row_step, _out_step, data, _start, _row_step, _step
    ):
        index = types.intp
        signature = types.void(out, index, index, index, data, index, index, index)

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            out_data = context.make_array(sig.args[0])(context, builder, args[0]).data
            tile_data = context.make_array(sig.args[4])(context, builder, args[4]).data

            def place(start: Any, row_step: Any, step: Any, y: int, x: int) -> Any:
                in_row = builder.add(start, builder.mul(row_step, row_step.type(y)))
                return builder.add(in_row, builder.mul(step, step.type(x)))

            rows = []
            for y in range(inputs):
                tile_row = [_load(builder, tile_data, place(*args[5:8], y, x)) for x in range(inputs)]
                rows.append(_emit_linear(builder, matrix, tile_row))
            for x in range(outputs):
                column = _emit_linear(builder, matrix, [row[x] for row in rows])
                for y, value in enumerate(column):
                    _store(builder, value, out_data, place(*args[1:4], y, x))
            return context.get_dummy_value()

        return signature, codegen

    return tile_transform  # type: ignore[no-any-return, unused-ignore]


def _make_multiply(vectors: int, add: bool) -> Callable[..., None]:
    """An intrinsic: BLOCK rows of C = A @ B (or C += A @ B), `vectors` * LANES columns wide, float32.

    A[m, k] is at a[a_start + m * a_row + k * a_step], B[k, n] at b[b_start + k * b_row + n], C likewise.
    """

    @intrinsic  # type: ignore[untyped-decorator, unused-ignore]
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
                    factor = _splat(builder, builder.load(builder.gep(a_data, [builder.add(start, a_at)])))
                    for n, column in enumerate(columns):
                        total = totals[m * vectors + n]
                        builder.store(_fma(builder, builder.load(total), factor, column), total)
            for total, at in zip(totals, places, strict=True):
                _store(builder, builder.load(total), c_data, at)
            return context.get_dummy_value()

        return signature, codegen

    return multiply  # type: ignore[no-any-return, unused-ignore]


_WIDTH = 4 if _wide() else 1
_multiply_wide, _multiply_one = _make_multiply(_WIDTH, False), _make_multiply(1, False)
_multiply_add_wide, _multiply_add_one = _make_multiply(_WIDTH, True), _make_multiply(1, True)
_image_to_values = _make_tile_transform(IMAGE)
_values_to_result = _make_tile_transform(BACK)
_result_to_values = _make_tile_transform(BACK.T)


@numba.njit(inline="always")  # type: ignore[untyped-decorator, unused-ignore]
def _aligned_zeros(count):  # type: ignore[no-untyped-def]
    room = np.zeros(count + 16, np.float32)
    start = -(room.ctypes.data // 4) % 16
    return room[start : start + count]


@numba.njit(inline="always")  # type: ignore[untyped-decorator, unused-ignore]
def _fill_lines(lines, line_columns, x, plane, planes, height, width, first_y, rows, pad):  # type: ignore[no-untyped-def]
    """lines[row, column, lane] = x[plane + lane, first_y + row, column - pad], zero outside the image."""
    lines[:] = 0
    for lane in range(min(LANES, planes - plane)):
        for row in range(max(0, -first_y), min(rows, height - first_y)):
            samples = x[((plane + lane) * height + first_y + row) * width :]
            line = lines[(row * line_columns + pad) * LANES + lane :]
            for k in range(min(width, line_columns - pad)):
                line[k * LANES] = samples[k]


def _convolve(  # type: ignore[no-untyped-def]
    x_NCHW, u_36IO, y_NCHW, pad, tile_rows, bands, first_unit, last_unit
):
    """y = 3x3 correlation of x with the transformed weights; unit = one band of tile rows of one sample."""
    _, inputs, height, width = x_NCHW.shape
    _, outputs, out_height, out_width = y_NCHW.shape
    in_lanes, out_lanes = (inputs + LANES - 1) // LANES * LANES, u_36IO.shape[2]
    tiles_x = (out_width + 3) // 4
    columns = 4 * tiles_x + 2
    most = (tile_rows * tiles_x + BLOCK - 1) // BLOCK * BLOCK
    x, y, u = x_NCHW.reshape(-1), y_NCHW.reshape(-1), u_36IO.reshape(-1)
    lines = _aligned_zeros(6 * columns * LANES)
    v = _aligned_zeros(VALUES * most * in_lanes)
    m = _aligned_zeros(VALUES * most * out_lanes)
    v_value, m_value = most * in_lanes, most * out_lanes

    for unit in range(first_unit, last_unit):
        sample, band = unit // bands, unit % bands
        first_row = band * tile_rows
        rows = min(tile_rows, (out_height + 3) // 4 - first_row)
        tiles = rows * tiles_x
        for channel in range(0, inputs, LANES):
            for row in range(rows):
                _fill_lines(
                    lines, columns, x, sample * inputs + channel, sample * inputs + inputs, height, width,
                    4 * (first_row + row) - pad, 6, pad,
                )  # fmt: skip
                for tile in range(tiles_x):
                    start = (row * tiles_x + tile) * in_lanes + channel
                    _image_to_values(
                        v, start, 6 * v_value, v_value, lines, 4 * tile * LANES, columns * LANES, LANES
                    )
        for value in range(VALUES):
            for tile in range(0, tiles, BLOCK):
                a_start = value * v_value + tile * in_lanes
                b_start = value * inputs * out_lanes
                c_start = value * m_value + tile * out_lanes
                n = 0
                while n + _WIDTH * LANES <= out_lanes:
                    _multiply_wide(
                        m, c_start + n, out_lanes, v, a_start, in_lanes, 1, u, b_start + n, out_lanes, inputs
                    )
                    n += _WIDTH * LANES
                while n < out_lanes:
                    _multiply_one(
                        m, c_start + n, out_lanes, v, a_start, in_lanes, 1, u, b_start + n, out_lanes, inputs
                    )
                    n += LANES
        for channel in range(0, outputs, LANES):
            for row in range(rows):
                for tile in range(tiles_x):
                    start = (row * tiles_x + tile) * out_lanes + channel
                    _values_to_result(
                        lines, 4 * tile * LANES, columns * LANES, LANES, m, start, 6 * m_value, m_value
                    )
                top = 4 * (first_row + row)
                for lane in range(min(LANES, outputs - channel)):
                    for j in range(min(4, out_height - top)):
                        plane = sample * outputs + channel + lane
                        samples = y[(plane * out_height + top + j) * out_width :]
                        line = lines[j * columns * LANES + lane :]
                        for k in range(out_width):
                            samples[k] = line[k * LANES]


def _weight_gradient(  # type: ignore[no-untyped-def]
    x_NCHW, grad_NCHW, du_S36IO, pad, tile_rows, bands, samples_per_sum, first_sum, last_sum
):
    """du[s] = gradient of the transformed weights, over samples s * samples_per_sum and following."""
    batch, inputs, height, width = x_NCHW.shape
    _, outputs, out_height, out_width = grad_NCHW.shape
    in_lanes, out_lanes = du_S36IO.shape[2], du_S36IO.shape[3]
    tiles_x = (out_width + 3) // 4
    columns = 4 * tiles_x + 2
    most = tile_rows * tiles_x
    x, grad, du = x_NCHW.reshape(-1), grad_NCHW.reshape(-1), du_S36IO.reshape(-1)
    lines = _aligned_zeros(6 * columns * LANES)
    v = _aligned_zeros(VALUES * most * in_lanes)
    m = _aligned_zeros(VALUES * most * out_lanes)
    v_value, m_value = most * in_lanes, most * out_lanes

    for unit in range(first_sum * samples_per_sum * bands, min(last_sum * samples_per_sum, batch) * bands):
        sample, band = unit // bands, unit % bands
        first_row = band * tile_rows
        rows = min(tile_rows, (out_height + 3) // 4 - first_row)
        for channel in range(0, inputs, LANES):
            for row in range(rows):
                _fill_lines(
                    lines, columns, x, sample * inputs + channel, sample * inputs + inputs, height, width,
                    4 * (first_row + row) - pad, 6, pad,
                )  # fmt: skip
                for tile in range(tiles_x):
                    start = (row * tiles_x + tile) * in_lanes + channel
                    _image_to_values(
                        v, start, 6 * v_value, v_value, lines, 4 * tile * LANES, columns * LANES, LANES
                    )
        for channel in range(0, outputs, LANES):
            for row in range(rows):
                _fill_lines(
                    lines, columns, grad, sample * outputs + channel, sample * outputs + outputs,
                    out_height, out_width, 4 * (first_row + row), 4, 0,
                )  # fmt: skip
                for tile in range(tiles_x):
                    start = (row * tiles_x + tile) * out_lanes + channel
                    _result_to_values(
                        m, start, 6 * m_value, m_value, lines, 4 * tile * LANES, columns * LANES, LANES
                    )
        for value in range(VALUES):
            for i in range(0, in_lanes, BLOCK):
                a_start, b_start = value * v_value + i, value * m_value
                c_start = ((sample // samples_per_sum * VALUES + value) * in_lanes + i) * out_lanes
                n = 0
                while n + _WIDTH * LANES <= out_lanes:
                    _multiply_add_wide(
                        du, c_start + n, out_lanes, v, a_start, 1, in_lanes, m, b_start + n, out_lanes,
                        rows * tiles_x,
                    )  # fmt: skip
                    n += _WIDTH * LANES
                while n < out_lanes:
                    _multiply_add_one(
                        du, c_start + n, out_lanes, v, a_start, 1, in_lanes, m, b_start + n, out_lanes,
                        rows * tiles_x,
                    )  # fmt: skip
                    n += LANES


def _compile(function: Any) -> Any:
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no folder it may write to: compile afresh in every process
        return numba.njit(**options)(function)


convolve = _compile(_convolve)
weight_gradient = _compile(_weight_gradient)

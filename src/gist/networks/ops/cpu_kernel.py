"""The fused loop behind every FIR operation on CPU, compiled by numba; import it only when it is needed.

One primitive does all filtering: it writes a run of columns as a weighted sum of shifted runs. It is made of
vector instructions here, because what LLVM's own vectoriser adds per short row (alias checks, remainders)
costs more than the row. The loop around it keeps only a few rows per channel in the first-level cache, so
the upsampled signal never reaches memory, and it never multiplies the zeros that upsampling inserts.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types

from gist.networks.ops.cpu_vectors import LANES, compile_inside, compile_loop, intrinsic, splat

LINEAR, ACTIVATE, ACTIVATE_AND_RECORD, REPLAY = range(4)
"""What happens at the upsampled rate. REPLAY multiplies by the slopes that ACTIVATE_AND_RECORD noted."""

_CLAMPED, _NEGATIVE, _POSITIVE = range(3)


def _codes(code: int) -> Any:
    return ir.Constant(ir.VectorType(ir.IntType(8), LANES), [code] * LANES)


def _vector_at(builder: Any, data: Any, vector: Any, *indices: Any) -> Any:
    for index in indices:
        data = builder.gep(data, [index])
    return builder.bitcast(data, vector.as_pointer())


def _emit_activation(builder: Any, values: Any, codes_at: Any, scalars: Any, mode: int) -> Any:
    """Leaky ReLU, gain and clamp of one vector, without branches; `codes_at` points at its slope codes."""
    if mode == LINEAR:
        return values
    gain, negative_gain, clamp = (splat(builder, scalar) for scalar in scalars)
    zeros = ir.Constant(values.type, [0.0] * LANES)
    if mode == REPLAY:
        codes = builder.load(codes_at, align=1)
        slopes = builder.select(builder.icmp_unsigned("==", codes, _codes(_NEGATIVE)), negative_gain, zeros)
        slopes = builder.select(builder.icmp_unsigned("==", codes, _codes(_POSITIVE)), gain, slopes)
        return builder.fmul(values, slopes)
    positive = builder.fcmp_ordered(">", values, zeros)
    values = builder.fmul(values, builder.select(positive, gain, negative_gain))
    above = builder.fcmp_ordered(">", values, clamp)
    below = builder.fcmp_ordered("<", values, builder.fneg(clamp))
    if mode == ACTIVATE_AND_RECORD:
        codes = builder.select(positive, _codes(_POSITIVE), _codes(_NEGATIVE))
        codes = builder.select(builder.or_(above, below), _codes(_CLAMPED), codes)
        builder.store(codes, codes_at, align=1)
    return builder.select(above, clamp, builder.select(below, builder.fneg(clamp), values))


def _make_weighted_sum(mode: int) -> Callable[..., None]:
    """An intrinsic: out[start + k] = activation(sum over t of weights[t] * rows[offsets[t] + k]).

    For k < columns, at least LANES, and `terms` values of t from first_term on. The slope codes are at
    codes[codes_start + k]. `out` may not overlap `rows`; all arrays are flat.
    """

    @intrinsic
    def weighted_sum(  # type: ignore[no-untyped-def]
        _typing,
        out,
        _start,
        rows,
        offsets,
        weights,
        _first_term,
        _terms,
        _columns,
        codes,
        _codes_start,
        _gain,
        _negative,
        _clamp,
    ):
        real, index = out.dtype, types.intp
        signature = types.void(
            out, index, rows, offsets, weights, index, index, index, codes, index, real, real, real
        )

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            out_data, row_data, offset_data, weight_data, code_data = (
                context.make_array(sig.args[i])(context, builder, args[i]).data for i in (0, 2, 3, 4, 8)
            )
            scalar = context.get_data_type(real)
            vector = ir.VectorType(scalar, LANES)
            code_vector = ir.VectorType(ir.IntType(8), LANES)
            integer = args[1].type
            last_term = builder.add(args[5], args[6])
            item_bytes = real.bitwidth // 8
            allocate: Callable[..., Any] = cgutils.alloca_once

            def emit_block(first: Any, columns: list[Any]) -> None:
                """One vector of results at each of these columns, counted from `first`."""
                totals = [allocate(builder, vector) for _ in columns]
                for total in totals:
                    builder.store(ir.Constant(vector, [0.0] * LANES), total)
                with cgutils.for_range_slice(builder, args[5], last_term, integer(1)) as (term, _):
                    weight = splat(builder, builder.load(builder.gep(weight_data, [term])))
                    start = builder.add(first, builder.load(builder.gep(offset_data, [term])))
                    for column, total in zip(columns, totals, strict=True):
                        run = _vector_at(builder, row_data, vector, start, column)
                        product = builder.fmul(
                            weight, builder.load(run, align=item_bytes), flags=("contract",)
                        )
                        builder.store(builder.fadd(builder.load(total), product, flags=("contract",)), total)
                for column, total in zip(columns, totals, strict=True):
                    codes_at = _vector_at(builder, code_data, code_vector, args[9], first, column)
                    result = _emit_activation(builder, builder.load(total), codes_at, args[10:], mode)
                    builder.store(
                        result,
                        _vector_at(builder, out_data, vector, args[1], first, column),
                        align=item_bytes,
                    )

            # At least four vectors side by side hide the latency of the multiply-adds; so do the last five to eight,
            # of which the very last overlaps the one before where the columns are no multiple of LANES.
            wide = 4 * LANES
            side_by_side = [integer(i * LANES) for i in range(8)]
            split = builder.icmp_signed(">", args[7], integer(2 * wide))
            before_last = builder.and_(builder.sub(args[7], integer(1)), integer(-wide))
            end = builder.select(split, builder.sub(before_last, integer(wide)), integer(0))
            with cgutils.for_range_slice(builder, integer(0), end, integer(wide)) as (first, _):
                emit_block(first, side_by_side[:4])
            left = builder.sub(args[7], end)
            vectors_left = builder.sdiv(builder.add(left, integer(LANES - 1)), integer(LANES))
            for vectors in range(1, 9):
                with builder.if_then(builder.icmp_signed("==", vectors_left, integer(vectors))):
                    emit_block(end, [*side_by_side[: vectors - 1], builder.sub(left, integer(LANES))])
            return context.get_dummy_value()

        return signature, codegen

    return weighted_sum


_sum = _make_weighted_sum(LINEAR)
_sum_activate = _make_weighted_sum(ACTIVATE)
_sum_activate_record = _make_weighted_sum(ACTIVATE_AND_RECORD)
_sum_replay = _make_weighted_sum(REPLAY)


@intrinsic
def _copy(_typing, out, _out_start, _out_step, data, _start, _step, _count, _offset):  # type: ignore[no-untyped-def]
    """out[out_start + k * out_step] = data[start + k * step] + offset for k < count; flat arrays."""
    real, index = out.dtype, types.intp
    signature = types.void(out, index, index, data, index, index, index, real)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        out_data, in_data = (context.make_array(sig.args[i])(context, builder, args[i]).data for i in (0, 3))
        _, out_start, out_step, _, start, step, count, offset = args
        integer, item_bytes = count.type, real.bitwidth // 8
        vector = ir.VectorType(context.get_data_type(real), LANES)
        one = integer(1)
        together = builder.and_(
            builder.icmp_signed(">=", count, integer(LANES)),
            builder.and_(builder.icmp_signed("==", out_step, one), builder.icmp_signed("==", step, one)),
        )

        def copy_vector(at: Any) -> None:
            values = builder.load(_vector_at(builder, in_data, vector, start, at), align=item_bytes)
            values = builder.fadd(values, splat(builder, offset))
            builder.store(values, _vector_at(builder, out_data, vector, out_start, at), align=item_bytes)

        with builder.if_else(together) as (vectors, singles):
            with vectors:
                last = builder.sub(count, integer(LANES))
                with cgutils.for_range_slice(builder, integer(0), last, integer(LANES)) as (at, _):
                    copy_vector(at)
                copy_vector(last)
            with singles, cgutils.for_range(builder, count) as loop:
                source = builder.add(start, builder.mul(loop.index, step))
                target = builder.add(out_start, builder.mul(loop.index, out_step))
                value = builder.fadd(builder.load(builder.gep(in_data, [source])), offset)
                builder.store(value, builder.gep(out_data, [target]))
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def _clear(_typing, out, _start, _count):  # type: ignore[no-untyped-def]
    """out[start + k] = 0 for k < count."""
    signature = types.void(out, types.intp, types.intp)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        zero = ir.Constant(context.get_data_type(sig.args[0].dtype), 0.0)
        with cgutils.for_range(builder, args[2]) as loop:
            builder.store(zero, builder.gep(data, [builder.add(args[1], loop.index)]))
        return context.get_dummy_value()

    return signature, codegen


@compile_inside
def _aligned_zeros(count, like):  # type: ignore[no-untyped-def]
    """Zeros that start at a cache line: a vector that crosses one costs two loads."""
    room = np.zeros(count + 64, like.dtype)
    start = -(room.ctypes.data // room.itemsize) % (64 // room.itemsize)
    return room[start : start + count]


def _filter_planes(  # type: ignore[no-untyped-def]
    x_PHW,
    bias_C,
    out_PHW,
    codes,
    first_plane,
    last_plane,
    mode,
    gain,
    negative_gain,
    clamp,
    row,
    phase_stride,
    margin,
    lines_shape,
    in_origin,
    out_shape,
    up_ring,
    down_ring,
    mid_columns,
    x_up_offsets,
    x_up_weights,
    y_up_rows,
    y_up_offsets,
    y_up_weights,
    x_down_offsets,
    x_down_weights,
    y_down_rows,
    y_down_offsets,
    y_down_weights,
):
    """Up, activate, down, for planes first_plane to last_plane - 1, by the tables of `cpu_plan.Plan`."""
    _, height, width = x_PHW.shape
    _, out_height, out_width = out_PHW.shape
    in_phases, in_stride = lines_shape
    out_phases, out_stride = out_shape
    up_rank, phases, x_up_terms = x_up_weights.shape
    down_rank, _, y_down_terms = y_down_weights.shape
    mid_height, y_up_terms = y_up_weights.shape
    x_down_terms = x_down_weights.shape[1]
    x, out = x_PHW.reshape(-1), out_PHW.reshape(-1)
    x_up_offsets, x_up_weights = x_up_offsets.reshape(-1), x_up_weights.reshape(-1)
    y_up_offsets, y_up_weights = y_up_offsets.reshape(-1), y_up_weights.reshape(-1)
    x_down_offsets, x_down_weights = x_down_offsets.reshape(-1), x_down_weights.reshape(-1)
    y_down_offsets, y_down_weights = y_down_offsets.reshape(-1), y_down_weights.reshape(-1)

    # The zeros after each phase are the image's surroundings; filters and the last vector reach into them.
    lines = _aligned_zeros(in_phases * in_stride, x_PHW)
    widened = _aligned_zeros(up_ring * up_rank * row, x_PHW)
    middle = _aligned_zeros(down_ring * row, x_PHW)
    folded = _aligned_zeros(down_rank * row + 2 * margin, x_PHW)
    narrowed = _aligned_zeros(out_phases * out_stride, x_PHW)
    nothing = lines[0]

    for plane in range(first_plane, last_plane):
        bias = bias_C[plane % len(bias_C)]
        next_y, next_mid_y = 0, 0
        for out_y in range(out_height):
            oldest, end_mid_y = y_down_rows[out_y, 0], y_down_rows[out_y, 1]
            for mid_y in range(max(next_mid_y, oldest), end_mid_y):
                first_y, end_y = y_up_rows[mid_y, 0], y_up_rows[mid_y, 1]
                for y in range(max(next_y, first_y), end_y):
                    for phase in range(in_phases):
                        _copy(
                            lines, in_origin + phase * in_stride, 1, x, (plane * height + y) * width + phase,
                            in_phases, (width - phase + in_phases - 1) // in_phases, bias,
                        )  # fmt: skip
                    for rank in range(up_rank):
                        for phase in range(phases):
                            start = (y % up_ring * up_rank + rank) * row + phase * phase_stride
                            first_term = (rank * phases + phase) * x_up_terms
                            _sum(
                                widened, start, lines, x_up_offsets, x_up_weights, first_term, x_up_terms,
                                phase_stride, codes, 0, gain, gain, gain,
                            )  # fmt: skip
                            known = mid_columns[phase]
                            _clear(widened, start + known, phase_stride - known)
                next_y = max(next_y, end_y)

                start, first_term = mid_y % down_ring * row, mid_y * y_up_terms
                terms = (end_y - first_y) * up_rank
                codes_start = (plane * mid_height + mid_y) * row
                if mode == REPLAY:
                    _sum_replay(
                        middle, start, widened, y_up_offsets, y_up_weights, first_term, terms, row,
                        codes, codes_start, gain, negative_gain, clamp,
                    )  # fmt: skip
                elif mode == ACTIVATE:
                    _sum_activate(
                        middle, start, widened, y_up_offsets, y_up_weights, first_term, terms, row,
                        codes, 0, gain, negative_gain, clamp,
                    )  # fmt: skip
                elif mode == ACTIVATE_AND_RECORD:
                    _sum_activate_record(
                        middle, start, widened, y_up_offsets, y_up_weights, first_term, terms, row,
                        codes, codes_start, gain, negative_gain, clamp,
                    )  # fmt: skip
                else:
                    _sum(
                        middle, start, widened, y_up_offsets, y_up_weights, first_term, terms, row,
                        codes, 0, gain, gain, gain,
                    )  # fmt: skip
            next_mid_y = max(next_mid_y, end_mid_y)

            for rank in range(down_rank):
                first_term = (rank * out_height + out_y) * y_down_terms
                _sum(
                    folded, margin + rank * row, middle, y_down_offsets, y_down_weights, first_term,
                    end_mid_y - oldest, row, codes, 0, gain, gain, gain,
                )  # fmt: skip
            for phase in range(out_phases):
                _sum(
                    narrowed, phase * out_stride, folded, x_down_offsets, x_down_weights,
                    phase * x_down_terms, x_down_terms, out_stride, codes, 0, gain, gain, gain,
                )  # fmt: skip
                _copy(
                    out, (plane * out_height + out_y) * out_width + phase, out_phases,
                    narrowed, phase * out_stride, 1, (out_width - phase + out_phases - 1) // out_phases, nothing,
                )  # fmt: skip


filter_planes = compile_loop(_filter_planes)

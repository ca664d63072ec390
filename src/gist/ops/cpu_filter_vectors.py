"""The vector instructions of `cpu_kernel`, as numba intrinsics; import it only when it is needed.

They are written out here because what LLVM's own vectoriser adds per short row (alias checks, remainders) costs more
than the row. All arrays are flat.
"""

from collections.abc import Callable
from itertools import chain
from typing import Any

from llvmlite import binding, ir  # type: ignore[import-untyped]
from numba.core import cgutils, types

from gist.ops.cpu_vectors import LANES, intrinsic, splat

LINEAR, ACTIVATE, ACTIVATE_AND_RECORD, REPLAY = range(4)
"""What happens at the upsampled rate. REPLAY multiplies by the slopes that ACTIVATE_AND_RECORD noted."""

_SHIFTS_VECTORS = bool(binding.get_host_cpu_features().get("avx512f"))

if _SHIFTS_VECTORS:
    binding.initialize_native_asmparser()

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
    if mode == ACTIVATE_AND_RECORD:
        below = builder.fcmp_ordered("<", values, builder.fneg(clamp))
        codes = builder.select(positive, _codes(_POSITIVE), _codes(_NEGATIVE))
        codes = builder.select(builder.or_(above, below), _codes(_CLAMPED), codes)
        builder.store(codes, codes_at, align=1)
    limited = builder.select(above, clamp, values)
    return builder.select(
        builder.fcmp_ordered("<", limited, builder.fneg(clamp)), builder.fneg(clamp), limited
    )


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

            _emit_blocks(builder, args[7], emit_block)
            return context.get_dummy_value()

        return signature, codegen

    return weighted_sum


@intrinsic
def weighted_runs(  # type: ignore[no-untyped-def]
    _typing, out, _start, rows, offsets, weights, _first_run, _runs, _length, _columns
):
    """out[start + k] = sum over t and j < length of weights[t * length + j] * rows[offsets[t] + j + k].

    For k < columns, at least LANES, and `runs` values of t from first_run on; length is 2 or 3. What weighted_sum does
    with neighbouring offsets, but neighbours are shifted out of two vectors: most loads that start anywhere cross a
    cache line and cost two. Up to LANES values after the last that counts are read. `out` may not overlap `rows`; all
    arrays are flat.
    """
    index = types.intp
    signature = types.void(out, index, rows, offsets, weights, index, index, index, index)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        out_data, row_data, offset_data, weight_data = (
            context.make_array(sig.args[i])(context, builder, args[i]).data for i in (0, 2, 3, 4)
        )
        _, target, _, _, _, first_run, runs, length, count = args
        vector = ir.VectorType(context.get_data_type(out.dtype), LANES)
        integer, item_bytes = count.type, out.dtype.bitwidth // 8
        allocate: Callable[..., Any] = cgutils.alloca_once
        last_run = builder.add(first_run, runs)

        def load(row: Any, column: Any) -> Any:
            return builder.load(_vector_at(builder, row_data, vector, row, column), align=item_bytes)

        def emit_sums(first: Any, columns: list[Any], totals: list[Any], neighbours: int) -> None:
            with cgutils.for_range_slice(builder, first_run, last_run, integer(1)) as (run, _):
                row = builder.add(first, builder.load(builder.gep(offset_data, [run])))
                pieces = [load(row, column) for column in columns]
                after = [*pieces[1:], load(row, builder.add(columns[-1], integer(LANES)))]
                if len(columns) > 1:  # the last may overlap the one before
                    after[-2] = load(row, builder.add(columns[-2], integer(LANES)))
                at = builder.mul(run, integer(neighbours))
                for j in range(neighbours):
                    weight = splat(builder, builder.load(builder.gep(weight_data, [at])))
                    for piece, next_piece, total in zip(pieces, after, totals, strict=True):
                        shifted = _shifted(builder, piece, next_piece, j)
                        product = builder.fmul(weight, shifted, flags=("contract",))
                        builder.store(builder.fadd(builder.load(total), product, flags=("contract",)), total)
                    at = builder.add(at, integer(1))

        def emit_block(first: Any, columns: list[Any]) -> None:
            totals = [allocate(builder, vector) for _ in columns]
            for total in totals:
                builder.store(ir.Constant(vector, [0.0] * LANES), total)
            with builder.if_else(builder.icmp_signed("==", length, integer(3))) as (three, two):
                with three:
                    emit_sums(first, columns, totals, 3)
                with two:
                    emit_sums(first, columns, totals, 2)
            for column, total in zip(columns, totals, strict=True):
                there = _vector_at(builder, out_data, vector, target, first, column)
                builder.store(builder.load(total), there, align=item_bytes)

        _emit_blocks(builder, count, emit_block)
        return context.get_dummy_value()

    return signature, codegen


def _shifted(builder: Any, vector: Any, next_vector: Any, shift: int) -> Any:
    """LANES values from number `shift` on of two vectors that follow each other."""
    lanes = ir.Constant(ir.VectorType(ir.IntType(32), LANES), list(range(shift, shift + LANES)))
    if shift == 0:
        return vector
    if vector.type.element != ir.FloatType() or not _SHIFTS_VECTORS:
        return builder.shuffle_vector(vector, next_vector, lanes)
    # LLVM would take a permutation that costs twice as much.
    instruction = ir.FunctionType(vector.type, [vector.type, vector.type])
    return builder.asm(instruction, f"valignd $${shift}, $1, $2, $0", "=v,v,v", [vector, next_vector], False)


def _emit_blocks(builder: Any, columns: Any, emit_block: Callable[[Any, list[Any]], None]) -> None:
    """emit_block(first, columns counted from `first`) so that vectors there cover all `columns`, at least LANES.

    At least four vectors side by side hide the latency of the multiply-adds; so do the last five to eight, of which
    the very last overlaps the one before where the columns are no multiple of LANES.
    """
    integer = columns.type
    wide = 4 * LANES
    side_by_side = [integer(i * LANES) for i in range(8)]
    split = builder.icmp_signed(">", columns, integer(2 * wide))
    before_last = builder.and_(builder.sub(columns, integer(1)), integer(-wide))
    end = builder.select(split, builder.sub(before_last, integer(wide)), integer(0))
    with cgutils.for_range_slice(builder, integer(0), end, integer(wide)) as (first, _):
        emit_block(first, side_by_side[:4])
    left = builder.sub(columns, end)
    vectors_left = builder.sdiv(builder.add(left, integer(LANES - 1)), integer(LANES))
    for vectors in range(1, 9):
        with builder.if_then(builder.icmp_signed("==", vectors_left, integer(vectors))):
            emit_block(end, [*side_by_side[: vectors - 1], builder.sub(left, integer(LANES))])


def _make_symmetric_sums(ranks: int) -> Callable[..., None]:
    """An intrinsic: for every rank r, out[start + r * out_step + k] = sum over pairs t of
    weights[first_term + r * weight_step + t] * (rows[offsets[first_term + t] + k] + rows[offsets[last_term - t] + k]).

    What weighted_sum does with symmetric weights, for several ranks at once, so that every row is loaded once and
    multiplied half as often. `columns` is a multiple of LANES.
    """

    @intrinsic
    def symmetric_sums(  # type: ignore[no-untyped-def]
        _typing,
        out,
        _start,
        _out_step,
        rows,
        offsets,
        weights,
        _first_term,
        _last_term,
        _weight_step,
        _columns,
    ):
        real, index = out.dtype, types.intp
        signature = types.void(out, index, index, rows, offsets, weights, index, index, index, index)

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            out_data, row_data, offset_data, weight_data = (
                context.make_array(sig.args[i])(context, builder, args[i]).data for i in (0, 3, 4, 5)
            )
            _, start, out_step, _, _, _, first_term, last_term, weight_step, columns = args
            vector = ir.VectorType(context.get_data_type(real), LANES)
            integer, item_bytes = start.type, real.bitwidth // 8
            allocate: Callable[..., Any] = cgutils.alloca_once
            middle = builder.add(builder.add(first_term, last_term), integer(1))
            end_of_pairs = builder.lshr(middle, integer(1))

            def load(row: Any, column: Any) -> Any:
                return builder.load(_vector_at(builder, row_data, vector, row, column), align=item_bytes)

            def emit_block(first: Any, vectors: int) -> None:
                totals = [[allocate(builder, vector) for _ in range(vectors)] for _ in range(ranks)]
                for total in chain(*totals):
                    builder.store(ir.Constant(vector, [0.0] * LANES), total)
                with cgutils.for_range_slice(builder, first_term, end_of_pairs, integer(1)) as (term, _):
                    mirrored = builder.add(last_term, builder.sub(first_term, term))
                    low, high = (
                        builder.add(first, builder.load(builder.gep(offset_data, [each])))
                        for each in (term, mirrored)
                    )
                    pairs = [
                        builder.fadd(load(low, integer(i * LANES)), load(high, integer(i * LANES)))
                        for i in range(vectors)
                    ]
                    at = term
                    for rank in range(ranks):
                        weight = splat(builder, builder.load(builder.gep(weight_data, [at])))
                        for pair, total in zip(pairs, totals[rank], strict=True):
                            product = builder.fmul(weight, pair, flags=("contract",))
                            builder.store(
                                builder.fadd(builder.load(total), product, flags=("contract",)), total
                            )
                        at = builder.add(at, weight_step)
                target = builder.add(start, first)
                for rank in range(ranks):
                    for i, total in enumerate(totals[rank]):
                        there = _vector_at(builder, out_data, vector, target, integer(i * LANES))
                        builder.store(builder.load(total), there, align=item_bytes)
                    target = builder.add(target, out_step)

            wide = 4 * LANES
            end = builder.and_(columns, integer(-wide))
            with cgutils.for_range_slice(builder, integer(0), end, integer(wide)) as (first, _):
                emit_block(first, 4)
            for vectors in range(1, 4):
                left = builder.icmp_signed("==", builder.sub(columns, end), integer(vectors * LANES))
                with builder.if_then(left):
                    emit_block(end, vectors)
            return context.get_dummy_value()

        return signature, codegen

    return symmetric_sums


two_sums, three_sums, four_sums = map(_make_symmetric_sums, (2, 3, 4))

weighted_sum = _make_weighted_sum(LINEAR)
weighted_sum_activate = _make_weighted_sum(ACTIVATE)
weighted_sum_activate_record = _make_weighted_sum(ACTIVATE_AND_RECORD)
weighted_sum_replay = _make_weighted_sum(REPLAY)


@intrinsic
def copy(_typing, out, _out_start, _out_step, data, _start, _step, _count, _offset):  # type: ignore[no-untyped-def]
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
def clear(_typing, out, _start, _count):  # type: ignore[no-untyped-def]
    """out[start + k] = 0 for k < count."""
    signature = types.void(out, types.intp, types.intp)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        zero = ir.Constant(context.get_data_type(sig.args[0].dtype), 0.0)
        with cgutils.for_range(builder, args[2]) as loop:
            builder.store(zero, builder.gep(data, [builder.add(args[1], loop.index)]))
        return context.get_dummy_value()

    return signature, codegen

"""The fused loop behind every FIR operation on CPU, compiled by numba; import it only when it is needed.

One primitive does all filtering: it writes a run of columns as a weighted sum of shifted runs. The loop around it
keeps only a few rows per channel in the first-level cache, so the upsampled signal never reaches memory, and it never
multiplies the zeros that upsampling inserts.
"""

import numpy as np

from gist.ops import cpu_filter_vectors
from gist.ops.cpu_filter_vectors import (
    ACTIVATE,
    ACTIVATE_AND_RECORD,
    LINEAR,
    REPLAY,
    clear,
    copy,
    four_sums,
    three_sums,
    two_sums,
    weighted_runs,
    weighted_sum,
    weighted_sum_activate,
    weighted_sum_activate_record,
    weighted_sum_replay,
)
from gist.ops.cpu_vectors import LANES, compile_inside, compile_loop

__all__ = ["ACTIVATE", "ACTIVATE_AND_RECORD", "LINEAR", "REPLAY", "filter_planes"]


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
    plain,
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
    y_down_symmetric,
):
    """Up, activate, down, for planes first_plane to last_plane - 1, by the tables of `cpu_plan.Plan`."""
    _, height, width = x_PHW.shape
    _, out_height, out_width = out_PHW.shape
    in_phases, in_stride = lines_shape
    out_phases, out_stride = out_shape
    up_rank, phases, x_up_runs = x_up_offsets.shape
    x_up_run = x_up_weights.size // x_up_offsets.size
    down_rank, _, y_down_terms = y_down_weights.shape
    mid_height, y_up_terms = y_up_weights.shape
    x_down_runs = x_down_offsets.shape[1]
    x_down_run = x_down_weights.size // x_down_offsets.size
    x, out = x_PHW.reshape(-1), out_PHW.reshape(-1)
    x_up_offsets, x_up_weights = x_up_offsets.reshape(-1), x_up_weights.reshape(-1)
    y_up_offsets, y_up_weights = y_up_offsets.reshape(-1), y_up_weights.reshape(-1)
    x_down_offsets, x_down_weights = x_down_offsets.reshape(-1), x_down_weights.reshape(-1)
    y_down_offsets, y_down_weights = y_down_offsets.reshape(-1), y_down_weights.reshape(-1)

    # The zeros after each phase are the image's surroundings; filters and the last vector reach into them.
    lines = _aligned_zeros(in_phases * in_stride + 2 * LANES, x_PHW)
    widened = _aligned_zeros(up_ring * up_rank * row, x_PHW)
    middle = _aligned_zeros(down_ring * row, x_PHW)
    folded = _aligned_zeros(down_rank * row + 2 * margin + 2 * LANES, x_PHW)
    narrowed = _aligned_zeros(out_phases * out_stride, x_PHW)
    nothing = lines[0]

    for plane in range(first_plane, last_plane):
        bias = bias_C[plane % len(bias_C)]
        next_y, next_mid_y = 0, 0
        for out_y in range(out_height):
            oldest, end_mid_y = y_down_rows[out_y, 0], y_down_rows[out_y, 1]
            for mid_y in range(max(next_mid_y, oldest), end_mid_y):
                start = mid_y % down_ring * row
                if plain:
                    for phase in range(phases):
                        copy(
                            middle, start + phase * phase_stride, 1, x, (plane * height + mid_y) * width + phase,
                            phases, mid_columns[phase], nothing,
                        )  # fmt: skip
                    continue
                first_y, end_y = y_up_rows[mid_y, 0], y_up_rows[mid_y, 1]
                for y in range(max(next_y, first_y), end_y):
                    for phase in range(in_phases):
                        copy(
                            lines, in_origin + phase * in_stride, 1, x, (plane * height + y) * width + phase,
                            in_phases, (width - phase + in_phases - 1) // in_phases, bias,
                        )  # fmt: skip
                    for rank in range(up_rank):
                        for phase in range(phases):
                            widened_start = (y % up_ring * up_rank + rank) * row + phase * phase_stride
                            first_run = (rank * phases + phase) * x_up_runs
                            weighted_runs(
                                widened, widened_start, lines, x_up_offsets, x_up_weights, first_run, x_up_runs,
                                x_up_run, phase_stride,
                            )  # fmt: skip
                            known = mid_columns[phase]
                            clear(widened, widened_start + known, phase_stride - known)
                next_y = max(next_y, end_y)

                first_term = mid_y * y_up_terms
                terms = (end_y - first_y) * up_rank
                codes_start = (plane * mid_height + mid_y) * row
                if mode == REPLAY:
                    weighted_sum_replay(
                        middle, start, widened, y_up_offsets, y_up_weights, first_term, terms, row,
                        codes, codes_start, gain, negative_gain, clamp,
                    )  # fmt: skip
                elif mode == ACTIVATE:
                    weighted_sum_activate(
                        middle, start, widened, y_up_offsets, y_up_weights, first_term, terms, row,
                        codes, 0, gain, negative_gain, clamp,
                    )  # fmt: skip
                elif mode == ACTIVATE_AND_RECORD:
                    weighted_sum_activate_record(
                        middle, start, widened, y_up_offsets, y_up_weights, first_term, terms, row,
                        codes, codes_start, gain, negative_gain, clamp,
                    )  # fmt: skip
                else:
                    weighted_sum(
                        middle, start, widened, y_up_offsets, y_up_weights, first_term, terms, row,
                        codes, 0, gain, gain, gain,
                    )  # fmt: skip
            next_mid_y = max(next_mid_y, end_mid_y)

            terms, step = end_mid_y - oldest, out_height * y_down_terms
            first_term = out_y * y_down_terms
            last_term = first_term + terms - 1
            sums = down_rank if y_down_symmetric and terms == y_down_terms else 0
            if sums == 2:
                two_sums(
                    folded, margin, row, middle, y_down_offsets, y_down_weights, first_term, last_term, step, row
                )  # fmt: skip
            elif sums == 3:
                three_sums(
                    folded, margin, row, middle, y_down_offsets, y_down_weights, first_term, last_term, step, row
                )  # fmt: skip
            elif sums == 4:
                four_sums(
                    folded, margin, row, middle, y_down_offsets, y_down_weights, first_term, last_term, step, row
                )  # fmt: skip
            else:
                for rank in range(down_rank):
                    weighted_sum(
                        folded, margin + rank * row, middle, y_down_offsets, y_down_weights,
                        first_term + rank * step, terms, row, codes, 0, gain, gain, gain,
                    )  # fmt: skip
            for phase in range(out_phases):
                weighted_runs(
                    narrowed, phase * out_stride, folded, x_down_offsets, x_down_weights,
                    phase * x_down_runs, x_down_runs, x_down_run, out_stride,
                )  # fmt: skip
                copy(
                    out, (plane * out_height + out_y) * out_width + phase, out_phases,
                    narrowed, phase * out_stride, 1, (out_width - phase + out_phases - 1) // out_phases, nothing,
                )  # fmt: skip


filter_planes = compile_loop(_filter_planes, cpu_filter_vectors)

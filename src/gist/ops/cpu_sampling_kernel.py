"""Loops of bilinear sampling under affine maps, compiled by numba; import it only when it is needed."""

import numpy as np

from gist.ops.cpu_vectors import compile_inside, compile_loop


@compile_inside
def _folded(position, size, turns_per_sample):  # type: ignore[no-untyped-def]
    """A position in samples from the image's edge, reflected into it, in samples from the first one's centre."""
    real = type(position)
    period = real(2 * size)
    inside = position - period * np.floor(position * turns_per_sample)
    inside = min(inside, period - inside) - real(0.5)
    return min(max(inside, real(0)), real(size - 1))


@compile_inside
def _locate_row(map_23, row, height, width, corners, across, down):  # type: ignore[no-untyped-def]
    """Where a row's samples lie: index of the upper left one of four neighbours, and how far beyond it, 0 to 1."""
    real = across.dtype.type
    x_step, y_step = real(map_23[0, 0]), real(map_23[1, 0])
    x_start = real(map_23[0, 1] * row + map_23[0, 2])
    y_start = real(map_23[1, 1] * row + map_23[1, 2])
    x_turns, y_turns = real(0.5 / width), real(0.5 / height)
    last_column, last_row = np.int32(width - 2), np.int32(height - 2)
    for column in range(len(corners)):
        steps = real(np.int32(column))
        x = _folded(x_step * steps + x_start, width, x_turns)
        y = _folded(y_step * steps + y_start, height, y_turns)
        left, top = min(np.int32(x), last_column), min(np.int32(y), last_row)
        corners[column] = np.uint32(top * np.int32(width) + left)
        across[column], down[column] = x - real(left), y - real(top)


def _sample(x_NCHW, map_N23, out_NCHW, first, last):  # type: ignore[no-untyped-def]
    """Bilinear samples of images first to last - 1 where the maps take the columns and rows of `out`."""
    _, channels, height, width = x_NCHW.shape
    _, _, out_height, out_width = out_NCHW.shape
    corners = np.empty(out_width, np.uint32)
    across, down = np.empty(out_width, x_NCHW.dtype), np.empty(out_width, x_NCHW.dtype)
    for n in range(first, last):
        for row in range(out_height):
            _locate_row(map_N23[n], row, height, width, corners, across, down)
            for channel in range(channels):
                x, out = x_NCHW[n, channel].reshape(-1), out_NCHW[n, channel, row]
                x_right, x_below, x_diagonal = x[1:], x[width:], x[width + 1 :]
                for column in range(out_width):
                    corner, u, v = corners[column], across[column], down[column]
                    above = x[corner] + u * (x_right[corner] - x[corner])
                    below = x_below[corner] + u * (x_diagonal[corner] - x_below[corner])
                    out[column] = above + v * (below - above)


def _spread(grad_NCHW, map_N23, out_NCHW, first, last):  # type: ignore[no-untyped-def]
    """The transpose of `_sample`: adds each value to the four samples that it was taken from."""
    _, channels, height, width = out_NCHW.shape
    _, _, grad_height, grad_width = grad_NCHW.shape
    corners = np.empty(grad_width, np.uint32)
    across, down = np.empty(grad_width, grad_NCHW.dtype), np.empty(grad_width, grad_NCHW.dtype)
    for n in range(first, last):
        out_NCHW[n] = 0
        for row in range(grad_height):
            _locate_row(map_N23[n], row, height, width, corners, across, down)
            for channel in range(channels):
                out, grad = out_NCHW[n, channel].reshape(-1), grad_NCHW[n, channel, row]
                out_right, out_below, out_diagonal = out[1:], out[width:], out[width + 1 :]
                for column in range(grad_width):
                    corner, value = corners[column], grad[column]
                    below = down[column] * value
                    right, right_below = across[column] * (value - below), across[column] * below
                    out[corner] += value - below - right
                    out_right[corner] += right
                    out_below[corner] += below - right_below
                    out_diagonal[corner] += right_below


sample = compile_loop(_sample, fastmath={"contract"})
spread = compile_loop(_spread, fastmath={"contract"})

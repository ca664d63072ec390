"""3x3 convolution on CPU with a quarter of the multiplications (Winograd 1980; Lavin and Gray 2016).

Each 4x4 tile of the result comes from a 6x6 tile of the image: transformed to 36 values per channel, channels
are mixed by one matrix product per value, and the sums are transformed back. Channels lie along the vector
lanes. Import only when needed: numba is loaded here.
"""

from collections.abc import Callable

import numpy as np
from llvmlite import binding  # type: ignore[import-untyped]

from gist.ops import winograd_vectors
from gist.ops.cpu_vectors import LANES, compile_inside, compile_loop
from gist.ops.winograd_vectors import BLOCK, Matrix, make_multiply, make_tile_transform, transpose

VALUES = 36
GROUP = 128
"""Output channels of one unit of the weight gradient."""


def _toom_cook(points: list[float]) -> tuple[Matrix, Matrix, Matrix]:
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


def _make_product(add: bool) -> Callable[..., None]:
    """BLOCK rows of C = A @ B (or C += A @ B) of any width that is a multiple of LANES; see `make_multiply`."""
    width = 4 if binding.get_host_cpu_features().get("avx512f") else 1  # 16 sums need 32 wide registers
    multiply_wide, multiply_one = make_multiply(width, add), make_multiply(1, add)
    wide = width * LANES

    @compile_inside
    def product(c, c_start, c_row, a, a_start, a_row, a_step, b, b_start, b_row, columns, depth):  # type: ignore[no-untyped-def]
        n = 0
        while n + wide <= columns:
            multiply_wide(c, c_start + n, c_row, a, a_start, a_row, a_step, b, b_start + n, b_row, depth)
            n += wide
        while n < columns:
            multiply_one(c, c_start + n, c_row, a, a_start, a_row, a_step, b, b_start + n, b_row, depth)
            n += LANES

    return product


_product, _add_product = _make_product(add=False), _make_product(add=True)
_image_to_values = make_tile_transform(IMAGE)
_values_to_result = make_tile_transform(BACK)
_result_to_values = make_tile_transform(BACK.T)


@compile_inside
def _aligned_zeros(count):  # type: ignore[no-untyped-def]
    room = np.zeros(count + 16, np.float32)
    start = -(room.ctypes.data // 4) % 16
    return room[start : start + count]


@compile_inside
def _fill_lines(lines, columns, x, plane, last_lane, height, width, first_y, rows, pad):  # type: ignore[no-untyped-def]
    """lines[row, column, lane] = x[plane + lane, first_y + row, column - pad]; rows outside are zero.

    Lanes after the last channel repeat it: nothing reads what becomes of them.
    """
    for row in range(rows):
        line = (row * columns + pad) * LANES
        if not 0 <= first_y + row < height:
            lines[line : line + width * LANES] = 0
            continue
        start = (plane * height + first_y + row) * width
        if width < LANES:
            for lane in range(last_lane + 1):
                for k in range(width):
                    lines[line + k * LANES + lane] = x[start + lane * height * width + k]
        else:
            for k in range(0, width - LANES + 1, LANES):
                transpose(lines, line + k * LANES, LANES, x, start + k, height * width, last_lane)
            k = width - LANES
            transpose(lines, line + k * LANES, LANES, x, start + k, height * width, last_lane)


@compile_inside
def _image_values(v, first_tile, v_value, lanes, lines, columns, x, plane, channels, height, width, top, pad):  # type: ignore[no-untyped-def]
    """v[value, first_tile + tile, channel] for one row of tiles, whose first image row is `top` - `pad`."""
    for channel in range(0, channels, LANES):
        last_lane = min(LANES, channels - channel) - 1
        _fill_lines(lines, columns, x, plane + channel, last_lane, height, width, top - pad, 6, pad)
        for tile in range(columns // 4):
            start, corner = (first_tile + tile) * lanes + channel, 4 * tile * LANES
            _image_to_values(v, start, 6 * v_value, v_value, lines, corner, columns * LANES, LANES)


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
    tile_lines = _aligned_zeros((4 * columns + LANES) * LANES)
    rows_out = _aligned_zeros(LANES * (columns + LANES))
    v = _aligned_zeros(VALUES * most * in_lanes)
    m = _aligned_zeros(VALUES * most * out_lanes)
    v_value, m_value = most * in_lanes, most * out_lanes

    for unit in range(first_unit, last_unit):
        sample, band = unit // bands, unit % bands
        first_row = band * tile_rows
        rows = min(tile_rows, (out_height + 3) // 4 - first_row)
        tiles = rows * tiles_x
        for row in range(rows):
            _image_values(
                v, row * tiles_x, v_value, in_lanes, lines, columns, x, sample * inputs, inputs,
                height, width, 4 * (first_row + row), pad,
            )  # fmt: skip
        for value in range(VALUES):
            for tile in range(0, tiles, BLOCK):
                a_start = value * v_value + tile * in_lanes
                b_start = value * inputs * out_lanes
                c_start = value * m_value + tile * out_lanes
                _product(
                    m, c_start, out_lanes, v, a_start, in_lanes, 1, u, b_start, out_lanes, out_lanes, inputs
                )
        for channel in range(0, outputs, LANES):
            for row in range(rows):
                for tile in range(tiles_x):
                    start = (row * tiles_x + tile) * out_lanes + channel
                    _values_to_result(
                        tile_lines, 4 * tile * LANES, columns * LANES, LANES, m, start, 6 * m_value, m_value
                    )
                top = 4 * (first_row + row)
                for j in range(min(4, out_height - top)):
                    for k in range(0, out_width, LANES):
                        transpose(
                            rows_out, k, columns + LANES, tile_lines, (j * columns + k) * LANES, LANES, LANES
                        )
                    for lane in range(min(LANES, outputs - channel)):
                        plane = sample * outputs + channel + lane
                        samples = y[(plane * out_height + top + j) * out_width :]
                        line = rows_out[lane * (columns + LANES) :]
                        for k in range(out_width):
                            samples[k] = line[k]


def _weight_gradient(  # type: ignore[no-untyped-def]
    x_NCHW, grad_NCHW, du_S36IO, pad, tile_rows, bands, samples_per_sum, first_unit, last_unit
):
    """du[s] = gradient of the transformed weights over some samples; unit = GROUP outputs of one s."""
    batch, inputs, height, width = x_NCHW.shape
    _, outputs, out_height, out_width = grad_NCHW.shape
    in_lanes, out_lanes = du_S36IO.shape[2], du_S36IO.shape[3]
    groups = (outputs + GROUP - 1) // GROUP
    tiles_x = (out_width + 3) // 4
    columns = 4 * tiles_x + 2
    most, group_lanes = tile_rows * tiles_x, min(GROUP, out_lanes)
    x, grad, du = x_NCHW.reshape(-1), grad_NCHW.reshape(-1), du_S36IO.reshape(-1)
    lines = _aligned_zeros(6 * columns * LANES)
    grad_lines = _aligned_zeros(4 * columns * LANES)
    v = _aligned_zeros(VALUES * most * in_lanes)
    m = _aligned_zeros(VALUES * most * group_lanes)
    v_value, m_value = most * in_lanes, most * group_lanes

    for unit in range(first_unit, last_unit):
        total, first_out = unit // groups, unit % groups * GROUP
        last_out = min(first_out + GROUP, outputs)
        lanes = min(GROUP, out_lanes - first_out)
        for sample_band in range(
            total * samples_per_sum * bands, min((total + 1) * samples_per_sum, batch) * bands
        ):
            sample, first_row = sample_band // bands, sample_band % bands * tile_rows
            rows = min(tile_rows, (out_height + 3) // 4 - first_row)
            for row in range(rows):
                top = 4 * (first_row + row)
                _image_values(
                    v, row * tiles_x, v_value, in_lanes, lines, columns, x, sample * inputs, inputs,
                    height, width, top, pad,
                )  # fmt: skip
                for channel in range(first_out, last_out, LANES):
                    _fill_lines(
                        grad_lines, columns, grad, sample * outputs + channel,
                        min(LANES, outputs - channel) - 1, out_height, out_width, top, 4, 0,
                    )  # fmt: skip
                    for tile in range(tiles_x):
                        start = (row * tiles_x + tile) * group_lanes + channel - first_out
                        _result_to_values(
                            m, start, 6 * m_value, m_value,
                            grad_lines, 4 * tile * LANES, columns * LANES, LANES,
                        )  # fmt: skip
            for value in range(VALUES):
                for i in range(0, in_lanes, BLOCK):
                    a_start, b_start = value * v_value + i, value * m_value
                    c_start = ((total * VALUES + value) * in_lanes + i) * out_lanes + first_out
                    _add_product(
                        du, c_start, out_lanes, v, a_start, 1, in_lanes, m, b_start, group_lanes, lanes,
                        rows * tiles_x,
                    )  # fmt: skip


def _mix(matrix, source, result, first_column, last_column):  # type: ignore[no-untyped-def]
    """result = matrix @ source for some columns, always in the same order, which a library's would not be."""
    for first in range(first_column, last_column, 1024):
        last = min(first + 1024, last_column)
        for r in range(matrix.shape[0]):
            mixed = result[r, first:last]
            mixed[:] = 0
            for k in range(matrix.shape[1]):
                factor = matrix[r, k]
                if factor != 0:
                    values = source[k, first:last]
                    for j in range(last - first):
                        mixed[j] += factor * values[j]


convolve = compile_loop(_convolve, winograd_vectors)
weight_gradient = compile_loop(_weight_gradient, winograd_vectors)
mix = compile_loop(_mix, winograd_vectors)

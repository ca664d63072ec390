"""3x3 convolution on CPU by `winograd_kernel`, differentiable any number of times."""

from functools import cache
from typing import Any

import numpy as np
import torch

from gist.ops.cpu_threads import share

_LEAST_CHANNELS = 16
_LEAST_PIXELS = 256
"""Below this the transform of the weights outweighs what it saves; per image, so that the batch size does
not change the method."""
_TILES = 64
"""Tiles per matrix product: their 36 values of all channels should fit the second-level cache."""

_MOST_SUM_BYTES = 2**27


@cache
def kernel() -> Any:
    """The loops' module. Imports numba; the first call of a loop compiles it, unless cached on disk."""
    from gist.ops import winograd_kernel

    return winograd_kernel


def supports(x_NCHW: torch.Tensor, weight_OIkk: torch.Tensor, padding: int) -> bool:
    """Whether this path can compute the convolution and is faster than torch's."""
    O, I, ky, kx = weight_OIkk.shape  # noqa: E741 - O and I are the field's letters for the channels of a weight
    return (
        x_NCHW.dtype == weight_OIkk.dtype == torch.float32
        and ky == kx == 3
        and 0 <= padding <= 2
        and min(O, I) >= _LEAST_CHANNELS
        and x_NCHW.shape[2] * x_NCHW.shape[3] >= _LEAST_PIXELS
    )


def conv2d(x_NCHW: torch.Tensor, weight_OI33: torch.Tensor, padding: int) -> torch.Tensor:
    """`torch.nn.functional.conv2d` with stride 1 to about 1e-6 of the largest value."""
    y: torch.Tensor = _Convolution.apply(x_NCHW, weight_OI33, padding)
    return y


def _lanes(channels: int) -> int:
    lanes: int = kernel().LANES
    return -(-channels // lanes) * lanes


@cache
def _weight_transform() -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """[36, 9]: transforms flattened 3x3 weights along both axes."""
    return np.kron(kernel().WEIGHTS, kernel().WEIGHTS).astype(np.float32)


def _mixed(matrix: np.ndarray[tuple[int, int], np.dtype[np.float32]], source: torch.Tensor) -> torch.Tensor:
    """matrix @ source over the first axis, with the same bits for any number of threads."""
    columns = source.contiguous().view(len(source), -1)
    result = torch.empty(len(matrix), columns.shape[1])
    arrays = np.ascontiguousarray(matrix), columns.numpy(), result.numpy()
    share(lambda first, last: kernel().mix(*arrays, first, last), columns.shape[1])
    return result.view(len(matrix), *source.shape[1:])


def _bands(out_height: int, out_width: int) -> tuple[int, int]:
    """Tile rows per band, and bands per image."""
    down, across = -(-out_height // 4), -(-out_width // 4)
    rows = max(1, min(down, round(_TILES / across)))
    return rows, -(-down // rows)


def _convolve(x_NCHW: torch.Tensor, weight_OI33: torch.Tensor, padding: int) -> torch.Tensor:
    N, I, H, W = x_NCHW.shape  # noqa: E741
    O = len(weight_OI33)  # noqa: E741
    weight_9IO = torch.zeros(9, I, _lanes(O))
    weight_9IO[:, :, :O] = weight_OI33.permute(2, 3, 1, 0).reshape(9, I, O)
    values_36IO = _mixed(_weight_transform(), weight_9IO)
    y_NCHW = torch.empty(N, O, H + 2 * padding - 2, W + 2 * padding - 2)
    rows, bands = _bands(*y_NCHW.shape[2:])
    arrays = [tensor.numpy() for tensor in (x_NCHW.contiguous(), values_36IO, y_NCHW)]
    share(lambda first, last: kernel().convolve(*arrays, padding, rows, bands, first, last), N * bands)
    return y_NCHW


def _weight_gradient(x_NCHW: torch.Tensor, grad_NCHW: torch.Tensor, padding: int) -> torch.Tensor:
    (N, I), O = x_NCHW.shape[:2], grad_NCHW.shape[1]  # noqa: E741
    # The number of partial sums must not depend on the threads, or the last bits would.
    sum_bytes = 36 * 4 * _lanes(I) * _lanes(O)
    samples_per_sum = -(-N // max(1, min(N, 8, _MOST_SUM_BYTES // sum_bytes)))
    sums = -(-N // max(samples_per_sum, 1))
    sums_S36IO = torch.zeros(sums, 36, _lanes(I), _lanes(O))
    rows, bands = _bands(*grad_NCHW.shape[2:])
    arrays = [tensor.numpy() for tensor in (x_NCHW.contiguous(), grad_NCHW.contiguous(), sums_S36IO)]
    units = sums * -(-O // kernel().GROUP)
    loop = kernel().weight_gradient
    share(lambda first, last: loop(*arrays, padding, rows, bands, samples_per_sum, first, last), units)
    weight_9IO = _mixed(_weight_transform().T, sums_S36IO.sum(0))[:, :I, :O]
    return weight_9IO.reshape(3, 3, I, O).permute(3, 2, 0, 1)


def _turned(weight_OI33: torch.Tensor) -> torch.Tensor:
    """The weight that takes a gradient with respect to the output back to the input."""
    return weight_OI33.flip(2, 3).transpose(0, 1)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, padding: int) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.padding = padding
        return _convolve(x.detach(), weight.detach(), padding)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor | None, torch.Tensor | None, None]:
        x, weight = ctx.saved_tensors
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            grad_x = conv2d(gradients[0], _turned(weight), 2 - ctx.padding)
        if ctx.needs_input_grad[1]:
            grad_weight = _WeightGradient.apply(x, gradients[0], ctx.padding)
        return grad_x, grad_weight, None


class _WeightGradient(torch.autograd.Function):
    """Bilinear in the image and the gradient; its derivatives are convolutions again."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, grad: torch.Tensor, padding: int) -> torch.Tensor:
        ctx.save_for_backward(x, grad)
        ctx.padding = padding
        return _weight_gradient(x.detach(), grad.detach(), padding)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor | None, torch.Tensor | None, None]:
        x, grad = ctx.saved_tensors
        (direction,) = gradients
        grad_x = conv2d(grad, _turned(direction), 2 - ctx.padding) if ctx.needs_input_grad[0] else None
        grad_grad = conv2d(x, direction, ctx.padding) if ctx.needs_input_grad[1] else None
        return grad_x, grad_grad, None

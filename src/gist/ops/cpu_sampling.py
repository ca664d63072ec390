"""Fast CPU path of bilinear sampling: positions are computed row by row and never stored for a whole image."""

from functools import cache
from typing import Any

import torch

from gist.ops.cpu_threads import share

_INLINE_SAMPLES = 50_000
"""Below this many samples a second thread costs more than it saves."""


@cache
def kernel() -> Any:
    """The loops' module. Imports numba; the first call of a loop compiles it, unless cached on disk."""
    from gist.ops import cpu_sampling_kernel

    return cpu_sampling_kernel


def supports(x_NCHW: torch.Tensor, height: int, width: int) -> bool:
    """Whether the loops can compute on this tensor and an image of this size: bilinear needs two samples each way."""
    real = x_NCHW.dtype in (torch.float32, torch.float64)
    return x_NCHW.device.type == "cpu" and real and min(height, width) > 1


def sample(x_NCHW: torch.Tensor, map_N23: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """See `sampling.affine_sample`; [N, C, height, width]."""
    return _over_images(kernel().sample, x_NCHW, map_N23, height, width)


def spread(grad_NCHW: torch.Tensor, map_N23: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """The transpose of `sample`, on images of `height` x `width`; [N, C, height, width]."""
    return _over_images(kernel().spread, grad_NCHW, map_N23, height, width)


def _over_images(
    loop: Any, x_NCHW: torch.Tensor, map_N23: torch.Tensor, height: int, width: int
) -> torch.Tensor:
    out = x_NCHW.new_empty(*x_NCHW.shape[:2], height, width)
    arrays = x_NCHW.detach().contiguous().numpy(), map_N23.double().contiguous().numpy(), out.numpy()
    parallel = max(x_NCHW.numel(), out.numel()) > _INLINE_SAMPLES
    share(lambda first, last: loop(*arrays, first, last), len(out), parallel=parallel)
    return out

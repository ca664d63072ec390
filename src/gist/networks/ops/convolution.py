"""Convolution by the fastest method for its shape."""

import torch
import torch.nn.functional as F

from gist.networks.ops import winograd
from gist.networks.ops.backend import convolves_by_winograd


def conv2d(
    x_NCHW: torch.Tensor,
    weight_OIkk: torch.Tensor,
    bias_O: torch.Tensor | None = None,
    *,
    stride: int = 1,
    padding: int = 0,
) -> torch.Tensor:
    """`torch.nn.functional.conv2d`; 3x3 in float32 on CPU with a quarter of the multiplications.

    That path rounds four times as coarsely as torch's (about 1e-6 of the largest value) and can be
    differentiated any number of times.
    """
    if not convolves_by_winograd(x_NCHW, weight_OIkk, stride, padding):
        return F.conv2d(x_NCHW, weight_OIkk, bias_O, stride=stride, padding=padding)
    y = winograd.conv2d(x_NCHW, weight_OIkk, padding)
    return y if bias_O is None else y + bias_O[:, None, None]

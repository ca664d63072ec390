"""Haar bands of images, in which a discriminator sees fine detail as large as brightness (cf. Gal et al. 2021)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_SIGNS = ((1, 1, 1, 1), (1, -1, 1, -1), (1, 1, -1, -1), (1, -1, -1, 1))
"""Of a square's pixels, row by row, in the mean and in the details across, down and along the diagonals."""


def haar_bands(image_NCHW: Tensor, detail: float) -> Tensor:
    """[N, 4 C, H/2, W/2] of images [N, C, H, W]: of each square of four pixels the mean and `detail` times its details.

    All are means of four pixels with signs; the four bands of a colour stand together.
    """
    signs = torch.tensor(_SIGNS, dtype=image_NCHW.dtype, device=image_NCHW.device)
    signs[1:] *= detail
    weight = (signs / 4)[:, :, None, None].repeat(image_NCHW.shape[1], 1, 1, 1)
    pixels = nn.functional.pixel_unshuffle(image_NCHW, 2)
    return nn.functional.conv2d(pixels, weight, groups=image_NCHW.shape[1])

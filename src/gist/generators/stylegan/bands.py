"""Haar bands of images, in which a discriminator sees fine detail as large as brightness (cf. Gal et al. 2021)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_SIGNS = ((1, 1, 1, 1), (1, -1, 1, -1), (1, 1, -1, -1), (1, -1, -1, 1))
"""Of a square's pixels, row by row, in the mean and in the details across, down and along the diagonals."""


class HaarBands(nn.Module):
    """Images [N, C, H, W] to [N, 4 C, H/2, W/2]: of each square of four pixels the mean and `detail` times its details.

    All are means of four pixels with signs; the four bands of a colour stand together.
    """

    weight: Tensor
    weight_of_gradient: Tensor

    def __init__(self, channels: int, detail: float) -> None:
        super().__init__()
        signs, scale = torch.tensor(_SIGNS), torch.tensor([1.0, detail, detail, detail])[:, None]
        for name, rows in (("weight", signs * scale / 4), ("weight_of_gradient", signs / scale / 2)):
            self.register_buffer(name, rows.reshape(4, 1, 2, 2).repeat(channels, 1, 1, 1), persistent=False)

    def forward(self, image_NCHW: Tensor) -> Tensor:
        bands_NCHW: Tensor = nn.functional.conv2d(
            image_NCHW, self.weight, stride=2, groups=image_NCHW.shape[1]
        )
        return bands_NCHW

    def gradient(self, gradient_NCHW: Tensor) -> Tensor:
        """Half the gradient with respect to bands [N, 4 C, H/2, W/2] of what has this gradient with respect to images.

        Bands are W x, whose rows are orthogonal, so the gradient is (W W^T)^-1 W g. Half of it, so that of a change in
        brightness the norm is the same as over pixels.
        """
        of_bands_NCHW: Tensor = nn.functional.conv2d(
            gradient_NCHW, self.weight_of_gradient, stride=2, groups=gradient_NCHW.shape[1]
        )
        return of_bands_NCHW

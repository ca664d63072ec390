"""Between pictures as files hold them and tensors as networks take them: the one place that knows both layouts."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gist.images.png import GreyImage, as_unit


def tensor_of(images: NDArray[Any]) -> torch.Tensor:
    """Pictures uint8 or uint16 [N, H, W] as a tensor [N, C, H, W] of the same levels, float32 beyond 8 bits.

    Eight bits stay as such, to be sent so; with sixteen unsigned ones PyTorch can do little on a GPU.
    """
    levels = images if images.dtype == np.uint8 else images.astype(np.float32)
    return torch.from_numpy(levels).unsqueeze(1)


def signed(levels_NCHW: torch.Tensor, highest: int) -> torch.Tensor:
    """Levels 0 to `highest` as float32 in -1 to 1."""
    return levels_NCHW.to(torch.float32).mul(2 / highest).sub_(1)


def tensor_of_unit(x_NHW: NDArray[np.float32]) -> torch.Tensor:
    """Pictures [N, H, W] in 0 to 1 as a tensor [N, C, H, W] in -1 to 1."""
    return torch.from_numpy(x_NHW * 2 - 1).unsqueeze(1)


def pictures_of(images_NCHW: torch.Tensor) -> NDArray[np.uint8]:
    """Images [N, C, H, W] in -1 to 1 on the CPU as pictures uint8 [N, H, W]; RGB is averaged to grey."""
    grey = images_NCHW.float().mean(dim=1)
    return (grey * 127.5 + 128).clamp(0, 255).to(torch.uint8).numpy()


def unit_tensor_of(image: GreyImage) -> torch.Tensor:
    """One picture uint8 or uint16 [H, W] as a tensor [C, H, W] in 0 to 1."""
    return torch.from_numpy(as_unit(image)).unsqueeze(0)

"""Between pictures as files hold them and tensors as networks take them: the one place that knows both layouts."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gist.images.png import Pixels, as_unit


def tensor_of(images: NDArray[Any]) -> torch.Tensor:
    """Pictures uint8 or uint16 [N, H, W] or [N, H, W, 3] as a tensor [N, C, H, W] of the same levels, float32 beyond
    8 bits.

    Eight bits stay as such, to be sent so; with sixteen unsigned ones PyTorch can do little on a GPU.
    """
    levels = images if images.dtype == np.uint8 else images.astype(np.float32)
    return _channels_first(torch.from_numpy(levels))


def signed(levels_NCHW: torch.Tensor, highest: int) -> torch.Tensor:
    """Levels 0 to `highest` as float32 in -1 to 1."""
    return levels_NCHW.to(torch.float32).mul(2 / highest).sub_(1)


def tensor_of_unit(x_NHW: NDArray[np.float32]) -> torch.Tensor:
    """Pictures [N, H, W] or [N, H, W, 3] in 0 to 1 as a tensor [N, C, H, W] in -1 to 1."""
    return _channels_first(torch.from_numpy(x_NHW * 2 - 1))


def pictures_of(images_NCHW: torch.Tensor) -> NDArray[np.uint8]:
    """Images [N, C, H, W] in -1 to 1 on the CPU as pictures uint8 [N, H, W], or [N, H, W, 3] of colours."""
    levels = (images_NCHW.float() * 127.5 + 128).clamp(0, 255).to(torch.uint8)
    return (levels[:, 0] if levels.shape[1] == 1 else levels.permute(0, 2, 3, 1).contiguous()).numpy()


def unit_tensor_of(image: Pixels) -> torch.Tensor:
    """One picture uint8 or uint16 [H, W] or [H, W, 3] as a tensor [C, H, W] in 0 to 1."""
    return _channels_first(torch.from_numpy(as_unit(image)).unsqueeze(0))[0]


def _channels_first(x: torch.Tensor) -> torch.Tensor:
    return x.unsqueeze(1) if x.ndim == 3 else x.permute(0, 3, 1, 2).contiguous()

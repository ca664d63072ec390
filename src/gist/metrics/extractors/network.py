"""A network as feature extractor: images in, the activations of one layer out."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from gist.metrics.weights import FoundWeights

VERSION = 1
Triple = tuple[float, float, float]
IMAGENET_MEAN: Triple = (123.675, 116.28, 103.53)
IMAGENET_STD: Triple = (58.395, 57.12, 57.375)
_CPU_SHARE, _GPU_SHARE = 1 / 16, 1 / 4
_LARGEST_BATCH = {"cpu": 32, "cuda": 256}


@dataclass(frozen=True)
class Preprocessing:
    """What happens to 256 levels, grey ones made three equal channels, before the network sees them."""

    side: int
    mean: Triple = IMAGENET_MEAN
    std: Triple = IMAGENET_STD
    """Mean and standard deviation per channel, in grey levels of 0-255."""

    def __call__(self, levels_NHW: Tensor) -> Tensor:
        """uint8 [N, H, W] or [N, H, W, 3] -> float [N, 3, side, side]."""
        x = _channels_first(levels_NHW).float()
        x = F.interpolate(x, (self.side, self.side), mode="bicubic", align_corners=False, antialias=True)
        mean, std = (x.new_tensor(values)[None, :, None, None] for values in (self.mean, self.std))
        return (x.expand(-1, 3, -1, -1) - mean) / std

    def __str__(self) -> str:
        mean, std = (",".join(f"{value:g}" for value in values) for values in (self.mean, self.std))
        return f"resize=bicubic-antialias-{self.side} mean={mean} std={std}"


class TensorFlow1Preprocessing:
    """Nothing at all: torch-fidelity's networks resize and scale uint8 images inside, as TensorFlow 1 did."""

    def __init__(self, description: str) -> None:
        self._description = description

    def __call__(self, levels_NHW: Tensor) -> Tensor:
        """uint8 [N, H, W] or [N, H, W, 3] -> uint8 [N, 3, H, W]."""
        return _channels_first(levels_NHW).expand(-1, 3, -1, -1).contiguous()

    def __str__(self) -> str:
        return self._description


class NetworkExtractor:
    """Features of a pretrained network, compared as they are.

    Images are rounded to 256 levels first, so that 8-bit and 16-bit sets are compared on equal terms, and a grey
    channel is repeated three times.
    """

    standardised = False

    def __init__(
        self,
        name: str,
        network: nn.Module,
        preprocessing: Preprocessing | TensorFlow1Preprocessing,
        weights: FoundWeights,
        *,
        layer: str,
        mebibytes_per_image: float,
        device: torch.device,
    ) -> None:
        """`layer` names the activations; `mebibytes_per_image` is what one image takes on its way through."""
        # Weights of the user's own must not borrow the name of the published ones.
        self.name = name if weights.published else f"{name}-{weights.sha256[:8]}"
        self.batch = _batch(mebibytes_per_image, device)
        self._identity = (
            f"{self.name}/{VERSION} weights={weights.sha256[:12]} levels=256 channels=grey*3 "
            f"{preprocessing} layer={layer}"
        )
        # Twice as quick on a CPU, where convolutions otherwise reorder every layer.
        self._network = network.to(device).to(memory_format=torch.channels_last)
        self._preprocessing = preprocessing
        self._device = device

    @property
    def identity(self) -> str:
        """Name, version, weights, preprocessing and layer."""
        return self._identity

    def features(self, x_NHW: NDArray[np.float32]) -> NDArray[np.float64]:
        """Images [N, H, W], or [N, H, W, 3] of colours, in 0-1 -> features [N, F]."""
        levels = torch.from_numpy(np.rint(np.clip(x_NHW, 0.0, 1.0) * 255).astype(np.uint8))
        with torch.inference_mode():
            x_NCHW = self._preprocessing(levels.to(self._device))
            answer = self._network(x_NCHW.contiguous(memory_format=torch.channels_last))
        activations = answer[0] if isinstance(answer, tuple) else answer
        return np.asarray(activations.flatten(1).double().cpu().numpy(), np.float64)


def _channels_first(levels: Tensor) -> Tensor:
    return levels[:, None] if levels.ndim == 3 else levels.permute(0, 3, 1, 2)


def _batch(mebibytes_per_image: float, device: torch.device) -> int:
    """Images at a time by the machine's memory, not by what is free now, so that a repetition rounds alike."""
    if device.type == "cuda":
        room = torch.cuda.get_device_properties(device).total_memory * _GPU_SHARE
    elif hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        room = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * _CPU_SHARE
    else:
        room = 2**30
    fitting = int(room / 2**20 / mebibytes_per_image)
    return max(1, min(fitting, _LARGEST_BATCH.get(device.type, 32)))

"""Files of random weights in the formats of the published ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn


def randomised(network: nn.Module) -> nn.Module:
    """He's initialisation from a seed, so that activations neither vanish nor grow with depth."""
    random = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        if parameter.dim() > 1:
            parameter.data.normal_(0, (2 / parameter[0].numel()) ** 0.5, generator=random)
    return network


def write_network(path: Path, build: Callable[[], nn.Module]) -> Path:
    torch.save(randomised(build()).state_dict(), path)
    return path


def write_inception(path: Path) -> Path:
    """FID's Inception, as torch-fidelity loads it."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    def build() -> Any:
        # It insists on loading a file; what is wanted here is the file.
        with (
            mock.patch.object(FeatureExtractorInceptionV3, "load_state_dict"),
            mock.patch("torch.load"),
        ):
            return FeatureExtractorInceptionV3("random", ["2048"], feature_extractor_weights_path="none")

    return write_network(path, build)


def dino_tensors(width: int, depth: int, grid: int) -> dict[str, Tensor]:
    """A small DINOv2 under its publishers' names."""
    random = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random) / shape[-1] ** 0.5

    tensors = {
        "cls_token": draw(1, 1, width),
        "pos_embed": draw(1, 1 + grid * grid, width),
        "mask_token": draw(1, width),
        "patch_embed.proj.weight": draw(width, 3, 14, 14),
        "patch_embed.proj.bias": draw(width),
        "norm.weight": 1 + draw(width),
        "norm.bias": draw(width),
    }
    for index in range(depth):
        block = f"blocks.{index}"
        for name, shape in {
            "norm1": (width,),
            "norm2": (width,),
            "attn.qkv": (3 * width, width),
            "attn.proj": (width, width),
            "mlp.fc1": (4 * width, width),
            "mlp.fc2": (width, 4 * width),
        }.items():
            tensors[f"{block}.{name}.weight"] = draw(*shape) + (1.0 if len(shape) == 1 else 0.0)
            tensors[f"{block}.{name}.bias"] = draw(shape[0])
        tensors[f"{block}.ls1.gamma"], tensors[f"{block}.ls2.gamma"] = draw(width), draw(width)
    return tensors


def images(count: int, seed: int, side: int = 32) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side), np.uint8)

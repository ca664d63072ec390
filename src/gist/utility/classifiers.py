"""The classifiers: a small network for one CPU core, and torchvision's three that the literature uses."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gist.errors import InputError
from gist.metrics.weights import load_tensors

Name = Literal["small", "inception_v3", "resnet101", "vgg19"]


@dataclass(frozen=True)
class Classifier:
    """A kind of network and how it is trained, the same in every arm."""

    name: str
    pixels: int
    """Side of its input; smaller images are enlarged for torchvision's networks, never for `small`."""
    steps: int
    batch: int
    learning_rate: float
    learning_rate_pretrained: float


CLASSIFIERS: dict[str, Classifier] = {
    "small": Classifier("small", 64, 250, 32, 2e-3, 2e-3),
    "inception_v3": Classifier("inception_v3", 299, 1000, 32, 1e-3, 1e-4),
    "resnet101": Classifier("resnet101", 224, 1000, 32, 1e-3, 1e-4),
    "vgg19": Classifier("vgg19", 224, 1000, 32, 1e-4, 1e-4),
}


class SmallNetwork(nn.Module):
    """Convolutions that halve the side four times, then mean and maximum over the picture: x_NCHW -> logits_NK.

    0.28 million weights; a picture of 64x64 pixels costs 9 million multiplications.
    """

    def __init__(self, classes: int, colours: int = 1) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = (colours, 16, 32, 64, 128)
        for index, (before, after) in enumerate(pairwise(channels)):
            size = 5 if index == 0 else 3
            layers += [
                nn.Conv2d(before, after, size, padding=size // 2, stride=2, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(inplace=True),
            ]
            if index >= 2:  # on small maps a second convolution is cheap
                layers += [
                    nn.Conv2d(after, after, 3, padding=1, bias=False),
                    nn.BatchNorm2d(after),
                    nn.ReLU(),
                ]
        self.features = nn.Sequential(*layers)
        self.last = nn.Linear(2 * channels[-1], classes)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        maps_NCHW = self.features(x_NCHW)
        pooled_NC = torch.cat([maps_NCHW.mean((2, 3)), maps_NCHW.amax((2, 3))], dim=1)
        logits_NK: Tensor = self.last(pooled_NC)
        return logits_NK


def build_network(name: str, classes: int, weights: Path | None, colours: int = 1) -> nn.Module:
    """An untrained network for images of so many colours, or one with ImageNet weights and a new last layer.

    Raises:
        InputError: the file does not hold this network's weights.
    """
    if name == "small":
        return SmallNetwork(classes, colours)
    from torchvision import models

    options: dict[str, Any] = (
        {"transform_input": False, "init_weights": weights is None} if name == "inception_v3" else {}
    )
    network: nn.Module = models.get_model(name, weights=None, num_classes=1000, **options)
    if weights is not None:
        _load(network, weights, name)
    _replace_last_layer(network, classes)
    return network


def _load(network: nn.Module, weights: Path, name: str) -> None:
    try:
        network.load_state_dict(load_tensors(weights))
    except RuntimeError:
        raise InputError(
            f"{weights} does not hold torchvision's weights of {name}; fetch it again, or set "
            "utility.pretrained=false to train from scratch."
        ) from None


def _replace_last_layer(network: Any, classes: int) -> None:
    if hasattr(network, "classifier"):
        network.classifier[-1] = nn.Linear(network.classifier[-1].in_features, classes)
        return
    network.fc = nn.Linear(network.fc.in_features, classes)
    if getattr(network, "AuxLogits", None) is not None:
        network.AuxLogits.fc = nn.Linear(network.AuxLogits.fc.in_features, classes)

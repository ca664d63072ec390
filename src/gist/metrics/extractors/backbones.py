"""Networks whose architecture torchvision knows, with weights from a file: ResNet, Inception v3, VGG-19, SwAV."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import torchvision.models
from torch import nn

from gist.metrics.extractors.network import NetworkExtractor, Preprocessing
from gist.metrics.weights import find_weights
from gist.metrics.weights.files import fill, load_tensors

_MIDDLE = (127.5, 127.5, 127.5)
_OF_SWAV = ("projection_head.", "prototypes.")


def resnet50(weights: Path | None, device: torch.device) -> NetworkExtractor:
    """Pooled activations [N, 2048]."""
    return _pooled("resnet50", torchvision.models.resnet50, weights, device)


def resnet101(weights: Path | None, device: torch.device) -> NetworkExtractor:
    """Pooled activations [N, 2048]."""
    return _pooled("resnet101", torchvision.models.resnet101, weights, device)


def inception_v3(weights: Path | None, device: torch.device) -> NetworkExtractor:
    """Pooled activations [N, 2048] of torchvision's Inception v3; not the network of FID."""
    found = find_weights("inception_v3", weights)
    network = torchvision.models.inception_v3(init_weights=False, aux_logits=True, transform_input=False)
    fill(network, load_tensors(found.path), found.path)
    network.fc = nn.Identity()
    return NetworkExtractor(
        "inception_v3",
        network,
        Preprocessing(299, mean=_MIDDLE, std=_MIDDLE),
        found,
        layer="pool",
        mebibytes_per_image=40,
        device=device,
    )


def vgg19(weights: Path | None, device: torch.device) -> NetworkExtractor:
    """Activations [N, 4096] of the second fully connected layer, after its ReLU."""
    found = find_weights("vgg19", weights)
    network = torchvision.models.vgg19()
    fill(network, load_tensors(found.path), found.path)
    network.classifier = network.classifier[:5]
    return NetworkExtractor(
        "vgg19", network, Preprocessing(224), found, layer="fc2-relu", mebibytes_per_image=60, device=device
    )


def swav(weights: Path | None, device: torch.device) -> NetworkExtractor:
    """Pooled activations [N, 2048] of the ResNet-50 trained by SwAV (Caron 2020)."""
    found = find_weights("swav", weights)
    tensors = {
        name: value for name, value in load_tensors(found.path).items() if not name.startswith(_OF_SWAV)
    }
    network = torchvision.models.resnet50()
    network.fc = nn.Identity()
    fill(network, tensors, found.path)
    return NetworkExtractor(
        "swav", network, Preprocessing(224), found, layer="pool", mebibytes_per_image=40, device=device
    )


def _pooled(
    name: str, architecture: Callable[[], nn.Module], weights: Path | None, device: torch.device
) -> NetworkExtractor:
    found = find_weights(name, weights)
    network = architecture()
    fill(network, load_tensors(found.path), found.path)
    network.fc = nn.Identity()
    return NetworkExtractor(
        name, network, Preprocessing(224), found, layer="pool", mebibytes_per_image=40, device=device
    )

"""SqueezeNet 1.1 (Iandola 2016) with the weights of its Keras port: 3 MB, and quick on a CPU."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
import torchvision.models
from torch import Tensor, nn

from gist.errors import InputError
from gist.metrics.extractors.network import NetworkExtractor, Preprocessing
from gist.metrics.weights import Unavailable, find_weights
from gist.metrics.weights.files import fill, load_tensors

# What Keras subtracts for networks that come from Caffe; its channels are blue, green, red.
_CAFFE_MEAN = (103.939, 116.779, 123.68)
_FIRE_POSITIONS = {2: 3, 3: 4, 4: 6, 5: 7, 6: 9, 7: 10, 8: 11, 9: 12}
"""Number of a fire module -> its position among torchvision's layers."""


def squeezenet(weights: Path | None, device: torch.device) -> NetworkExtractor:
    """Mean activations [N, 512] of the last fire module."""
    found = find_weights("squeezenet", weights)
    keras = found.path.suffix in (".h5", ".hdf5")
    tensors = _from_keras(found.path) if keras else load_tensors(found.path)
    network = torchvision.models.squeezenet1_1().features
    fill(network, {name.removeprefix("features."): value for name, value in tensors.items()}, found.path)
    pooled = nn.Sequential(network, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return NetworkExtractor(
        "squeezenet",
        pooled,
        Preprocessing(224, mean=_CAFFE_MEAN, std=(1.0, 1.0, 1.0)),
        found,
        layer="fire9-mean",
        mebibytes_per_image=15,
        device=device,
    )


def _from_keras(path: Path) -> dict[str, Tensor]:
    """Kernels [h, w, in, out] and biases of a Keras file as torchvision's [out, in, h, w]."""
    if importlib.util.find_spec("h5py") is None:
        raise Unavailable(
            f"{path} is a Keras file, which needs the package h5py; install it with `pip install h5py`."
        )
    import h5py

    layers: dict[str, dict[int, Tensor]] = {}

    def keep(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            array = torch.from_numpy(item[()])
            if array.dim() in (1, 4):
                # Names repeat themselves inside a layer: "fire2/squeeze1x1/uniform2", "conv1/conv1_b".
                parts = name.split("/")
                layer = "/".join(parts[:2]) if parts[0].startswith("fire") else parts[0]
                layers.setdefault(layer, {})[array.dim()] = array

    try:
        with h5py.File(path) as file:
            file.visititems(keep)
        tensors: dict[str, Tensor] = {}
        for layer, arrays in layers.items():
            place = _place(layer)
            tensors[f"{place}.weight"] = arrays[4].permute(3, 2, 0, 1).contiguous()
            tensors[f"{place}.bias"] = arrays[1]
    except (OSError, KeyError, ValueError):
        raise InputError(
            f"{path} cannot be read as the Keras weights of SqueezeNet 1.1; fetch it again."
        ) from None
    return tensors


def _place(layer: str) -> str:
    """Name of a Keras layer in torchvision's sequence: "fire2/squeeze1x1" is "3.squeeze"."""
    if layer == "conv1":
        return "0"
    module, _, part = layer.partition("/")
    return f"{_FIRE_POSITIONS[int(module.removeprefix('fire'))]}.{part.replace('squeeze1x1', 'squeeze')}"

"""The networks of FID and of pr50k3_full, as torch-fidelity has them: resized as TensorFlow 1 did, bit for bit."""

from __future__ import annotations

import importlib
import importlib.util
import io
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gist.errors import InputError
from gist.metrics.extractors.network import NetworkExtractor, TensorFlow1Preprocessing
from gist.metrics.weights import FoundWeights, Unavailable, find_weights, load_tensors


class Inception(NetworkExtractor):
    """The Inception network of FID, with its classifier for the inception score."""

    def __init__(self, found: FoundWeights, device: torch.device) -> None:
        network = _network("feature_extractor_inceptionv3", "FeatureExtractorInceptionV3", "2048", found)
        super().__init__(
            "inception",
            network,
            TensorFlow1Preprocessing("resize=tf1-bilinear-299 range=(x-128)/128"),
            found,
            layer="pool-2048",
            mebibytes_per_image=40,
            device=device,
        )
        self._classifier = np.asarray(network.state_dict()["fc.weight"].double().cpu().numpy(), np.float64)

    def class_scores(self, features_NF: NDArray[np.float64]) -> NDArray[np.float64]:
        """Logits [N, 1008] without bias, as the inception score uses them, from features [N, 2048]."""
        return features_NF @ self._classifier.T


def inception(weights: Path | None, device: torch.device) -> NetworkExtractor:
    """Pooled activations [N, 2048] of FID's Inception network (Heusel 2017)."""
    found = find_weights("inception", weights)
    return Inception(found, device)


def vgg16(weights: Path | None, device: torch.device) -> NetworkExtractor:
    """Activations [N, 4096] of VGG-16's second fully connected layer, as pr50k3_full uses (Kynkäänniemi 2019)."""
    found = find_weights("vgg16", weights)
    return NetworkExtractor(
        "vgg16",
        _network("feature_extractor_vgg16", "FeatureExtractorVGG16", "fc2_relu", found),
        TensorFlow1Preprocessing("resize=tf1-bilinear-224 range=imagenet"),
        found,
        layer="fc2-relu",
        mebibytes_per_image=60,
        device=device,
    )


def _network(module: str, kind: str, layer: str, found: FoundWeights) -> torch.nn.Module:
    if importlib.util.find_spec("torch_fidelity") is None:
        raise Unavailable(
            "This extractor needs the package torch-fidelity; install it with `pip install 'gist-synth[fid]'`."
        )
    # torch-fidelity would unpickle whatever a file holds, so it gets tensors that were read safely, packed anew.
    packed = io.BytesIO()
    torch.save(load_tensors(found.path), packed)
    packed.seek(0)
    constructor = getattr(importlib.import_module(f"torch_fidelity.{module}"), kind)
    try:
        network: torch.nn.Module = constructor(
            found.path.stem, [layer], feature_extractor_weights_path=packed
        )
    except RuntimeError:
        raise InputError(
            f"{found.path} holds the weights of another network; check evaluate.extractor and evaluate.weights."
        ) from None
    return network

"""Pretrained weights of feature extractors: which there are, where they lie, and how they are read safely."""

from gist.metrics.weights.catalogue import CATALOGUE, WeightsFile
from gist.metrics.weights.download import fetch
from gist.metrics.weights.files import load_tensors
from gist.metrics.weights.places import FoundWeights, Unavailable, find_weights, folders, places_in_words

__all__ = [
    "CATALOGUE",
    "FoundWeights",
    "Unavailable",
    "WeightsFile",
    "fetch",
    "find_weights",
    "folders",
    "load_tensors",
    "places_in_words",
]

"""Pretrained weights of feature extractors: which there are, where they lie, and how they are read safely."""

from gist.evaluation.weights.catalogue import CATALOGUE, WeightsFile
from gist.evaluation.weights.download import fetch
from gist.evaluation.weights.files import load_tensors
from gist.evaluation.weights.places import FoundWeights, Unavailable, find_weights, folders, places_in_words

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

"""Synthetic images from a trained network."""

from gist.generation.stage import generate
from gist.generators.synthesis import synthesise

__all__ = ["generate", "synthesise"]

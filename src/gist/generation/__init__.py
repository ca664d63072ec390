"""Synthetic images from a trained network."""

from gist.generation.stage import generate
from gist.generation.synthesis import synthesise

__all__ = ["generate", "synthesise"]

"""Training of the generator."""

from gist.training.stage import train

__all__ = ["train"]

"""Measures between sets of images, usable without a run."""

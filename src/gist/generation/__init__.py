"""Synthetic images from a trained network."""

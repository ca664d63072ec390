"""GAN-train and GAN-test: whether a classifier can learn from synthetic images, and recognises them."""

from gist.utility.stage import measure_utility

__all__ = ["measure_utility"]

"""DCGAN, the simple baseline."""

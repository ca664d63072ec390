"""A run: its folder, the order of its stages, what is done, stale or kept."""

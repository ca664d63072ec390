"""Runs that a batch system works on instead of this process."""

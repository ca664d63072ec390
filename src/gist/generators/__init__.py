"""Generators: how each is built, trained and asked for pictures."""

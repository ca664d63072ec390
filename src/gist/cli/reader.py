"""`gist reader`: whether people tell synthetic images from real ones; planned, made, read and scored."""

from __future__ import annotations

import typer

app = typer.Typer(
    help="The blind reader test: can people tell synthetic images from real ones?", no_args_is_help=True
)


@app.command()
def plan() -> None:
    """How many readers and images a question needs, in words."""


@app.command()
def score() -> None:
    """Score the answers of a study, or tables made elsewhere."""

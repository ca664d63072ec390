"""The networks that come with gist, and what is known of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ShippedNetwork:
    """A network that comes with gist. Everything but its size is read from its file."""

    name: str
    architecture: str
    resolution: int
    class_names: tuple[str, ...]
    mebibytes: float
    kimg: float
    """Thousands of images that it was shown."""
    images: int
    """Different images that it learned from."""
    data: str
    licence: str
    """Of those images, and what it asks of those who use the network."""
    held_out: int
    """Images of other patients that it was scored against."""
    scores: dict[str, tuple[float, float | None]]
    """By name: the score, and what real images reach at the same n."""
    copies: str
    """What the search for copies of training images found."""
    script: str
    """Command that trains it anew."""
    path: Path


def networks() -> list[ShippedNetwork]:
    """What comes with gist, and can be drawn from or trained on by name.

    >>> import gist
    >>> [network.name for network in gist.networks()]
    ['phantom-knee-64', 'knee-64']
    """
    from gist.generators.start import shipped_file
    from gist.stages.networks import SHIPPED

    return [_read(name, shipped_file(name)) for name in SHIPPED]


def _read(name: str, path: Path) -> ShippedNetwork:
    with path.open("rb") as file:  # the header alone: weights and torch are not needed
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    content: dict[str, Any] = json.loads(header["__metadata__"]["gist"])
    spec, known = content["spec"], content["metadata"]
    return ShippedNetwork(
        name=name,
        architecture=spec["architecture"],
        resolution=spec["resolution"],
        class_names=tuple(known["class_names"]),
        mebibytes=path.stat().st_size / 2**20,
        scores={key: tuple(pair) for key, pair in known["scores"].items()},
        path=path,
        **{key: known[key] for key in ("kimg", "images", "data", "licence", "held_out", "copies", "script")},
    )

"""The marks that every generated picture carries, and how they are told."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gist.images.png import encode_png, read_grey
from gist.marking.credentials import Signer
from gist.marking.fingerprint import COLUMNS, fingerprint
from gist.marking.metadata import text_of_picture
from gist.marking.watermark import embed
from gist.stages.generate import GenerateConfig

FINGERPRINTS = "fingerprints.csv"
_MARKS = ("watermark", "metadata", "credentials", "fingerprints")


@dataclass(frozen=True)
class Marks:
    """Marks the pictures of one network."""

    network_sha256: str
    class_names: tuple[str, ...]
    settings: GenerateConfig

    @property
    def payload(self) -> bytes:
        """What the watermark carries: the first four bytes of the network's SHA-256, which nothing personal is in."""
        return bytes.fromhex(self.network_sha256[:8])

    @property
    def told(self) -> dict[str, bool]:
        """Mark -> whether the pictures carry it."""
        return {name: bool(getattr(self.settings, name)) for name in _MARKS}

    @cached_property
    def _signer(self) -> Signer | None:
        return None if self.settings.credentials is None else Signer(self.settings.credentials)

    def in_pixels(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture with its watermark, uint8 [H, W] or [H, W, 3]."""
        return embed(picture, self.payload).astype(np.uint8) if self.settings.watermark else picture

    def file(self, picture: NDArray[np.uint8], seed: int, label: int) -> bytes:
        """The bytes of its PNG file."""
        name = self.class_names[label] if self.class_names else None
        text = text_of_picture(seed, name, self.network_sha256) if self.settings.metadata else None
        png = encode_png(picture, text)
        return png if self._signer is None else self._signer.signed(png)


def table_of_fingerprints(folder: Path, files: Iterable[Path]) -> bytes:
    """A CSV line for each picture, its file relative to `folder`."""
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(COLUMNS)
    for file in files:
        found = fingerprint(read_grey(file))
        rows.writerow([file.relative_to(folder).as_posix(), found.pixels_sha256, found.perceptual_hash])
    return table.getvalue().encode()

"""What a picture is known by when all marks are gone: a hash of its pixels, and one of what it looks like."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import fft

from gist.errors import InputError
from gist.images.png import Pixels

COLUMNS = ("file", "pixels_sha256", "perceptual_hash")
_SIDE, _LOW = 64, 16
ALIKE_BITS = 24
"""Of 256 bits, two pictures whose hashes differ in at most so many look alike."""


@dataclass(frozen=True)
class Fingerprint:
    """Of one picture."""

    pixels_sha256: str
    """Of the grey values row by row, those of 16 bits with the high byte first, in hexadecimal."""
    perceptual_hash: str
    """256 signs of the lowest frequencies (Zauner 2010, DCT based hash), in hexadecimal."""


def fingerprint(image: Pixels) -> Fingerprint:
    """The fingerprint of a grey uint8 or uint16 [H, W] image."""
    samples = np.ascontiguousarray(image, dtype=image.dtype.newbyteorder(">"))
    small = Image.fromarray(image.astype(np.float32)).resize((_SIDE, _SIDE), Image.Resampling.BOX)
    low = fft.dctn(np.asarray(small, np.float64), norm="ortho")[:_LOW, :_LOW].ravel()
    bits = np.packbits(low > np.median(low))
    return Fingerprint(hashlib.sha256(samples.tobytes()).hexdigest(), bits.tobytes().hex())


@dataclass(frozen=True)
class Match:
    """A picture of a table that another one is, or looks like."""

    file: str
    bits: int
    """Of the perceptual hash, that differ; 0 where the pixels are the same."""
    same_pixels: bool


class Fingerprints:
    """A table of fingerprints, to look pictures up in."""

    def __init__(self, table: Path) -> None:
        """Reads `fingerprints.csv`.

        Raises:
            InputError: it is missing or not such a table.
        """
        try:
            with table.open(newline="", encoding="utf-8") as file:
                rows = [tuple(row[column] for column in COLUMNS) for row in csv.DictReader(file)]
            self._hashes = np.array([list(bytes.fromhex(row[2])) for row in rows], np.uint8).reshape(-1, 32)
        except OSError:
            raise InputError(
                f"There is no table of fingerprints {table}; `gist generate` writes one into RUN/generate."
            ) from None
        except (KeyError, TypeError, ValueError, csv.Error):
            raise InputError(
                f"{table} is not a table of fingerprints with the columns {', '.join(COLUMNS)}; give the "
                "fingerprints.csv that `gist generate` wrote."
            ) from None
        self._files = [row[0] for row in rows]
        self._at = {row[1]: number for number, row in enumerate(rows)}

    def match(self, image: Pixels) -> Match | None:
        """The picture with the same pixels, else the one that looks most alike; None where none does."""
        sought = fingerprint(image)
        if sought.pixels_sha256 in self._at:
            return Match(self._files[self._at[sought.pixels_sha256]], 0, True)
        if not self._files:
            return None
        own = np.frombuffer(bytes.fromhex(sought.perceptual_hash), np.uint8)
        differ = np.unpackbits(self._hashes ^ own, axis=1).sum(axis=1, dtype=np.int64)
        nearest = int(differ.argmin())
        if differ[nearest] > ALIKE_BITS:
            return None
        return Match(self._files[nearest], int(differ[nearest]), False)

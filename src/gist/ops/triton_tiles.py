"""Tiles of one axis of a filtered operation, and the band matrices that lead into and out of them; see `cpu_plan`."""

from dataclasses import dataclass
from math import gcd

import numpy as np

from gist.ops.cpu_plan import Array, Axis

MIDS = 64
"""Samples per side of a tile at the upsampled rate."""
_LEAST = 16
"""Smallest side of a matrix that the tensor cores take."""


class TooLong(Exception):
    """A filter does not fit into a tile."""


@dataclass(frozen=True)
class Tiles:
    """One axis cut into tiles: tile t makes result samples from t * tile on, of upsampled ones from `first_mid` on."""

    axis: Axis
    tile: int
    first_mid: int

    @classmethod
    def of(cls, axis: Axis, activated: Axis) -> "Tiles":
        """The largest tiles; raises TooLong where even the smallest would not fit."""
        # Tiles begin at the same phase of the upsampling, so that one band matrix serves them all.
        alike = axis.up // gcd(axis.up, axis.down)
        most = (MIDS - axis.down_taps.shape[1]) // axis.down + 1
        for tile in range(most // alike * alike, 0, -alike):
            tiles = cls(axis, tile, axis.down_origin - (axis.down_taps.shape[1] - 1))
            if max(tiles.ins(axis), tiles.ins(activated)) <= MIDS:
                return tiles
        raise TooLong

    @property
    def count(self) -> int:
        return -(-self.axis.out_size // self.tile)

    @property
    def outs(self) -> int:
        return _side(self.tile)

    @property
    def mids(self) -> int:
        """Upsampled samples that make a tile."""
        return self.axis.down * (self.tile - 1) + len(self.axis.down_taps[0])

    def first_in(self, source: Axis) -> int:
        """The first sample of `source` that reaches tile 0."""
        return -((len(source.up_taps[0]) - 1 - source.up_origin - self.first_mid) // source.up)

    def ins(self, source: Axis) -> int:
        """Samples of `source` that reach a tile."""
        last_in = (self.first_mid + self.mids - 1 + source.up_origin) // source.up
        return last_in - self.first_in(source) + 1

    def step(self, source: Axis) -> int:
        """Samples of `source` from one tile to the next."""
        return self.axis.down * self.tile // source.up

    def up_bands(self, source: Axis) -> Array:
        """Taps [rank, mid, sample] that lead from samples of `source`, from `first_in` on, to a tile."""
        mid = np.arange(self.mids)[:, None]
        sample = self.first_in(source) + np.arange(_side(self.ins(source)))
        bands = _banded(source.up_taps, self.first_mid + mid - source.up * sample + source.up_origin)
        return np.pad(bands, ((0, 0), (0, MIDS - self.mids), (0, 0)))

    def down_bands(self) -> Array:
        """Taps [rank, out, mid] that lead from a tile's upsampled samples to its result."""
        taps = self.axis.down_taps
        out, mid = np.arange(self.tile)[:, None], np.arange(MIDS)
        bands = _banded(taps, taps.shape[1] - 1 + self.axis.down * out - mid)
        return np.pad(bands, ((0, 0), (0, self.outs - self.tile), (0, 0)))


def _side(count: int) -> int:
    return max(_LEAST, 1 << (count - 1).bit_length())


def _banded(taps: Array, tap: Array) -> Array:
    """taps[:, tap], zero where there is no such tap."""
    count = taps.shape[1]
    return np.where((tap >= 0) & (tap < count), taps[:, np.clip(tap, 0, count - 1)], 0.0)

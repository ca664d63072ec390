"""The watermark's pattern: noise of a key in a ring of spatial frequencies, spread over the whole frame.

Spread-spectrum marking (Cox, Kilian, Leighton & Shamoon 1997). One fixed pattern says "made by gist" and is what is
searched for; seven more, each shifted cyclically in one of 256 ways, carry the bytes of a message (orthogonal signals,
Proakis, Digital Communications). All live on a square grid that the image's larger side fills, so that resizing
changes nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from gist.marking.message import CHECK_BYTES, PAYLOAD_BYTES

SYMBOLS = PAYLOAD_BYTES + CHECK_BYTES
_SHIFTS = 16
"""Of each axis: a byte is a pair of shifts."""


@dataclass(frozen=True)
class Grid:
    """Where a watermark lives."""

    side: int
    """Samples along a side."""
    lowest: float
    """Cycles along a side: below, radiographs are strong."""
    highest: float
    """Above, JPEG leaves nothing."""
    share: float
    """Of the energy, in the pattern that is searched for; the message has the rest."""
    psnr: float
    """Peak signal-to-noise ratio of marked against bare, dB; at least this."""

    @cached_property
    def radius(self) -> NDArray[np.float64]:
        """[side, side] cycles along a side, in the order of `fft2`."""
        cycles = fft.fftfreq(self.side, 1 / self.side)
        return np.asarray(np.hypot(cycles[:, None], cycles[None, :]))

    @cached_property
    def band(self) -> NDArray[np.bool_]:
        """[side, side] the frequencies in use."""
        return (self.radius >= self.lowest) & (self.radius <= self.highest)

    @cached_property
    def spectra(self) -> NDArray[np.complex128]:
        """[1 + SYMBOLS, side, side] spectra of equal magnitude within the band, whose phases the key draws."""
        return np.stack([self._spectrum(number) for number in range(1 + SYMBOLS)])

    def _spectrum(self, number: int) -> NDArray[np.complex128]:
        key = f"gist watermark 1, grid {self.side}, pattern {number}".encode()
        # The transform of independent equal draws, of which only the phases are kept: uniform by symmetry.
        drawn = np.frombuffer(hashlib.shake_256(key).digest(8 * self.side**2), "<u4").reshape(
            2, self.side, -1
        )
        uniform = (drawn + 0.5) / 2**32
        normal = np.sqrt(-2 * np.log(uniform[0])) * np.cos(2 * np.pi * uniform[1])  # Box & Muller 1958
        spectrum = fft.fft2(normal)
        return np.where(self.band, spectrum / np.abs(spectrum), 0)

    def composed(self, message: bytes, side: int) -> NDArray[np.float64]:
        """[side, side] the pattern of a message of SYMBOLS bytes, of variance about 1, drawn at an image's size."""
        weights = np.sqrt([self.share, *[(1 - self.share) / SYMBOLS] * SYMBOLS])
        step = self.side // _SHIFTS
        spectrum = weights[0] * self.spectra[0]
        cycles = fft.fftfreq(self.side)
        for weight, one, byte in zip(weights[1:], self.spectra[1:], message, strict=True):
            down, right = (step * shift for shift in divmod(byte, _SHIFTS))
            spectrum = spectrum + weight * one * np.exp(
                -2j * np.pi * (cycles[:, None] * down + cycles[None, :] * right)
            )
        pattern = _resampled(spectrum, side)
        return np.asarray(pattern / (np.sqrt(self.band.sum()) / self.side**2))


def bytes_at_peaks(correlation: NDArray[np.float64]) -> int:
    """The byte whose shift correlates best, of a [side, side] map of correlations by shift."""
    step = correlation.shape[0] // _SHIFTS
    return int(correlation[::step, ::step].argmax())


def _resampled(spectrum: NDArray[np.complex128], side: int) -> NDArray[np.float64]:
    """The image of a spectrum at another size, aligned by its borders rather than by its first samples."""
    own = spectrum.shape[0]
    least = min(own, side)
    cycles = np.arange(-(least // 2) + 1, (least + 1) // 2)  # without Nyquist's frequency, which has no phase
    wide = np.zeros((side, side), complex)
    kept = spectrum[np.ix_(cycles, cycles)]
    offset = np.exp(2j * np.pi * cycles * (0.5 / side - 0.5 / own))
    wide[np.ix_(cycles, cycles)] = kept * offset[:, None] * offset[None, :]
    return np.asarray(fft.ifft2(wide).real * (side / own) ** 2)


SMALL = Grid(64, 6, 22, 0.6, 42.0)
LARGE = Grid(128, 8, 45, 0.5, 48.0)
GRIDS = (LARGE, SMALL)
_LEAST_OF_LARGE = 96


def grid_of(side: int) -> Grid:
    """The grid for images whose larger side has so many pixels."""
    return LARGE if side >= _LEAST_OF_LARGE else SMALL

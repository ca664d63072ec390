"""Radial power spectrum by octave: how much detail of each size images hold, beside real ones.

Generators of upsampling convolutions miss the power of real images at high frequencies, or exceed it (Durall et al.
2020, arXiv:2003.01826; Schwarz et al. 2021, arXiv:2111.02447; aliasing: Karras et al. 2021, arXiv:2106.12423). Octave
0, the top one, reaches from a quarter cycle per pixel, half of the Nyquist frequency, to the corners of the frequency
square; each further octave ends where the one before begins and begins at half of that. So an octave means details of
the same size in pixels at any resolution.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.signal.windows import hann

from gist.images.archive import DataSet

MOST_OCTAVES = 4
REPEATS = 1000
"""Bootstrap samples behind an interval."""
_FEWEST_CYCLES = 2
"""Frequency, in cycles per picture, from which a Hann window keeps what lies around zero out."""
_PIXELS_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class OctaveRatio:
    """Mean power of one octave in synthetic images over that in real ones, at equal n."""

    ratio: float
    low: float
    high: float
    """95 % interval by bootstrap over the images of both sides."""
    real: float
    """The same of other real images."""
    chance_low: float
    chance_high: float
    """Middle 95 % of what real images reach against real ones at this n."""


def octaves(side: int) -> int:
    """How many octaves a picture of `side` pixels can tell: 1 at 8 pixels, 4 from 64 on."""
    return max(1, min(MOST_OCTAVES, int(np.log2(max(side, 1) / _FEWEST_CYCLES)) - 1))


def octave_powers(x_NHH: NDArray[np.float32]) -> NDArray[np.float64]:
    """[N, K] variance that the frequencies of each octave carry in square images, in the images' unit squared.

    A Hann window, and the mean under it taken off, keep the jump between opposite borders out of the high octaves.
    """
    side = x_NHH.shape[1]
    window = np.outer(*[hann(side, sym=False)] * 2).astype(np.float32)
    mean_N = np.tensordot(x_NHH, window, 2) / window.sum()
    spectrum = scipy.fft.rfft2((x_NHH - mean_N[:, None, None]) * window)
    radius = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :])
    above_K = [0.25 / 2**k for k in range(octaves(side))]
    inside_K = [(radius >= edge) & (radius < (2 * edge if k else 1)) for k, edge in enumerate(above_K)]
    # Columns between the first and the last stand for their mirror images, too.
    twice = np.where((np.fft.rfftfreq(side) == 0) | (np.fft.rfftfreq(side) == 0.5), 1.0, 2.0)
    power = spectrum.real**2 + spectrum.imag**2
    member_KF = (np.stack(inside_K) * twice).reshape(len(inside_K), -1).astype(np.float32)
    summed_NK = (power.reshape(len(power), -1) @ member_KF.T).astype(np.float64)
    powers_NK: NDArray[np.float64] = summed_NK / (side**2 * np.square(window, dtype=np.float64).sum())
    return powers_NK


def octave_powers_of(
    data: DataSet, indices: NDArray[np.int64], tick: Callable[[int], None] = lambda _: None
) -> NDArray[np.float64]:
    """[N, K] of the chosen images of an archive, all rounded to 256 grey levels, so that depth makes no difference."""
    rows = [np.zeros((0, octaves(data.resolution)))]
    together = max(1, _PIXELS_AT_ONCE // data.resolution**2)
    for start in range(0, len(indices), together):
        batch = data.array(indices[start : start + together])
        rows.append(octave_powers(np.rint(batch * 255).astype(np.float32) / np.float32(255)))
        tick(len(batch))
    return np.concatenate(rows)


def octave_ratios(
    reference_NK: NDArray[np.float64],
    synthetic_NK: NDArray[np.float64],
    other_NK: NDArray[np.float64],
    seed: int = 0,
) -> tuple[OctaveRatio | None, ...]:
    """The ratio of each octave, from `octave_powers` of equally many images per side.

    None for an octave in which no real image has any power.
    """
    rng = np.random.default_rng(seed)
    n = len(reference_NK)

    def resampled(powers_NK: NDArray[np.float64]) -> NDArray[np.float64]:
        times = rng.multinomial(n, np.full(len(powers_NK), 1 / len(powers_NK)), size=REPEATS)
        means: NDArray[np.float64] = times @ powers_NK / n
        return means

    real = np.concatenate([reference_NK, other_NK])
    with np.errstate(divide="ignore", invalid="ignore"):
        value, baseline = (side.mean(axis=0) / reference_NK.mean(axis=0) for side in (synthetic_NK, other_NK))
        low, high = np.quantile(resampled(synthetic_NK) / resampled(reference_NK), (0.025, 0.975), axis=0)
        chance = np.quantile(resampled(real) / resampled(real), (0.025, 0.975), axis=0)
    found = np.stack([value, low, high, baseline, *chance], axis=1)
    return tuple(OctaveRatio(*map(float, row)) if np.isfinite(row).all() else None for row in found)

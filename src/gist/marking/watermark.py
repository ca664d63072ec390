"""An imperceptible watermark in the pixels: put in, and found again without the original."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import fft, ndimage

from gist.images.colour import LUMA
from gist.images.png import Pixels
from gist.marking.message import mended, with_checks
from gist.marking.pattern import GRIDS, Grid, bytes_at_peaks, grid_of

FALSE_ALARMS = 1e-6
"""An image is called marked where one without mark would look so less often than this."""
_TURNS, _ADDED, _CUT = 3.0, 0.06, 0.12
"""How far is searched: degrees to either side; what was added to the frame's side, or cut away, of what is left."""
_SHIFT = 0.08
"""The same for shifts, of the frame's side."""
_CERTAIN = 1e-12
"""Where this is reached no further pose is tried."""
_MAP = 128
"""Side of the map of correlations by shift."""
_FINER = 5
"""Turns and scales around the best one, each."""


def embed(image: Pixels, payload: bytes) -> Pixels:
    """A uint8 or uint16 [H, W] or [H, W, 3] image with the watermark of a payload of four bytes.

    The pattern is stronger where the image is rough, where it is seen least (Podilchuk & Zeng 1998), and as strong
    as the grid's peak signal-to-noise ratio allows; colours get it alike, so that hues stay. The same image and
    payload give the same bits.
    """
    if image.shape[2:] not in ((), (3,)) or image.ndim < 2 or image.dtype not in (np.uint8, np.uint16):
        raise TypeError(f"Cannot mark {image.dtype} {image.shape}; a picture of 8 or 16 bits is needed.")
    height, width = image.shape[:2]
    side = max(height, width)
    grid = grid_of(side)
    top, left = (side - height) // 2, (side - width) // 2
    pattern = _pattern(payload, side)[top : top + height, left : left + width]
    white = int(np.iinfo(image.dtype).max)
    shown = image.astype(np.float64) * (255 / white)
    grey = shown if image.ndim == 2 else shown @ np.array(LUMA)
    window = max(3, round(0.06 * side))
    rough = np.sqrt(_mean(np.square(grey - _mean(grey, window)), window).clip(0))
    shaped = pattern * (1 + np.minimum(rough, 6))
    most = 255 * 10 ** (-grid.psnr / 20)
    strength = most / max(1e-9, float(np.sqrt(np.mean(shaped**2))))
    shaped = shaped if image.ndim == 2 else shaped[..., np.newaxis]
    while True:
        marked: NDArray[np.float64] = np.round(np.clip(shown + strength * shaped, 0, 255) * (white / 255))
        error = float(np.sqrt(np.mean(np.square(marked * (255 / white) - shown))))
        if error <= most:
            return marked.astype(np.uint8) if white == 255 else marked.astype(np.uint16)
        strength *= min(0.995, most / error)


@dataclass(frozen=True)
class Detection:
    """What was found in the pixels of an image."""

    found: bool
    false_alarm: float
    """At most so often does an image without mark look as marked as this one."""
    payload: bytes | None
    """The four bytes it carries; None where they cannot be read."""


def detect(image: Pixels) -> Detection:
    """Looks for the watermark in a grey uint8 or uint16 [H, W] image, also turned, cropped or resized a little.

    The phases of the pattern are uniform draws of the key, so a correlation with an image that knows nothing of it is
    a sum of a·cos(φ), whose moments I0(ax) <= exp(a²x²/4) are below those of a normal of the same variance: it exceeds
    z standard deviations with probability at most exp(-z²/2) (Chernoff). Times the number of places that are searched
    (union bound) that is `false_alarm`; nothing is assumed of images.
    """
    grey = image.astype(np.float32) * np.float32(255 / np.iinfo(image.dtype).max)
    best, payload = 1.0, None
    for grid in sorted(GRIDS, key=lambda grid: grid is not grid_of(max(image.shape))):
        bound, read = _looked_for(grey, grid)
        if bound < best:
            best, payload = bound, read
        if best <= FALSE_ALARMS:
            break
    return Detection(best <= FALSE_ALARMS, best, payload if best <= FALSE_ALARMS else None)


@dataclass(frozen=True)
class _Pose:
    """How the received image lies on the grid."""

    turn: float
    """Degrees."""
    scale: float
    """Side of the original frame over the received larger side."""
    down: float = 0.0
    """Samples of the grid."""
    right: float = 0.0


def _looked_for(grey: NDArray[np.float32], grid: Grid) -> tuple[float, bytes | None]:
    """The bound on false alarms for a grid, and what the message says."""
    reduced = _reduced(grey, grid)
    turn_step, scale_step = 64 / grid.side, 0.03 * 64 / grid.side
    turns = turn_step * np.arange(-round(_TURNS / turn_step), round(_TURNS / turn_step) + 1)
    scales = 1 + scale_step * np.arange(-round(_ADDED / scale_step), round(_CUT / scale_step) + 1)
    poses = sorted(product(turns, scales), key=lambda pose: abs(pose[0]) / _TURNS + abs(pose[1] - 1) / _CUT)
    near = _near(_SHIFT * grid.side, grid)
    finer = _FINER - 1  # the finer steps of neighbours meet at their ends
    tried = len(GRIDS) * (finer * len(turns) + 1) * (finer * len(scales) + 1) * int(near.sum())
    best, best_pose = 0.0, _Pose(0, 1)
    for turn, scale in poses:
        z, down, right = _peak(_spectrum(reduced, grid, _Pose(turn, scale)), grid, near)
        if z > best:
            best, best_pose = z, _Pose(turn, scale, down, right)
        if tried * np.exp(-(best**2) / 2) < _CERTAIN:
            break
    steps = np.linspace(-0.5, 0.5, _FINER)
    around = product(best_pose.turn + steps * turn_step, best_pose.scale + steps * scale_step)
    for turn, scale in around:
        z, down, right = _peak(_spectrum(reduced, grid, _Pose(turn, scale)), grid, near)
        if z > best:
            best, best_pose = z, _Pose(turn, scale, down, right)
    bound = min(1.0, float(tried * np.exp(-(best**2) / 2)))
    spectrum = _spectrum(reduced, grid, best_pose)
    word = [bytes_at_peaks(fft.ifft2(spectrum * np.conj(one)).real) for one in grid.spectra[1:]]
    return bound, mended(word)


def _reduced(grey: NDArray[np.float32], grid: Grid) -> NDArray[np.float32]:
    """At most one and a half times as fine as the grid, so that what follows is quick and does not alias."""
    factor = 1.5 * grid.side / max(grey.shape)
    if factor >= 1:
        return grey
    height, width = (max(1, round(factor * each)) for each in grey.shape)
    return np.asarray(Image.fromarray(grey).resize((width, height), Image.Resampling.LANCZOS))


def _spectrum(reduced: NDArray[np.float32], grid: Grid, pose: _Pose) -> NDArray[np.complex128]:
    """[side, side] the image on the grid, evened out in space and in frequency; its shift is a factor of phases."""
    height, width = reduced.shape
    sample = max(height, width) * pose.scale / grid.side
    cosine, sine = sample * np.cos(np.deg2rad(pose.turn)), sample * np.sin(np.deg2rad(pose.turn))
    middle = grid.side / 2 - pose.right, grid.side / 2 - pose.down
    across = (cosine, -sine, width / 2 - cosine * middle[0] + sine * middle[1])
    along = (sine, cosine, height / 2 - sine * middle[0] - cosine * middle[1])
    laid = Image.fromarray(reduced).transform(
        (grid.side, grid.side), Image.Transform.AFFINE, (*across, *along), Image.Resampling.BICUBIC
    )
    values = np.asarray(laid, np.float64)
    rest = values - _mean(values, 5)
    rest /= np.sqrt(_mean(rest**2, 7).clip(0)) + 0.5
    spectrum = fft.fft2(rest)
    rings = grid.radius.astype(int)
    power = np.bincount(rings.ravel(), np.abs(spectrum.ravel()) ** 2) / np.bincount(rings.ravel())
    spectrum /= np.sqrt(power[rings]) + 1e-9
    return np.where(grid.band, spectrum / (np.abs(spectrum) ** 0.6 + 1e-9), 0)


def _peak(
    spectrum: NDArray[np.complex128], grid: Grid, near: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """The largest correlation with the pattern, in standard deviations, and the shift by which the image lies off."""
    deviation = np.sqrt(np.sum(np.abs(spectrum) ** 2))
    if deviation == 0:
        return 0.0, 0.0, 0.0
    product_of = spectrum * np.conj(grid.spectra[0])
    wide = np.zeros((_MAP, _MAP), complex)
    half = grid.side // 2
    rows = np.r_[0:half, -half:0]
    wide[np.ix_(rows, rows)] = product_of
    z = np.where(near, fft.ifft2(wide).real * (_MAP**2 / deviation), -np.inf)
    at = np.unravel_index(int(z.argmax()), z.shape)
    shifts = fft.fftfreq(_MAP, 1 / grid.side)
    return float(z[at]), float(shifts[at[0]]), float(shifts[at[1]])


@lru_cache(maxsize=8)
def _near(samples: float, grid: Grid) -> NDArray[np.bool_]:
    """[_MAP, _MAP] the shifts of at most so many samples of the grid."""
    shifts = fft.fftfreq(_MAP, 1 / grid.side)
    return np.asarray(np.hypot(shifts[:, None], shifts[None, :]) <= samples)


@lru_cache(maxsize=8)
def _pattern(payload: bytes, side: int) -> NDArray[np.float64]:
    return grid_of(side).composed(with_checks(payload), side)


def _mean(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """The mean of a square window around each pixel."""
    return np.asarray(ndimage.uniform_filter(values, window, mode="reflect"))

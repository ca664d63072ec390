"""From thickness to radiograph: attenuation, scatter, noise, blur, shutters, marker, detector response."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from gist.phantoms.anatomy import ThicknessMaps
from gist.phantoms.blur import wide_blur
from gist.phantoms.grid import Map, PixelGrid
from gist.phantoms.patient import Knee

IMAGING_STREAM, NOISE_STREAM = 4, 5

# Linear attenuation per mm of cortical bone (ICRU-44, 1.92 g/cm3) and soft tissue (1.06 g/cm3) from the NIST
# tables of mass attenuation (Hubbell and Seltzer) at two energies that stand for a filtered 60-70 kV beam.
BEAM = ((0.5, 0.1278, 0.0285), (0.5, 0.0604, 0.0217))
QUANTA_PER_MM2 = 4e5
SCATTER_REACH_MM, DETAIL_MM = 14.0, 1.3
LETTERS = {
    "L": (((0.0, 0.0), (0.0, 1.0)), ((0.0, 1.0), (0.6, 1.0))),
    "R": (
        ((0.0, 0.0), (0.0, 1.0)), ((0.0, 0.0), (0.42, 0.02)), ((0.42, 0.02), (0.58, 0.14)),
        ((0.58, 0.14), (0.58, 0.36)), ((0.58, 0.36), (0.42, 0.5)), ((0.42, 0.5), (0.0, 0.5)),
        ((0.3, 0.5), (0.62, 1.0)),
    ),
}  # fmt: skip
"""Strokes of the lead letters, in units of their height, right and down from the upper left corner."""


@dataclass(frozen=True)
class Exposure:
    """How a knee was exposed and processed.

    `quanta` is relative to the average exposure; `heel` is the relative fall of intensity from top to middle;
    `level` is the brightness given to the middle of the joint and `contrast` the brightness per unit of
    attenuation in a logarithmic detector; `edge_boost` is the unsharp masking of the console; `shutter_mm`
    are the collimated margins left, top, right, bottom (0: none); `marker_mm` is the lead letter's place from
    the lateral edge and from the top.
    """

    quanta: float
    scatter_fraction: float
    blur_mm: float
    heel: float
    logarithmic: bool
    level: float
    contrast: float
    edge_boost: float
    shutter_mm: tuple[float, float, float, float]
    marker: bool
    marker_mm: tuple[float, float]

    @property
    def collimated(self) -> bool:
        """Whether any shutter is in the field."""
        return any(margin > 0 for margin in self.shutter_mm)


def draw_exposure(seed: int) -> Exposure:
    """Draw the exposure of a seed."""
    rng = np.random.default_rng([IMAGING_STREAM, seed])
    shutters = rng.uniform(2.0, 9.0, 4) * (rng.random(4) < 0.55) * (rng.random() < 0.25)
    left, top, right, bottom = shutters.tolist()
    quanta = float(np.exp(np.clip(rng.normal(0.0, 0.4), -0.9, 0.9)))
    logarithmic = bool(rng.random() < 0.78)
    middle = 0.62 if logarithmic else 0.84
    return Exposure(
        quanta=quanta,
        scatter_fraction=float(rng.uniform(0.15, 0.40)),
        blur_mm=float(rng.uniform(0.22, 0.42)),
        heel=float(rng.uniform(-0.15, 0.15)),
        logarithmic=logarithmic,
        level=float(np.clip(rng.normal(middle, 0.05) - 0.1 * np.log(quanta), 0.42, 0.92)),
        contrast=float(rng.uniform(0.28, 0.48)),
        edge_boost=float(np.clip(rng.normal(0.25, 0.35), 0.0, 0.9)),
        shutter_mm=(left, top, right, bottom),
        marker=bool(rng.random() < 0.35),
        marker_mm=(float(rng.uniform(4.0, 9.0)), float(rng.uniform(5.0, 40.0))),
    )


def expose(knee: Knee, exposure: Exposure, maps: ThicknessMaps, grid: PixelGrid) -> Map:
    """The radiograph, bone bright, before it is cut to 0..1: 0 is the window's dark end, 1 its bright end."""
    transmitted = _transmission(maps)
    if exposure.marker:
        transmitted *= 1 - 0.97 * _lead_letter(knee, exposure, grid)
    reach = SCATTER_REACH_MM / grid.pixel_mm
    scattered = wide_blur(transmitted, reach, reach)
    fraction = np.float32(exposure.scatter_fraction)
    signal = transmitted + fraction / (1 - fraction) * scattered
    signal = gaussian_filter(signal, exposure.blur_mm / grid.pixel_mm, truncate=3.0)
    signal *= np.linspace(1 + exposure.heel, 1 - exposure.heel, grid.height, dtype=np.float32)[:, None]
    quanta = QUANTA_PER_MM2 * exposure.quanta * grid.pixel_mm**2
    rng = np.random.default_rng([NOISE_STREAM, knee.seed])
    # Hundreds of quanta reach every pixel, where the normal distribution is as good as Poisson's and faster.
    signal += np.sqrt(signal / np.float32(quanta)) * rng.standard_normal(signal.shape, dtype=np.float32)
    signal = np.maximum(signal, np.float32(1 / quanta))
    return _present(signal, exposure, grid)


def _transmission(maps: ThicknessMaps) -> Map:
    total = np.zeros_like(maps.bone_mm)
    for weight, bone_per_mm, soft_per_mm in BEAM:
        path = np.float32(-bone_per_mm) * maps.bone_mm - np.float32(soft_per_mm) * maps.soft_mm
        total += np.float32(weight) * np.exp(path)
    return total


def _lead_letter(knee: Knee, exposure: Exposure, grid: PixelGrid) -> Map:
    """Share of each pixel that the lead letter covers; the letter reads correctly whichever the side."""
    letter_mm, half_stroke_mm = 7.0, 0.65
    across_mm, down_mm = exposure.marker_mm
    left, top, right, _ = exposure.shutter_mm
    width_mm = grid.width * grid.pixel_mm
    corner_mm = left + across_mm if knee.side == "R" else width_mm - right - across_mm - 0.62 * letter_mm
    x = (np.arange(grid.width, dtype=np.float32) + 0.5) * np.float32(grid.pixel_mm) - np.float32(corner_mm)
    y = (np.arange(grid.height, dtype=np.float32) + 0.5) * np.float32(grid.pixel_mm) - np.float32(
        top + down_mm
    )
    columns, rows = (slice(*np.searchsorted(at, (-2.0, letter_mm + 2.0)).tolist()) for at in (x, y))
    whole = np.zeros((grid.height, grid.width), np.float32)
    covered, x, y = whole[rows, columns], x[None, columns], y[rows, None]
    for start, end in LETTERS[knee.side]:
        (x0, y0), (x1, y1) = np.array(start) * letter_mm, np.array(end) * letter_mm
        dx, dy = x1 - x0, y1 - y0
        along = np.clip(((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy), 0, 1)
        distance = np.hypot(x - x0 - along * dx, y - y0 - along * dy)
        np.maximum(covered, np.clip((half_stroke_mm - distance) / grid.pixel_mm + 0.5, 0, 1), out=covered)
    return whole


def _present(signal: Map, exposure: Exposure, grid: PixelGrid) -> Map:
    """Detector response and the console's windowing, bone bright, shutters black."""
    attenuation = -np.log(signal)
    if exposure.edge_boost > 0:
        reach = DETAIL_MM / grid.pixel_mm
        detail = attenuation - wide_blur(attenuation, reach, reach)
        attenuation += np.float32(exposure.edge_boost) * detail
    rows, columns = grid.height // 4, grid.width // 4
    reference = np.float32(attenuation[rows : grid.height - rows, columns : grid.width - columns].mean())
    if exposure.logarithmic:
        shown = np.float32(exposure.level) + np.float32(exposure.contrast) * (attenuation - reference)
    else:
        shown = 1 - np.float32(1 - exposure.level) * np.exp(reference - attenuation)
    left, top, right, bottom = (round(margin / grid.pixel_mm) for margin in exposure.shutter_mm)
    shown[:top] = 0
    shown[grid.height - bottom :] = 0
    shown[:, :left] = 0
    shown[:, grid.width - right :] = 0
    return shown

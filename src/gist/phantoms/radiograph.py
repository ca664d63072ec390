"""A phantom radiograph and everything known about it, as a function of its seed."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gist.errors import InputError
from gist.phantoms.anatomy import project_knee
from gist.phantoms.grid import Map, PixelGrid
from gist.phantoms.imaging import Exposure, draw_exposure, expose
from gist.phantoms.patient import CLASS_NAMES, Knee, draw_knee

SMALLEST_PIXELS = 16
FINE_PIXELS = 192


@dataclass(frozen=True)
class PhantomTruth:
    """What is known about a phantom; lengths in mm of the knee, `exposure` relative to the average one."""

    seed: int
    patient: int
    side: str
    grade: int
    class_name: str
    jsw_medial_mm: float
    jsw_lateral_mm: float
    osteophyte_mm: float
    sclerosis: float
    exposure: float
    logarithmic: bool
    marker: bool
    collimated: bool
    pixel_mm: float


def draw_phantom(
    seed: int, *, grade: int | None = None, size: int | tuple[int, int] = 256
) -> tuple[Map, PhantomTruth]:
    """Draw the radiograph of a seed as float32 in 0..1, bone bright, and its truth.

    `size` is one edge or (height, width) in pixels; it changes the sampling, not the knee. `grade` 0, 1 or 2
    overrides the drawn disease. Errors: InputError for an impossible seed, grade or size.
    """
    image, truth = draw_unclipped(seed, grade=grade, size=size)
    return np.clip(image, 0, 1), truth


def draw_unclipped(
    seed: int, *, grade: int | None = None, size: int | tuple[int, int] = 256
) -> tuple[Map, PhantomTruth]:
    """As `draw_phantom`, with what lies beyond the window's ends still there, as a detector stores it."""
    height, width = (size, size) if isinstance(size, int) else size
    if min(height, width) < SMALLEST_PIXELS:
        raise InputError(
            f"A phantom of {height}x{width} pixels is too small; {SMALLEST_PIXELS} is the least."
        )
    knee = draw_knee(seed, grade)
    exposure = draw_exposure(seed)
    oversampling = -(-FINE_PIXELS // min(height, width))
    fine = PixelGrid.of(knee, height * oversampling, width * oversampling)
    image = expose(knee, exposure, project_knee(knee, fine), fine)
    image = image.reshape(height, oversampling, width, oversampling).mean((1, 3))
    return image, _truth(knee, exposure, fine.pixel_mm * oversampling)


def phantom_batch(seeds: Iterable[int], resolution: int) -> NDArray[np.uint8]:
    """Phantoms of the given seeds as uint8 [N, resolution, resolution], bone bright."""
    images = [np.rint(draw_phantom(seed, size=resolution)[0] * 255).astype(np.uint8) for seed in seeds]
    return np.stack(images) if images else np.zeros((0, resolution, resolution), np.uint8)


def _truth(knee: Knee, exposure: Exposure, pixel_mm: float) -> PhantomTruth:
    return PhantomTruth(
        seed=knee.seed,
        patient=knee.patient,
        side=knee.side,
        grade=knee.grade,
        class_name=CLASS_NAMES[knee.grade],
        jsw_medial_mm=knee.jsw_medial_mm,
        jsw_lateral_mm=knee.jsw_lateral_mm,
        osteophyte_mm=knee.osteophyte_mm,
        sclerosis=knee.sclerosis,
        exposure=exposure.quanta,
        logarithmic=exposure.logarithmic,
        marker=exposure.marker,
        collimated=exposure.collimated,
        pixel_mm=pixel_mm,
    )

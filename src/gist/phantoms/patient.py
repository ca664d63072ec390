"""Who is radiographed: the latent numbers of an invented patient's knee, each a function of the seed only.

A patient has two seeds, `2 * patient` (left knee) and `2 * patient + 1` (right knee). Body shape is drawn
once per patient, disease per knee, so that a split by patient is as necessary here as with people.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gist.errors import InputError

CLASS_NAMES: tuple[str, ...] = ("healthy", "moderate", "severe")
PATIENT_STREAM, KNEE_STREAM = 1, 2

JSW_MEDIAL_MM = ((5.2, 0.50), (3.2, 0.40), (1.4, 0.35))
JSW_LATERAL_MM = ((5.8, 0.50), (5.3, 0.50), (4.8, 0.60))
OSTEOPHYTE_MM = ((0.2, 0.12), (2.2, 0.50), (4.6, 0.70))
SCLEROSIS = ((0.10, 0.05), (0.45, 0.10), (0.95, 0.15))
SAME_GRADE_BOTH_SIDES = 0.6


@dataclass(frozen=True)
class Habitus:
    """Body shape shared by both knees of a patient; lengths in mm, `size` multiplies the bones."""

    size: float
    girth: float
    fat_mm: float
    bone_density: float
    cortex_mm: float
    shaft_width: float
    condyle_skew: float
    notch_depth_mm: float
    notch_width: float
    spine_height_mm: float
    plateau_dip_mm: float
    patella_x_mm: float
    patella_y_mm: float
    patella_radius_mm: float
    fibula_top_mm: float
    fibula_x_mm: float
    physeal_scar: float
    contour_wave: NDArray[np.float64]


@dataclass(frozen=True)
class Knee:
    """One knee: its patient's shape, its disease and how it lay on the table.

    `rotation_rad` turns the image plane, `axial_rotation` (-1..1) turns the leg about its long axis,
    `shift_mm` is where the middle of the joint lies from the image centre (right, down), `field_mm` is the
    length of the image's shorter edge.
    """

    seed: int
    grade: int
    habitus: Habitus
    jsw_medial_mm: float
    jsw_lateral_mm: float
    osteophyte_mm: float
    sclerosis: float
    rotation_rad: float
    axial_rotation: float
    shift_mm: tuple[float, float]
    field_mm: float

    @property
    def patient(self) -> int:
        """Number of the invented patient."""
        return self.seed // 2

    @property
    def side(self) -> str:
        """`L` or `R`."""
        return "LR"[self.seed % 2]


def draw_knee(seed: int, grade: int | None = None) -> Knee:
    """Draw the knee of a seed; `grade` overrides the drawn disease and nothing else.

    Errors: InputError for a negative seed or a grade outside 0..2.
    """
    if seed < 0:
        raise InputError(f"A phantom's seed must be 0 or more, not {seed}.")
    if grade is not None and not 0 <= grade < len(CLASS_NAMES):
        raise InputError(f"A phantom's grade must be 0, 1 or 2, not {grade}.")
    patient_rng = np.random.default_rng([PATIENT_STREAM, seed // 2])
    habitus = _draw_habitus(patient_rng)
    worst_grade = int(patient_rng.integers(len(CLASS_NAMES)))
    rng = np.random.default_rng([KNEE_STREAM, seed])
    own_grade = int(rng.integers(len(CLASS_NAMES)))
    drawn_grade = worst_grade if rng.random() < SAME_GRADE_BOTH_SIDES else own_grade
    known_grade = drawn_grade if grade is None else grade
    jsw_medial, jsw_lateral, osteophyte, sclerosis, rotation, axial, right, down = _bounded_normal(rng, 8)
    return Knee(
        seed=seed,
        grade=known_grade,
        habitus=habitus,
        jsw_medial_mm=_scaled(JSW_MEDIAL_MM[known_grade], jsw_medial),
        jsw_lateral_mm=_scaled(JSW_LATERAL_MM[known_grade], jsw_lateral),
        osteophyte_mm=max(0.0, _scaled(OSTEOPHYTE_MM[known_grade], osteophyte)),
        sclerosis=max(0.0, _scaled(SCLEROSIS[known_grade], sclerosis)),
        rotation_rad=float(np.deg2rad(2.2 * rotation)),
        axial_rotation=float(0.5 * axial),
        shift_mm=(float(2.5 * right), float(4.0 + 2.5 * down)),
        field_mm=float(rng.uniform(90.0, 108.0)),
    )


def _draw_habitus(rng: np.random.Generator) -> Habitus:
    n = iter(_bounded_normal(rng, 17).tolist())
    return Habitus(
        size=1.0 + 0.05 * next(n),
        girth=1.0 + 0.07 * next(n),
        fat_mm=9.0 + 3.0 * next(n),
        bone_density=1.0 + 0.13 * next(n),
        cortex_mm=1.0 + 0.12 * next(n),
        shaft_width=1.0 + 0.06 * next(n),
        condyle_skew=0.7 * next(n),
        notch_depth_mm=11.5 + 1.2 * next(n),
        notch_width=1.0 + 0.10 * next(n),
        spine_height_mm=7.3 + 1.0 * next(n),
        plateau_dip_mm=1.2 + 0.4 * next(n),
        patella_x_mm=2.0 + 2.0 * next(n),
        patella_y_mm=-37.0 + 4.0 * next(n),
        patella_radius_mm=22.5 + 1.4 * next(n),
        fibula_top_mm=14.0 + 1.8 * next(n),
        fibula_x_mm=37.5 + 1.8 * next(n),
        physeal_scar=max(0.0, 0.5 + 0.4 * next(n)),
        contour_wave=rng.standard_normal((6, 4)),
    )


def _bounded_normal(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Standard normal numbers kept within two standard deviations: no phantom is a monster."""
    return np.clip(rng.standard_normal(count), -2.0, 2.0)


def _scaled(mean_and_deviation: tuple[float, float], standard: float) -> float:
    mean, deviation = mean_and_deviation
    return float(mean + deviation * standard)

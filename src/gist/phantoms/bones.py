"""The bones of the knee: outlines, shells, spongy interiors, and what osteoarthritis does to them.

Every bone gives millimetres of solid bone along each ray, [height, width]. Coordinates are anatomical, in
units of the patient's size, so the knots are those of an average adult in mm.
"""

import numpy as np
from numpy.typing import NDArray

from gist.phantoms.grid import Map
from gist.phantoms.outline import Body, Edge, rounded_corner, table_index
from gist.phantoms.patient import Knee

COMPARTMENT_MM = 22.0
"""Where joint-space width is defined: so far medially and laterally of the middle, times the bones' size."""
JOINT_WAVE_MM, SHAFT_WAVE_MM = 0.15, 0.5


def plateau(knee: Knee) -> Edge:
    """The tibial joint surface with its two spines, which disease sharpens."""
    dip = knee.habitus.plateau_dip_mm
    spine = knee.habitus.spine_height_mm + 0.3 * knee.osteophyte_mm
    knots = [
        (-42.0, 0.2), (-36.0, 0.3), (-29.0, dip), (-22.0, dip + 0.3), (-15.5, dip - 1.0),
        (-10.0, -0.42 * spine), (-5.0, -spine), (-0.5, -0.62 * spine), (5.0, -0.9 * spine),
        (10.0, -0.4 * spine), (15.5, -0.8), (22.0, 0.2), (30.0, 0.5), (36.0, 1.6), (42.0, 2.2),
    ]  # fmt: skip
    return Edge(knots, wave=knee.habitus.contour_wave[0], wave_mm=JOINT_WAVE_MM)


def femur(knee: Knee, x: Map, y: Map, spongy: Map, joint_line: Edge) -> Map:
    """Shaft, condyles and the notch between them, held off the joint line by the joint-space widths."""
    shape = knee.habitus
    condyles = _condyles(knee)
    # The femur is shifted and tilted as one body until both compartments have their joint-space width.
    medial_mm, lateral_mm = (
        condyles.at(at) - joint_line.at(at) + gap / shape.size
        for at, gap in ((-COMPARTMENT_MM, knee.jsw_medial_mm), (COMPARTMENT_MM, knee.jsw_lateral_mm))
    )
    tilt = np.float32((lateral_mm - medial_mm) / (2 * COMPARTMENT_MM))
    y, x = y + np.float32((medial_mm + lateral_mm) / 2) + tilt * x, x - tilt * y

    lateral, medial = _femoral_sides(knee)
    across, along = table_index(x), table_index(y)
    to_joint = condyles.depth_below(across, y)
    depth = rounded_corner(lateral.depth_below(along, x), medial.depth_below(along, -x), 4.0)
    depth = rounded_corner(depth, to_joint, max(3.5, 9.0 - 1.2 * knee.osteophyte_mm))
    beside = np.maximum(np.abs(x - 0.5) - np.float32(9.0 * shape.notch_width - 6.0), 0)
    behind = np.minimum(depth, np.hypot(beside, 0.7 * np.maximum(-19 - y, 0)) - 6)

    half_depth = _by_level(y, [-110, -80, -50, -25, 5], [15, 17, 25, 30, 26])
    bone = Body(14.0, 0.95 * shape.cortex_mm, 1.65, 14.0).bone(depth, 0.72 * half_depth, spongy)
    bone += Body(14.0, 1.2 * shape.cortex_mm, 1.65, 14.0).bone(behind, 0.28 * half_depth, spongy)
    # The diaphysis is a thick-walled tube, the metaphysis a thin one.
    wall = _by_level(y, [-100, -70, -48, -30], [1, 0.8, 0.4, 0])
    bone += Body(17.0, 4.0 * shape.cortex_mm, 2.0, 15.0).bone(depth, 15.0 * wall, np.float32(0))
    laid_on = np.float32(4.0 * shape.cortex_mm) * np.exp(-np.abs(to_joint - 0.5) / 0.7)
    laid_on += 0.6 * _sclerosis(knee, x) * np.exp(-np.maximum(to_joint, 0) / 3.0)
    laid_on += _physeal_scar(knee, 27 - 0.004 * x * x + 1.5 * np.cos(x / 6) + y, depth)
    return np.asarray(bone + (depth > 0) * laid_on, np.float32)


def tibia(knee: Knee, x: Map, y: Map, spongy: Map, joint_line: Edge) -> Map:
    """Plateau with bright endplates, and the shaft it tapers into."""
    shape = knee.habitus
    lateral, medial = _tibial_sides(knee)
    across, along = table_index(x), table_index(y)
    to_joint = -joint_line.depth_below(across, y)
    depth = rounded_corner(lateral.depth_below(along, x), medial.depth_below(along, -x), 4.0)
    depth = rounded_corner(depth, to_joint, 2.5)

    half_depth = _by_level(y, [-8, 3, 12, 40, 90], [14, 24, 25, 19, 14])
    loaded = np.asarray(spongy * (1 + 0.35 * np.exp(-np.maximum(to_joint, 0) / 9)), np.float32)
    bone = Body(14.0, 0.95 * shape.cortex_mm, 1.6, 14.0).bone(depth, half_depth, loaded)
    wall = _by_level(y, [12, 35, 60, 100], [0, 0.4, 0.8, 1])
    bone += Body(15.0, 4.0 * shape.cortex_mm, 2.0, 14.0).bone(depth, 14.0 * wall, np.float32(0))
    endplate = 0.4 + 0.8 * np.exp(-(((np.abs(x) - 17) / 9) ** 2))
    laid_on = endplate * np.float32(10.0 * shape.cortex_mm) * np.exp(-np.abs(to_joint - 0.7) / 0.8)
    laid_on += _sclerosis(knee, x) * np.exp(-np.maximum(to_joint, 0) / 4.0)
    # The posterior rim lies lower than the anterior one when the beam is not along the plateau.
    rim = np.exp(-(((to_joint - 3.2 - 0.02 * x) / 0.7) ** 2) - np.square(((np.abs(x) - 20) / 9) ** 2))
    laid_on += np.float32(2.5) * rim
    laid_on += _physeal_scar(knee, -17 - 0.003 * x * x + 1.2 * np.sin(x / 7) + y, depth)
    return np.asarray(bone + (depth > 0) * laid_on, np.float32)


def fibula(knee: Knee, x: Map, y: Map, spongy: Map) -> Map:
    """Head and neck, lateral, partly behind the tibia."""
    shape = knee.habitus
    below_top = y - np.float32(shape.fibula_top_mm)
    axis = np.float32(shape.fibula_x_mm + 3.0 * knee.axial_rotation) - 0.06 * below_top
    half_width = _by_level(below_top, [0, 6, 13, 24, 60], [8.5, 9.5, 8.0, 5.2, 5.0])
    depth = rounded_corner(half_width - np.abs(x - axis), below_top + 0.35 * (axis - x), 6.0)
    return Body(8.0, 0.6 * shape.cortex_mm, 1.6, 8.0).bone(depth, 8.0, spongy)


def patella(knee: Knee, x: Map, y: Map, spongy: Map) -> Map:
    """A rounded plate before the femur, pointed downwards; it wanders when the leg is turned."""
    shape = knee.habitus
    across = (x - np.float32(shape.patella_x_mm + 6.0 * knee.axial_rotation)) / shape.patella_radius_mm
    down = (y - np.float32(shape.patella_y_mm)) / shape.patella_radius_mm
    radius = np.hypot(across * (1 + 0.18 * np.maximum(down, 0)), down)
    corners = 1 - 0.10 * (across * down / np.maximum(radius, 0.1) ** 2) ** 2
    depth = (1 - radius * corners) * np.float32(shape.patella_radius_mm)
    return Body(18.0, 0.7 * shape.cortex_mm, 1.5, 10.0).bone(depth, 11.0, 1.2 * spongy)


def _condyles(knee: Knee) -> Edge:
    notch, wide, skew = (
        knee.habitus.notch_depth_mm,
        knee.habitus.notch_width,
        knee.habitus.condyle_skew,
    )
    knots = [
        (-44.0, -4.0), (-37.0, -1.8), (-30.0, -0.4), (-23.0, skew / 2), (-16.0, -0.14 * notch),
        (-10.0 * wide, -0.5 * notch), (-4.5 * wide, -0.9 * notch), (0.5, -notch),
        (5.5 * wide, -0.86 * notch), (11.0 * wide, -0.45 * notch), (17.0, -0.12 * notch),
        (24.0, -skew / 2), (31.0, -0.4), (38.0, -2.2), (44.0, -5.0),
    ]  # fmt: skip
    return Edge(knots, wave=knee.habitus.contour_wave[1], wave_mm=JOINT_WAVE_MM)


def _femoral_sides(knee: Knee) -> tuple[Edge, Edge]:
    shaft, lip, wave = knee.habitus.shaft_width, knee.osteophyte_mm, knee.habitus.contour_wave
    spread = 2.6 + 0.3 * lip
    lateral = [
        (-110.0, 16 * shaft), (-80.0, 17.5 * shaft), (-62.0, 22 * shaft), (-50.0, 28.5), (-40.0, 35.5),
        (-31.0, 39.0), (-23.0, 38.8), (-15.0, 36.2), (-8.5, 36.8), (0.0, 37.0), (8.0, 37.0),
    ]  # fmt: skip
    medial = [
        (-110.0, 15 * shaft), (-80.0, 17 * shaft), (-63.0, 23 * shaft), (-52.0, 30.5), (-42.5, 38.2),
        (-34.0, 40.2), (-25.0, 39.4), (-15.0, 38.0), (-8.0, 37.8), (8.0, 37.5),
    ]  # fmt: skip
    return (
        Edge(lateral, wave=wave[2], wave_mm=SHAFT_WAVE_MM, bump=(-5.5, spread, 0.8 * lip)),
        Edge(medial, wave=wave[3], wave_mm=SHAFT_WAVE_MM, bump=(-5.0, spread, lip)),
    )


def _tibial_sides(knee: Knee) -> tuple[Edge, Edge]:
    shaft, lip, wave = knee.habitus.shaft_width, knee.osteophyte_mm, knee.habitus.contour_wave
    spread = 2.2 + 0.3 * lip
    lateral = [
        (-12.0, 36.5), (-2.0, 37.2), (4.0, 38.0), (11.0, 37.8), (19.0, 35.4), (30.0, 29.5),
        (43.0, 21.5 * shaft), (60.0, 15.5 * shaft), (100.0, 13.0 * shaft),
    ]  # fmt: skip
    medial = [
        (-12.0, 37.0), (-2.0, 37.8), (5.0, 37.8), (13.0, 36.8), (24.0, 33.0), (38.0, 26.0),
        (55.0, 19.0 * shaft), (100.0, 15.0 * shaft),
    ]  # fmt: skip
    return (
        Edge(lateral, wave=wave[4], wave_mm=SHAFT_WAVE_MM, bump=(2.5, spread, 0.75 * lip)),
        Edge(medial, wave=wave[5], wave_mm=SHAFT_WAVE_MM, bump=(2.5, spread, lip)),
    )


def _sclerosis(knee: Knee, x: Map) -> Map:
    """Solid bone that disease lays down under the joint surface, mm, mostly medially."""
    medial = np.exp(-(((x + COMPARTMENT_MM) / 13) ** 2))
    lateral = np.exp(-(((x - COMPARTMENT_MM) / 11) ** 2))
    return np.asarray(7.0 * knee.sclerosis * (medial + 0.25 * lateral), np.float32)


def _physeal_scar(knee: Knee, off_line_mm: NDArray[np.floating], depth: Map) -> Map:
    """The line that the closed growth plate leaves, inside the shell only."""
    line = np.exp(-((off_line_mm / 0.8) ** 2))
    return np.asarray(1.5 * knee.habitus.physeal_scar * (depth > 2) * line, np.float32)


def _by_level(y: Map, level_mm: list[float], value: list[float]) -> Map:
    """A quantity that changes slowly down the leg, [height, 1], taken at the middle column."""
    return np.interp(y[:, y.shape[1] // 2], level_mm, value).astype(np.float32)[:, None]

"""Line charts as inline SVG: ticks with units, a legend, the last value written at each line's end.

Colours are dark enough for text on white (contrast above 4.5) and lines differ in dash as well, so that a
chart reads in grey print and with any colour vision.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from gist import numerals

COLOURS = ("#005a9c", "#b34700", "#00664f")
DASHES = ("none", "6 3", "2 3")
WIDTH, HEIGHT = 460, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 60, 50, 42
CHARACTER = 9
"""Width of a digit in the fonts that browsers may take, at most."""
MOST_POINTS = 300
IMAGES_SHOWN = "images shown, in thousands (kimg)"
"""The axis of everything that is told along a training."""


@dataclass(frozen=True)
class Series:
    """One line of a chart."""

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    interval: NDArray[np.float64] | None = None
    """[N, 2] low and high of each point, drawn as bars; of lines of at most 300 points."""


@dataclass(frozen=True)
class Reference:
    """A horizontal line to compare with."""

    name: str
    y: float


def line_chart(
    title: str,
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    reference: Reference | None = None,
    y_from_zero: bool = False,
) -> Markup:
    """A chart of at most three lines with at least one point in all.

    Lines of more than 300 points are drawn as means of neighbouring points.
    """
    lines = [_thinned(line) for line in series if len(line.x)]
    bars = [line.interval.ravel() for line in lines if line.interval is not None]
    levels = np.concatenate(
        [line.y for line in lines] + bars + ([np.array([reference.y])] if reference else [])
    )
    span_y = _span(levels, from_zero=y_from_zero)
    span_x = _span(np.concatenate([line.x for line in lines]), from_zero=True)
    parts = [*_axes(span_x, span_y, x_label, y_label)]
    if reference is not None:
        y = _place_y(reference.y, span_y)
        parts.append(
            Markup(
                '<path d="M{} {:.1f}H{}" stroke="#595959" stroke-width="1" stroke-dasharray="1 3"/>'
            ).format(LEFT, y, WIDTH - RIGHT)
        )
        parts.append(text(LEFT + 4, y - 4, reference.name, anchor="start", kind="muted"))
    for line, colour, dash in zip(lines, COLOURS, DASHES, strict=False):
        parts.append(_path(line, span_x, span_y, colour, dash))
        parts.extend(_bars(line, span_x, span_y, colour))
    parts.extend(_end_values(lines, span_y))
    if len(lines) > 1:
        parts.extend(_legend(lines))
    ends = "; ".join(f"{line.name} ends at {numerals.significant(float(line.y[-1]))}" for line in lines)
    described = f"{title}. Horizontal axis: {x_label}. {ends}."
    longest_tick = max(map(len, tick_labels(span_y)))
    longest_end = max(len(numerals.significant(float(line.y[-1]))) for line in lines)
    beyond = (max(0, CHARACTER * longest_tick - LEFT + 7), max(0, CHARACTER * longest_end - RIGHT + 8))
    return chart(title, described, WIDTH, HEIGHT, parts, beyond)


def chart(
    title: str,
    described: str,
    width: int,
    height: int,
    parts: Sequence[Markup],
    beyond: tuple[int, int] = (0, 0),
) -> Markup:
    """The parts of a drawing as a picture of this size in its own units; `described` is what it shows, in words.

    `beyond` is how far labels reach out to the left and to the right; the picture grows by that.
    """
    left, right = beyond
    return Markup(
        '<svg class="chart" viewBox="{} 0 {} {}" role="img" aria-label="{}" xmlns="http://www.w3.org/2000/svg">'
        '<text x="{}" y="15" class="chart-title">{}</text>{}</svg>'
    ).format(-left, width + left + right, height, described, -left, title, Markup("").join(parts))


def nice_ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round numbers, about so many, that cover low to high in steps of 1, 2 or 5 times a power of ten."""
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, last + 1)]


def tick_labels(ticks: list[float]) -> list[str]:
    """Evenly spaced ticks with as many decimals as tell them apart."""
    decimals = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))
    return [numerals.fixed(tick, decimals) for tick in ticks]


def text(
    x: float, y: float, line: str, *, anchor: str, colour: str = "#1c1c1c", kind: str = "tick"
) -> Markup:
    """A line of text; `anchor` tells which end of it stands at x, y, `kind` how it looks: tick, muted or end."""
    fill = "#595959" if kind == "muted" else colour
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" fill="{}" class="chart-{}">{}</text>').format(
        x, y, anchor, fill, kind, line
    )


def _span(values: NDArray[np.float64], *, from_zero: bool) -> list[float]:
    low, high = float(values.min()), float(values.max())
    if from_zero:
        low, high = min(0.0, low), max(0.0, high)
    if high - low < 1e-9 * max(1.0, abs(high)):
        high, low = high + max(abs(high) / 2, 0.5), low - (0.0 if from_zero else max(abs(low) / 2, 0.5))
    return nice_ticks(low, high)


def _thinned(line: Series) -> Series:
    finite = np.isfinite(line.x) & np.isfinite(line.y)
    x, y = line.x[finite], line.y[finite]
    if len(x) <= MOST_POINTS:
        return Series(line.name, x, y, None if line.interval is None else line.interval[finite])
    bins = np.array_split(np.arange(len(x)), MOST_POINTS)
    return Series(line.name, np.array([x[b].mean() for b in bins]), np.array([y[b].mean() for b in bins]))


def _place_x(value: float, ticks: list[float]) -> float:
    return LEFT + (value - ticks[0]) / (ticks[-1] - ticks[0]) * (WIDTH - LEFT - RIGHT)


def _place_y(value: float, ticks: list[float]) -> float:
    return HEIGHT - BOTTOM - (value - ticks[0]) / (ticks[-1] - ticks[0]) * (HEIGHT - TOP - BOTTOM)


def _axes(ticks_x: list[float], ticks_y: list[float], x_label: str, y_label: str) -> list[Markup]:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = [text(0, 34, y_label, anchor="start", kind="muted")]
    for tick, label in zip(ticks_y, tick_labels(ticks_y), strict=True):
        y = _place_y(tick, ticks_y)
        stroke = "#595959" if tick == ticks_y[0] else "#e3e3e3"
        parts.append(Markup('<path d="M{} {:.1f}H{}" stroke="{}"/>').format(LEFT, y, right, stroke))
        parts.append(text(LEFT - 7, y + 4, label, anchor="end"))
    for tick, label in zip(ticks_x, tick_labels(ticks_x), strict=True):
        x = _place_x(tick, ticks_x)
        parts.append(Markup('<path d="M{:.1f} {}v5" stroke="#595959"/>').format(x, bottom))
        parts.append(text(x, bottom + 19, label, anchor="middle"))
    parts.append(text((LEFT + right) / 2, HEIGHT - 5, x_label, anchor="middle", kind="muted"))
    return parts


def _path(line: Series, ticks_x: list[float], ticks_y: list[float], colour: str, dash: str) -> Markup:
    points = [
        f"{_place_x(float(x), ticks_x):.1f} {_place_y(float(y), ticks_y):.1f}"
        for x, y in zip(line.x, line.y, strict=True)
    ]
    drawn = "M" + "L".join(points) if len(points) > 1 else f"M{points[0]}h.01"
    width = 1.8 if len(points) > 1 else 6  # a single tick is a dot
    return Markup(
        '<path d="{}" fill="none" stroke="{}" stroke-width="{}" stroke-dasharray="{}" '
        'stroke-linejoin="round" stroke-linecap="round"/>'
    ).format(drawn, colour, width, dash)


def _bars(line: Series, ticks_x: list[float], ticks_y: list[float], colour: str) -> list[Markup]:
    """A vertical bar from low to high of every point that has an interval, with a short stroke at each end."""
    return [
        Markup(
            '<path d="M{0:.1f} {1:.1f}V{2:.1f}m-3 0h6M{3:.1f} {1:.1f}h6" stroke="{4}" fill="none"/>'
        ).format(
            x := _place_x(float(at), ticks_x),
            _place_y(float(low), ticks_y),
            _place_y(float(high), ticks_y),
            x - 3,
            colour,
        )
        for at, (low, high) in zip(line.x, () if line.interval is None else line.interval, strict=False)
    ]


def _end_values(lines: Sequence[Series], ticks_y: list[float]) -> list[Markup]:
    placed = sorted((_place_y(float(line.y[-1]), ticks_y), index) for index, line in enumerate(lines))
    parts, above = [], -math.inf
    for y, index in placed:
        above = max(y, above + 15)  # labels of lines that end close together are pushed apart
        value = numerals.significant(float(lines[index].y[-1]))
        parts.append(
            text(WIDTH - RIGHT + 8, above + 4, value, anchor="start", colour=COLOURS[index], kind="end")
        )
    return parts


def _legend(lines: Sequence[Series]) -> list[Markup]:
    parts, x = [], float(WIDTH - RIGHT)
    for line, colour, dash in reversed(list(zip(lines, COLOURS, DASHES, strict=False))):
        x -= 6.6 * len(line.name)
        parts.append(text(x, 34, line.name, anchor="start", colour=colour))
        parts.append(
            Markup('<path d="M{:.1f} 30h20" stroke="{}" stroke-width="2" stroke-dasharray="{}"/>').format(
                x - 25, colour, dash
            )
        )
        x -= 40
    return parts

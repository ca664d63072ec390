"""Histograms as inline SVG in the style of the report's charts."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from gist.numerals import counted
from gist.pages.charts import COLOURS, chart, nice_ticks, text, tick_labels

WIDTH, HEIGHT = 460, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 8, 8, 34, 40
_BARS = 30


def histogram(title: str, values: NDArray[np.float32], x_label: str) -> Markup:
    """Bars over the range of the middle 99 % of `values`; what lies beyond counts in the outermost bars."""
    low, high = (float(value) for value in np.quantile(values, (0.005, 0.995)))
    spread = max(high - low, abs(high) * 0.02, 1e-3)
    start = low - 0.02 * spread
    if values.min() >= 0:  # sizes and counts have no room below nothing
        start = max(start, 0.0)
    ticks = nice_ticks(start, low + 1.02 * spread)
    edges = np.linspace(ticks[0], ticks[-1], _BARS + 1)
    bars = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]
    step = (WIDTH - _LEFT - _RIGHT) / _BARS
    bottom = HEIGHT - _BOTTOM
    parts = []
    for number, images in enumerate(bars):
        height = (bottom - _TOP) * images / max(1, bars.max())
        if images:
            parts.append(
                Markup('<path d="M{:.1f} {:.1f}h{:.1f}V{}h-{:.1f}z" fill="{}"/>').format(
                    _LEFT + number * step + 0.5,
                    bottom - max(height, 1.0),
                    step - 1,
                    bottom,
                    step - 1,
                    COLOURS[0],
                )
            )
    parts.append(Markup('<path d="M{} {}H{}" stroke="#595959"/>').format(_LEFT, bottom, WIDTH - _RIGHT))
    for tick, label in zip(ticks, tick_labels(ticks), strict=True):
        x = _LEFT + (tick - ticks[0]) / (ticks[-1] - ticks[0]) * (WIDTH - _LEFT - _RIGHT)
        anchor = "start" if tick == ticks[0] else "end" if tick == ticks[-1] else "middle"
        parts.append(Markup('<path d="M{:.1f} {}v5" stroke="#595959"/>').format(x, bottom))
        parts.append(text(x, bottom + 18, label, anchor=anchor))
    parts.append(text(WIDTH / 2, HEIGHT - 5, x_label, anchor="middle", kind="muted"))
    tallest = f"tallest bar: {counted(int(bars.max()), 'image')}"
    parts.append(text(WIDTH - _RIGHT, 15, tallest, anchor="end", kind="muted"))
    middle = float(np.median(values))
    described = f"{title}: histogram of {counted(len(values), 'image')}, median {middle:.3g}. {x_label}."
    return chart(title, described, WIDTH, HEIGHT, parts)

"""What the training log tells, and which charts it gives."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from gist.generators.family import Chart
from gist.pages.charts import IMAGES_SHOWN, Reference, Series, line_chart

Tick = dict[str, float]
SPEED = Chart("Speed", {"sec_per_kimg": "Speed"}, "seconds per 1,000 images")


def read_ticks(log: Path) -> tuple[Tick, ...]:
    """Lines of a training log, oldest first; only finite numbers are kept. Empty where it cannot be read."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    return tuple(tick for line in lines if (tick := _tick(line)))


def training_curves(
    ticks: Sequence[Tick], charts: Sequence[Chart], settings: Mapping[str, Any]
) -> list[Markup]:
    """The charts of a kind of generator and that of the speed, as far as the log holds their lines.

    Args:
        ticks: log lines with kimg, sec_per_kimg and the numbers that the charts name; any may lack.
        charts: what the kind of generator shows.
        settings: of the training, for the charts' lines of reference.
    """
    drawn = []
    for chart in (*charts, SPEED):
        lines = _present(ticks, chart.lines)
        if lines:
            drawn.append(
                line_chart(
                    chart.title,
                    lines,
                    x_label=IMAGES_SHOWN,
                    y_label=chart.unit,
                    reference=_reference(chart, settings),
                    y_from_zero=True,
                )
            )
    return drawn


def _reference(chart: Chart, settings: Mapping[str, Any]) -> Reference | None:
    if chart.reference is None:
        return None
    name, setting = chart.reference
    value = settings.get(setting)
    return Reference(name, float(value)) if isinstance(value, int | float) else None


def _tick(line: str) -> Tick:
    try:
        entry = json.loads(line, parse_constant=lambda _: None)
    except ValueError:  # a killed process may leave half a last line
        return {}
    if not isinstance(entry, dict):
        return {}
    return {
        key: float(value)
        for key, value in entry.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def _present(ticks: Sequence[Tick], names: Mapping[str, str]) -> list[Series]:
    lines = []
    for key, name in names.items():
        points = [(tick["kimg"], tick[key]) for tick in ticks if "kimg" in tick and key in tick]
        if points:
            x, y = np.array(points, np.float64).T
            lines.append(Series(name, x, y))
    return lines

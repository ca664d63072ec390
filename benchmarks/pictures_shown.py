"""What `pictures.py` shows: a table of medians and ratios, a curve over minutes, sheets of unchosen pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

from gist.images.archive import DataSet
from gist.images.sheets import grid
from gist.pages.charts import nice_ticks

Rows = Sequence[dict[str, Any]]
RATIOS = ("kid", "fd")
"""Told as ratios to the first recipe, too."""
SHOWN, COLUMNS = 24, 6
_COLOURS = ("#005a9c", "#b34700", "#00664f", "#7a1fa2", "#8a6d00", "#b0003a", "#444444")
_WIDTH, _HEIGHT, _LEFT, _TOP = 640, 360, 60, 24


def write_table(file: Path, rows: Rows, names: Sequence[str]) -> str:
    """Medians over seeds, as Markdown; beside KID and FD their ratio to the first recipe at the same minute."""
    kinds = list(dict.fromkeys(key for row in rows for key, value in row.items() if isinstance(value, float)))
    kinds = [kind for kind in kinds if kind not in ("minute", "kid_reach", "processor_minutes")]
    real = next(row for row in rows if row["recipe"] == "real")
    lines = [
        f"Medians over seeds; {real['extractor']}, n = {real['n']}; octaves, condyles, outline and joint space as "
        "shares of held-out real images; in brackets the ratio to the first recipe.",
        "",
        f"| minutes | recipe | seeds | {' | '.join(kinds)} |",
        "|---" * (3 + len(kinds)) + "|",
    ]
    order = ("real", *names)
    for minute, place in sorted(
        {(row["minute"], order.index(row["recipe"])) for row in rows if row["recipe"] in order}
    ):
        name = order[place]
        alike = _of(rows, name, minute)
        first = _of(rows, names[0], minute)
        cells = []
        for kind in kinds:
            values, others = ([row[kind] for row in side if kind in row] for side in (alike, first))
            text = f"{median(values):.3g}" if values else ""
            if kind in RATIOS and values and others and name != names[0]:
                text += f" ({median(values) / median(others):.2f})"
            cells.append(text)
        when = "" if name == "real" else f"{minute:g}"
        lines.append(f"| {when} | {name} | {len(alike)} | {' | '.join(cells)} |")
    text = "\n".join(lines) + "\n"
    file.write_text(text)
    return text


def write_curve(file: Path, rows: Rows, names: Sequence[str]) -> None:
    """Frechet distance over processor minutes, a line per recipe through the medians, a dot per seed; log scale."""
    ours = [row for row in rows if row["recipe"] in names]
    x_most = max(row["minute"] for row in ours)
    values = np.log10([row["fd"] for row in rows])
    ticks = nice_ticks(float(values.min()), float(values.max()) + 1e-3)

    def place(minute: float, fd: float) -> tuple[float, float]:
        share = (np.log10(fd) - ticks[0]) / (ticks[-1] - ticks[0])
        return _LEFT + (_WIDTH - 2 * _LEFT) * minute / x_most, _TOP + (_HEIGHT - 2 * _TOP) * (1 - share)

    parts = []
    for tick in ticks:
        _, y = place(0, 10**tick)
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _LEFT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{10**tick:.3g}</text>')
    for minute in sorted({row["minute"] for row in ours}):
        parts.append(
            f'<text x="{place(minute, 1)[0]:.1f}" y="{_HEIGHT - 6}" text-anchor="middle">{minute:g} min</text>'
        )
    lines = [
        ("real", "#888888", [(0.0, fd), (x_most, fd)])
        for fd in (row["fd"] for row in rows if row["recipe"] == "real")
    ]
    for number, name in enumerate(names):
        minutes = sorted({row["minute"] for row in ours if row["recipe"] == name})
        line = [(minute, median(row["fd"] for row in _of(rows, name, minute))) for minute in minutes]
        lines.append((name, _COLOURS[number % len(_COLOURS)], line))
        for row in (row for row in ours if row["recipe"] == name):
            x, y = place(row["minute"], row["fd"])
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{lines[-1][1]}"/>')
    for number, (name, colour, line) in enumerate(lines):
        points = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in line)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(
            f'<text x="{_WIDTH - _LEFT}" y="{_TOP + 14 * number}" text-anchor="end" fill="{colour}">{name}</text>'
        )
    parts.append(f'<text x="{_LEFT}" y="{_TOP - 8}">FD, lower is better</text>')
    file.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>'
    )


def write_sheet(file: Path, real: DataSet, drawn: DataSet) -> None:
    """Held-out real pictures on the left, drawn ones on the right, the first of each class, nobody chose."""
    halves = []
    for data in (real, drawn):
        names = real.class_names or ("all",)
        first = [
            np.flatnonzero(data.labels == (data.class_names or ("all",)).index(name))[: SHOWN // len(names)]
            for name in names
        ]
        pictures = np.rint(data.array(np.concatenate(first)) * 255).astype(np.uint8)
        halves.append(grid(pictures, COLUMNS))
    height = max(map(len, halves))
    halves = [np.pad(half, ((0, height - len(half)), (0, 12)), constant_values=255) for half in halves]
    Image.fromarray(np.concatenate(halves, axis=1)).save(file)


def _of(rows: Rows, name: str, minute: float) -> list[dict[str, Any]]:
    return [row for row in rows if (row["recipe"], row["minute"]) == (name, minute)]

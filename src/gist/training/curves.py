"""Which charts the training log gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from gist.pages.charts import Reference, Series, line_chart
from gist.runs.findings import Tick

X_LABEL = "images shown, in thousands (kimg)"


def training_curves(ticks: Sequence[Tick], augment_target: float | None) -> list[Markup]:
    """Charts of the losses, the augmentation, R1 and the speed, as far as the log holds them.

    Args:
        ticks: log lines with kimg, loss_G, loss_D, real_sign, augment_p, r1, sec_per_kimg; any may lack.
        augment_target: the share of positive outputs on real images that the augmentation was steered to.
    """
    charts = []
    losses = _present(ticks, {"loss_G": "generator", "loss_D": "discriminator"})
    if losses:
        charts.append(line_chart("Losses", losses, x_label=X_LABEL, y_label="loss", y_from_zero=True))
    steering = _present(ticks, {"real_sign": "overfitting sign", "augment_p": "strength p"})
    if steering:
        target = None if augment_target is None else Reference("target of the sign", augment_target)
        charts.append(
            line_chart(
                "Augmentation",
                steering,
                x_label=X_LABEL,
                y_label="no unit",
                reference=target,
                y_from_zero=True,
            )
        )
    for key, title, unit in (
        ("r1", "Gradient penalty R1", "squared gradient norm"),
        ("sec_per_kimg", "Speed", "seconds per 1,000 images"),
    ):
        lines = _present(ticks, {key: title})
        if lines:
            charts.append(line_chart(title, lines, x_label=X_LABEL, y_label=unit, y_from_zero=True))
    return charts


def _present(ticks: Sequence[Tick], names: dict[str, str]) -> list[Series]:
    lines = []
    for key, name in names.items():
        points = [(tick["kimg"], tick[key]) for tick in ticks if "kimg" in tick and key in tick]
        if points:
            x, y = np.array(points, np.float64).T
            lines.append(Series(name, x, y))
    return lines

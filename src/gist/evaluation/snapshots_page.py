"""The section on snapshots: how the scores ran during training, and which snapshot is best."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from markupsafe import Markup

from gist import numerals
from gist.evaluation.score_table import WORDS, in_words
from gist.pages.charts import IMAGES_SHOWN, Series, line_chart
from gist.pages.words import capitalised, joined
from gist.stages.evaluate import Score, SnapshotCurve, SnapshotScores

JUDGED_BY = {
    "validation": "All were held against real images kept apart for choosing, so the scores below are a fair test of "
    "the choice.",
    "held-out": "All were held against the held-out images that the scores below rest on as well; where the best "
    "snapshot is used, these flatter it a little. Images kept for choosing (prepare.val_fraction) avoid that.",
    "training": "No image was held out, so all were held against images that the generator has seen, which favours "
    "snapshots that repeat them.",
}


@dataclass(frozen=True)
class SnapshotSection:
    """What the section shows."""

    charts: tuple[Markup, ...]
    sentence: str


def snapshot_section(curve: SnapshotCurve | None) -> SnapshotSection | None:
    """Charts of KID with its interval, the Frechet distance and precision with recall, and what they say.

    None without evaluated snapshots.
    """
    if curve is None or not curve.snapshots:
        return None
    names = [score.name for score in curve.snapshots[-1].scores]
    kid, frechet, *shares = names
    charts = [
        line_chart(
            f"{capitalised(WORDS['KID'])}, {kid}",
            [
                _line("value", curve, kid),
                _line("95 % high", curve, kid, "high"),
                _line("95 % low", curve, kid, "low"),
            ],
            x_label=IMAGES_SHOWN,
            y_label="lower is better",
            y_from_zero=True,
        ),
        line_chart(
            f"{capitalised(WORDS['FD'])}, {frechet}",
            [_line(frechet, curve, frechet)],
            x_label=IMAGES_SHOWN,
            y_label="distance, lower is better",
            y_from_zero=True,
        ),
    ]
    if shares:
        charts.append(
            line_chart(
                "Precision and recall",
                [_line(name.partition("[")[0], curve, name) for name in shares],
                x_label=IMAGES_SHOWN,
                y_label="share, higher is better",
                y_from_zero=True,
            )
        )
    return SnapshotSection(tuple(charts), _sentence(curve, kid))


def _line(label: str, curve: SnapshotCurve, name: str, field: str = "value") -> Series:
    points = [
        (entry.kimg, value)
        for entry in curve.snapshots
        if (score := _score(entry, name)) is not None and (value := getattr(score, field)) is not None
    ]
    x, y = np.array(points, np.float64).reshape(-1, 2).T
    return Series(label, x, y)


def _score(entry: SnapshotScores, name: str) -> Score | None:
    return next((score for score in entry.scores if score.name == name), None)


def _shown(entry: SnapshotScores) -> str:
    """Images shown until this snapshot, such as 72,000."""
    return numerals.count(round(1000 * entry.kimg)) if math.isfinite(entry.kimg) else "an unknown number of"


def _sentence(curve: SnapshotCurve, kid: str) -> str:
    best = next(entry for entry in curve.snapshots if entry.file == curve.best)
    score = best.scores[0]
    value = numerals.significant(score.value if score.value is not None else float("nan"))
    if score.low is not None and score.high is not None:
        value += f" (95 % interval {numerals.significant(score.low)} to {numerals.significant(score.high)})"
    sentence = (
        f"The snapshot after {_shown(best)} images ({PurePosixPath(best.file).stem}) has the lowest {in_words(kid)}: "
        f"{value}, from {score.n_synthetic} images against {score.n_real} real ones."
    )
    tied = [_shown(entry) for entry in curve.snapshots if entry.file in curve.tied]
    if tied:
        sentence += (
            f" {numerals.counted(len(tied), 'other snapshot')} cannot be told from it at this number of images: "
            f"after {joined(tied)}."
        )
    elif len(curve.snapshots) > 1:
        sentence += " Every other snapshot is worse by more than chance."
    return f"{sentence} {JUDGED_BY[curve.judged_by]}"

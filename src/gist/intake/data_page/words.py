"""What the data report says in sentences."""

from __future__ import annotations

from collections import Counter

import numpy as np

from gist.intake.data_page.overview import Overview
from gist.numerals import count, counted, percent
from gist.pages.words import joined
from gist.stages.prepare import PrepareResult

SPLIT_NAMES = {"train": "To learn from", "val": "To choose settings", "test": "Held out"}
_MIXED = 0.1
"""Share of images from which a second view, modality or polarity of sizes is worth a word."""
_UNLIKE_SIZES = 4.0


def summary(overview: Overview, result: PrepareResult, phantoms: bool = False) -> str:
    """The data set in three sentences; `phantoms` are of invented patients."""
    splits = overview.counts["split"]
    parts = [f"{counted(splits['train'], 'phantom' if phantoms else 'image')} to learn from"]
    if splits["val"]:
        parts.append(f"{count(splits['val'])} to choose settings with")
    parts.append(f"{count(splits['test'])} held out")
    classes = (
        f"in {counted(len(result.class_names), 'class', 'classes')}"
        if result.class_names
        else "without classes"
    )
    kind = "invented patient" if phantoms else "patient"
    patients = f" of {counted(result.patients, kind)}" if result.patients is not None else ""
    aside = sum(overview.rejected.values())
    tail = f" {counted(aside, 'file')} {'was' if aside == 1 else 'were'} set aside." if aside else ""
    size = f"{result.resolution}\u00a0×\u00a0{result.resolution}\u00a0pixels"
    return f"{joined(parts)}{patients}, {classes}; {size}.{tail}"


def further_advice(overview: Overview) -> list[str]:
    """Advice that takes the facts of all images together, beyond the notes of the stage."""
    advice = []
    views = _mixture(overview.counts["view"])
    if views:
        advice.append(
            f"Views are mixed ({views}): a generator learns one view better than several, so choose one with "
            "prepare.where, or make views the classes with prepare.label_tag=ViewPosition."
        )
    kinds = _mixture(overview.counts["modality"])
    if kinds:
        advice.append(
            f"Modalities are mixed ({kinds}): pictures of different machines may look unlike each other."
        )
    sides = overview.measured["short_side"]
    smallest, largest = float(np.quantile(sides, 0.05)), float(np.quantile(sides, 0.95))
    if largest > _UNLIKE_SIZES * smallest:
        advice.append(
            f"Sizes differ widely (shorter side {smallest:.0f} to {largest:.0f} pixels): small originals are less "
            "sharp, and the generator learns that too."
        )
    return advice


def _mixture(counts: Counter[str]) -> str:
    """The values that a tenth of the images or more have, if there are two or more; unknown ones left out."""
    total = counts.total()
    shares = [
        (name, number / total) for name, number in counts.most_common() if name and number >= _MIXED * total
    ]
    return ", ".join(f"{name} {percent(share)}" for name, share in shares) if len(shares) > 1 else ""

"""The report's part on generate: real images beside synthetic ones."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from gist import numerals
from gist.images.archive import DataSet
from gist.inspection.shown import real_images, sample_side
from gist.pages.html import html
from gist.pages.pictures import (
    HALF_WIDTH,
    PAGE_WIDTH,
    PIXEL_BUDGET,
    REAL_TEXT,
    SYNTHETIC_TEXT,
    Picture,
    sheet,
    shown,
)
from gist.pages.section import Caveat, Section, StagePage, Step
from gist.runs.findings import Findings
from gist.stages.generate import GenerateResult
from gist.stages.train import TrainResult

NOTHING_DRAWN = Caveat(
    100, "No synthetic images were drawn yet, so this page says nothing about their quality."
)
DRAW = Step(100, "Draw synthetic images from the trained network: “gist generate”.")
OPENING, OPENING_SIDE = 16, 128
"""Pictures of each kind beside the answers, and their largest side in pixels."""
MADE_ELSEWHERE = Caveat(
    90,
    "The synthetic images were made by another program: which real ones it learned from is what you said, and gist "
    "cannot find out. Where it saw held-out ones the scores flatter it, and copies of images that are not here go "
    "unnoticed.",
)
FILTERED = Caveat(
    30,
    "Near-copies were dropped from the synthetic images by a filter. A filter is not a proof, and every search for "
    "copies on this page saw only what it had let through.",
)
FOUR_ACROSS, SIX_ACROSS = 4, 6


@dataclass(frozen=True)
class SampleSheet:
    """Samples of one class."""

    class_name: str | None
    real: Picture | None
    real_shown: int
    synthetic: Picture | None
    synthetic_shown: int


def generate_page(findings: Findings) -> StagePage:
    """Samples of the real images, beside synthetic ones where these were drawn."""
    generated = findings.of(GenerateResult)
    samples = _samples(findings, generated)
    sections = () if samples is None else (samples,)
    opening = _opening(findings)
    if generated is None:
        steps = (DRAW,) if findings.of(TrainResult) is not None else ()
        return StagePage(caveats=(NOTHING_DRAWN,), steps=steps, opening=opening, sections=sections)
    if generated.made_elsewhere:
        told = f"{numerals.counted(generated.images, 'synthetic image')} that another program made were brought in."
        return StagePage(caveats=(MADE_ELSEWHERE,), summary=(told,), opening=opening, sections=sections)
    return StagePage(
        caveats=(FILTERED,) * (generated.min_novelty is not None),
        summary=(f"It then drew {numerals.counted(generated.images, 'synthetic image')}.",),
        opening=opening,
        sections=sections,
        provenance=html(
            "gist.generation/provenance.html.j2",
            generate=generated,
            network=network_name(generated),
            last_seed=last_seed(generated),
        ),
    )


def network_name(generated: GenerateResult) -> str:
    """The network's file without the folders of the disk that it came from."""
    return generated.network.replace("\\", "/").split("/")[-1]


def last_seed(generated: GenerateResult) -> int:
    """Seed of the last picture drawn, kept or not."""
    if generated.last_seed is None:
        return generated.first_seed + generated.images - 1
    return generated.last_seed


def synthetic_samples(findings: Findings, most: int, columns: int) -> tuple[Picture | None, int]:
    """At most so many synthetic images, drawn by the run's seed, in rows across the page; and how many these are."""
    data = findings.synthetic
    count = 0 if data is None else min(most, len(data))
    seed = (findings.config.seed, most, 1)
    images_NHW = None if data is None else _drawn(data, np.arange(len(data)), count, OPENING_SIDE, seed)
    return None if images_NHW is None else sheet(images_NHW, columns, SYNTHETIC_TEXT, PAGE_WIDTH), count


def _opening(findings: Findings) -> Markup:
    """Equally many synthetic and real images of all classes, drawn by the run's seed."""
    real, synthetic = real_images(findings), findings.synthetic
    if real is None:
        return Markup()
    known = np.flatnonzero([name not in _hidden(findings, real) for name in real.names])
    counts = [len(known), *([] if synthetic is None else [len(synthetic)])]
    count = min(OPENING, *[number for number in counts if number] or [0])

    def drawn(data: DataSet | None, indices: NDArray[np.int64], side: int) -> Picture | None:
        if data is None:
            return None
        images_NHW = _drawn(data, indices, count, OPENING_SIDE, (findings.config.seed, OPENING, side))
        text = REAL_TEXT if data is real else SYNTHETIC_TEXT
        return None if images_NHW is None else sheet(images_NHW, FOUR_ACROSS, text, HALF_WIDTH)

    return html(
        "gist.generation/opening.html.j2",
        count=count,
        synthetic=drawn(synthetic, np.arange(0 if synthetic is None else len(synthetic)), 1),
        real=drawn(real, known, 0),
        kind=findings.kind,
        real_is_held_out=real is not findings.training,
    )


def _hidden(findings: Findings, real: DataSet) -> Collection[str]:
    """Real images that no page may show."""
    return findings.text.training if real is findings.training else findings.text.held_out


def _samples(findings: Findings, generated: GenerateResult | None) -> Section | None:
    """Drawn by the run's seed, never picked; None without real images."""
    real = real_images(findings)
    if real is None:
        return None
    side = sample_side(findings, real)
    body = html(
        "gist.generation/page.html.j2",
        sheets=_sheets(findings, real, side),
        generate=generated,
        kind=findings.kind,
        real_is_held_out=real is not findings.training,
        seed=findings.config.seed,
        side=side,
        resolution=real.resolution,
    )
    heading = "Real beside synthetic" if generated is not None else "A sample of the real images"
    return Section("samples", heading, body, after="input")


def _sheets(findings: Findings, real: DataSet, side: int) -> list[SampleSheet]:
    """Equally many real and synthetic images, class by class; one sheet where either side has no classes."""
    synthetic, seed = findings.synthetic, findings.config.seed
    hidden = _hidden(findings, real)
    most = PIXEL_BUDGET // (2 * max(1, len(real.class_names)) * side * side)
    per_class = max(1, min(findings.config.report.samples_per_class, most))
    columns, room = (SIX_ACROSS, PAGE_WIDTH) if synthetic is None else (FOUR_ACROSS, HALF_WIDTH)
    if real.class_names and (synthetic is None or synthetic.class_names):
        names: list[str | None] = list(real.class_names)
    else:
        names = [None]
    sheets = []
    for number, name in enumerate(names):
        known = _of_class(real, name)
        known = known[np.flatnonzero([real.names[int(index)] not in hidden for index in known])]
        made = known[:0] if synthetic is None else _of_class(synthetic, name)
        count = min([per_class, *(len(indices) for indices in (known, made) if len(indices))])
        real_NHW = _drawn(real, known, count, side, (seed, number, 0))
        fake_NHW = None if synthetic is None else _drawn(synthetic, made, count, side, (seed, number, 1))
        sheets.append(
            SampleSheet(
                name,
                None if real_NHW is None else sheet(real_NHW, columns, REAL_TEXT, room),
                0 if real_NHW is None else len(real_NHW),
                None if fake_NHW is None else sheet(fake_NHW, columns, SYNTHETIC_TEXT, room),
                0 if fake_NHW is None else len(fake_NHW),
            )
        )
    return sheets


def _of_class(data: DataSet, name: str | None) -> NDArray[np.int64]:
    if name is None:
        return np.arange(len(data))
    return data.of_class(data.class_names.index(name)) if name in data.class_names else np.arange(0)


def _drawn(
    data: DataSet, indices: NDArray[np.int64], count: int, side: int, seed: tuple[int, int, int]
) -> NDArray[np.uint8] | None:
    if not len(indices):
        return None
    chosen = np.random.default_rng(seed).choice(indices, count, replace=False)
    return np.stack([shown(data, int(index), side) for index in chosen])

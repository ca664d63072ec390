"""The report's section on artifacts: shares in words, sheets of the worst and of random images, what readers saw."""

from __future__ import annotations

from gist import numerals
from gist.inspection import InspectionResult, Rate, name_of, read_inspection
from gist.inspection.judged_pictures import judged_pictures
from gist.metrics.artifacts.table import read_heat_maps, read_table, worst_and_random
from gist.pages.html import html
from gist.pages.pictures import shown_side
from gist.pages.section import Section
from gist.runs.findings import Findings
from gist.stages.evaluate import ArtifactSummary, EvaluateResult
from gist.stages.generate import GenerateResult

SHOWN = 9
MOST = 0.5
DETECTORS = {
    "unusual place": "a place that looks unlike that place in real images, marked in the heat map",
    "unusual shape": "outlines that real images do not have",
    "regular pattern": "stripes, grids or X shapes",
    "balance of detail": "coarse and fine detail out of balance",
    "blur": "too little fine detail",
    "unusual features": "a picture that as a whole measures unlike real ones",
}


def artifact_section(findings: Findings) -> Section | None:
    """None where the evaluate stage has judged no single images, or judged others than there are now.

    Raises:
        InputError: a file of the evaluate stage is damaged.
    """
    evaluated, generated = findings.of(EvaluateResult), findings.of(GenerateResult)
    synthetic, training = findings.synthetic, findings.training
    if evaluated is None or evaluated.artifacts is None or not findings.is_current("evaluate"):
        return None
    if generated is None or synthetic is None or training is None:
        return None
    summary, folder = evaluated.artifacts, findings.run.path
    judged = read_table(folder / summary.table)
    worst, random = worst_and_random(judged, SHOWN, SHOWN, findings.config.seed)
    heat = read_heat_maps(folder / summary.heat_maps, len(judged))
    side = shown_side(synthetic.resolution, 9 * SHOWN)
    rows, hidden = [*worst, *random], findings.text.training
    pictures = tuple(
        judged_pictures(judged, rows, heat, synthetic, training, hidden, side=side, others_side=side)
    )
    inspection = read_inspection(findings.run)
    body = html(
        "gist.evaluation/artifacts.html.j2",
        summary=summary,
        flagged=flagged_in_words(summary),
        filtered=_filtered(generated.reject_level, sum(generated.rejected.values())),
        reasons=[(name, DETECTORS.get(name, ""), count) for name, count in summary.reasons.items()],
        sheets=[
            ("The worst, worst first", pictures[: len(worst)]),
            ("Drawn at random", pictures[len(worst) :]),
        ],
        inspection=inspection,
        rates=_rates(inspection),
    )
    return Section("artifacts", "Artifacts in single images", body)


def flagged_in_words(summary: ArtifactSummary) -> str:
    """How many images can be called artifacts one by one, and why that may be more than look odd."""
    wrong = numerals.percent(summary.false_discoveries)
    real = numerals.counted(summary.held_out, "held-out image")
    odd = round(summary.odd_share * summary.images)
    if summary.least_share >= 1:
        return (
            f"{real} are too few to call single images artifacts with at most {wrong} of these calls wrong."
        )
    sentence = (
        f"{numerals.count(summary.flagged)} of {numerals.counted(summary.images, 'image')} "
        f"({numerals.percent(summary.share)}, 95 % interval {numerals.percent(summary.low)} to "
        f"{numerals.percent(summary.high)}) can be called artifacts one by one, with at most {wrong} of these calls "
        f"wrong on average. With {real}, artifacts rarer than {numerals.percent(summary.least_share)} of the "
        "images cannot be called so."
    )
    if summary.flagged > odd:
        # Benjamini and Hochberg call the k smallest of n p-values where the k-th is at most level * k / n.
        highest_p = summary.false_discoveries * summary.share
        sentence += (
            f" These are more than the {numerals.count(odd)} above, which have a p of at most {summary.real_level:g}: "
            f"where so many images are odd, few calls are wrong, so images with a p of up to {highest_p:.2g} can be "
            "called, too."
        )
    if summary.share > MOST:
        sentence += (
            " Where most images are called artifacts, the generator as a whole differs from real images."
        )
    return sentence


def _filtered(level: float | None, dropped: int) -> str:
    """Empty, or what the artifact filter of the generate stage means for these numbers."""
    if level is None:
        return ""
    return (
        f"These images passed the artifact filter of the generate stage, which dropped "
        f"{numerals.counted(dropped, 'picture')} at level {level:g}. The shares here describe the filtered set, "
        "not the generator, and as the same held-out images filter and compare, the scores above flatter it a little."
    )


def _rates(inspection: InspectionResult | None) -> tuple[tuple[str, Rate], ...]:
    """What readers saw in the random sample: all kinds together, kind by kind, class by class."""
    if inspection is None or inspection.overall is None:
        return ()
    kinds = [(name_of(kind), rate) for kind, rate in inspection.kinds.items()]
    classes = [(f"Any, class {name}", rate) for name, rate in inspection.classes.items()]
    return (("Any artifact", inspection.overall), *kinds, *classes)

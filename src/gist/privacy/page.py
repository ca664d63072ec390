"""The report's part on the memorisation audit: verdict, power, controls, numbers, closest pairs."""

from __future__ import annotations

import numpy as np

from gist import numerals
from gist.pages.html import html
from gist.pages.pictures import MIXED_TEXT, Picture, sheet, shown, shown_side
from gist.pages.section import Answer, Caveat, Citation, Section, StagePage, Step
from gist.pages.words import COPIES
from gist.privacy.audit import SHARES
from gist.privacy.planted import KINDS
from gist.runs.findings import Findings
from gist.stages.generate import GenerateResult
from gist.stages.privacy import VERDICT_FALSE_ALARMS, ClosePair, PrivacyResult

HEADING = "Memorisation audit"
PAIR_WIDTH = 262
COPIED = Caveat(
    80,
    "The memorisation audit found evidence of copying: treat the synthetic images like the real ones, and share "
    "neither them nor the generator outside the circle that may see the originals.",
)
LIGHTS = {"evidence of copying": "poor", "none found": "neutral", "too few images to tell": "unknown"}
CITATIONS = (
    Citation(
        "Meehan C, Chaudhuri K, Dasgupta S. A Non-Parametric Test to Detect Data-Copying in Generative Models. "
        "AISTATS 2020."
    ),
    Citation(
        "Carlini N, Chien S, Nasr M, et al. Membership Inference Attacks From First Principles. IEEE S&P 2022.",
        "10.1109/SP46214.2022.9833649",
    ),
)


def privacy_page(findings: Findings) -> StagePage:
    """What the audit found; a next step where nobody has audited the images as they are now."""
    result = findings.of(PrivacyResult)
    if result is None or not findings.is_current("privacy"):
        drawn = findings.of(GenerateResult) is not None
        return StagePage(
            steps=(Step(30, "Look for copies of training images: “gist privacy”."),) if drawn else ()
        )
    told = {(each.kind, each.share): each for each in result.power if each.told}
    alone = (
        each for each in result.power if each.share == SHARES[1] and each.false_alarms == VERDICT_FALSE_ALARMS
    )
    by_view = {(each.kind, each.view): each for each in alone}
    body = html(
        "gist.privacy/page.html.j2",
        result=result,
        light=LIGHTS[result.verdict],
        kinds=tuple(KINDS) if told else (),
        shares=SHARES,
        told=told,
        by_view=by_view,
        pairs=_pictures(findings, result),
        text=findings.text.sentence,
    )
    evidence = result.verdict == "evidence of copying"
    return StagePage(
        summary=(f"Memorisation audit: {result.verdict}.",),
        answers=(_answer(result),),
        steps=(Step(80, "Look at the pairs under “Memorisation audit”, share neither images nor network."),)
        * evidence,
        caveats=(COPIED,) * evidence,
        sections=(Section("privacy", HEADING, body),),
        citations=CITATIONS,
        facts={"copying_audit": {"verdict": result.verdict, "meaning": result.meaning}},
    )


def _answer(result: PrivacyResult) -> Answer:
    rest = f": {result.meaning[:1].lower()}{result.meaning[1:]}"
    match result.verdict:
        case "evidence of copying":
            return Answer(COPIES, "Yes", rest, 80)
        case "too few images to tell":
            return Answer(COPIES, "Cannot tell", rest, 10)
    # The verdict rests on the larger share; fewer copies may well be missed, and that must stand beside the “No”.
    told = [result.power_of("rotated", share) for share in (SHARES[-1], SHARES[1])]
    many, few = (f"{power.power:.2f}" if power else "unknown" for power in told)
    found = f", where turned copies would show with probability {many} were they one in twenty, {few} one in a hundred"
    searched = numerals.counted(result.synthetic_images, "synthetic image")
    filtered = " after a filter with the same eye" if result.filtered else ""
    return Answer(
        COPIES,
        "No",
        f" sign of it among {searched}{filtered}{found}. That does not prove that there is none.",
        10,
    )


def _pictures(findings: Findings, result: PrivacyResult) -> list[tuple[ClosePair, Picture]]:
    """Each synthetic image with the training image nearest to it at its right."""
    training, synthetic = findings.training, findings.synthetic
    if training is None or synthetic is None or not result.pairs:
        return []
    side = shown_side(training.resolution, 2 * len(result.pairs))
    made, known = ({name: i for i, name in enumerate(data.names)} for data in (synthetic, training))
    hidden = findings.text.training
    return [
        (
            pair,
            sheet(
                np.stack(
                    [shown(synthetic, made[pair.synthetic], side), shown(training, known[pair.real], side)]
                ),
                2,
                MIXED_TEXT,
                PAIR_WIDTH,
            ),
        )
        for pair in result.pairs
        if pair.real not in hidden
    ]

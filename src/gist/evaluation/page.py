"""The report's part on evaluate: snapshots, scores, nearest neighbours, artifacts in single images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from gist import numerals
from gist.errors import InputError
from gist.evaluation.answers import evaluation_answers, evaluation_steps
from gist.evaluation.artifacts_page import artifact_section
from gist.evaluation.copying import CopyingVerdict, copying_verdict
from gist.evaluation.score_table import in_words, score_table
from gist.evaluation.scores import NEAR_COPIES
from gist.evaluation.snapshots import read_snapshot_curve
from gist.evaluation.snapshots_page import snapshot_section
from gist.images.archive import DataSet
from gist.inspection.shown import real_images, sample_side, shown_pairs
from gist.pages.html import html
from gist.pages.pictures import MIXED_TEXT, Picture, sheet, shown
from gist.pages.section import Caveat, Citation, Section, StagePage
from gist.pages.words import DIRECTIONS, OVERALL, joined
from gist.runs.findings import Findings
from gist.stages.evaluate import FINE_DETAIL, EvaluateResult, Neighbour, Score
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult

PAIR_WIDTH = 262
LIMITS_OF_SCORES = (
    (
        "Privacy.",
        "No score here shows that patients are protected. A generator can score well because it repeats its "
        "training images, and a passed distance test proves nothing.",
    ),
    (
        "Single images.",
        "Scores describe the whole set. A set that scores well can hold pictures with impossible anatomy.",
    ),
    (
        "Clinical use.",
        "Scores do not say whether a model trained on these images works on patients, or whether an expert "
        "takes them for real.",
    ),
    (
        "Other reports.",
        "Values compare only with values of the same fingerprint and the same number of images. None of them "
        "is FID unless its name says so.",
    ),
)
NOT_COMPARED = Caveat(
    100, "The synthetic images have not been compared with real ones: nothing is known of their quality."
)
COPIED = Caveat(
    80,
    "There is evidence of copying: treat the synthetic images like the real ones, and share neither them nor the "
    "generator outside the circle that may see the originals.",
)
CANNOT_TELL = Caveat(
    40, "There are too few images to tell how good the synthetic ones are; no score below is a pass."
)
PAPERS = (
    (
        ("KID", "kid"),
        Citation(
            "Bińkowski M, Sutherland DJ, Arbel M, Gretton A. Demystifying MMD GANs. ICLR 2018.",
            "10.48550/arXiv.1801.01401",
        ),
    ),
    (
        ("FD", "FID", "Fréchet", "Frechet", "Relative"),
        Citation(
            "Heusel M, Ramsauer H, Unterthiner T, et al. GANs Trained by a Two Time-Scale Update Rule Converge "
            "to a Local Nash Equilibrium. NeurIPS 2017. (Fréchet distance)",
            "10.48550/arXiv.1706.08500",
        ),
    ),
    (
        ("Precision", "precision", "Recall"),
        Citation(
            "Kynkäänniemi T, Karras T, Laine S, et al. Improved Precision and Recall Metric for Assessing "
            "Generative Models. NeurIPS 2019.",
            "10.48550/arXiv.1904.06991",
        ),
    ),
    (
        ("Density", "density", "Coverage"),
        Citation(
            "Naeem MF, Oh SJ, Uh Y, et al. Reliable Fidelity and Diversity Metrics for Generative Models. "
            "ICML 2020.",
            "10.48550/arXiv.2002.09797",
        ),
    ),
    (
        ("octave",),
        Citation(
            "Durall R, Keuper M, Keuper J. Watch Your Up-Convolution: CNN Based Generative Deep Neural Networks Are "
            "Failing to Reproduce Spectral Distributions. CVPR 2020. (power spectrum)",
            "10.48550/arXiv.2003.01826",
        ),
    ),
)
"""How the names of the scores begin that a paper describes."""


def evaluate_page(findings: Findings) -> StagePage:
    """What comparing with real images gave, and the snapshots, which are scored without the rest, too.

    Raises:
        InputError: an image of the evaluation is in no archive of the run, or one of its files is damaged.
    """
    evaluated = findings.of(EvaluateResult)
    copying = copying_verdict(evaluated)
    snapshots = _snapshots(findings)
    facts = {"copying": None if copying is None else asdict(copying)}
    if evaluated is None:
        drawn = findings.of(GenerateResult) is not None
        return StagePage(
            answers=evaluation_answers(findings),
            steps=evaluation_steps(findings),
            caveats=(NOT_COMPARED,) if drawn else (),
            sections=() if snapshots is None else (snapshots,),
            facts=facts,
        )
    sections = (snapshots, _scores(evaluated), _neighbours(findings, copying), artifact_section(findings))
    return StagePage(
        summary=_summary(evaluated),
        answers=evaluation_answers(findings),
        steps=evaluation_steps(findings),
        caveats=_caveats(evaluated, copying),
        sections=tuple(section for section in sections if section is not None),
        citations=tuple(
            paper
            for beginnings, paper in PAPERS
            if any(score.name.startswith(beginnings) for score in evaluated.scores)
        ),
        facts=facts,
    )


def verdict_counts(scores: Sequence[Score]) -> str:
    """Such as `2 read good and 1 cannot be told for lack of images`."""
    found = Counter[str](score.verdict for score in scores)
    parts = [
        f"{found[verdict]} {'reads' if found[verdict] == 1 else 'read'} {verdict}"
        for verdict in ("good", "fair", "poor")
        if found[verdict]
    ]
    if found["unknown"]:
        parts.append(f"{found['unknown']} cannot be told for lack of images")
    return joined(parts)


def _summary(evaluated: EvaluateResult) -> tuple[str, ...]:
    quality = _of_quality(evaluated)
    overall = [score for score in quality if score.group == OVERALL] or quality
    if not overall:
        return ("No score could be computed.",)
    sentence = f"Of {numerals.counted(len(overall), 'overall score')}, {verdict_counts(overall)}."
    leading = next((score for score in overall if score.name.startswith("KID")), overall[0])
    detail = _fine_detail(overall)
    if leading.value is None:
        return (sentence, *detail)
    value, low, high, real = numerals.together(leading.value, leading.low, leading.high, leading.baseline)
    interval = f" (95 % interval {low} to {high})" if low and high else ""
    baseline = f"; real images against other real images give {real}" if real else ""
    return (
        sentence,
        f"The leading one, {in_words(leading.name)}, is {value}{interval}, where {DIRECTIONS[leading.better]}"
        f"{baseline}.",
        *detail,
    )


def _fine_detail(overall: Sequence[Score]) -> tuple[str, ...]:
    found = next((score for score in overall if score.name == FINE_DETAIL), None)
    if found is None or found.value is None:
        return ()
    value, low, high = numerals.together(found.value, found.baseline_low, found.baseline_high)
    return (f"Fine detail (top octave): {value} of real, real against real {low} to {high}.",)


def _caveats(evaluated: EvaluateResult, copying: CopyingVerdict | None) -> tuple[Caveat, ...]:
    quality = _of_quality(evaluated)
    overall = [score for score in quality if score.group == OVERALL]
    poor = [score for score in overall if score.verdict == "poor"]
    found = []
    if copying is not None and copying.outcome == "evidence of copying":
        found.append(COPIED)
    if poor:
        read = "reads" if len(poor) == 1 else "read"
        found.append(
            Caveat(
                60,
                f"{len(poor)} of {numerals.counted(len(overall), 'overall score')} {read} poor: the synthetic images "
                "differ measurably from real ones and should not stand in for them.",
            )
        )
    if quality and all(score.verdict == "unknown" for score in quality):
        found.append(CANNOT_TELL)
    return tuple(found)


def _of_quality(evaluated: EvaluateResult) -> list[Score]:
    return [score for score in evaluated.scores if score.name != NEAR_COPIES]


def _snapshots(findings: Findings) -> Section | None:
    found = snapshot_section(read_snapshot_curve(findings.run))
    if found is None:
        return None
    return Section(
        "snapshots", "Snapshot by snapshot", html("gist.evaluation/snapshots.html.j2", snapshots=found)
    )


def _scores(evaluated: EvaluateResult) -> Section:
    body = html(
        "gist.evaluation/scores.html.j2",
        shown=score_table(evaluated.scores),
        notes=evaluated.notes,
        limits=LIMITS_OF_SCORES,
    )
    return Section("scores", "Scores", body)


def _neighbours(findings: Findings, copying: CopyingVerdict | None) -> Section | None:
    """None where the pairs are of an earlier state, or nobody searched for copies."""
    evaluated, prepared = findings.of(EvaluateResult), findings.of(PrepareResult)
    if copying is None or evaluated is None or not findings.is_current("evaluate"):
        return None
    body = html(
        "gist.evaluation/neighbours.html.j2",
        copying=copying,
        pairs=_pictures(findings),
        patients_known=prepared is None or prepared.patients is not None,
        judges="held-out" if evaluated.held_out_images else "training",
    )
    return Section("neighbours", "Nearest neighbours", body)


def _pictures(findings: Findings) -> list[tuple[Neighbour, Picture]]:
    """Each synthetic image with its nearest training image to the right."""
    real, training, synthetic = real_images(findings), findings.training, findings.synthetic
    if real is None or training is None or synthetic is None:
        return []
    side = sample_side(findings, real)
    made, known = _places(synthetic), _places(training)
    found = []
    for pair in shown_pairs(findings):
        try:
            both = [shown(synthetic, made[pair.synthetic], side), shown(training, known[pair.real], side)]
        except KeyError as missing:
            raise InputError(
                f"Image {missing} of the evaluation is in no archive of this run; run `gist evaluate` again."
            ) from None
        found.append((pair, sheet(np.stack(both), 2, MIXED_TEXT, PAIR_WIDTH)))
    return found


def _places(data: DataSet) -> dict[str, int]:
    return {name: index for index, name in enumerate(data.names)}

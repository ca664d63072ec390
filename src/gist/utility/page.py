"""The report's section on GAN-train and GAN-test: findings, the paper's table, size curve, controls, counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from gist import numerals
from gist.pages.charts import Reference, Series, line_chart
from gist.pages.html import html
from gist.pages.section import Answer, Section, StagePage, Step
from gist.pages.words import FIT_FOR, STAND_IN, TEACH, classes
from gist.runs.findings import Findings
from gist.stages.generate import GenerateResult
from gist.stages.utility import SyntheticWorth, UtilityArm, UtilityFinding, UtilityResult

HEADING = "Do the images teach what real ones teach?"
TABLE_ARMS = ("Base", "GAN-train", "GAN-test")
SHOWN_COUNTS = ("Base", "GAN-train", "GAN-test", "Real+Synthetic")
NAMES = {
    "small": "Small network",
    "inception_v3": "Inception v3",
    "resnet101": "ResNet-101",
    "vgg19": "VGG-19",
}
QUESTIONS = {
    "GAN-train": "Learned from synthetic images only",
    "GAN-test": "Knows real images, looks at synthetic ones",
    "Real+Synthetic": "Learned from both",
}
"""What the names of the literature stand for."""
DUMMY = "Always the commonest class"

ADDED = {
    "good": " Added to the real ones they help.",
    "fair": " Added to the real ones they make no difference.",
    "poor": " Added to the real ones they harm.",
    "unknown": "",
}
NOT_DRAWN = ": no synthetic images were drawn yet."
NOT_MEASURED = ": nobody has measured what they teach as they are now."
MEASURE, CHOOSE = "Measure what a classifier learns from them: ", "set utility.classifiers to [small], then "


@dataclass(frozen=True)
class Cell:
    """What one arm of one classifier reached, as text: shares of 1 with three decimals."""

    accuracy: str
    interval: str
    """Wilson's, of the accuracy: images taken one by one, as if each were of a patient of its own."""
    precision: str
    recall: str
    f1: str


@dataclass(frozen=True)
class Counts:
    """Raw counts of one arm: rows are true classes, columns predicted ones."""

    arm: str
    summed: tuple[tuple[int, ...], ...]
    """Over seeds."""
    right: tuple[int, ...]
    """Seed by seed."""
    tested: int
    tested_on: str


def utility_page(findings: Findings) -> StagePage:
    """What classifiers learned; nothing where that was not measured."""
    generated, result = findings.of(GenerateResult), findings.of(UtilityResult)
    body = utility_section(result, 0 if generated is None else generated.images)
    current = findings.is_current("utility")
    empty = not findings.config.utility.classifiers
    return StagePage(
        answers=_answers(result) if current else (_untold(NOT_MEASURED if generated else NOT_DRAWN),),
        steps=(Step(30, f"{MEASURE}{CHOOSE * empty}“gist utility”."),)
        if generated and (empty or not current)
        else (),
        sections=() if body is None else (Section("utility", HEADING, body),),
    )


def utility_section(result: UtilityResult | None, drawn: int) -> Markup | None:
    """The section without its heading, None where nothing was measured; `drawn` is how many images were generated."""
    if result is None or result.left_out is not None:
        return None
    return html(
        "gist.utility/page.html.j2",
        result=result,
        names=NAMES,
        questions=QUESTIONS,
        table_arms=TABLE_ARMS,
        table=table_two(result.arms),
        tested=_tested(result.arms),
        drawn=drawn,
        by_classifier=[
            (NAMES[each.name], each, _findings(result.findings, each.name)) for each in result.classifiers
        ],
        worth=[(NAMES[each.classifier], each, _chart(each)) for each in result.worth],
        counts=[(NAMES[each.name], _counts(result.arms, each.name)) for each in result.classifiers],
    )


def _answers(result: UtilityResult | None) -> tuple[Answer, ...]:
    """By the classifier that speaks least for the images; what they teach tells what they may stand in for, too."""
    if result is None or not result.findings:
        return (_untold(f": it was not measured{_because(result)}."),)
    order = ["poor", "fair", "unknown", "good"]
    taught = [finding for finding in result.findings if finding.question == "GAN-train"]
    worst = min(taught, key=lambda finding: order.index(finding.verdict))
    if worst.verdict == "unknown":
        return (_untold(f": {_going_on(worst.meaning)}"),)
    worth = next(each for each in result.worth if each.classifier == worst.classifier)
    added = next(
        finding
        for finding in result.findings
        if finding.classifier == worst.classifier and finding.question == "Real+Synthetic"
    )
    said = worth.meaning if worth.told else worst.meaning
    rest = f": {_going_on(said)}{ADDED[added.verdict]}"
    if worst.verdict == "good":
        told = classes(result.class_names)
        use = f", to train a classifier for {told} that is then tested on real images. Not for diagnosis."
        return Answer(TEACH, "Yes", rest), Answer(STAND_IN, "Yes", use, 30)
    use = f": a classifier learns less from them than from real images. {FIT_FOR}"
    return Answer(TEACH, "No", rest), Answer(STAND_IN, "No", use, 60)


def _going_on(sentence: str) -> str:
    """The sentence as it stands behind a colon."""
    return sentence[:1].lower() + sentence[1:]


def _because(result: UtilityResult | None) -> str:
    return "" if result is None or result.left_out is None else f", since {result.left_out}"


def _untold(rest: str) -> Answer:
    return Answer(TEACH, "Cannot tell", rest)


def table_two(arms: Sequence[UtilityArm]) -> list[tuple[str, list[Cell | None]]]:
    """The layout of the literature: one row per classifier with Base, GAN-train and GAN-test; the dummy last."""
    found = {(arm.classifier, arm.arm): arm for arm in arms}
    classifiers = dict.fromkeys(arm.classifier for arm in arms)
    rows: list[tuple[str, list[Cell | None]]] = [
        (NAMES[name], [_cell(found.get((name, arm))) for arm in TABLE_ARMS]) for name in classifiers
    ]
    dummy = next((arm for arm in arms if not sum(arm.learned_from.values())), None)
    if dummy is not None:
        rows.append((DUMMY, [_cell(dummy), None, None]))
    return rows


def _cell(arm: UtilityArm | None) -> Cell | None:
    if arm is None:
        return None
    low, high = arm.accuracy.low, arm.accuracy.high
    return Cell(
        _share(arm.accuracy.value),
        f"{_share(low)}–{_share(high)}" if low is not None and high is not None else "",
        _share(arm.precision),
        _share(arm.recall),
        _share(arm.f1),
    )


def _findings(findings: Sequence[UtilityFinding], classifier: str) -> list[UtilityFinding]:
    return [finding for finding in findings if finding.classifier == classifier]


def _counts(arms: Sequence[UtilityArm], classifier: str) -> list[Counts]:
    chosen = [arm for arm in arms if arm.classifier == classifier and arm.arm in SHOWN_COUNTS]
    counted = []
    for arm in sorted(chosen, key=lambda arm: SHOWN_COUNTS.index(arm.arm)):
        table = np.asarray(arm.confusions, np.int64)
        counted.append(
            Counts(
                arm.arm,
                tuple(tuple(int(n) for n in row) for row in table.sum(axis=0)),
                tuple(int(np.trace(one)) for one in table),
                arm.tested,
                arm.tested_on,
            )
        )
    return counted


def _tested(arms: Sequence[UtilityArm]) -> dict[str, int]:
    return {arm.arm: arm.tested for arm in arms}


def _chart(worth: SyntheticWorth) -> Markup:
    curve = Series("real images", np.array(worth.sizes, np.float64), np.array(worth.curve, np.float64))
    return line_chart(
        f"{NAMES[worth.classifier]}: what real images teach",
        [curve],
        x_label="real images learned from",
        y_label="balanced accuracy on held-out real images",
        reference=Reference(
            f"{numerals.count(worth.images)} synthetic images: {_share(worth.gan_train)}", worth.gan_train
        ),
    )


def _share(value: float) -> str:
    return f"{value:.3f}"

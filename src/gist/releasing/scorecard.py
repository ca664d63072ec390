"""The scorecard: FDA's seven Cs of synthetic medical data, as far as a run measured them.

Zamzmi et al. 2025, Scorecard for synthetic medical data evaluation, doi:10.1038/s44172-025-00450-1. Nothing is added
up: seven numbers of different kinds make no grade.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from gist import numerals
from gist.pages.html import embedded, html
from gist.pages.words import OVERALL, VERDICTS
from gist.releasing.checklist import Item
from gist.releasing.rules import Rule
from gist.runs.findings import Findings
from gist.stages.evaluate import FINE_DETAIL, EvaluateResult, Score
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.stages.privacy import PrivacyResult
from gist.stages.promise import Result
from gist.stages.utility import UtilityResult

CONGRUENCE = ("KID", "relative FD", "FD", "FID", FINE_DETAIL)
COVERAGE = ("recall", "coverage", "diversity")
CONSTRAINT = ("precision", "density")


class Measure(Result):
    """One line of the scorecard."""

    name: str
    group: str = OVERALL
    value: float | str | None
    """None where there were too few images to tell."""
    low: float | None = None
    high: float | None = None
    """95 % interval."""
    real: float | None = None
    """The same between real images."""
    reading: str = ""


class Criterion(Result):
    """One of the seven."""

    name: str
    question: str
    measures: tuple[Measure, ...]
    missing: str = ""
    """Why there is none, and what to do."""


class Scorecard(Result):
    format: int = 1
    title: str
    general: dict[str, str]
    criteria: tuple[Criterion, ...]
    override: str | None = None
    """Why it was released although rules of the policy do not hold."""


def scorecard(
    findings: Findings,
    rules: Sequence[Rule],
    items: Sequence[Item],
    licence: str | None,
    override: str | None,
) -> Scorecard:
    """The seven criteria, filled from what the run holds."""
    generated, prepared = findings.of(GenerateResult), findings.of(PrepareResult)
    assert generated is not None
    evaluated = findings.of(EvaluateResult) if findings.is_current("evaluate") else None
    scores = () if evaluated is None else evaluated.scores
    not_measured = "Not measured: run `gist evaluate`."
    general = {
        "Images": numerals.count(generated.images),
        "Classes": ", ".join(f"{name} {count:,}" for name, count in generated.class_counts.items()) or "none",
        "Network": f"SHA-256 {generated.network_sha256}" if generated.network_sha256 else "unknown",
        "Licence": licence or "not set",
        "Use": "research, teaching and training of software, under a test on real images; not for diagnosis",
        "Training and validation": "not known"
        if prepared is None
        else f"{prepared.train_images:,} {'' if findings.phantoms else 'real '}{findings.kind}s to learn from, "
        f"{prepared.test_images:,} held out",
        "Reference data set": "none" if not scores else f"{scores[0].n_real:,} held-out images",
    }
    filled = sum(item.told is not None for item in items)
    return Scorecard(
        title=findings.title,
        general=general,
        override=override,
        criteria=(
            Criterion(
                name="Congruence",
                question="Are synthetic images distributed as real ones are?",
                measures=_of(scores, CONGRUENCE),
                missing="" if scores else not_measured,
            ),
            Criterion(
                name="Coverage",
                question="Do they reach the variety of real ones?",
                measures=(*_of(scores, COVERAGE), *_taught(findings)),
                missing="" if scores else not_measured,
            ),
            Criterion(
                name="Constraint",
                question="Do they stay within what real ones can look like?",
                measures=(*_of(scores, CONSTRAINT), *_artifacts(evaluated)),
                missing="" if scores else not_measured,
            ),
            Criterion(
                name="Completeness",
                question="Is everything there that belongs to them?",
                measures=_complete(generated, prepared),
            ),
            Criterion(
                name="Consistency",
                question="Is it the same in each class?",
                measures=_by_class(scores),
                missing=""
                if _by_class(scores)
                else "Not measured by class: without classes, or not evaluated.",
            ),
            Criterion(
                name="Comprehension",
                question="Is it documented how they came to be?",
                measures=(
                    Measure(name="checklist items told by the run", value=f"{filled} of {len(items)}"),
                    Measure(name="cards", value="model card, data card"),
                ),
            ),
            Criterion(
                name="Compliance",
                question="Do they keep the rules under which they may be passed on?",
                measures=(
                    *(
                        Measure(
                            name=rule.name,
                            value="holds" if rule.holds else "does not hold",
                            reading=rule.said,
                        )
                        for rule in rules
                    ),
                    *_copying(findings),
                ),
            ),
        ),
    )


def scorecard_page(card: Scorecard) -> Markup:
    """The scorecard for people."""
    return html(
        "gist.releasing/scorecard.html.j2",
        title=card.title,
        style=embedded("gist.pages/page.css"),
        card=card,
        shown=_shown,
    )


def _shown(measure: Measure) -> tuple[str, str, str]:
    """Value, interval and the value of real images as text."""
    if not isinstance(measure.value, float):
        return measure.value or "cannot tell", "", ""
    value, low, high, real = numerals.together(measure.value, measure.low, measure.high, measure.real)
    return value, f"{low} to {high}" if low and high else "", real


def _of(scores: Iterable[Score], kinds: Sequence[str], *, by_class: bool = False) -> tuple[Measure, ...]:
    return tuple(
        Measure(
            name=score.name,
            group=score.group,
            value=score.value,
            low=score.low,
            high=score.high,
            real=score.baseline,
            reading=VERDICTS.get(score.verdict, score.verdict),
        )
        for score in scores
        if (score.name in kinds or score.name.partition("[")[0] in kinds)
        and (score.group != OVERALL) == by_class
    )


def _by_class(scores: Iterable[Score]) -> tuple[Measure, ...]:
    return _of(scores, (*CONGRUENCE, *COVERAGE, *CONSTRAINT), by_class=True)


def _taught(findings: Findings) -> tuple[Measure, ...]:
    found = findings.of(UtilityResult) if findings.is_current("utility") else None
    return tuple(
        Measure(
            name=f"{each.question}, {each.classifier}: balanced accuracy less that of real images",
            value=each.difference.value,
            low=each.difference.low,
            high=each.difference.high,
            reading=VERDICTS[each.verdict],
        )
        for each in (() if found is None else found.findings)
        if each.question in ("GAN-train", "GAN-test")
    )


def _artifacts(evaluated: EvaluateResult | None) -> tuple[Measure, ...]:
    found = None if evaluated is None else evaluated.artifacts
    if found is None:
        return ()
    return (
        Measure(
            name=f"share that looks odder than all but {found.real_level:g} of real images",
            value=found.odd_share,
            low=found.odd_low,
            high=found.odd_high,
            real=found.real_level,
            reading=VERDICTS[found.verdict],
        ),
    )


def _complete(generated: GenerateResult, prepared: PrepareResult | None) -> tuple[Measure, ...]:
    wanted = () if prepared is None else prepared.class_names
    absent = [name for name in wanted if not generated.class_counts.get(name)]
    classes = f"{len(wanted) - len(absent)} of {len(wanted)}" if wanted else "none"
    return (
        Measure(
            name="images with a line in labels.csv", value=f"{generated.images:,} of {generated.images:,}"
        ),
        Measure(name="classes of the real data that are there", value=classes, reading=", ".join(absent)),
    )


def _copying(findings: Findings) -> tuple[Measure, ...]:
    found = findings.of(PrivacyResult) if findings.is_current("privacy") else None
    if found is None:
        return ()
    return tuple(
        Measure(
            name=f"probability to find copies, {each.kind}, {numerals.percent(each.share)} of the images",
            value=each.power,
            low=each.low,
            high=each.high,
        )
        for each in found.power
        if each.told
    )

"""The report's section on blind reader tests."""

from __future__ import annotations

from markupsafe import Markup

from gist.pages.section import Answer, Caveat, Citation, Section, StagePage
from gist.pages.words import TOLD_APART
from gist.reader.findings import results
from gist.reader.study_scoring import ScoredStudy, scored_studies
from gist.runs.findings import Findings

CAVEAT = (
    "Good scores do not make synthetic images private or clinically valid: a passed distance test proves nothing, and "
    "readers see neither lost diversity nor copies of patients."
)
CITATIONS = (
    Citation("Obuchowski and Rockette: Hypothesis testing of diagnostic accuracy for multiple readers and multiple "
             "tests. Commun Stat Simul Comput 24:285, 1995", "10.1080/03610919508813243"),
    Citation("Hillis: A comparison of denominator degrees of freedom methods for multiple observer ROC analysis. "
             "Stat Med 26:596, 2007", "10.1002/sim.2532"),
    Citation("Graybill and Wang: Confidence intervals on nonnegative linear combinations of variances. "
             "J Am Stat Assoc 75:869, 1980"),
)  # fmt: skip


def reader_page(findings: Findings) -> StagePage:
    """Every scored study of the images that there are now; empty where there is none."""
    drawn = findings.records.get("generate")
    studies = [
        each
        for each in scored_studies(findings.run.place)
        if drawn is None or each.study.created >= (drawn.finished or drawn.started)
    ]
    if not studies:
        return StagePage()
    return StagePage(
        summary=tuple(each.score.sentence for each in studies),
        answers=(_answer(studies[-1]),),
        caveats=(Caveat(10, CAVEAT),),
        sections=(
            Section("readers", TOLD_APART, Markup("\n").join(_body(each, len(studies)) for each in studies)),
        ),
        citations=CITATIONS,
        facts={"reader_tests": {each.folder.name: each.score.model_dump(mode="json") for each in studies}},
    )


def _body(each: ScoredStudy, of: int) -> Markup:
    heading = Markup("<h3>Study {}</h3>\n").format(each.folder.name) if of > 1 else Markup()
    return heading + results(each.folder, each.study, each.score)


def _answer(each: ScoredStudy) -> Answer:
    score = each.score
    rest = f": {score.sentence[:1].lower()}{score.sentence[1:]}"
    if score.equivalence.shown:
        return Answer(TOLD_APART, "No", rest)
    return Answer(TOLD_APART, "Yes" if score.p_value < 0.05 else "Cannot tell", rest)

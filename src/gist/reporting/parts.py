"""The stages' parts of the report asked for, put in order and summed up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from gist.addresses import imported
from gist.config import STAGES
from gist.pages.section import Answer, Citation, Section, StagePage, Step
from gist.reader.page import reader_page
from gist.runs.findings import Findings
from gist.stages.promise import StageName

DEFAULT_CAVEAT = (
    "Good scores do not make synthetic images private or clinically valid: a passed distance test proves "
    "nothing, and no expert has judged these pictures yet."
)
DEFAULT_STEP = "Test on real images whatever you make of these: none of the scores replaces that."
MOST_STEPS = 3


def asked(findings: Findings, before: StageName = "report") -> dict[StageName, StagePage]:
    """What each stage before this one says, in their order, and then people; those that promise no page say nothing.

    Raises:
        InputError: a file that a stage recorded is missing or was replaced.
    """
    pages: dict[StageName, StagePage] = {}
    for name in STAGES[before].earlier:
        address = STAGES[name].promise.page
        if address is not None:
            pages[name] = imported(address)(findings)
    return pages | {"reader": reader_page(findings)}


def in_order(pages: Iterable[StagePage]) -> tuple[Section, ...]:
    """All sections in the order of the stages, but those with `after` behind the section that this names."""
    sections = [section for page in pages for section in page.sections]
    known = {section.id for section in sections}
    behind: dict[str | None, list[Section]] = {}
    for section in sections:
        behind.setdefault(section.after if section.after in known else None, []).append(section)

    def chain(anchor: str | None) -> Iterator[Section]:
        for section in behind.pop(anchor, ()):
            yield section
            yield from chain(section.id)

    return tuple(chain(None))


def summary(pages: Mapping[StageName, StagePage]) -> list[str]:
    """Plain sentences that tell the run from its results."""
    return [sentence for page in pages.values() for sentence in page.summary]


def answers(pages: Mapping[StageName, StagePage]) -> list[Answer]:
    """One answer to each question, the heaviest, in the order in which the questions come up."""
    shown: dict[str, Answer] = {}
    for answer in (answer for page in pages.values() for answer in page.answers):
        if answer.question not in shown or answer.weight > shown[answer.question].weight:
            shown[answer.question] = answer
    return list(shown.values())


def next_steps(pages: Mapping[StageName, StagePage]) -> list[str]:
    """The heaviest steps that the stages suggest, heaviest first."""
    found: list[Step] = sorted(
        (step for page in pages.values() for step in page.steps), key=lambda step: -step.weight
    )
    return [step.sentence for step in found[:MOST_STEPS]] or [DEFAULT_STEP]


def caveat(pages: Mapping[StageName, StagePage]) -> str:
    """The one thing a reader must know before using the images."""
    found = [caveat for page in pages.values() for caveat in page.caveats]
    return max(found, key=lambda caveat: caveat.weight).sentence if found else DEFAULT_CAVEAT


def citations(pages: Mapping[StageName, StagePage]) -> list[Citation]:
    """Papers behind the methods that this run used, each once."""
    return list(dict.fromkeys(paper for page in pages.values() for paper in page.citations))


def out_of_date(findings: Findings) -> list[str]:
    """A sentence for each stage whose results describe what has been made anew since."""
    return [
        f"The stage “{stage}” was finished before “{upstream}” was done again; what is said here of “{stage}” "
        "describes the earlier state."
        for stage, upstream in findings.outdated
    ]

"""The report's part on the other synthetic sets of a run: each in short, with a way to its own report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gist.config import SET_STAGES, STAGES
from gist.evaluation.answers import DECISIVE
from gist.evaluation.score_table import ScoreRow, score_table
from gist.generation.page import network_name, synthetic_samples
from gist.pages.html import html
from gist.pages.pictures import Picture
from gist.pages.section import Answer, Section
from gist.pages.words import OVERALL
from gist.reporting.parts import answers, asked, out_of_date
from gist.runs.findings import read_findings
from gist.runs.folder import RunFolder
from gist.runs.pipeline import open_run
from gist.runs.standing import assess
from gist.stages.evaluate import EvaluateResult, Score
from gist.stages.generate import GenerateResult

SHOWN, COLUMNS = 16, 8
"""Pictures of each set, and of these in a row."""


@dataclass(frozen=True)
class OtherSet:
    """One synthetic set as the report of the run tells of it."""

    name: str
    generated: GenerateResult | None
    """None while it has not been drawn."""
    network: str
    answers: tuple[Answer, ...]
    scores: tuple[Score, ...]
    """The headline ones, of all classes together."""
    came_of: dict[str, str]
    """Finished stage behind generate -> its result in words."""
    samples: Picture | None
    samples_shown: int
    warnings: tuple[str, ...]
    report: str | None
    """Its own report from the run's, where that is there and tells what the set holds now."""

    @property
    def rows(self) -> list[ScoreRow]:
        """The scores arranged for reading."""
        return [row for _, rows in score_table(self.scores).groups for row in rows]

    @property
    def facts(self) -> dict[str, Any]:
        """The same for machines."""
        made = self.generated
        return {
            "name": self.name,
            "network": self.network,
            "class_counts": {} if made is None else made.class_counts,
            "images": 0 if made is None else made.images,
            "truncation_psi": None if made is None else made.truncation_psi,
            "reject_level": None if made is None else made.reject_level,
            "min_novelty": None if made is None else made.min_novelty,
            "answers": [{"question": each.question, "reply": each.reply} for each in self.answers],
            "scores": [score.model_dump(mode="json") for score in self.scores],
            "results": self.came_of,
            "out_of_date": list(self.warnings),
            "report": self.report,
        }


def other_sets(run: RunFolder) -> list[OtherSet]:
    """The sets that have a name, by name; none from where one of them stands.

    Raises:
        InputError: a file that a stage of a set recorded is missing or was replaced.
    """
    return [] if run.set_name is not None else [_other_set(each) for each in run.sets()]


def sets_section(others: Sequence[OtherSet]) -> tuple[Section, ...]:
    """One section, where there is any set to tell of."""
    if not others:
        return ()
    body = html("gist.reporting/other_sets.html.j2", sets=others)
    return (Section("other-sets", "Other synthetic sets", body),)


def _other_set(run: RunFolder) -> OtherSet:
    _, config = open_run(run.path, run.set_name)
    findings = read_findings(config, run, before="report")
    generated, evaluated = findings.of(GenerateResult), findings.of(EvaluateResult)
    samples, shown = synthetic_samples(findings, SHOWN, COLUMNS)
    scores = () if evaluated is None else evaluated.scores
    own = run.folder_of("report") / "report.html"
    current = own.is_file() and assess(STAGES["report"], config, run).state == "done"
    return OtherSet(
        name=str(run.set_name),
        generated=generated,
        network="" if generated is None else network_name(generated),
        answers=tuple(answers(asked(findings))),
        scores=tuple(each for each in scores if each.group == OVERALL and each.name.startswith(DECISIVE)),
        came_of={
            stage: told
            for stage, result in findings.results.items()
            if stage in SET_STAGES and stage != "generate" and (told := result.in_one_line())
        },
        samples=samples,
        samples_shown=shown,
        warnings=tuple(out_of_date(findings)),
        report=f"../{run.relative(own)}" if current else None,
    )

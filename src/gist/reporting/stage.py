"""The report stage: asks every stage for its part, writes `report/report.html`, the cards and `report/report.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from gist.config import Config
from gist.files import write_atomic, write_json
from gist.pages.html import embedded, html
from gist.pages.section import StagePage
from gist.progress import Progress
from gist.reporting import cards
from gist.reporting.other_sets import OtherSet, other_sets, sets_section
from gist.reporting.parts import answers, asked, caveat, in_order, next_steps, out_of_date, summary
from gist.reporting.provenance import fit_to_pass_on, provenance_section
from gist.runs.findings import Findings, read_findings
from gist.runs.folder import RunFolder
from gist.stages.promise import StageName
from gist.stages.report import ReportResult
from gist.version import __version__


def write_report(config: Config, run: RunFolder, progress: Progress) -> ReportResult:
    """Writes one self-contained HTML page on every stage that is finished, and the same facts as JSON.

    The page depends on the run folder and the settings only: writing it again gives the same bytes.

    Raises:
        InputError: no stage is finished, or a file that a stage recorded is missing or was replaced.
    """
    findings = read_findings(config, run, before="report")
    progress.advance(1, 3, "steps", "records read")
    pages, others = asked(findings), other_sets(run)
    page = _page(findings, pages, others)
    progress.advance(2, 3, "steps", "pictures drawn")
    folder = run.stage_folder("report")
    for name, text in cards.written(findings, pages).items():
        write_atomic(folder / name, text.encode())
    write_json(folder / "report.json", _for_machines(findings, pages, others))
    write_atomic(folder / "report.html", page.encode())
    progress.advance(3, 3, "steps", "page written")
    return ReportResult(report=run.relative(folder / "report.html"))


def _page(findings: Findings, pages: Mapping[StageName, StagePage], others: Sequence[OtherSet]) -> str:
    sections = (*in_order(pages.values()), *sets_section(others))
    return html(
        "gist.reporting/report.html.j2",
        title=findings.title,
        style=embedded("gist.pages/page.css"),
        written=max(record.finished or record.started for record in findings.records.values())[:10],
        opening=Markup("\n").join(page.opening for page in pages.values() if page.opening),
        answers=answers(pages),
        next_steps=next_steps(pages),
        summary=summary(pages),
        caveat=caveat(pages),
        warnings=out_of_date(findings),
        phantoms=findings.phantoms,
        kind=findings.kind,
        shows_real_images=findings.training is not None,
        text=findings.text.sentence,
        sections=(*sections, provenance_section(findings, pages, cards.names(findings))),
    )


def _for_machines(
    findings: Findings, pages: Mapping[StageName, StagePage], others: Sequence[OtherSet]
) -> dict[str, Any]:
    facts = {name: value for page in pages.values() for name, value in page.facts.items()}
    own = {
        "format": 1,
        "gist_version": __version__,
        "title": findings.title,
        "answers": [
            {"question": each.question, "reply": each.reply, "sentence": each.reply + each.rest}
            for each in answers(pages)
        ],
        "next_steps": next_steps(pages),
        "summary": summary(pages),
        "phantoms": findings.phantoms,
        "caveat": caveat(pages),
        "synthetic_set": findings.run.set_name,
        "other_sets": [other.facts for other in others],
    }
    more = {
        "out_of_date": out_of_date(findings),
        "outdated": [{"stage": stage, "made_before": upstream} for stage, upstream in findings.outdated],
        "results": {
            stage: fit_to_pass_on(stage, record.result) for stage, record in findings.records.items()
        },
    }
    return own | facts | more | own  # what the report itself says stands above what a stage may call so

"""The report stage: the page a clinician reads."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from gist.stages.promise import Promise, Result, StageSettings


class ReportResult(Result):
    report: str

    def in_one_line(self) -> str:
        return self.report


class ReportConfig(StageSettings):
    """The page a clinician reads."""

    promise: ClassVar[Promise] = Promise(
        work="gist.reporting.stage:write_report",
        result=ReportResult,
        files=("report.html", "report.json", "*.md"),
        takes="all of it",
        gives="one self-contained HTML page, model card, data card",
        needs=("prepare",),
        uses="all before",
        reads={"inspect": "inspect/result.json"},
        inputs="gist.reporting.inputs:report_inputs",
        per_set=True,
        command=False,  # it says where the page lies
    )

    title: str | None = None
    """Heading of the report. Default: the run's name."""
    licence: str | None = None
    """Licence that the model card and the data card state. Default: a place for you to fill in."""
    samples_per_class: Annotated[int, Field(ge=1, le=64)] = 12
    """Images per class on the sheet of real beside synthetic."""

"""The report stage: the page a clinician reads."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gist.stages.promise import Result, Section


class ReportConfig(Section):
    """The page a clinician reads."""

    title: str | None = None
    """Heading of the report. Default: the run's name."""
    licence: str | None = None
    """Licence that the model card and the data card state. Default: a place for you to fill in."""
    samples_per_class: Annotated[int, Field(ge=1, le=64)] = 12
    """Images per class on the sheet of real beside synthetic."""


class ReportResult(Result):
    report: str

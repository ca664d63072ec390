"""A stage's part of the report: sections, and what it has to say for the page as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup


@dataclass(frozen=True)
class Section:
    """One section of the page."""

    id: str
    heading: str
    body: Markup
    after: str | None = None
    """Id of the section behind which it stands; by default sections follow the order of the stages."""


@dataclass(frozen=True)
class Caveat:
    """Something that a reader must know before using the images; the page shows the heaviest."""

    weight: int
    """100: nothing is known of the images; 80: evidence of copying; 60: poor; 40: cannot be told; 20: flattered.
    Of equal ones that of the earlier stage is shown."""
    sentence: str


@dataclass(frozen=True)
class Citation:
    """A paper and its DOI, if it has one."""

    text: str
    doi: str | None = None


@dataclass(frozen=True)
class StagePage:
    """What a stage adds to the report. A stage that has not finished may still have a caveat."""

    summary: tuple[str, ...] = ()
    """Plain sentences that tell what came of it."""
    caveats: tuple[Caveat, ...] = ()
    sections: tuple[Section, ...] = ()
    settings: Markup = field(default_factory=Markup)
    """A table of the settings in use, with which the section on settings and provenance begins."""
    provenance: Markup = field(default_factory=Markup)
    """Paragraphs for that section, which leads from the images back to what they came from: last stage first."""
    citations: tuple[Citation, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    """For machines, beside the stage's result: JSON values that `report.json` holds by these names."""

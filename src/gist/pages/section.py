"""A stage's part of the report: sections, and what it has to say for the page as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

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
class Answer:
    """What a stage says to one of the questions with which the page opens, or to a question of its own."""

    question: str
    """Such as `gist.pages.words.STAND_IN`; questions stand in the order in which the stages first answer them."""
    reply: Literal["Yes", "No", "Cannot tell"]
    rest: str
    """How the sentence goes on behind the reply, such as `: nothing was measured.`"""
    weight: int = 0
    """Of several answers to a question the heaviest is shown, of equal ones that of the earlier stage."""


@dataclass(frozen=True)
class Step:
    """Something to do next, as the findings suggest it; the page shows the heaviest."""

    weight: int
    """100: a stage has not run; 90: nothing is held out; 80: copies; 70: too few images to tell; 60: the images are
    not good enough; 30: something more could be measured; 20: a reader could look."""
    sentence: str


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
    answers: tuple[Answer, ...] = ()
    """A stage that has not finished answers its questions with `Cannot tell`."""
    steps: tuple[Step, ...] = ()
    opening: Markup = field(default_factory=Markup)
    """Pictures beside the answers."""
    caveats: tuple[Caveat, ...] = ()
    sections: tuple[Section, ...] = ()
    settings: Markup = field(default_factory=Markup)
    """A table of the settings in use, with which the section on settings and provenance begins."""
    provenance: Markup = field(default_factory=Markup)
    """Paragraphs for that section, which leads from the images back to what they came from: last stage first."""
    citations: tuple[Citation, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    """For machines, beside the stage's result: JSON values that `report.json` holds by these names."""

"""Settings of `gist inspect`, which is no stage."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from gist.stages.promise import Section

MOST_KINDS = 9
"""The keys 1 to 9."""
_RESERVED = ("none", "other")


class InspectConfig(Section):
    """The page on which people tick what is wrong with synthetic images."""

    body_part: Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True)] | None = None
    """What the images show, such as CHEST: it decides on the kinds to tick. Default: what all DICOM files agree on."""
    kinds: (
        Annotated[
            tuple[Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)], ...],
            Field(min_length=1, max_length=MOST_KINDS),
        ]
        | None
    ) = None
    """Kinds of artifacts to tick instead of those of the body part: own words, or keys such as blur."""

    @field_validator("kinds")
    @classmethod
    def _distinct(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        folded = [kind.casefold() for kind in value or ()]
        if any(kind in _RESERVED for kind in folded):
            raise ValueError("names none or other, which are on every page; leave them out")
        if len(set(folded)) < len(folded):
            raise ValueError("names a kind twice")
        return value

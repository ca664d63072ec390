"""What a stage promises: its settings, its result, and how both are read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

StageName = str


Auto = Literal["auto"]


Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


class Section(BaseModel):
    """A frozen group of settings in which unknown keys are errors; where text is asked for, 4 means "4"."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        coerce_numbers_to_str=True,
        defer_build=True,  # the whole tree at its first use, not each branch again when imported
    )


def restarting_settings(section: Section) -> dict[str, Any]:
    """The settings of a section whose change makes finished work stale, as plain JSON values."""
    left_out = marked(type(section), "restarts", False) | marked(type(section), "private", True)
    return {name: value for name, value in section.model_dump(mode="json").items() if name not in left_out}


def continued_settings(section: Section) -> dict[str, Any]:
    """The settings of a section whose change continues finished work, as plain JSON values."""
    return section.model_dump(mode="json", include=marked(type(section), "restarts", False))


def unusual_settings(section: Section) -> dict[str, Any]:
    """The settings of a section that differ from their defaults and are kept with the run, as plain JSON values."""
    private = marked(type(section), "private", True)
    return section.model_dump(mode="json", exclude_defaults=True, exclude=private)


def marked(section: type[Section], mark: str, value: bool) -> set[str]:
    """Names of the settings that carry a mark with this value."""
    found = set()
    for name, field in section.model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get(mark) is value:
            found.add(name)
    return found


class Result(BaseModel):
    """A frozen, JSON-friendly record."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

"""What must hold before something is passed on."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, ValidationError

from gist.config.texts import TextError, read_yaml
from gist.errors import InputError
from gist.pages.html import resource
from gist.stages.privacy import Verdict
from gist.stages.promise import Fraction, Section

Mark = Literal["watermark", "metadata", "fingerprints", "credentials"]
Kind = Literal[
    "exact",
    "shifted",
    "rotated",
    "re-exposed",
    "cropped",
    "blurred",
    "noisy",
    "mirrored",
    "mixed half and half",
]


class Policy(Section):
    """The rules; `policy.yaml` beside this file says what each means."""

    licence: bool
    audited: bool
    verdicts: tuple[Verdict, ...]
    least_power: Fraction
    power_for: tuple[Kind, ...]
    hold_out_by_patient: bool
    text_resolved: bool
    evaluated: bool
    marks: tuple[Mark, ...]
    signed: bool
    least_images: Annotated[int, Field(ge=1)]
    forbidden: tuple[Annotated[str, Field(min_length=3)], ...]


def read_policy(file: Path | None) -> Policy:
    """The policy that ships, with what a file of the user's says in its place.

    Raises:
        InputError: there is no such file, or it holds something else.
    """
    shipped = read_yaml(resource("gist.releasing/policy.yaml"), Policy)
    if file is None:
        return Policy.model_validate(shipped)
    try:
        own = read_yaml(file.read_text(encoding="utf-8"), Policy) or {}
    except TextError as error:
        raise InputError(f"The policy {file} {error}.") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        raise InputError(f"The policy {file} is no readable YAML file{line}; mend it.") from None
    if not isinstance(own, dict):
        raise InputError(f"The policy {file} must hold lines such as 'audited: true'.")
    try:
        return Policy.model_validate(shipped | own)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            near = difflib.get_close_matches(key, Policy.model_fields, n=1)
            meant = f"did you mean '{near[0]}'?" if near else f"choose from {', '.join(Policy.model_fields)}."
            raise InputError(f"The policy {file} says '{key}', which is no rule; {meant}") from None
        said = first["msg"].removeprefix("Input ")
        raise InputError(f"The policy {file}: '{key}' {said[:1].lower()}{said[1:]}.") from None

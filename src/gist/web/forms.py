"""Forms made from the settings' schema: what can be chosen, what it is now, and what was typed back into settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gist.config import is_private, parse_value
from gist.config.reference import Entry, entries
from gist.config.texts import as_typed
from gist.errors import InputError
from gist.web.projects import Project

SIMPLE = {
    "prepare.resolution": "Side of the images, in pixels",
    "train.hours": "Hours of training, at most",
    "train.kimg": "Length of training, in thousands of images shown",
    "train.architecture": "Kind of generator",
    "generate.count": "How many synthetic images",
}
"""What is asked first, in plain words; all others stand behind “more”."""
_LEFT_OUT = ("name", "folder", "train.tensorboard")


@dataclass(frozen=True)
class Field:
    """One setting of a form."""

    key: str
    label: str
    meaning: str
    value: str
    """As it is typed; empty where it is the default."""
    default: str
    choices: tuple[str, ...]
    """Empty where anything may be typed."""


def fields(project: Project, typed: Mapping[str, str] | None = None) -> dict[str, list[Field]]:
    """The fields by section, the simple ones under an empty name; `typed` is what was typed and not taken."""
    config = project.config().model_dump(mode="json")
    found: dict[str, list[Field]] = {"": []}
    for entry in _offered():
        value: Any = config
        for name in entry.key.split("."):
            value = value[name]
        now = as_typed(value)
        field = Field(
            entry.key,
            SIMPLE.get(entry.key, entry.key),
            entry.meaning,
            (typed or {}).get(entry.key, "" if value is None or now == entry.default else now),
            entry.default,
            _choices(entry, project),
        )
        section = "" if entry.key in SIMPLE else entry.key.rpartition(".")[0] or "run"
        found.setdefault(section, []).append(field)
    found[""].sort(key=lambda field: list(SIMPLE).index(field.key))
    return found


def changes(typed: Mapping[str, str], project: Project) -> dict[str, Any]:
    """Settings from what was typed; an empty text is the default.

    Raises:
        InputError: there is no such setting on the page, or its value is none that may be chosen.
    """
    offered = {entry.key: entry for entry in _offered()}
    found = {}
    for key, text in typed.items():
        if key not in offered:
            raise InputError(f"'{key}' is no setting that a page may change.")
        choices = _choices(offered[key], project)
        if text.strip() and choices and text.strip() not in choices:
            raise InputError(f"{key} takes {', '.join(choices)}; choose one of them.")
        found[key] = parse_value(key, text.strip()) if text.strip() else None
    return found


def _offered() -> list[Entry]:
    """All settings but places of the disk that are private or would be written to."""
    return [
        entry
        for entry in entries()
        if entry.key not in _LEFT_OUT and not is_private(entry.key) and entry.values != "PATH"
    ]


def _choices(entry: Entry, project: Project) -> tuple[str, ...]:
    """What can be chosen; where a path could be typed too, only what gist knows by name."""
    values = entry.values.split("|")
    takes_path = "PATH" in values
    named = tuple(value for value in values if not re.fullmatch(r"[A-Z,…=]+", value))
    if takes_path and entry.key == "generate.network":
        snapshots = sorted((project.run.path / "train" / "snapshots").glob("network-*.safetensors"))
        named += tuple(file.stem for file in snapshots)
    return named if takes_path or (len(named) == len(values) and "," not in entry.values) else ()

"""The settings for people to read: key, values, default, meaning; `gist settings` and docs/guide/settings.md."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from gist.config.tree import Config
from gist.errors import InputError


@dataclass(frozen=True)
class Entry:
    """One setting."""

    key: str
    values: str
    """What it takes: `auto|NUMBER`, `true|false`, `pad|crop|stretch`."""
    default: str
    """Empty where none is set."""
    meaning: str


def entries(key: str = "") -> list[Entry]:
    """The setting of this dotted name, those of a section, or all.

    Raises:
        InputError: there is none.
    """
    known = list(_entries(Config, ""))
    found = [entry for entry in known if not key or entry.key == key or entry.key.startswith(f"{key}.")]
    if found:
        return found
    names = [entry.key for entry in known]
    near = difflib.get_close_matches(key, names, n=3) or [
        name for name in names if name.rpartition(".")[2] == key.rpartition(".")[2]
    ]
    sections = ", ".join(dict.fromkeys(name.partition(".")[0] for name in names))
    instead = f"did you mean {' or '.join(near)}" if near else f"choose from {sections}"
    raise InputError(
        f"'{key}' is not a setting; {instead}?" if near else f"'{key}' is not a setting; {instead}."
    )


_HEAD = """# Settings

Every setting of a settings file, of `--set KEY=VALUE` and of the commands' options; made by
`gist settings --markdown`. Lists are typed `healthy,severe` or `[healthy, severe]`, pairs
`healthy=50,severe=20` or `{healthy: 50}`; a name that holds a comma stands in quotes. `null`
sets a default again.
"""


def as_markdown() -> str:
    """All settings as a page, a table for each section."""
    page = _HEAD
    for section in dict.fromkeys(entry.key.rpartition(".")[0] for entry in _entries(Config, "")):
        page += (
            f"\n## {section or 'Whole run'}\n\n| setting | takes | default | meaning |\n|---|---|---|---|\n"
        )
        for entry in _entries(Config, ""):
            if entry.key.rpartition(".")[0] == section:
                default = f"`{entry.default}`" if entry.default else ""
                row = (f"`{entry.key}`", f"`{entry.values}`", default, entry.meaning)
                cells = (cell.replace("|", "\\|").replace("<", "\\<") for cell in row)
                page += f"| {' | '.join(cells)} |\n"
    return page


def default_in_words(field: FieldInfo) -> str:
    """A default as it is typed; empty where there is none."""
    default = field.get_default()
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple | list):
        return ",".join(map(str, default)) or "[]"
    return "" if default is None else str(default)


def kind_in_words(annotation: Any) -> str:
    """How the values of a type are shown: `auto|NUMBER`, `true|false`, `pad|crop|stretch`, `NAME,NAME`."""
    if annotation in _KINDS:
        return _KINDS[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return "|".join(str(argument) for argument in arguments)
    if origin is Annotated:
        return kind_in_words(arguments[0])
    if origin in (Union, UnionType):
        return "|".join(kind for kind in dict.fromkeys(map(kind_in_words, arguments)) if kind)
    if origin is tuple:
        return ",".join("…" if part is Ellipsis else kind_in_words(part) for part in arguments)
    return f"NAME={kind_in_words(arguments[1])},…" if len(arguments) == 2 else "VALUE"


_KINDS = {bool: "true|false", int: "NUMBER", float: "NUMBER", str: "TEXT", Path: "PATH", NoneType: ""}


def _entries(model: Any, prefix: str) -> Iterator[Entry]:
    for name, field in model.model_fields.items():
        if hasattr(field.annotation, "model_fields"):
            yield from _entries(field.annotation, f"{prefix}{name}.")
        else:
            values = kind_in_words(field.annotation)
            yield Entry(prefix + name, values, default_in_words(field), field.description or "")

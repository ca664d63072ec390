"""The settings from YAML and back, with one sentence for whatever is wrong in them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from gist.config.mistakes import one_sentence
from gist.config.texts import TextError, read_option, read_yaml
from gist.config.tree import Config, sections, type_of
from gist.errors import InputError
from gist.stages.promise import each_path, inside, private

_INSTEAD = {"generate.count": "generate.per_class", "generate.per_class": "generate.count"}
"""Settings that a command gives instead of each other."""


def load_config(
    path: Path | str, changes: Mapping[str, Any] | None = None, *, own: Path | None = None
) -> Config:
    """Reads a YAML file and applies `changes`, a mapping of dotted keys to values.

    Relative paths inside the file are taken from the file's own folder, `folder` and those in `changes` from the
    working folder. `own` is a file of whole sections that stand instead of those in `path`.

    Raises:
        InputError: a file is missing, is not YAML, or a setting is unknown, of the wrong type or impossible.
    """
    path = Path(path)
    tree = _read(path) | ({} if own is None else _read(own))
    tree.setdefault("name", path.stem)
    _anchor_paths(tree, path.parent, changes or {})
    return build_config(tree, changes, where=str(path if own is None else own))


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(
            f"There is no settings file at {path}, nor a folder or zip of images; mend the path, or see `gist example`."
        ) from None
    except IsADirectoryError:
        raise InputError(
            f"{path} is a folder, but settings are a file; name a file such as knee.yaml."
        ) from None
    except UnicodeDecodeError:
        raise InputError(f"The settings file {path} is no text in UTF-8; save it as such.") from None
    except OSError as error:
        raise InputError(f"The settings file {path} cannot be read: {error.strerror}.") from None
    try:
        tree = read_yaml(text, Config)
    except TextError as error:
        raise InputError(f"{path} {error}.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise InputError(f"{path}{line} is not valid YAML; check indentation and colons there.") from None
    if not isinstance(tree, dict | None):
        raise InputError(f"{path} must hold settings as 'key: value' lines.")
    return tree or {}


def build_config(
    tree: Mapping[str, Any], changes: Mapping[str, Any] | None = None, *, where: str = "settings"
) -> Config:
    """Checks a nested mapping of settings, after applying dotted `changes` to a copy of it.

    A change to None sets the default again, and so does a change to what is given instead of a setting.

    Raises:
        InputError: naming the first wrong key.
    """
    merged = json.loads(json.dumps(tree, default=str))
    changes = dict(changes or {})
    for key in [key for key, value in changes.items() if value is not None and key in _INSTEAD]:
        changes.setdefault(_INSTEAD[key], None)
    for key, value in changes.items():
        *parents, last = key.split(".")
        node = merged
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                raise InputError(f"'{key}' is not a setting: {parent} has no settings inside it.")
        if value is None and type_of(key) is not None:
            node.pop(last, None)
        else:
            node[last] = str(value) if isinstance(value, Path) else value
    try:
        return Config.model_validate(merged)
    except ValidationError as error:
        raise InputError(f"{where}: {one_sentence(error)}") from None


def with_changes(config: Config, changes: Mapping[str, Any] | None) -> Config:
    """The settings with `changes`, a mapping of dotted keys to values."""
    return build_config(config.model_dump(mode="json"), changes) if changes else config


def parse_changes(assignments: list[str]) -> dict[str, Any]:
    """`["train.kimg=20"]` -> `{"train.kimg": 20}`.

    Raises:
        InputError: an assignment has no `=`, or its value cannot be read.
    """
    changes: dict[str, Any] = {}
    for assignment in assignments:
        key, sign, text = assignment.partition("=")
        if not sign or not key.strip():
            raise InputError(f"'{assignment}' is not of the form key=value, such as train.kimg=20.")
        changes[key.strip()] = parse_value(key.strip(), text)
    return changes


def parse_value(key: str, text: str) -> Any:
    """What is typed for a setting: texts and paths are taken as they are, numbers, lists and mappings read as YAML.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return read_option(text, type_of(key) or str)
    except TextError as error:
        raise InputError(f"'{key}={text}' {error}.") from None
    except yaml.YAMLError:
        raise InputError(
            f"The value in '{key}={text}' cannot be read; check brackets, and put a text in a list that holds "
            "one of # : , [ ] { } in quotes."
        ) from None


def as_yaml(config: Config, only: Collection[str] | None = None) -> str:
    """The settings, or those of some sections only, as the run folder keeps them: defaults spelled out, private paths
    left out, others from there."""
    tree = to_jsonable_python(each_path(config.model_dump(), config.kept_path))
    tree["folder"] = None  # the folder that the file lies in
    groups = sections(config)
    for section, values in tree.items():
        if section in groups:
            for name in private(type(groups[section])):
                values[name] = None
    if only is not None:
        tree = {section: tree[section] for section in only}
    # Unescaped, PyYAML writes the control character U+0085 as a break of the line, which is read as a blank.
    plain = "\x85" not in json.dumps(tree, ensure_ascii=False)
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=plain)


def json_schema() -> dict[str, Any]:
    """JSON schema of the settings file, for editors and forms."""
    return Config.model_json_schema()


def _anchor_paths(tree: dict[str, Any], folder: Path, changes: Mapping[str, Any]) -> None:
    """Makes relative paths of a settings file start from its folder; what is a path follows from the types.

    Those that are looked for in another place first, and are there, or are nowhere, stay as they are given.
    """
    for section, group in sections(Config()).items():
        values = tree.get(section)
        if not isinstance(values, dict):
            continue
        looked_in = inside(type(group))
        for name, field in type(group).model_fields.items():
            kind: Any = field.annotation
            if values.get(name) is None or not _may_be_path(kind):
                continue
            try:
                given = TypeAdapter[Any](kind).validate_python(values[name])
            except ValidationError:
                continue  # told when all settings are checked together
            anchored = each_path(given, lambda path: folder / path.expanduser())
            if name in looked_in:
                other = looked_in[name]
                place = changes.get(f"{section}.{other}", values.get(other))
                if not anchored.exists() or (isinstance(place, str | Path) and holds(Path(place), given)):
                    continue
            values[name] = to_jsonable_python(anchored)


def _may_be_path(kind: Any) -> bool:
    return kind is Path or any(map(_may_be_path, get_args(kind)))


def holds(place: Path, path: Path | str) -> bool:
    """Whether a folder or zip archive has something at this path."""
    try:
        inner = zipfile.Path(place) if zipfile.is_zipfile(place) else place
        return (inner / str(path)).exists()
    except (OSError, zipfile.BadZipFile):
        return False

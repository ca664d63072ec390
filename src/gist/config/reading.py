"""The settings from YAML and back, with one sentence for whatever is wrong in them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from gist.config.mistakes import one_sentence
from gist.config.tree import Config, is_setting, sections
from gist.errors import InputError
from gist.stages.promise import paths, private

_INSTEAD = {"generate.count": "generate.per_class", "generate.per_class": "generate.count"}
"""Settings that a command gives instead of each other."""
_TRUTH = "tag:yaml.org,2002:bool"


class _Yaml(yaml.SafeLoader):
    """YAML in which only true and false are truth values, as in its version 1.2: `off` is a choice, `no` a class.

    A key that is given twice is an error, where the standard loader would take the last.
    """

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        first: dict[str, int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                line = key.start_mark.line + 1
                if key.value in first:
                    raise _GivenTwiceError(key.value, first[key.value], line)
                first[key.value] = line
        return node


class _GivenTwiceError(yaml.YAMLError):
    """Reads as the predicate of a sentence about a file."""

    def __init__(self, key: str, first: int, second: int) -> None:
        lines = f"in line {first}" if first == second else f"in lines {first} and {second}"
        super().__init__(f"gives '{key}' twice, {lines}; leave one of the two out")


_Yaml.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != _TRUTH]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Yaml.add_implicit_resolver(_TRUTH, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


def load_config(path: Path | str, changes: Mapping[str, Any] | None = None) -> Config:
    """Reads a YAML file and applies `changes`, a mapping of dotted keys to values.

    Relative paths inside the file are taken from the file's own folder, `folder` from the working folder.

    Raises:
        InputError: the file is missing, is not YAML, or a setting is unknown, of the wrong type or impossible.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(
            f"There is no settings file at {path}; check the path or copy one from examples/."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The settings file {path} cannot be read: {error}.") from None
    try:
        tree = _Yaml(text).get_single_data()
    except _GivenTwiceError as error:
        raise InputError(f"{path} {error}.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise InputError(f"{path}{line} is not valid YAML; check indentation and colons there.") from None
    if tree is None:
        tree = {}
    if not isinstance(tree, dict):
        raise InputError(f"{path} must hold settings as 'key: value' lines.")
    tree.setdefault("name", path.stem)
    _anchor_paths(tree, path.parent)
    return build_config(tree, changes, where=str(path))


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
        if value is None and is_setting(key):
            node.pop(last, None)
        else:
            node[last] = str(value) if isinstance(value, Path) else value
    try:
        return Config.model_validate(merged)
    except ValidationError as error:
        raise InputError(f"{where}: {one_sentence(error)}") from None


def parse_changes(assignments: list[str]) -> dict[str, Any]:
    """`["train.kimg=20"]` -> `{"train.kimg": 20}`; values are read as YAML.

    Raises:
        InputError: an assignment has no `=` or its value is not YAML.
    """
    changes: dict[str, Any] = {}
    for assignment in assignments:
        key, sign, text = assignment.partition("=")
        if not sign or not key.strip():
            raise InputError(f"'{assignment}' is not of the form key=value, such as train.kimg=20.")
        try:
            changes[key.strip()] = _Yaml(text).get_single_data()
        except _GivenTwiceError as error:
            raise InputError(f"'{assignment}' {error}.") from None
        except yaml.YAMLError:
            raise InputError(f"The value in '{assignment}' cannot be read; put it in quotes.") from None
    return changes


def as_yaml(config: Config) -> str:
    """The settings as the run folder keeps them: every default spelled out, private paths left out."""
    tree = config.model_dump(mode="json")
    tree["folder"] = None  # the folder that the file lies in
    groups = sections(config)
    for section, values in tree.items():
        if section in groups:
            for name in private(type(groups[section])):
                values[name] = None
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)


def json_schema() -> dict[str, Any]:
    """JSON schema of the settings file, for editors and forms."""
    return Config.model_json_schema()


def _anchor_paths(tree: dict[str, Any], folder: Path) -> None:
    for section, group in sections(Config()).items():
        values = tree.get(section)
        if not isinstance(values, dict):
            continue
        for name in paths(type(group)):
            if isinstance(values.get(name), str):
                values[name] = str(folder / Path(values[name]).expanduser())

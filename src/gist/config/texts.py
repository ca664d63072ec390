"""How a text becomes a value: the type of its setting decides, so 01 stays a class and # a part of a title."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import cycle
from pathlib import PurePath
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

_PLAIN = "tag:yaml.org,2002:"
_NUMBERS = {_PLAIN + kind.__name__: kind for kind in (bool, int, float)}


class TextError(yaml.YAMLError):
    """What is wrong in a text, as the predicate of a sentence about it."""


class GivenTwiceError(TextError):
    """A key that is given twice."""

    def __init__(self, key: str, first: int, second: int) -> None:
        lines = f"in line {first}" if first == second else f"in lines {first} and {second}"
        super().__init__(f"gives '{key}' twice, {lines}; leave one of the two out")


class _Yaml(yaml.SafeLoader):
    """YAML with the numbers and truth values of its version 1.2: `off` is a choice, `no` a class, 010 is ten.

    A key that is given twice is an error, where the standard loader would take the last.
    """

    def compose_mapping_node(self, anchor: Any) -> MappingNode:
        node = super().compose_mapping_node(anchor)
        first: dict[str, int] = {}
        for key, _ in node.value:
            if isinstance(key, ScalarNode):
                line = key.start_mark.line + 1
                if key.value in first:
                    raise GivenTwiceError(key.value, first[key.value], line)
                first[key.value] = line
        return node


_Yaml.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag not in (_PLAIN + "bool", _PLAIN + "int")]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Yaml.add_implicit_resolver(
    _PLAIN + "bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
# Without octal and base 60; with a zero in front it stays a text, of which a setting of type number makes a number.
_Yaml.add_implicit_resolver(_PLAIN + "int", re.compile(r"^[-+]?(?:0|[1-9][0-9_]*)$"), list("-+0123456789"))


def as_typed(value: Any) -> str:
    """A setting as it is typed on the command line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {part}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(str, value)) + "]"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def read_yaml(text: str, kind: Any) -> Any:
    """The value of a YAML text, in which whatever a setting of type text or path takes stays as it is written.

    Args:
        kind: type of the value, such as the annotation of a setting, or a class of settings.

    Raises:
        yaml.YAMLError: it is no YAML; GivenTwiceError: a key is given twice.
    """
    loader = _Yaml(text)
    node = loader.get_single_node()
    if node is None:
        return None
    _keep_texts(node, kind)
    return loader.construct_document(node)


def read_option(text: str, kind: Any) -> Any:
    """What somebody typed for a setting: texts and paths as they are, all else as YAML; null or nothing as None.

    Lists and mappings need no brackets: `a,b` and `a=1,b=2`; a name that holds a comma stands in quotes.

    Raises:
        yaml.YAMLError: it is no YAML, where the setting takes neither a text nor a path.
    """
    if text in ("", "null"):
        return None
    kinds = [each for each in _alternatives(kind) if each is not NoneType]
    if any(text in get_args(each) for each in kinds if get_origin(each) is Literal):
        return text
    takes_text = any(map(_is_text, kinds))
    if takes_text and all(_is_text(each) or get_origin(each) is Literal for each in kinds):
        return text
    if not takes_text and text.lstrip()[:1] not in ("[", "{"):
        for each in kinds:
            if get_origin(each) in (tuple, list):
                inner = cycle([part for part in get_args(each) if part is not Ellipsis])
                return [_read_part(_unquoted(part), next(inner)) for part in _between_commas(text)] or None
            if get_origin(each) is dict:
                return _read_pairs(text, *get_args(each)) or None
    try:
        value = read_yaml(text, kind)
    except yaml.YAMLError:
        if takes_text:
            return text
        raise
    return text if takes_text and isinstance(value, str) else value


def _read_part(text: str, kind: Any) -> Any:
    return text if text == "null" and NoneType not in _alternatives(kind) else read_option(text, kind)


def _read_pairs(text: str, key_kind: Any, value_kind: Any) -> dict[Any, Any]:
    """What `4=50,3=20` says; as a name may hold "=", the last one parts."""
    found: dict[Any, Any] = {}
    for part in _between_commas(text):
        name, sign, value = part.rpartition("=")
        if not sign or not name.strip():
            raise TextError("is no list of NAME=VALUE, such as healthy=50,severe=20")
        if (key := _read_part(_unquoted(name), key_kind)) in found:
            raise GivenTwiceError(str(key), 1, 1)
        found[key] = _read_part(value.strip(), value_kind)
    return found


def _between_commas(text: str) -> list[str]:
    """The parts of `a,"b, c",d`; a quote counts where a part begins with it."""
    parts = re.findall(r"""\s*("[^"]*"[^,]*|'[^']*'[^,]*|[^,]+)""", text)
    return [part.strip() for part in parts if part.strip()]


def _unquoted(text: str) -> str:
    return found[2] if (found := re.fullmatch(r"""\s*(["'])(.*)\1\s*""", text)) else text.strip()


def _keep_texts(node: Node, kind: Any) -> None:
    """Marks as texts the plain words that would else become numbers or dates where the type wants none."""
    kinds = list(_alternatives(kind))
    if isinstance(node, ScalarNode):
        if node.style is None and node.tag != _PLAIN + "null" and _wants_text(node, kinds):
            node.tag = _PLAIN + "str"
        return
    for each in kinds:
        inner = cycle([part for part in get_args(each) if part is not Ellipsis] or [Any])
        if isinstance(node, SequenceNode):
            for part in node.value:
                _keep_texts(part, next(inner))
        elif isinstance(node, MappingNode):
            fields = getattr(each, "model_fields", None)
            for key, value in node.value:
                if fields is None:
                    _keep_texts(key, next(inner))
                    _keep_texts(value, next(inner))
                elif key.value in fields:
                    _keep_texts(value, fields[key.value].annotation)


def _wants_text(node: ScalarNode, kinds: list[Any]) -> bool:
    if any(node.value in get_args(each) for each in kinds if get_origin(each) is Literal):
        return True
    number = _NUMBERS.get(node.tag)
    as_number = number in kinds or (number is int and float in kinds)
    return any(map(_is_text, kinds)) and not as_number


def _is_text(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, str | PurePath)


def _alternatives(kind: Any) -> Iterator[Any]:
    """The types that a union offers, without what is annotated to them."""
    kind = getattr(kind, "__value__", kind)  # of a `type X = ...`
    if get_origin(kind) is Annotated:
        yield from _alternatives(get_args(kind)[0])
    elif get_origin(kind) in (Union, UnionType):
        for each in get_args(kind):
            yield from _alternatives(each)
    else:
        yield kind

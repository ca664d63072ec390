"""What is wrong in the settings, in one sentence that names the key."""

from __future__ import annotations

import difflib
from typing import Any

from pydantic import ValidationError

from gist.config.tree import Config

_WORDS = {
    "missing": "needs one more value",
    "too_long": "has a value too many",
    "string_pattern_mismatch": "holds a letter or sign that it must not, or is too long; see `gist settings KEY`",
    **dict.fromkeys(("tuple_type", "list_type"), "should be a list, such as [a, b]"),
    **dict.fromkeys(("dict_type", "mapping_type"), "should be names with values, such as {a: 1, b: 2}"),
    **dict.fromkeys(("model_type", "model_attributes_type"), "should hold settings as 'key: value' lines"),
    **dict.fromkeys(("string_type", "string_sub_type"), "should be a text"),
    **dict.fromkeys(
        ("int_type", "int_parsing", "int_from_float", "int_parsing_size"), "should be a whole number"
    ),
    **dict.fromkeys(("float_type", "float_parsing"), "should be a number"),
    "finite_number": "should be a finite number",
    **dict.fromkeys(("bool_type", "bool_parsing"), "should be true or false"),
    **dict.fromkeys(("path_type", "path_not_file"), "should be a path"),
}
"""What people read instead of words of Python, by pydantic's type of error."""


def one_sentence(error: ValidationError) -> str:
    """The first problem of a settings tree, with the nearest name where a key is unknown."""
    problems = error.errors()
    first = problems[0]
    key = _key(first["loc"])
    if first["type"] == "extra_forbidden":
        return f"'{key}' is not a setting{_nearest(first['loc'])}; see `gist settings` for all of them."
    # A setting that takes several kinds of value reports one problem for each; together they say what it takes.
    messages = [
        _WORDS.get(p["type"], p["msg"]).removeprefix("Value error, ").removeprefix("Input ")
        for p in problems
        if _key(p["loc"]) == key
    ]
    message = " or ".join(dict.fromkeys(messages))
    value = first.get("input")
    shown = f" (it is {value!r})" if isinstance(value, (str, int, float, bool)) else ""
    return f"'{key}' {message}{shown}." if key else f"{message}{shown}."


def _key(location: tuple[Any, ...]) -> str:
    """Dotted name of a setting; the parts that pydantic adds for alternatives of a type are left out."""
    names: list[str] = []
    model: Any = Config
    for part in location:
        fields = getattr(model, "model_fields", None)
        if fields is None or part not in fields:
            if fields is not None:
                names.append(str(part))
            break
        names.append(str(part))
        model = fields[part].annotation
    return ".".join(names)


def _nearest(location: tuple[Any, ...]) -> str:
    model: Any = Config
    for part in location[:-1]:
        field = getattr(model, "model_fields", {}).get(part)
        if field is None:
            return ""
        model = field.annotation
    matches = difflib.get_close_matches(str(location[-1]), list(getattr(model, "model_fields", {})), n=1)
    if matches:
        return f", did you mean '{matches[0]}'?"
    names = ", ".join(model.model_fields)
    return f"; choose from {names}"

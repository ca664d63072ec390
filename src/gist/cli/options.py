"""Command-line options made from the settings tree, so that nothing is documented twice."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from gist.config import Config, parse_value
from gist.stages.promise import Section

Options = dict[str, Any]
"""Settings given on the command line, by name."""


def stage_options(section: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command one option per setting of a section; those given arrive as its `options` dict.

    A setting whose name is a parameter of the command already is left out.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [
            p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "options"
        ]
        taken = {parameter.name for parameter in own}
        model: type[Section] = Config.model_fields[section].annotation  # type: ignore[assignment]
        settings = {name: field for name, field in model.model_fields.items() if name not in taken}

        def wrapper(**given: Any) -> None:
            texts = {name: given.pop(name) for name in settings}
            typed = {name: text for name, text in texts.items() if text is not None}
            options = {name: parse_value(f"{section}.{name}", text) for name, text in typed.items()}
            command(**given, options=options)

        added = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[str | None, _option(name, field)],
            )
            for name, field in settings.items()
        ]
        keyword_only = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
        wrapper.__signature__ = inspect.Signature(keyword_only + added)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {p.name: p.annotation for p in keyword_only + added}
        wrapper.__name__ = command.__name__
        wrapper.__doc__ = command.__doc__
        return wrapper

    return decorate


def _option(name: str, field: FieldInfo) -> Any:
    default = field.get_default()
    shown = (
        ""
        if default is None
        else f" [default: {str(default).lower() if isinstance(default, bool) else default}]"
    )
    return typer.Option(
        "--" + name.replace("_", "-"),
        help=f"{field.description}{shown}",
        metavar=_kind(field.annotation),
        show_default=False,
    )


def _kind(annotation: Any) -> str:
    """How the values of a type are shown: `auto|NUMBER`, `YES/NO`, `pad|crop|stretch`."""
    if annotation in _KINDS:
        return _KINDS[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return "|".join(str(argument) for argument in arguments)
    if origin is Annotated:
        return _kind(arguments[0])
    if origin in (Union, UnionType):
        return "|".join(kind for kind in dict.fromkeys(map(_kind, arguments)) if kind)
    return "LIST" if origin is tuple else "{CLASS: NUMBER}"


_KINDS = {bool: "true|false", int: "NUMBER", float: "NUMBER", str: "TEXT", Path: "PATH", type(None): ""}

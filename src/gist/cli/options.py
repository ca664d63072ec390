"""Command-line options made from the settings tree, so that nothing is documented twice; only when they are needed."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from gist.addresses import is_added_to

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

Changes = dict[str, Any]
"""Settings given on the command line, by dotted name."""
RunFolderArgument = Annotated[Path, typer.Argument(help="Run folder, such as runs/knee.", metavar="RUN")]
SetOption = Annotated[
    str | None,
    typer.Option("--name", help="One of several synthetic sets of the run. Default: the one without a name."),
]


def known_keys(incomplete: str) -> list[str]:
    """Names of settings that begin so, for a shell that completes them."""
    from gist.config.reference import entries

    return [entry.key for entry in entries() if entry.key.startswith(incomplete)]


_ANY_SETTING = {
    "assignments": Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            autocompletion=known_keys,
            help="Change a setting: --set train.kimg=20; `gist settings` lists them. Repeatable.",
        ),
    ],
    "threads": Annotated[
        str | None,
        typer.Option(
            help="CPU threads. auto: as many as this process may use.",
            metavar="auto|NUMBER",
            show_default=False,
        ),
    ],
    "device": Annotated[
        str | None,
        typer.Option(help="Where networks run.", metavar="auto|cpu|cuda", show_default=False),
    ],
}
"""Options of every command that works on a run."""


def changeable(command: Callable[..., None], section: str | None = None) -> Callable[..., None]:
    """Gives a command --set, --threads, --device and one option per setting of a section; they arrive as its `changes`.

    A setting whose name is a parameter of the command already is left out.
    """
    signature = inspect.signature(command, eval_str=True).parameters.values()
    own = [
        parameter.replace(kind=parameter.KEYWORD_ONLY)
        for parameter in signature
        if parameter.name != "changes"
    ]
    settings = {} if section is None else _settings(section, {parameter.name for parameter in own})
    keys = {name: name for name in ("threads", "device")} | {name: f"{section}.{name}" for name in settings}
    made = {name: _option(name, field) for name, field in settings.items()}

    def wrapper(**given: Any) -> None:
        from gist.config import parse_changes, parse_value

        changes = parse_changes(given.pop("assignments") or [])
        texts = {key: given.pop(name) for name, key in keys.items()}
        changes |= {key: parse_value(key, text) for key, text in texts.items() if text is not None}
        command(**given, changes=changes)

    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in (made | _ANY_SETTING | made).items()  # these stand first and win
    ]
    wrapper.__signature__ = inspect.Signature(own + added)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in own + added}
    wrapper.__name__ = command.__name__
    wrapper.__doc__ = command.__doc__
    return wrapper


def add_stage(
    app: typer.Typer, name: str, command: Callable[..., None], purpose: str, section: str | None = None
) -> None:
    """Adds the command of a stage, or of a section's settings, whose options are made when it is called, not before."""

    class Late(TyperCommand):
        def make_context(
            self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
        ) -> Any:
            alone = typer.Typer(add_completion=False)
            alone.command(name, help=purpose)(changeable(command, section or name))
            return typer.main.get_command(alone).make_context(info_name, args, parent, **extra)

    app.command(name, cls=Late, help=purpose)(lambda: None)


def stage_purposes() -> dict[str, str]:
    """Name -> first line of each stage's docstring, in their order.

    Read from the source of the promises, since importing them takes longer than `gist --help` may.
    """
    home = Path(__file__).parents[1]
    if is_added_to("gist.stages") or not (home / "config/tree.py").exists():
        from gist.config import STAGES

        return {name: (inspect.getdoc(each.settings) or "").split("\n")[0] for name, each in STAGES.items()}
    branch = re.compile(r"^    (\w+): \w+ = \w+\.model_construct\(\)$", re.MULTILINE)
    names = branch.findall((home / "config/tree.py").read_text("utf-8"))
    places = {name: home / f"stages/{name}.py" for name in names}
    files = {name: place.read_text("utf-8") for name, place in places.items() if place.exists()}
    purpose = re.compile(r'^class \w+\(StageSettings\):\n    """(.+?)(?:""")?$', re.MULTILINE)
    return {name: found[1] for name, text in files.items() if (found := purpose.search(text))}


def _settings(section: str, taken: set[str]) -> dict[str, FieldInfo]:
    from gist.config import Config

    model: Any = Config.model_fields[section].annotation
    return {name: field for name, field in model.model_fields.items() if name not in taken}


def _option(name: str, field: FieldInfo) -> Any:
    from gist.config.reference import default_in_words, kind_in_words

    default = default_in_words(field)
    option = typer.Option(
        "--" + name.replace("_", "-"),
        help=f"{field.description}{f' [default: {default}]' if default else ''}",
        metavar=kind_in_words(field.annotation),
        show_default=False,
    )
    return Annotated[str | None, option]

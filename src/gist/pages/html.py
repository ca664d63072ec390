"""Templates filled in: HTML pages and Markdown cards, with numbers in the words of `gist.numerals`."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from gist import numerals
from gist.pages import words
from gist.version import __version__


def html(template: str, /, **facts: Any) -> Markup:
    """A page, or a part of one, from a template such as `gist.training/page.html.j2`; all texts are escaped.

    Templates know the facts, the version, the module `gist.pages.words` and the filters below. They import the macro
    `image` from `gist.pages/image.html.j2` and may extend `gist.pages/frame.html.j2`.
    """
    return Markup(_environment(escaped=True).get_template(template).render(facts))


def markdown(template: str, /, **facts: Any) -> str:
    """A card from a template such as `gist.reporting/model_card.md.j2`; texts stand as they are."""
    return _environment(escaped=False).get_template(template).render(facts)


def resource(address: str) -> str:
    """The text of a file that comes with a package, such as `gist.pages/page.css`."""
    package, _, name = address.partition("/")
    return (files(package) / name).read_text(encoding="utf-8")


def embedded(*addresses: str) -> Markup:
    """Style sheets or a script of gist as they stand in a page, one behind the other."""
    return Markup("".join(map(resource, addresses)))


@cache
def _environment(*, escaped: bool) -> Environment:
    environment = Environment(
        loader=FunctionLoader(resource),
        autoescape=escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        count=numerals.count,
        counted=numerals.counted,
        duration=numerals.duration,
        percent=numerals.percent,
        significant=numerals.significant,
        points=_points,
        signed=_signed_points,
        setting=_setting,
        cell=_cell,
        capitalised=words.capitalised,
    )
    environment.globals.update(version=__version__, words=words)
    return environment


def _points(share: float) -> str:
    """A share as points of a hundred."""
    return numerals.fixed(100 * share, 1)


def _signed_points(share: float) -> str:
    text = _points(share)
    return text if text.startswith(numerals.MINUS) or float(text) == 0 else f"+{text}"


def _setting(value: Any) -> str:
    """The value of a setting."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cell(text: str) -> str:
    """Text that may stand in a cell of a Markdown table."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")

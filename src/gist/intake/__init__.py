"""Radiographs as users have them -> square, grey, labelled, split archives without identity.

`prepare` runs the stage, `inspect` only looks, `locate` leads from a salted id back to a file on the user's
disk. They are imported on first use, because decoding processes import this package too and must start
quickly.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gist.intake.preparation import locate
    from gist.intake.stage import prepare
    from gist.intake.survey import SourceSummary, inspect

__all__ = ["SourceSummary", "inspect", "locate", "prepare"]

_HOMES = {
    "SourceSummary": "gist.intake.survey",
    "inspect": "gist.intake.survey",
    "locate": "gist.intake.preparation",
    "prepare": "gist.intake.stage",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)

"""The report: one self-contained page that a clinician can read, and the same facts for machines.

`write_report` is imported on first use, because the data page of intake takes charts and words from here and
must not bring the evaluation along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gist.reporting.stage import write_report

__all__ = ["write_report"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from gist.reporting import stage

    return getattr(stage, name)

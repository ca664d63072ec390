"""Code named by address, `module:name`, and imported only when it is needed; also that of other packages.

A package adds a stage or a kind of generator to gist by an entry point (its own metadata, no file of gist):

    [project.entry-points."gist.stages"]
    contrast = "my_package.contrast:ContrastConfig"

    [project.entry-points."gist.generators"]
    mean-image = "my_package.mean_image:FAMILY"
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from gist.errors import InputError


def imported(address: str) -> Any:
    """What stands at `module:name`."""
    module, _, name = address.partition(":")
    return getattr(import_module(module), name)


@cache
def _points() -> Any:
    """All that installed packages add to anything: finding them takes as long for one group as for all."""
    return entry_points()


def is_added_to(group: str) -> bool:
    """Whether installed packages add anything to a group; imports none of it."""
    return bool(_points().select(group=group))


@cache
def added_by_packages(group: str) -> dict[str, Any]:
    """Name -> what installed packages add to a group, `gist.stages` or `gist.generators`, by name.

    Raises:
        InputError: one of them cannot be imported.
    """
    found: dict[str, Any] = {}
    for point in sorted(_points().select(group=group), key=lambda point: point.name):
        try:
            found[point.name] = point.load()
        except Exception as error:  # whatever a foreign module does when it is imported
            owner = "a package" if point.dist is None else f"the package {point.dist.name}"
            raise InputError(
                f"'{point.name}' of {group}, which {owner} adds, cannot be imported ({type(error).__name__}: {error}); "
                "update or remove that package."
            ) from error
    return found

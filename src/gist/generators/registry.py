"""Kinds of generators by name. A further one is a folder and a line here, or an entry point of another package."""

from __future__ import annotations

from functools import cache

from gist.addresses import added_by_packages, imported
from gist.errors import InputError
from gist.generators.family import Family
from gist.generators.learning.plan import Fingerprint

FOLDERS = (
    "gist.generators.stylegan:FAMILIES",
    "gist.generators.dcgan:FAMILIES",
)
"""Addresses of what each folder holds. `auto` asks in this order."""


@cache
def families() -> dict[str, Family]:
    """All families by name."""
    own = [family for folder in FOLDERS for family in imported(folder)]
    return {family.name: family for family in (*own, *added_by_packages("gist.generators").values())}


def family_named(name: str) -> Family:
    """The family of a name.

    Raises:
        InputError: there is none.
    """
    try:
        return families()[name]
    except KeyError:
        raise InputError(
            f"architecture '{name}' is unknown; choose one of {', '.join(families())}."
        ) from None


def suitable_family(data: Fingerprint) -> tuple[Family, str]:
    """What `auto` chooses, and why."""
    for family in families().values():
        reason = family.suits(data)
        if reason is not None:
            return family, reason
    raise InputError("No kind of generator suits this data; set train.architecture.")

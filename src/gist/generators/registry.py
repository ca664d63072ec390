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
"""Addresses of what each folder holds, one family or several. `auto` asks in this order."""


@cache
def families() -> dict[str, Family]:
    """All families by name.

    Raises:
        InputError: a name is taken twice, or what a package adds cannot be imported.
    """
    found: dict[str, Family] = {}
    for held in (*map(imported, FOLDERS), *added_by_packages("gist.generators").values()):
        for family in (held,) if isinstance(held, Family) else held:
            if found.setdefault(family.name, family) is not family:
                raise InputError(
                    f"Two kinds of generators are called '{family.name}'; rename the one in {type(family).__module__}."
                )
    return found


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

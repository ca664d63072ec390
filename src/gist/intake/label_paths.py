"""Which row of a label table belongs to which file, however the table spells its paths."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from itertools import product

_ENDING = re.compile(r"\.(dcm|dicom|dic|ima|png|jpe?g|tiff?|bmp|webp)$")


def normal_path(text: str) -> str:
    """A path with forward slashes and composed letters, without a leading slash."""
    return unicodedata.normalize("NFC", text.replace("\\", "/")).removeprefix("./").lstrip("/")


def rows_of_files(named: Collection[str], relative_paths: Sequence[str]) -> list[tuple[str, ...]]:
    """For each file of the source the paths, as the table spells them, that mean it.

    Tables write full paths, paths of another computer, other endings or capital letters. What is exact counts first:
    leading folders of the table's paths are dropped, and then endings and capitals passed over, only where otherwise
    no file at all would be found.
    """
    deepest = max((path.count("/") for path in named), default=0)
    for lax, folders in product((False, True), range(deepest + 1)):
        meant: dict[str, list[str]] = {}
        for path in named:
            meant.setdefault(_spelled(path, folders, lax), []).append(path)
        found = [_first(meant, _spellings(relative, lax)) for relative in relative_paths]
        if any(found):
            return found
    return [()] * len(relative_paths)


def _spelled(path: str, folders: int, lax: bool) -> str:
    for _ in range(folders):
        path = path.partition("/")[2] or path
    return _ENDING.sub("", path.casefold()) if lax else path


def _spellings(relative: str, lax: bool) -> Iterable[str]:
    """Of a file, the best first: with fewer and fewer of its folders, with and without its ending."""
    path = normal_path(relative)
    while path:
        folders, slash, name = path.rpartition("/")
        for spelling in (path, folders + slash + (name.rpartition(".")[0] or name)):
            yield _ENDING.sub("", spelling.casefold()) if lax else spelling
        path = path.partition("/")[2]


def _first(meant: dict[str, list[str]], spellings: Iterable[str]) -> tuple[str, ...]:
    return tuple(next((meant[spelling] for spelling in spellings if spelling in meant), ()))

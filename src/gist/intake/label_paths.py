"""Which row of a label table belongs to which file, however the table spells its paths."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import product

_ENDING = re.compile(r"\.(dcm|dicom|dic|ima|png|jpe?g|tiff?|bmp|webp)$", re.IGNORECASE)


def normal_path(text: str) -> str:
    """A path with forward slashes and composed letters, without slashes at its ends."""
    return unicodedata.normalize("NFC", text.replace("\\", "/")).removeprefix("./").strip("/")


def has_image_ending(path: str) -> bool:
    """Whether a file calls itself a picture of a format that gist reads."""
    return _ENDING.search(path) is not None


def rows_of_files(
    named: Collection[str], relative_paths: Sequence[str]
) -> tuple[list[tuple[str, ...]], bool]:
    """For each file of the source the paths, as the table spells them, that mean it; and whether they name folders.

    Tables write full paths, paths of another computer, other endings or capital letters, or folders in place of files.
    What is exact counts first, row by row. Leading folders of the table's paths are dropped only before rows that no
    row with the same ones has found a file without, so that a missing file's row never passes to its namesake.
    """
    files = [normal_path(path) for path in relative_paths]
    found = _matched(named, files, _tails)
    return (found, False) if any(found) else (_matched(named, files, _folders), True)


def _matched(
    named: Collection[str], files: Sequence[str], spellings: Callable[[str], Iterator[str]]
) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [()] * len(files)
    free = list(named)
    settled: set[str] = set()
    """Leading folders that had to be dropped before rows that fit."""
    for dropped in range(max((path.count("/") for path in named), default=0) + 1):
        tried = {path: short for path in free if (short := _without_folders(path, dropped, settled))}
        new: set[str] = set()
        for (of_row, of_file), exact in product(_SPELLINGS, (True, False)):
            meant: defaultdict[str, list[str]] = defaultdict(list)
            for path, short in tried.items():
                meant[of_row(short)].append(path)
            for number, file in enumerate(files):
                if meant and not found[number]:
                    possible = [file] if exact else spellings(file)
                    found[number] = tuple(
                        next((meant[name] for name in map(of_file, possible) if name in meant), ())
                    )
            new |= {path for paths in found for path in paths if path in tried}
            tried = {path: short for path, short in tried.items() if path not in new}
        free = [path for path in free if path not in new]
        settled |= {_leading(path, dropped) for path in new}
    return found


def _without_folders(path: str, dropped: int, settled: set[str]) -> str | None:
    """The path without so many leading folders; None if it has fewer, or fewer were enough for others like it."""
    if path.count("/") < dropped or any(_leading(path, fewer) in settled for fewer in range(dropped)):
        return None
    return path.split("/", dropped)[dropped]


def _leading(path: str, count: int) -> str:
    return "/".join(path.casefold().split("/")[:count])


def _tails(path: str) -> Iterator[str]:
    """A path with fewer and fewer of its folders."""
    while path:
        yield path
        path = path.partition("/")[2]


def _folders(path: str) -> Iterator[str]:
    """The folders of a file, the nearest first, each with fewer and fewer of those around it."""
    while path := path.rpartition("/")[0]:
        yield from _tails(path)


def _as_written(path: str) -> str:
    return path


def _without_any_ending(path: str) -> str:
    folders, slash, name = path.rpartition("/")
    return folders + slash + (name.rpartition(".")[0] or name)


def _loosely(path: str) -> str:
    return _ENDING.sub("", path.casefold())


_SPELLINGS = ((_as_written, _as_written), (_as_written, _without_any_ending), (_loosely, _loosely))
"""Of a row and of a file, the strictest first."""

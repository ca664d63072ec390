"""Images that are links into a store of contents, as git-annex, DataLad, DVC and Hugging Face keep them."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Sequence
from pathlib import Path

from gist.errors import InputError
from gist.stages.vocabulary import Reason

VERSION_CONTROL = frozenset({".git", ".hg", ".svn"})
"""Folders that hold other versions, and contents that links show under the names they have now."""
CACHE = frozenset({"blobs", "snapshots"})
"""Folders of a data set in the cache of Hugging Face: contents, and links to them for each version."""
_SYSTEM_FOLDERS = frozenset({"__MACOSX", "@eaDir"})
_HIDDEN_STORES = (".git/annex/objects", ".dvc/cache")


def in_system_folder(relative: str) -> bool:
    """Thumbnails and the like that systems keep beside pictures; such a folder is no class."""
    folders = relative.split("/")[:-1]
    return any(folder.startswith(".") or folder in _SYSTEM_FOLDERS for folder in folders)


def stores_around(root: Path) -> tuple[Path, ...]:
    """Folders of contents of the data set to which the source `root` belongs, whole or as a part."""
    found = []
    for home in (root, *root.parents):
        found += [home / store for store in _HIDDEN_STORES]
        if root.is_relative_to(home / "snapshots"):
            found.append(home / "blobs")
    return tuple(store.resolve() for store in found if store.is_dir())


def only_version(entries: Sequence[os.DirEntry[str]], cache: Path) -> tuple[list[os.DirEntry[str]], Path]:
    """What there is to list in a folder of `entries` that holds CACHE, and where its contents lie.

    Raises:
        InputError: there are several versions.
    """
    if len(list((cache / "snapshots").iterdir())) > 1:
        raise InputError(
            f"{cache} holds several versions of a data set; set prepare.source to one of the folders in its snapshots."
        )
    return [entry for entry in entries if entry.name == "snapshots"], (cache / "blobs").resolve()


def behind_link(link: str, root: Path, stores: Collection[Path]) -> os.stat_result | Reason:
    """Facts of the file behind a link, or the reason not to follow it.

    A link is followed into a store of its own data set and into hidden folders of the source, where its file would
    not be found otherwise. What lies in plain view in the source is met there under its own name; all else is out of
    bounds.
    """
    try:
        target = Path(os.path.realpath(link, strict=True))
        facts = target.stat()
    except OSError as error:
        gone = error.errno in (errno.ENOENT, errno.ENOTDIR)
        return Reason.NOT_FETCHED if gone else Reason.UNREADABLE
    inside = target.is_relative_to(root)
    hidden = inside and in_system_folder(target.relative_to(root).as_posix())
    if stat.S_ISREG(facts.st_mode) and (hidden or any(map(target.is_relative_to, stores))):
        return facts
    return Reason.LINK_INSIDE if inside else Reason.LINK_OUTSIDE

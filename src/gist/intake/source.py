"""The source folder: every file in it, to any depth, and nothing outside it."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from gist.errors import InputError
from gist.intake.deidentify import salted_id
from gist.intake.vocabulary import Reason

MAX_FILES = 2_000_000


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A regular file of the source."""

    relative: str
    """Path below the source with forward slashes; never written anywhere."""
    bytes: int
    modified_ns: int


@dataclass(frozen=True)
class Listing:
    """All files of a source, ordered by path."""

    folder: Path
    files: tuple[SourceFile, ...]
    refused: tuple[tuple[str, Reason], ...]
    """Relative path and reason of what is no regular file of the source."""

    def path(self, file: SourceFile) -> str:
        return str(self.folder / file.relative)


def list_source(folder: Path, leave_out: Collection[Path] = ()) -> Listing:
    """Lists a folder to any depth; links are never followed.

    `leave_out` are files and folders that are no data, such as the label table or the run folder.

    Raises:
        InputError: the folder is missing, is no folder, cannot be read, is empty or holds too many files.
    """
    try:
        root = folder.resolve(strict=True)
    except OSError:
        raise InputError(
            f"There is no source folder {folder}; set prepare.source to the folder of images."
        ) from None
    if not root.is_dir():
        raise InputError(f"{folder} is not a folder; set prepare.source to the folder that holds the images.")
    hidden = {path.resolve() for path in leave_out}
    files: list[SourceFile] = []
    refused: list[tuple[str, Reason]] = []
    pending = [root]
    while pending:
        current = pending.pop()
        try:
            entries = list(os.scandir(current))
        except OSError:
            if current == root:
                raise InputError(
                    f"The source folder {folder} cannot be read; check its permissions."
                ) from None
            refused.append((current.relative_to(root).as_posix(), Reason.UNREADABLE))
            continue
        for entry in entries:
            path = Path(entry.path)
            if path in hidden:
                continue
            relative = path.relative_to(root).as_posix()
            try:
                found = _examine(entry, path, root)
            except OSError:
                found = Reason.UNREADABLE
            if isinstance(found, Reason):
                refused.append((relative, found))
            elif found is None:
                pending.append(path)
            else:
                files.append(SourceFile(relative, found.st_size, found.st_mtime_ns))
        if len(files) > MAX_FILES:
            raise InputError(
                f"{folder} holds more than {MAX_FILES:,} files; choose a folder that holds the images only."
            )
    if not files and not refused:
        raise InputError(f"The source folder {folder} is empty; set prepare.source to the folder of images.")
    files.sort(key=lambda file: file.relative)
    refused.sort()
    return Listing(root, tuple(files), tuple(refused))


def file_id(salt: bytes, relative: str) -> str:
    """The salted id of a file of the source."""
    return salted_id(salt, "file", relative)


def find_file(listing: Listing, salt: bytes, wanted: str) -> Path | None:
    """The file behind a salted id, None if the source holds no such file (any more)."""
    names = [file.relative for file in listing.files] + [relative for relative, _ in listing.refused]
    for relative in names:
        if file_id(salt, relative) == wanted:
            return listing.folder / relative
    return None


def _examine(entry: os.DirEntry[str], path: Path, root: Path) -> os.stat_result | Reason | None:
    """Facts of a regular file, a reason against anything else, None for a folder to descend into."""
    if entry.is_symlink():
        target = path.resolve(strict=True)
        if not target.is_relative_to(root):
            return Reason.LINK_OUTSIDE
        # What it leads to lies in the source and is met there under its own name.
        return Reason.LINK_INSIDE
    if entry.is_dir(follow_symlinks=False):
        return None
    facts = entry.stat(follow_symlinks=False)
    if not stat.S_ISREG(facts.st_mode):
        return Reason.NOT_REGULAR
    return facts

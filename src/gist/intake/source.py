"""The source: every file of a folder or a zip archive, to any depth, and nothing outside it."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from gist.errors import InputError
from gist.intake.deidentify import salted_id
from gist.intake.file_bytes import open_zip
from gist.intake.linked_files import (
    CACHE,
    VERSION_CONTROL,
    behind_link,
    in_system_folder,
    only_version,
    stores_around,
)
from gist.intake.source_state import is_run_folder
from gist.stages.vocabulary import Reason

MAX_FILES = 2_000_000
HELD_OUT = "held-out"
"""Folder under which the files of `prepare.held_out` are known."""
_ZIP_METHODS = (
    zipfile.ZIP_STORED,
    zipfile.ZIP_DEFLATED,
)  # others may ask for gigabytes before the first byte


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A regular file of the source."""

    relative: str
    """Path below the source with forward slashes; never written anywhere."""
    bytes: int
    state: int
    """Changes when the file does: modification time in nanoseconds, or the CRC inside a zip archive."""
    target: str = ""
    """Where its bytes lie if not at `relative`: a full path, or a name inside `archive`; never written anywhere."""
    archive: str = ""
    """The zip archive that holds it."""


@dataclass(frozen=True)
class Listing:
    """All files of a source, ordered by path."""

    root: Path
    """The folder, or the zip archive."""
    files: tuple[SourceFile, ...]
    refused: tuple[tuple[str, Reason], ...]
    """Relative path and reason of what is no regular file of the source."""
    is_zip: bool = False

    def read(self, relative: str, max_bytes: int) -> bytes:
        """A file that describes the others, such as a label table.

        Raises:
            InputError: it cannot be read or is larger than `max_bytes`.
        """
        try:
            if self.is_zip:
                with open_zip(self.root) as archive, archive.open(relative) as stream:
                    data = stream.read(max_bytes + 1)
            else:
                with (self.root / relative).open("rb") as stream:
                    data = stream.read(max_bytes + 1)
        except (OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile, EOFError, ValueError):
            raise InputError(f"A table inside {self.root} cannot be read; check it.") from None
        if len(data) > max_bytes:
            raise InputError(f"A table inside {self.root} is larger than {max_bytes >> 20} MiB; check it.")
        return data

    def path(self, file: SourceFile) -> str:
        """Where the bytes of a file of a folder lie."""
        return file.target or f"{self.root}/{file.relative}"

    def head(self, file: SourceFile, count: int) -> bytes:
        """The first bytes of a file; none where it cannot be read."""
        try:
            with (
                open_zip(self.root) if self.is_zip else nullcontext() as archive,
                archive.open(file.relative) if archive else Path(self.path(file)).open("rb") as stream,
            ):
                return stream.read(count)
        except (OSError, RuntimeError, NotImplementedError, EOFError, zipfile.BadZipFile, zlib.error):
            return b""

    def without(self, *relative: str) -> Listing:
        """The same source without some files that are no images."""
        left_out = set(relative)
        return replace(self, files=tuple(file for file in self.files if file.relative not in left_out))


def list_source(source: Path, leave_out: Collection[Path] = ()) -> Listing:
    """Lists a folder or a zip archive to any depth.

    Links are not followed, but for those that a store of contents stands behind (`gist.intake.linked_files`).

    `leave_out` are files and folders that are no data, such as the run folder.

    Raises:
        InputError: the source is missing, neither folder nor zip, unreadable, empty or holds too many files.
    """
    try:
        root = source.resolve(strict=True)
    except OSError:
        raise InputError(
            f"There is no source {source}; set prepare.source to the folder of images."
        ) from None
    files: list[SourceFile] = []
    refused: list[tuple[str, Reason]] = []
    if root.is_dir():
        _list_folder(root, {path.resolve() for path in leave_out}, files, refused)
    elif root.is_file():
        _list_zip(root, files, refused)
    else:
        raise _no_source(root)
    if not files and not refused:
        raise InputError(f"The source {source} is empty; set prepare.source to the folder of images.")
    hidden = {file.relative for file in files if in_system_folder(file.relative)}
    refused.extend((relative, Reason.HIDDEN_FOLDER) for relative in hidden)
    visible = sorted((file for file in files if file.relative not in hidden), key=lambda file: file.relative)
    return Listing(root, tuple(visible), tuple(sorted(refused)), is_zip=not root.is_dir())


def file_id(salt: bytes, relative: str) -> str:
    """The salted id of a file of the source."""
    return salted_id(salt, "file", relative)


def find_file(listing: Listing, salt: bytes, wanted: str) -> Path | None:
    """The file behind a salted id, None if the source holds no such file (any more)."""
    names = [file.relative for file in listing.files] + [relative for relative, _ in listing.refused]
    for relative in names:
        if wanted in (file_id(salt, relative), file_id(salt, f"{HELD_OUT}/{relative}")):
            return listing.root / relative
    return None


def _list_folder(
    root: Path, leave_out: Collection[Path], files: list[SourceFile], refused: list[tuple[str, Reason]]
) -> None:
    not_data = {str(path) for path in leave_out}
    stores = stores_around(root)
    pending = [""]  # paths below the root, as plain text: there may be a million of them
    while pending:
        current = pending.pop()
        try:
            entries = list(os.scandir(root / current))
        except OSError:
            if not current:
                raise InputError(f"The source {root} cannot be read; check its permissions.") from None
            refused.append((current, Reason.UNREADABLE))
            continue
        names = {entry.name for entry in entries}
        if is_run_folder(names):
            if current:
                continue
            raise InputError(
                f"{root} is a run folder of gist, whose pictures are no data; name the folder of the images, and for "
                "the run another one."
            )
        if names >= CACHE:
            entries, blobs = only_version(entries, root / current)
            stores = (*stores, blobs)
        for entry in entries:
            if entry.path in not_data or (entry.name in VERSION_CONTROL and entry.is_dir()):
                continue
            relative = f"{current}/{entry.name}" if current else entry.name
            try:
                found = _examine(entry, root, stores)
            except OSError:
                found = Reason.UNREADABLE
            if isinstance(found, Reason):
                refused.append((relative, found))
            elif found is None:
                pending.append(relative)
            else:
                target = os.path.realpath(entry.path) if entry.is_symlink() else ""
                files.append(SourceFile(relative, found.st_size, found.st_mtime_ns, target))
        _check_count(len(files), root)


def _list_zip(root: Path, files: list[SourceFile], refused: list[tuple[str, Reason]]) -> None:
    """Members are read in place and never written under their names, so a path in a name leads nowhere."""
    try:
        with open_zip(root) as archive:
            members = {info.filename: info for info in archive.infolist() if not info.is_dir()}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise _no_source(root) from None
    _check_count(len(members), root)
    for name, info in members.items():
        parts = name.split("/")
        if ".." in parts or not parts[0] or ":" in parts[0]:
            refused.append((name, Reason.UNSAFE_NAME))
        elif stat.S_ISLNK(info.external_attr >> 16):
            refused.append((name, Reason.NOT_REGULAR))
        elif info.compress_type not in _ZIP_METHODS:
            refused.append((name, Reason.UNSUPPORTED_SYNTAX))
        elif info.flag_bits & 1:
            refused.append((name, Reason.ENCRYPTED))
        else:
            files.append(SourceFile(name, info.file_size, info.CRC, archive=str(root)))


def _no_source(root: Path) -> InputError:
    return InputError(f"{root} is neither a folder nor a readable zip archive; check prepare.source.")


def _check_count(count: int, root: Path) -> None:
    if count > MAX_FILES:
        raise InputError(f"{root} holds more than {MAX_FILES:,} files; choose a source of images only.")


def _examine(entry: os.DirEntry[str], root: Path, stores: Collection[Path]) -> os.stat_result | Reason | None:
    """Facts of a regular file, a reason against anything else, None for a folder to descend into."""
    if entry.is_symlink():
        return behind_link(entry.path, root, stores)
    if entry.is_dir(follow_symlinks=False):
        return None
    facts = entry.stat(follow_symlinks=False)
    return facts if stat.S_ISREG(facts.st_mode) else Reason.NOT_REGULAR

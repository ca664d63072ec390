"""The bytes of one file, from disk or from inside a zip archive, never more than allowed."""

from __future__ import annotations

import functools
import os
import stat
import zipfile
import zlib

from gist.stages.vocabulary import Reason, SetAside

_GUARDED = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def read_file(path: str, member: str, max_bytes: int) -> bytes:
    """All bytes of a regular file, or of the `member` of a zip archive.

    Raises:
        SetAside: it cannot be opened, is no regular file, or is larger than `max_bytes`.
    """
    return _from_zip(path, member, max_bytes) if member else _from_disk(path, max_bytes)


def open_zip(path: str | os.PathLike[str]) -> zipfile.ZipFile:
    """A zip archive whose members have forward slashes; some Windows programs write backslashes.

    Raises:
        OSError, ValueError, NotImplementedError, zipfile.BadZipFile: it cannot be read.
    """
    archive = zipfile.ZipFile(path)
    for info in archive.infolist():
        info.filename = info.filename.replace("\\", "/")
    archive.NameToInfo = {info.filename: info for info in archive.infolist()}
    return archive


def _from_disk(path: str, max_bytes: int) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | _GUARDED)
    except OSError:
        raise SetAside(Reason.UNREADABLE) from None
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise SetAside(Reason.NOT_REGULAR)
        if facts.st_size > max_bytes:
            raise SetAside(Reason.TOO_LARGE_FILE)
        return _all_of(descriptor, facts.st_size)
    except OSError:
        raise SetAside(Reason.UNREADABLE) from None
    finally:
        os.close(descriptor)


def _all_of(descriptor: int, size: int) -> bytes:
    """Up to `size` bytes; a call of the system may give fewer than it was asked for."""
    data = os.read(descriptor, size)
    while len(data) < size and (more := os.read(descriptor, size - len(data))):
        data += more
    return data


def _from_zip(path: str, member: str, max_bytes: int) -> bytes:
    """What a member inflates to counts, not what the archive claims it does."""
    try:
        archive = _opened(path)
        if archive.getinfo(member).file_size > max_bytes:
            raise SetAside(Reason.TOO_LARGE_FILE)
        with archive.open(member) as stream:
            data = stream.read(max_bytes + 1)
    except (KeyError, OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error):
        raise SetAside(Reason.DAMAGED) from None
    if len(data) > max_bytes:
        raise SetAside(Reason.TOO_LARGE_FILE)
    return data


@functools.lru_cache(maxsize=1)
def _opened(path: str) -> zipfile.ZipFile:
    """Kept open, because reading the directory of a large archive for each member would take longer than all else."""
    return open_zip(path)

"""Images that a browser brings, piece by piece: every byte that was acknowledged outlives the server.

No name of a client is ever a path here. Bytes lie under names made from digests; what a file was called is a text in a
table, and afterwards the name of a member of `images.zip`, which the prepare stage reads in place.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field

from gist.errors import InputError
from gist.files import atomic_path, write_atomic, write_json
from gist.numerals import count

CHUNK_BYTES = 4 << 20
"""Of a file at once, at most."""
MOST_FILES = 200_000
MOST_AT_ONCE = 500
"""Files that may be announced together."""
SPARE_BYTES = 1 << 30
"""Of the disk, left for everything else."""


class Announced(BaseModel):
    """A file that a browser is about to bring."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Annotated[str, Field(min_length=1, max_length=500)]
    """Below the folder that it was taken from, with forward slashes."""
    bytes: Annotated[int, Field(ge=0)]
    modified: int = 0
    """Milliseconds; another time is another file, so that no old beginning gets a new end."""

    @property
    def key(self) -> str:
        """The name made for it."""
        return hashlib.sha256(json.dumps([self.path, self.bytes, self.modified]).encode()).hexdigest()[:32]


class Piece(BaseModel):
    """What the server has of a file."""

    key: str
    received: int
    bytes: int


class Standing(BaseModel):
    """What the server has of all files of a project."""

    files: int
    bytes: int
    unfinished: int


class Choice(BaseModel):
    """What was chosen beside the files."""

    source: str | None = None
    """A folder or archive of the server instead of what was brought."""
    labels: str | None = None
    """The label table among the files."""


class Uploads:
    """The images of one project, in a folder of their own outside the run."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder, self.most_bytes = folder, most_bytes
        self.archive = folder / "images.zip"
        self._seen: tuple[int, dict[str, int]] = (0, {})
        self._told: dict[str, Announced] = {}

    def announce(self, files: Sequence[Announced]) -> list[Piece]:
        """Notes what will come and tells what is there of it already.

        Raises:
            InputError: a name is no path below a folder, there is too much, or it is there with other content.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        there, announced = self._members(), self._announced()
        new = {file.key: file for file in files if file.key not in announced}
        for file in files:
            if not _is_below(file.path):
                raise InputError(
                    "The name of a file leads out of its folder or holds signs that no name may hold."
                )
            if there.get(file.path, file.bytes) != file.bytes:
                raise InputError(
                    "A file of the same name and other content is here already; rename the new one, or begin another "
                    "project."
                )
        if new:
            known = announced | new
            self._check(known, sum(there.values()))
            batch = json.dumps([file.model_dump() for file in new.values()], ensure_ascii=False).encode()
            write_atomic(self.folder / f"{hashlib.sha256(batch).hexdigest()[:32]}.json", batch)
            self._told = known
        return [
            Piece(key=f.key, bytes=f.bytes, received=f.bytes if f.path in there else self._received(f.key))
            for f in files
        ]

    def add(self, key: str, offset: int, data: bytes) -> int:
        """Puts the next bytes of a file on disk and returns how many are there; those that are there already stay.

        Raises:
            InputError: nobody announced the file, or the bytes are not its next ones.
        """
        file = self._told.get(key) or self._announced().get(key)  # another server may have been told
        if file is None:
            raise InputError("This file was not announced; choose it again.")
        with FileLock(self.folder / ".lock"):
            received = self._received(key)
            if offset != received or offset + len(data) > file.bytes:
                return received  # sent twice, or by two pages: the browser goes on from here
            descriptor = os.open(self._place(key), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(descriptor, view) :]
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, received)
                raise
            finally:
                os.close(descriptor)
            return offset + len(data)

    def standing(self) -> Standing:
        """How many files are here whole, and how many were begun only."""
        members = self._members()
        pieces = [file for file in self._announced().values() if file.path not in members]
        whole = [file for file in pieces if self._received(file.key) == file.bytes]
        return Standing(
            files=len(members) + len(whole),
            bytes=sum(members.values()) + sum(file.bytes for file in whole),
            unfinished=len(pieces) - len(whole),
        )

    def tables(self) -> list[str]:
        """Names of the CSV files among them."""
        names = {*self._members(), *(file.path for file in self._announced().values())}
        return sorted(name for name in names if name.lower().endswith(".csv"))

    def assemble(self) -> Path:
        """Makes one archive of all that has come whole, and returns it.

        Raises:
            InputError: nothing has come.
        """
        whole = [file for file in self._announced().values() if self._received(file.key) == file.bytes]
        if not whole and not self.archive.exists():
            raise InputError("There are no images yet; bring some first.")
        if len(whole) == 1 and not self.archive.exists() and zipfile.is_zipfile(self._place(whole[0].key)):
            self._place(whole[0].key).replace(self.archive)
        elif whole:
            there = self._members()
            with atomic_path(self.archive) as unfinished:
                if self.archive.exists():
                    shutil.copyfile(self.archive, unfinished)
                with zipfile.ZipFile(unfinished, "a", zipfile.ZIP_STORED) as archive:
                    for file in whole:
                        if file.path not in there:
                            archive.write(self._place(file.key), file.path)
        for file in whole:
            self._place(file.key).unlink(missing_ok=True)
        return self.archive

    @property
    def choice_file(self) -> Path:
        """What else was chosen."""
        return self.folder / "choice.json"

    def choose(self, choice: Choice) -> None:
        write_json(self.choice_file, choice.model_dump())

    def chosen(self) -> Choice:
        try:
            return Choice.model_validate_json(self.choice_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Choice()

    def _announced(self) -> dict[str, Announced]:
        """All files that were announced, by their keys."""
        found = {}
        for batch in self.folder.glob("*.json"):
            if batch != self.choice_file:
                for entry in json.loads(batch.read_text(encoding="utf-8")):
                    file = Announced.model_validate(entry)
                    found[file.key] = file
        self._told = found
        return found

    def _members(self) -> dict[str, int]:
        """Path -> bytes of what the archive holds."""
        try:
            state = self.archive.stat()
        except FileNotFoundError:
            return {}
        if self._seen[0] != state.st_mtime_ns:
            try:
                with zipfile.ZipFile(self.archive) as archive:
                    found = {
                        info.filename: info.file_size for info in archive.infolist() if not info.is_dir()
                    }
            except (zipfile.BadZipFile, NotImplementedError, ValueError):
                found = {}  # the prepare stage says so
            self._seen = (state.st_mtime_ns, found)
        return self._seen[1]

    def _check(self, known: dict[str, Announced], there: int) -> None:
        wanted = sum(file.bytes for file in known.values())
        if len(known) > MOST_FILES:
            raise InputError(f"These are more than {count(MOST_FILES)} files; bring them as one zip.")
        if wanted + there > self.most_bytes:
            raise InputError(
                f"This is more than {self.most_bytes >> 30} GiB, which one project may hold; bring less, or start the "
                "server with a larger --most-gib."
            )
        missing = sum(file.bytes - self._received(file.key) for file in known.values())
        if missing + SPARE_BYTES > shutil.disk_usage(self.folder).free:
            raise InputError(
                "The disk has no room for these images; free some space, then choose them again."
            )
        zips = [file for file in known.values() if file.path.lower().endswith(".zip")]
        if zips and (len(known) > 1 or there):
            raise InputError(
                "A zip is brought alone, in a project of its own; unpack it to bring it with other files."
            )

    def _place(self, key: str) -> Path:
        return self.folder / f"{key}.bin"

    def _received(self, key: str) -> int:
        try:
            return self._place(key).stat().st_size
        except FileNotFoundError:
            return 0


def _is_below(path: str) -> bool:
    parts = path.split("/")
    return path.isprintable() and "\\" not in path and ":" not in parts[0] and not {"", ".", ".."} & {*parts}

"""Finished pictures on disk while a stage runs: memory stays constant, and a killed run does not start over.

One append-only file of records: lengths and CRC-32, a JSON text, a PNG. After a kill the last record may be
torn; it fails its check and is cut off. The first record holds the settings; other settings start the spool
afresh.
"""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from isal import isal_zlib

_HEAD = struct.Struct("!III")
_FOLDER = ".work"
_UNWRITTEN_BYTES = 1 << 18


class Spool:
    """Records of finished work in `<stage>/.work/`; use as a context manager."""

    def __init__(self, stage_folder: Path, settings: dict[str, Any]) -> None:
        self._folder = stage_folder / _FOLDER
        self._settings = json.loads(json.dumps(settings))

    def __enter__(self) -> Spool:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "pictures.bin"
        self._added = path.open("ab", buffering=_UNWRITTEN_BYTES)
        self._file = path.open("rb", buffering=0)  # never holds what has been cut off since
        self._start, self._end = 0, 0
        head = self._read(0)
        if head is None or json.loads(head[0]) != self._settings:
            self._added.truncate(0)
            self.append(json.dumps(self._settings).encode(), b"")
        else:
            self._end = head[2]
        self._start = self._end
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def earlier_records(self) -> Iterator[tuple[int, Any]]:
        """Offset and JSON of every intact record of an interrupted run; appending goes on after the last."""
        for offset, text, _ in self._records():
            yield offset, json.loads(text)

    def take(self, others: Iterable[Path]) -> None:
        """Adds the records that spools of the same settings hold in other folders."""
        for _ in self._records():
            pass
        for folder in others:
            with Spool(folder, self._settings) as other:
                for _, text, png in other._records():
                    self.append(text, png)
        self.flush()

    def append(self, text: bytes, png: bytes) -> int:
        """Adds a record, JSON and a PNG, and returns its offset."""
        body = text + png
        self._added.write(_HEAD.pack(len(text), len(png), isal_zlib.crc32(body)) + body)
        offset, self._end = self._end, self._end + _HEAD.size + len(body)
        return offset

    def flush(self) -> None:
        """Hands what was appended to the system, where the end of this process does not touch it."""
        self._added.flush()

    def png(self, offset: int) -> bytes:
        """The PNG of the record at an offset that `append` or `earlier_records` gave."""
        record = self._read(offset)
        if record is None:
            raise OSError(f"{self._folder} was changed while gist was working on it")
        return record[1]

    def remove(self) -> None:
        """Deletes the spool from disk."""
        self._close()
        shutil.rmtree(self._folder)

    def _records(self) -> Iterator[tuple[int, bytes, bytes]]:
        self._end = self._start
        while (record := self._read(self._end)) is not None:
            offset, self._end = self._end, record[2]
            yield offset, *record[:2]
        self._added.truncate(self._end)

    def _close(self) -> None:
        self._added.close()
        self._file.close()

    def _read(self, offset: int) -> tuple[bytes, bytes, int] | None:
        self._added.flush()
        self._file.seek(offset)
        head = self._file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return None
        text_length, png_length, checksum = _HEAD.unpack(head)
        length = text_length + png_length
        body = self._file.read(length)
        if len(body) < length or isal_zlib.crc32(body) != checksum:
            return None
        return body[:text_length], body[text_length:], offset + _HEAD.size + length

"""The search of a package, byte by byte, for what must not be in it."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import numpy as np
import safetensors
from numpy.typing import NDArray

from gist.errors import InputError
from gist.images.archive import DataSet, read_data_set
from gist.images.png import decode_png
from gist.runs.folder import RunFolder
from gist.runs.text_flags import TABLE

PATH = re.compile(
    rb"(?<![\w.:/\\-])(?:/(?:home|Users|root|mnt|media|srv|scratch|work|tmp|data|opt|var)/"
    rb"|[A-Za-z]:\\\\?(?:Users|Documents)\\\\?)[\w.% -]{2,}"
)
"""Where files of a person lie."""
HOME = re.compile(rb"(?<![\w/])~/\w|\bfile:/")
"""The same, too short to be looked for in what is no text."""
ENCODED = re.compile(rb"[A-Za-z0-9+/\r\n]{400,}")
"""Something in base 64, such as a picture, in a text."""
_ID = re.compile(rb"(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f])")
_STARTS = {
    b"PK\x03\x04": "an archive",
    b"\x80\x02": "a pickle",
    b"\x80\x03": "a pickle",
    b"\x80\x04": "a pickle",
    b"\x80\x05": "a pickle",
    b"\x93NUMPY": "an array",
    b"\x89HDF": "an array",
    b"\x1f\x8b": "something compressed",
}
_LENGTH, _LOOKED = 32, 8
"""Bytes of a probe, and those by which it is first looked for."""
_LEAST_VARIED = 12
"""Different bytes that a probe needs: what is plainer is in many files."""


@dataclass
class Sought:
    """What a run must not give away."""

    texts: dict[bytes, str] = field(default_factory=dict)
    """Text -> what it is."""
    ids: set[bytes] = field(default_factory=set)
    """Salted ids of files and patients."""
    pictures: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the pixels of real images -> what they are."""
    probes: dict[bytes, str] = field(default_factory=dict)
    """Pieces of real images and of networks that stay -> what they are of."""

    def __post_init__(self) -> None:
        self._starts: NDArray[np.uint64] | None = None

    @property
    def counted(self) -> dict[str, int]:
        """How many of each were looked for."""
        return {
            "texts": len(self.texts),
            "salted ids": len(self.ids),
            "real images": len(self.pictures),
            "pieces of real images, discriminators and checkpoints": len(self.probes),
        }

    def add_text(self, text: str, what: str) -> None:
        """A text in every form in which it is written to files."""
        for spelled in (text, text.upper()):
            for form in (spelled, quote(spelled), json.dumps(spelled)[1:-1]):
                self.texts[form.casefold().encode()] = what
        self.texts[text.encode("utf-16-le")] = what

    def add_image(self, image: NDArray[np.uint8] | NDArray[np.uint16], png: bytes, what: str) -> None:
        """A real image, as pixels and as the file that it is in."""
        self.pictures[_pixels_sha256(image)] = what
        for quarter in (1, 2, 3):
            self.add_piece(image[quarter * len(image) // 4].tobytes(), what)
        self.add_piece(png, what)

    def add_piece(self, content: bytes, what: str) -> None:
        """A piece from the middle of a file or tensor, where it is not too plain to tell it from others."""
        middle = max(0, (len(content) - _LENGTH) // 2)
        for start in (middle, middle // 2, middle + middle // 2):
            probe = content[start : start + _LENGTH]
            if len(probe) == _LENGTH and len(set(probe)) >= _LEAST_VARIED:
                self.probes[probe] = what
                self._starts = None
                return

    def found_in(self, content: bytes) -> Iterator[str]:
        """What of it stands in a file, in words that do not repeat it."""
        folded = _folded(content)
        yield from {what for text, what in self.texts.items() if text in folded or text in content}
        if self.ids and any(match[0] in self.ids for match in _ID.finditer(content)):
            yield "a salted id of a file or a patient"
        yield from set(self._probes_in(content))

    def _probes_in(self, content: bytes) -> Iterator[str]:
        if self._starts is None:
            starts = b"".join(probe[:_LOOKED] for probe in self.probes)
            self._starts = np.unique(np.frombuffer(starts, "<u8"))
        if not len(self._starts):
            return
        for offset in range(_LOOKED):
            count = (len(content) - offset) // _LOOKED
            if count < 1:
                return
            words = np.frombuffer(content, "<u8", count, offset)
            places = np.searchsorted(self._starts, words).clip(max=len(self._starts) - 1)
            for place in np.flatnonzero(self._starts[places] == words):
                start = offset + _LOOKED * int(place)
                if what := self.probes.get(content[start : start + _LENGTH]):
                    yield what


def _folded(content: bytes) -> bytes:
    """Without capitals; of what is no text those of ASCII."""
    try:
        return content.decode().casefold().encode()
    except UnicodeDecodeError:
        return content.lower()


def sought_of(run: RunFolder, forbidden: Iterable[str], network: Path | None) -> Sought:
    """Everything of a run that stays: its real images, ids, paths, discriminator and checkpoints.

    `network` is the file that is passed on: what is in it, too, such as the constants of both networks, may be there.
    """
    sought = Sought()
    for text in forbidden:
        sought.add_text(text, "a text that the policy forbids")
    place = run.path.resolve()
    for folder in (place, Path.home().resolve()):
        if len(folder.parts) > 2:  # shorter ones are in much that is no path of this machine
            sought.add_text(str(folder), "a path of this machine")
    for part, what in (
        ("train", "a real training image"), ("val", "a real image"), ("test", "a real held-out image"),
    ):  # fmt: skip
        archive = run.path / "prepare" / f"{part}.zip"
        if archive.is_file():
            _add_images(sought, read_data_set(archive), what)
    try:
        with (run.path / TABLE).open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                sought.ids |= {row[name].encode() for name in ("file", "patient") if row.get(name)}
    except OSError:
        pass  # told by the rule on text
    passed_on = set() if network is None else set(_tensors(network))
    for state in sorted((run.path / "train" / "checkpoints").glob("[0-9]*/state.safetensors")):
        for content in _tensors(state):
            if content not in passed_on:
                sought.add_piece(content, "a part of a checkpoint, such as the discriminator")
    return sought


def _add_images(sought: Sought, data: DataSet, what: str) -> None:
    for index, png in enumerate(data.pngs):
        sought.add_image(data.image(index), png, what)


def _tensors(file: Path) -> Iterator[bytes]:
    try:
        for _, tensor in safetensors.deserialize(file.read_bytes()):  # type: ignore[no-untyped-call]
            yield bytes(tensor["data"])
    except (OSError, safetensors.SafetensorError):
        raise InputError(
            f"{file.parent.name}/{file.name} of the training is damaged, so that its parts cannot be looked for; "
            "delete it."
        ) from None


def pixels_sha256_of(content: bytes) -> str | None:
    """SHA-256 of the pixels of a PNG; None where it cannot be read."""
    try:
        return _pixels_sha256(decode_png(content))
    except Exception:  # decoders of damaged files raise whatever they like
        return None


def generally_wrong(content: bytes, is_text: bool) -> Iterator[str]:
    """What may be in no package, whatever run it is of."""
    if PATH.search(content) or (is_text and HOME.search(content)):
        yield "a path of somebody’s disk"
    if is_text and ENCODED.search(content):
        yield "something encoded in base 64"
    if b"PRIVATE KEY" in content:
        yield "a private key"
    yield from {what for start, what in _STARTS.items() if content.startswith(start)}


def _pixels_sha256(image: NDArray[np.uint8] | NDArray[np.uint16]) -> str:
    samples = np.ascontiguousarray(image, image.dtype.newbyteorder(">"))
    return hashlib.sha256(samples.tobytes()).hexdigest()

"""A package checked, whoever made it: nothing changed, nothing added, nothing in it that must not be passed on."""

from __future__ import annotations

import csv
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from gist.errors import GistError, InputError
from gist.generators.network_file import load_network
from gist.marking.fingerprint import Fingerprints
from gist.marking.verification import verify
from gist.progress import Progress
from gist.releasing.manifest import NOT_LISTED, SUMS, listed, read_sums, signer_of, sums_of
from gist.releasing.package import IMAGES, NETWORK, RELEASE, TABLES, TEXTS, Release
from gist.releasing.traces import Sought, generally_wrong, pixels_sha256_of

PICTURE = re.compile(rf"{IMAGES}/(seed|image)\d{{8,}}\.png")
"""Names that gist gives: those of others may tell whose image it was."""
CHUNKS = {b"IHDR", b"tEXt", b"iTXt", b"IDAT", b"IEND", b"caBX"}
"""Of PNG: sizes, text, pixels, end, and Content Credentials."""
MOST_PIXELS = 16_000_000
"""Of a picture that is decoded; the largest that gist draws has one million."""
MOST_WITHOUT_WATERMARK = 0.02
"""Share of pictures in which it may not be found, as it is found in at least 99 of 100."""


@dataclass(frozen=True)
class Checked:
    """What was found of a package."""

    folder: Path
    faults: tuple[str, ...]
    """Empty where it may be taken for what it says."""
    notes: tuple[str, ...] = ()
    signer: str = ""
    """As the certificate calls itself, and its SHA-256; empty without a signature."""
    images: int = 0
    files: int = 0


def check_package(folder: Path, progress: Progress, sought: Sought | None = None) -> Checked:
    """Looks at every byte of a package.

    Args:
        sought: what must not be in it, where the run is at hand; without it real images are not known as such.

    Raises:
        InputError: there is no package.
    """
    if not (folder / SUMS).is_file():
        raise InputError(
            f"{folder} is no package: it holds no {SUMS}; give a folder that `gist release` wrote."
        )
    files = listed(folder)
    faults = [
        *_changed(folder),
        *(f"{folder.name}: {_shown(path, folder)} is a link" for path in _links(folder)),
    ]
    signer, wrong = signer_of(folder)
    if wrong:
        faults.append(wrong)
    release = _release(folder)
    if release is None:
        return Checked(folder, (*faults, f"{RELEASE} is missing or not as gist writes it."), (), signer)
    if release.signed and not signer and not wrong:
        faults.append("It was signed, and the signature is gone.")
    faults += _of_release(folder, release, files)
    faults += _contents(folder, files, sought or Sought(), progress)
    if not faults:  # of what fits its checksums; else they have said enough
        faults += (
            _of_images(folder, release, progress) if release.contents == "images" else _of_network(folder)
        )
    notes = [f"Rules were overridden: “{release.override}”."] if release.override else []
    notes += [] if signer else ["Not signed: who changes files can change their checksums, too."]
    return Checked(folder, tuple(dict.fromkeys(faults)), tuple(notes), signer, release.images, len(files))


def _links(folder: Path) -> list[Path]:
    return [path for path in (folder, *folder.rglob("*")) if path.is_symlink()]


def _shown(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() or "."


def _changed(folder: Path) -> Iterator[str]:
    """Files that are not what the list says."""
    told = (folder / SUMS).read_bytes()
    if _links(folder):
        return
    now = sums_of(folder)
    if told == now:
        return
    before, after = read_sums(told), read_sums(now)
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield f"{name} is missing."
        elif name not in before:
            yield f"{name} is not in {SUMS}: it was added."
        elif before[name] != after[name]:
            yield f"{name} was changed."
    if before == after:
        yield f"{SUMS} is not as it was written."


def _release(folder: Path) -> Release | None:
    try:
        return Release.model_validate_json((folder / RELEASE).read_text(encoding="utf-8"))
    except (OSError, ValueError, ValidationError):
        return None


def _of_release(folder: Path, release: Release, files: list[Path]) -> Iterator[str]:
    broken = [rule.name for rule in release.rules if not rule.holds]
    if broken and not release.override:
        yield f"Rules of its policy do not hold, and nobody gave a reason: {', '.join(broken)}."
    wanted = {NETWORK} if release.contents == "network" else {TABLES[0]}
    fingerprinted = release.contents == "images" and release.marks.get("fingerprints")
    allowed = {*TEXTS, *wanted, *(TABLES[1:] if fingerprinted else ())}
    for file in files:
        name = _shown(file, folder)
        picture = release.contents == "images" and PICTURE.fullmatch(name)
        if name not in allowed and not picture:
            yield f"{name} does not belong into a package of {release.contents}."
    required = {*wanted, "LICENCE.txt", "scorecard.json", "scorecard.html", "checklist.md"}
    for name in sorted(required - {_shown(file, folder) for file in files}):
        yield f"{name} is missing."


def _contents(folder: Path, files: list[Path], sought: Sought, progress: Progress) -> Iterator[str]:
    """Every byte of every file, the list's and the names of files, too."""
    every = [*files, *(folder / name for name in NOT_LISTED if (folder / name).is_file())]
    for number, file in enumerate(every, start=1):
        progress.advance(number, len(every), "files", "searched")
        if file.is_symlink() or not file.is_file():
            continue
        name, content = _shown(file, folder), file.read_bytes()
        is_text = file.suffix not in (".png", ".safetensors", ".sig", ".pem")
        for what in {
            *generally_wrong(content, is_text),
            *sought.found_in(content),
            *sought.found_in(name.encode()),
        }:
            yield f"{name} holds {what}."
        if file.suffix == ".png":
            wrong = [f"{name} {fault}." for fault in _png_faults(content)]
            yield from wrong
            pixels = None if wrong else pixels_sha256_of(content)
            if pixels in sought.pictures:
                yield f"{name} is {sought.pictures[pixels]}."


def _png_faults(content: bytes) -> Iterator[str]:
    """Whether a file is one plain PNG and nothing else."""
    place, kinds = 8, list[bytes]()
    if content[:8] != b"\x89PNG\r\n\x1a\n" or content[12:16] != b"IHDR" or len(content) < 24:
        yield "is no PNG"
        return
    width, height = struct.unpack("!II", content[16:24])
    if width * height > MOST_PIXELS:
        yield f"has {width} x {height} pixels"
    while place + 12 <= len(content) and kinds[-1:] != [b"IEND"]:
        length, kind = struct.unpack("!I4s", content[place : place + 8])
        kinds.append(kind)
        if kind == b"iTXt" and content[place + 8 : place + 8 + length].partition(b"\0")[2][:1] == b"\1":
            yield "holds a text that is compressed"
        place += 12 + length
    if kinds[-1:] != [b"IEND"] or place != len(content):
        yield "is cut short or holds something behind its end"
    if odd := set(kinds) - CHUNKS:
        yield f"holds parts that gist does not write ({', '.join(sorted(map(repr, odd)))})"


def _of_images(folder: Path, release: Release, progress: Progress) -> Iterator[str]:
    """Images against their tables, and the marks that they should carry."""
    images = sorted((folder / IMAGES).glob("*.png"))
    if not images or len(images) != release.images:
        yield f"It holds {len(images)} images, and {release.images} were released."
    try:
        with (folder / TABLES[0]).open(newline="", encoding="utf-8") as file:
            rows = [row["file"] for row in csv.DictReader(file)]
    except (OSError, KeyError, UnicodeDecodeError):
        rows = []
    if sorted(rows) != [_shown(image, folder) for image in images]:
        yield f"{TABLES[0]} does not name the images that are there, each once."
    marks = {name for name, is_there in release.marks.items() if is_there}
    tables = []
    if "fingerprints" in marks:
        try:
            tables = [Fingerprints(folder / TABLES[1])]
        except InputError:
            yield f"{TABLES[1]} is missing or damaged."
    bare = 0
    for number, image in enumerate(images, start=1):
        progress.advance(number, len(images), "images", "marks looked for")
        name, found = _shown(image, folder), verify(image, tables)
        if found.fault:
            yield f"{name} cannot be read."
            continue
        bare += not found.watermark.found
        if tables and (found.fingerprint is None or found.fingerprint.file != name or found.fingerprint.bits):
            yield f"{name} is not the picture of that name in {TABLES[1]}."
        if "metadata" in marks and not found.metadata:
            yield f"{name} does not say that it is synthetic."
        state = found.credentials.state
        if state == "broken" or ("credentials" in marks and state == "none"):
            yield f"The Content Credentials of {name} are {'broken' if state == 'broken' else 'gone'}."
    if "watermark" in marks and bare > MOST_WITHOUT_WATERMARK * len(images):
        yield f"The watermark is found in {len(images) - bare} of {len(images)} images only."


def _of_network(folder: Path) -> Iterator[str]:
    try:
        load_network(folder / NETWORK)
    except GistError as error:
        yield f"{NETWORK} is no generator of gist alone: {error}"

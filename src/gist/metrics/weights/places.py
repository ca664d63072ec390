"""Where weight files are looked for: a given path, $GIST_WEIGHTS_DIR, gist's cache, PyTorch's cache; nowhere else."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from gist.errors import InputError
from gist.files import sha256_of
from gist.metrics.weights.catalogue import CATALOGUE, WeightsFile

VARIABLE = "GIST_WEIGHTS_DIR"


class Unavailable(InputError):
    """An extractor cannot be used here: its weights, or a package that it needs, are missing."""


@dataclass(frozen=True)
class FoundWeights:
    """A file of weights that may be used."""

    path: Path
    sha256: str
    published: bool
    """Whether it is the publisher's file, and not weights of the user's own."""


def find_weights(name: str, given: Path | None = None) -> FoundWeights:
    """The weights of an extractor of the catalogue, checksum verified.

    A `given` file with a name of its own is taken as it is, as weights of the user's own; under its publisher's
    name it must be the publisher's.

    Raises:
        Unavailable: there is no such file; the sentence says its size and where to put it.
        InputError: the checksum is wrong.
    """
    entry = CATALOGUE[name]
    if given is not None:
        path = given.expanduser()
        if not path.is_file():
            raise Unavailable(f"There is no file of weights at {given}; check evaluate.weights.")
        return _verified(path, entry)
    for folder in folders():
        for file in (entry.file, *entry.other_files):
            if (folder / file).is_file():
                return _verified(folder / file, entry)
    raise Unavailable(
        f"The weights of '{name}' ({entry.file}, {entry.mebibytes:.0f} MiB) are not in "
        f"{places_in_words()}; get them with `gist weights fetch {name} --yes`, or from {entry.url} on another "
        f"machine and put the file into {folders()[0]}."
    )


def folders() -> list[Path]:
    """Folders that are searched, in order; a download goes to the first."""
    found = [own_cache()]
    if named := os.environ.get(VARIABLE):
        found.insert(0, Path(named).expanduser())
    torch_home = os.environ.get("TORCH_HOME")
    torch_cache = Path(torch_home) if torch_home else _user_cache() / "torch"
    return [*found, torch_cache / "hub" / "checkpoints"]


def places_in_words() -> str:
    """The folders that are searched, as a phrase."""
    first, *others = (str(folder) for folder in folders())
    return f"{first} nor in " + " nor in ".join(others)


def own_cache() -> Path:
    """Where gist keeps weights that it was asked to fetch."""
    return _user_cache() / "gist" / "weights"


def _user_cache() -> Path:
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local)
    if chosen := os.environ.get("XDG_CACHE_HOME"):
        return Path(chosen)
    return Path.home() / ".cache"


def _verified(path: Path, entry: WeightsFile) -> FoundWeights:
    digest = sha256_of(path)
    claims = path.name in (entry.file, *entry.other_files)
    if entry.sha256 is None:
        return FoundWeights(path, digest, published=claims)
    genuine = digest.startswith(entry.sha256)
    if claims and not genuine:
        raise InputError(
            f"The checksum of {path} is wrong: its SHA-256 begins with {digest[:12]} and should begin with "
            f"{entry.sha256[:12]}; the file is damaged or another one, so delete it and fetch it again."
        )
    return FoundWeights(path, digest, published=genuine)

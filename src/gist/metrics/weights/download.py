"""Download of a weight file, only ever called once the user has agreed."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from pathlib import Path

from gist.errors import InputError, StageError
from gist.files import atomic_path
from gist.metrics.weights.catalogue import CATALOGUE
from gist.metrics.weights.places import folders
from gist.progress import Progress

_CHUNK = 1 << 20
_TIMEOUT_SECONDS = 30.0


def fetch(name: str, progress: Progress) -> Path:
    """Downloads the weights of an extractor into the first of `folders()` and checks them on the way.

    Raises:
        InputError: no such weights.
        StageError: no connection, or what came has another checksum; nothing is kept then.
    """
    if name not in CATALOGUE:
        raise InputError(f"There are no weights called '{name}'; choose from {', '.join(CATALOGUE)}.")
    entry = CATALOGUE[name]
    target = folders()[0] / entry.file
    digest = hashlib.sha256()
    done = 0
    try:
        with (
            urllib.request.urlopen(entry.url, timeout=_TIMEOUT_SECONDS) as answer,
            atomic_path(target) as temporary,
            temporary.open("wb") as file,
        ):
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                progress.advance(done / _CHUNK, max(entry.mebibytes, done / _CHUNK), "MiB")
            if entry.sha256 is not None and not digest.hexdigest().startswith(entry.sha256):
                raise StageError(
                    f"What {entry.url} sent has SHA-256 {digest.hexdigest()[:12]}… instead of "
                    f"{entry.sha256[:12]}…; nothing was kept, try again later."
                )
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise StageError(
            f"{entry.url} cannot be reached ({reason}); download it on another machine ({entry.mebibytes:.0f} MiB) "
            f"and put it into {folders()[0]}."
        ) from None
    return target

"""The reader's page from this machine."""

from __future__ import annotations

import json
from pathlib import Path

from filelock import FileLock, Timeout

from gist.errors import BusyError, InputError
from gist.pages.serving import missing_extra, open_port, serve
from gist.reader.study.folder import TOKENS_FILE, read_study


def links(folder: Path, host: str, port: int) -> dict[str, str]:
    """The address that each reader opens, now and on another day.

    The token stands behind `#`, which browsers send to no server and write into no log of one.

    Raises:
        InputError: there is no study, or its tokens are missing.
    """
    return {reader: f"http://{host}:{port}/#{token}" for reader, token in read_tokens(folder).items()}


def read_tokens(folder: Path) -> dict[str, str]:
    """Reader -> token.

    Raises:
        InputError: the study or its tokens are missing or damaged.
    """
    study = read_study(folder)
    try:
        tokens = json.loads((folder / TOKENS_FILE).read_text(encoding="utf-8"))
        return {reader: str(tokens[reader]) for reader in study.readers}
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"{folder / TOKENS_FILE} is missing or damaged; restore it or make the study anew."
        ) from None


def run_server(folder: Path, host: str, port: int) -> None:
    """Serves a study until it is interrupted.

    Raises:
        InputError: no study, an address that is not this machine's, or the extra `serve` is missing.
        BusyError: another server works on the study.
    """
    try:
        from gist.reader.serve.app import make_app
    except ImportError:
        raise missing_extra() from None
    if host in ("0.0.0.0", "::", ""):
        raise InputError("Give --host the one address that readers type, so that no other name is answered.")
    app = make_app(folder, read_study(folder), read_tokens(folder), host)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise BusyError(f"Another server works on {folder}; stop it first.") from None
    with lock:
        serve(app, open_port(host, port))

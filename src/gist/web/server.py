"""`gist serve`: the server of one workstation."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from pathlib import Path

from gist.errors import InputError
from gist.pages.serving import missing_extra, open_port, serve


def run_server(
    folder: Path, host: str, port: int, sources: Sequence[Path], most_gib: int, say: Callable[[str], None]
) -> None:
    """Serves a folder of projects until it is interrupted; `say` is told the link that opens it.

    Raises:
        InputError: another address than this machine's own, a port that is taken, a source that is not there, or the
            extra `serve` is missing.
    """
    try:
        from gist.web.app import make_app
    except ImportError:
        raise missing_extra() from None
    from gist.web.access import Access
    from gist.web.projects import Workspace

    if not _is_loopback(host):
        raise InputError(
            f"--host {host} would open the projects to other computers, which is not offered before there are accounts "
            "and encryption; leave --host out, and reach this computer by an SSH tunnel."
        )
    for source in sources:
        if not source.exists():
            raise InputError(f"--allow-source {source} does not exist; mend the path.")
    folder.mkdir(parents=True, exist_ok=True)
    listening = open_port(host, port)
    port = listening.getsockname()[1]
    access = Access(folder, port)
    workspace = Workspace(folder, [source.resolve() for source in sources], most_gib)
    app = make_app(workspace, access, host)
    workspace.jobs.work()
    named = f"[{host}]" if ":" in host else host
    say(f"http://{named}:{port}/open#{access.token}")
    serve(app, listening)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""Pages from this machine: the port, the server that listens there, and what every answer says to the browser."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import Any

from gist.errors import InputError

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every answer, beside its Content-Security-Policy."""


def open_port(host: str, port: int) -> socket.socket:
    """A socket that listens at an address of this machine.

    Raises:
        InputError: the address is not this machine's, or the port is taken.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise InputError(
            f"Port {port} of {host} cannot be used ({error.strerror or error}); choose another with --port or --host."
        ) from None


def serve(app: Any, listening: socket.socket) -> None:
    """Answers with an ASGI application until it is interrupted; no request is logged."""
    import uvicorn

    with closing(listening):
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, lifespan="off"
        )
        uvicorn.Server(config).run(sockets=[listening])


def missing_extra() -> InputError:
    """What to say where FastAPI or uvicorn are not installed."""
    return InputError("Serving needs FastAPI and uvicorn; `pip install gist-synth[serve]` brings them.")


def allowed_hosts(host: str) -> list[str]:
    """What browsers may call the server at this address; any other name is a foreign page's."""
    return [host, "localhost"] if host in ("127.0.0.1", "::1") else [host]

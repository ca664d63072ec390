"""`gist reader serve` as a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


class Server:
    """`gist reader serve` as a process of its own."""

    def __init__(self, study: Path, port: int) -> None:
        self.command = [sys.executable, "-m", "gist", "reader", "serve", str(study), "--port", str(port)]
        self.port = port
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.link = self.process.stdout.readline().strip().partition(": ")[2]
        while self.process.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=10).close()
                return
            except OSError:  # not yet
                continue

    def kill(self) -> None:
        with self.process:  # which closes its pipe
            self.process.kill()


@contextmanager
def served(study: Path, port: int) -> Iterator[Server]:
    server = Server(study, port)
    try:
        yield server
    finally:
        server.kill()

"""`gist serve` as a process of its own, and a client of it that speaks plain HTTP."""

from __future__ import annotations

import http.client
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")


class Server:
    """The server of a folder; `start` again serves the same folder at the same port."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self.port, self.options = folder, 0, options
        self.start()

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "gist",
            "serve",
            str(self.folder),
            "--port",
            str(self.port),
            *self.options,
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.link = self.process.stdout.readline().strip().partition(": ")[2]
        assert self.link, "the server did not start"
        self.token = self.link.partition("#")[2]
        self.port = int(self.link.split(":")[2].partition("/")[0])

    def kill(self) -> None:
        with self.process:  # which closes its pipe
            self.process.kill()

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request as it stands, without anything that was not asked for."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(), {name.lower(): v for name, v in answer.getheaders()})
        finally:
            connection.close()

    def api(self, method: str, path: str, value: Any = None) -> Any:
        """A call of a script, which must succeed."""
        answer = self.tried(method, path, value)
        assert answer.status < 300, answer.body
        return json.loads(answer.body)

    def tried(self, method: str, path: str, value: Any = None) -> Answer:
        """A call of a script, whatever comes of it."""
        body = value if isinstance(value, bytes) else None if value is None else json.dumps(value).encode()
        kind = "application/octet-stream" if isinstance(value, bytes) else "application/json"
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        return self.ask(method, f"/api{path}", body, headers)

    def signed_in(self) -> dict[str, str]:
        """The cookie of a new session, as headers."""
        answer = self.form("/open", {}, token=self.token)
        assert answer.status == 303, answer.body
        return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}

    def form(self, path: str, headers: dict[str, str], **typed: str) -> Answer:
        """A form that is sent."""
        from urllib.parse import urlencode

        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, urlencode(typed).encode(), kind | headers)

    def csrf(self, session: dict[str, str]) -> str:
        """What the pages of a session send back."""
        return (
            self.ask("GET", "/", headers=session)
            .body.decode()
            .partition('name="csrf" content="')[2]
            .partition('"')[0]
        )

    def bring(self, project: str, path: str, data: bytes) -> None:
        """Uploads a file whole."""
        piece = self.api("POST", f"/projects/{project}/uploads", [{"path": path, "bytes": len(data)}])[0]
        at = piece["received"]
        while at < len(data):
            at = self.api(
                "PUT", f"/projects/{project}/uploads/{piece['key']}/{at}", data[at : at + (4 << 20)]
            )["received"]

    def bring_folder(self, project: str, folder: Path) -> None:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            self.bring(project, file.relative_to(folder).as_posix(), file.read_bytes())

    def until(self, project: str, ended: str) -> dict[str, Any]:
        """Waits until the project's job has ended, which must be in this way."""
        while (status := self.api("GET", f"/projects/{project}"))["ended"] is None:
            for worker in workers(self.folder):
                has_ended(worker)
        assert status["ended"]["how"] == ended, status
        return dict(status)


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def workers(folder: Path) -> list[psutil.Process]:
    """Processes that work on jobs of this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
        except psutil.Error:
            continue
        if "gist.web.work" in command and str(folder.resolve()) in command:
            found.append(process)
    return found


def has_ended(process: psutil.Process, seconds: float | None = None) -> bool:
    """Waits until a process, whoever's child it is, has ended or the time is over; whether it has."""
    try:
        known = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([known], [], [], seconds)[0])
    finally:
        os.close(known)


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Server]:
    server = Server(folder, *options)
    try:
        yield server
    finally:
        server.kill()
        for worker in workers(folder):
            worker.kill()
            has_ended(worker)

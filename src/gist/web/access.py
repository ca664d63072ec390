"""Who asks. For now one person: whoever has the link that the server printed; accounts take this file's place."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, HTTPException, Request

from gist.files import write_atomic

SESSION_SECONDS = 12 * 3600
CHANGING = ("POST", "PUT", "DELETE", "PATCH")


@dataclass(frozen=True)
class Visitor:
    """Who asks, and what their pages send back to show that a request comes from them."""

    name: str
    csrf: str


class Access:
    """The link of this launch, and the sessions that it opened, which outlive the server."""

    def __init__(self, folder: Path, port: int) -> None:
        self.token = secrets.token_urlsafe(32)
        self.cookie = f"gist-{port}"
        secret = folder / ".serve" / "secret"
        if not secret.exists():
            write_atomic(secret, secrets.token_bytes(32))
            secret.chmod(0o600)
        self._secret = secret.read_bytes()

    def session(self, token: str) -> str | None:
        """A new session for who knows the token of the link."""
        if not secrets.compare_digest(token.encode(), self.token.encode()):
            return None
        begun = f"{int(time.time())}.{secrets.token_urlsafe(16)}"
        return f"{begun}.{self._sign('session', begun)}"

    def visitor(self, headers: Mapping[str, str], cookies: Mapping[str, str]) -> Visitor | None:
        """Who asks by session or, as scripts do, by `Authorization: Bearer TOKEN`."""
        given = headers.get("authorization", "").removeprefix("Bearer ")
        if given and secrets.compare_digest(given.encode(), self.token.encode()):
            return Visitor("owner", "")
        session = cookies.get(self.cookie, "")
        begun, _, signature = session.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._sign("session", begun).encode()):
            return None
        age = time.time() - int(begun.partition(".")[0])
        return Visitor("owner", self._sign("csrf", session)) if age < SESSION_SECONDS else None

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.new(self._secret, f"{purpose}:{text}".encode(), hashlib.sha256).hexdigest()


async def asks(request: Request) -> Visitor:
    """The visitor of a request that is allowed to do what it asks.

    Raises:
        HTTPException: 401 nobody known, 403 a request that no page of this server sent.
    """
    access: Access = request.app.state.access
    visitor = access.visitor(request.headers, request.cookies)
    if visitor is None:
        raise HTTPException(401, "Open the link that `gist serve` printed when it was started.")
    if request.method in CHANGING and visitor.csrf:
        given = request.headers.get("x-csrf-token") or (await form(request)).get("csrf", "")
        if not hmac.compare_digest(given.encode(), visitor.csrf.encode()):
            raise HTTPException(403, "This page is out of date; load it again, then repeat what you did.")
    return visitor


async def form(request: Request) -> dict[str, str]:
    """What was typed into a form."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {}
    body = (await request.body()).decode("utf-8", errors="replace")
    return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=500))


Asks = Annotated[Visitor, Depends(asks)]
Form = Annotated[dict[str, str], Depends(form)]

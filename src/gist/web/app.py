"""The web application: pages and API over one folder of projects, and what every request must pass."""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from logging import getLogger
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from gist.errors import BusyError, GistError
from gist.pages.html import embedded, html
from gist.pages.serving import HEADERS, allowed_hosts
from gist.version import __version__
from gist.web import api, pages
from gist.web.access import CHANGING, Access
from gist.web.projects import NoSuchProject, Workspace
from gist.web.uploads import CHUNK_BYTES

MOST_BYTES = 1 << 20
"""Of a request that is no piece of a file."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# With no-referrer, browsers send `Origin: null` with forms, also to their own server.
_HEADERS = HEADERS | {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"}
_ASSETS = {
    "web.css": "text/css",
    "live.js": "text/javascript",
    "upload.js": "text/javascript",
    "open.js": "text/javascript",
}


def make_app(workspace: Workspace, access: Access, host: str) -> FastAPI:
    """The application."""
    app = FastAPI(
        title="GIST", version=__version__, docs_url=None, redoc_url=None, openapi_url="/api/openapi.json"
    )
    app.state.access, app.state.workspace = access, workspace

    @app.middleware("http")
    async def _guard(request: Request, proceed: Callable[[Request], Awaitable[Response]]) -> Response:
        refusal = _refusal(request)
        response = await proceed(request) if refusal is None else _told(request, *refusal)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    async def explained(request: Request, error: Exception) -> Response:
        return _told(request, *_status_and_sentence(error))

    for kind in (GistError, OSError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, explained)

    @app.get("/health", include_in_schema=True)
    def _health() -> dict[str, str]:
        """That the server answers; nothing of the projects."""
        return {"status": "ok", "version": __version__}

    @app.get("/assets/{name}", include_in_schema=False)
    def _asset(name: str) -> Response:
        if name not in _ASSETS:
            raise HTTPException(404, "There is no such file.")
        sheets = ("gist.pages/page.css",) if name == "web.css" else ()
        return Response(embedded(*sheets, f"gist.web/{name}"), media_type=_ASSETS[name])

    app.include_router(pages.open_router)
    app.include_router(pages.router)
    app.include_router(api.router)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts(host), www_redirect=False)
    return app


def _refusal(request: Request) -> tuple[int, str] | None:
    """Why a request is not even looked at."""
    if request.method not in CHANGING:
        return None
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        return 403, "This request comes from another page."
    length = request.headers.get("content-length", "" if "transfer-encoding" in request.headers else "0")
    if not length.isdecimal() or int(length) > (CHUNK_BYTES if request.method == "PUT" else MOST_BYTES):
        return 413, "This request is too long."
    return None


def _status_and_sentence(error: Exception) -> tuple[int, str]:
    if isinstance(error, HTTPException):
        return error.status_code, str(error.detail)
    if isinstance(error, RequestValidationError):
        return 422, "This request is not as the description of the interface says; see /api/openapi.json."
    if isinstance(error, NoSuchProject):
        return 404, str(error)
    if isinstance(error, BusyError):
        return 409, "This project is at work; stop it first, or wait until it has ended."
    if isinstance(error, GistError):
        return 400, str(error)
    getLogger("uvicorn.error").error("%s", type(error).__name__)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return 507, "The disk is full; free some space and do the same again, nothing is lost."
    return (
        500,
        "The disk of the server failed; tell those who look after it. Nothing that was acknowledged is lost.",
    )


def _told(request: Request, status: int, sentence: str) -> Response:
    if request.url.path.startswith(("/api/", "/health")):
        return JSONResponse({"detail": sentence}, status)
    page = html("gist.web/problem.html.j2", title=HTTPStatus(status).phrase, sentence=sentence, visitor=None)
    return Response(page, status, media_type="text/html")

"""The web application: a page, its script and style, and four answers; needs FastAPI (extra `serve`)."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from logging import getLogger
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware

from gist.errors import InputError
from gist.pages.html import embedded, html
from gist.pages.serving import HEADERS, allowed_hosts
from gist.reader.serve.answers import Answer, AnswerBook
from gist.reader.serve.page import SHARED_SCRIPTS, STYLE, page_facts, session_facts
from gist.reader.study.folder import Study, levels, pictures_of

MOST_BYTES = 65_536
"""Of a request."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def make_app(folder: Path, study: Study, tokens: Mapping[str, str], host: str) -> FastAPI:
    """The application for one study; trials are known by their number in a reader's order, so no name is ever sent.

    Raises:
        InputError: a reader's answers do not belong to the study.
    """
    books = {reader: AnswerBook(folder, study, reader) for reader in study.readers}
    page = html("gist.reader.serve/online.html.j2", **page_facts(study))
    script = embedded(*SHARED_SCRIPTS, "gist.reader.serve/online.js")
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    def book_of(authorization: Annotated[str, Header()] = "") -> AnswerBook:
        given = authorization.removeprefix("Bearer ").encode()
        found = [reader for reader, token in tokens.items() if secrets.compare_digest(token.encode(), given)]
        if not found:
            raise HTTPException(401, "This link is not one of the study's; open the one that you were given.")
        return books[found[0]]

    Book = Annotated[AnswerBook, Depends(book_of)]

    @app.middleware("http")
    async def _guard(request: Request, proceed: Callable[[Request], Awaitable[Response]]) -> Response:
        length = request.headers.get("content-length", "" if request.method == "POST" else "0")
        if length.isdecimal() and int(length) <= MOST_BYTES:
            response = await proceed(request)
        else:
            response = Response("This request is too long.", 413)
        response.headers.update(HEADERS | {"Content-Security-Policy": POLICY})
        return response

    async def damaged(_: Request, error: Exception) -> Response:
        getLogger("uvicorn.error").error("%s", error)  # with its path, for those who run the study only
        return JSONResponse({"detail": "The study's disk failed; tell those who run it."}, 500)

    for kind in (InputError, OSError):
        app.add_exception_handler(kind, damaged)

    @app.get("/")
    def _page() -> Response:
        return Response(page, media_type="text/html")

    @app.get("/reader.js")
    def _script() -> Response:
        return Response(script, media_type="text/javascript")

    @app.get("/reader.css")
    def _style() -> Response:
        return Response(embedded(STYLE), media_type="text/css")

    @app.get("/session")
    def _session(book: Book) -> dict[str, Any]:
        return session_facts(study, book.reader) | {"answered": book.answered}

    @app.get("/reference/{number}")
    def _reference(book: Book, number: int) -> Response:  # noqa: ARG001 - for readers only
        if not 0 <= number < len(study.references):
            raise HTTPException(404, "There is no such reference image.")
        return _pixels([f"reference/{study.references[number].image}.png"])

    @app.get("/trial/{number}")
    def _trial(book: Book, number: int) -> Response:
        if (
            not 0 <= number < min(len(book.order), book.answered + 2)
        ):  # the next one, so that it is here in time
            raise HTTPException(404, "This trial has not come yet.")
        return _pixels(pictures_of(study, book.order[number][0]))

    @app.post("/answer")
    def _answer(book: Book, answer: Answer) -> dict[str, int]:
        try:
            return {"answered": book.append(answer)}
        except InputError as error:
            raise HTTPException(409, str(error)) from None

    def _pixels(files: list[str]) -> Response:
        return Response(levels(folder, study, files), media_type="application/octet-stream")

    app.add_middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts(host), www_redirect=False)
    return app

"""`gist serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def serve(
    folder: Annotated[
        Path, typer.Argument(help="Folder of the projects, made if missing.", metavar="FOLDER")
    ] = Path("gist-projects"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port. 0: a free one.")] = 8760,
    host: Annotated[str, typer.Option(help="Address of this machine; only its own for now.")] = "127.0.0.1",
    allow_source: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder or zip of images on this machine that projects may take. Repeatable.", metavar="PATH"
        ),
    ] = None,
    most_gib: Annotated[int, typer.Option(min=1, help="GiB of images that one project may bring.")] = 100,
) -> None:
    """The whole pipeline in a browser, by a link that only you get; Ctrl-C ends it, jobs go on, nothing is lost."""
    from gist.web import run_server

    def say(link: str) -> None:
        typer.echo(f"Open in a browser: {link}")

    run_server(folder, host, port, allow_source or [], most_gib, say)

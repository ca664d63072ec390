"""`gist reader create`, `serve` and `file`: a study made and read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gist.cli.options import RunFolderArgument, SetOption
from gist.cli.reader import app

__all__ = ["app"]

StudyArgument = Annotated[Path, typer.Argument(help="Folder of the study.", metavar="STUDY")]


@app.command()
def create(
    folder: RunFolderArgument,
    name: SetOption = None,
    out: Annotated[
        Path | None,
        typer.Option(help="New folder of the study. Default: RUN/reader/study.", metavar="FOLDER"),
    ] = None,
    images: Annotated[
        int, typer.Option(help="Real images of the test, and as many synthetic ones; or pairs.")
    ] = 50,
    reference: Annotated[int, typer.Option(help="Images shown with their truth beforehand, half real.")] = 20,
    repeats: Annotated[
        int | None, typer.Option(help="Images that each reader sees twice. Default: one in five.")
    ] = None,
    readers: Annotated[str, typer.Option(help="Their names, separated by commas.")] = "reader-1",
    pairs: Annotated[
        bool, typer.Option("--pairs", help="A real and a synthetic image side by side: which is real?")
    ] = False,
    ask_class: Annotated[bool, typer.Option("--ask-class", help="Ask for each image's class, too.")] = False,
    margin: Annotated[float, typer.Option(help="Accuracy within 0.5 ± this counts as guessing.")] = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="Of the choice of images and of the readers' orders.")] = 0,
    offline: Annotated[
        bool, typer.Option("--offline", help="Also write a page for each reader that needs no server.")
    ] = False,
) -> None:
    """Make a study of held-out and synthetic images: pictures that nothing else tells apart, and a sealed key."""
    from gist.reader.serve import write_files
    from gist.reader.study import create_study
    from gist.runs.pipeline import open_run

    run, _ = open_run(folder, name)
    place = (out or run.place / "reader" / "study").resolve()
    study = create_study(
        run,
        place,
        images=images,
        reference_images=reference,
        repeats=repeats,
        readers=[reader.strip() for reader in readers.split(",")],
        kind="pairs" if pairs else "single",
        asks_class=ask_class,
        margin=margin,
        seed=seed,
    )
    typer.echo(f"{study.in_one_line()} The study is in {place}.")
    typer.echo(f"SHA-256 of its sealed key: {study.key_sha256}")
    if offline:
        _say_files(write_files(place))
    else:
        typer.echo(f"Next: gist reader serve {place}")


@app.command()
def serve(
    study: StudyArgument,
    host: Annotated[str, typer.Option(help="Address of this machine that readers type.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = 8765,
) -> None:
    """Let readers answer in their browsers, each by a link of their own; Ctrl-C ends it, nothing is lost."""
    from gist.reader.serve import links, run_server

    for reader, link in links(study, host, port).items():
        typer.echo(f"{reader}: {link}")
    run_server(study, host, port)


@app.command()
def file(
    study: StudyArgument,
    reader: Annotated[str | None, typer.Option(help="One reader's only. Default: everyone's.")] = None,
) -> None:
    """Write the test as one HTML file per reader, which needs no server and saves the answers as a CSV file."""
    from gist.reader.serve import write_files

    _say_files(write_files(study, reader))


def _say_files(files: list[Path]) -> None:
    for written in files:
        typer.echo(f"Open in a browser: {written.resolve()}")
    typer.echo("Each holds real images: handle it as the originals.")

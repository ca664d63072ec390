"""`gist reader`: whether people tell synthetic images from real ones; planned, made, read and scored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gist.errors import InputError

app = typer.Typer(
    help="The blind reader test: can people tell synthetic images from real ones?", no_args_is_help=True
)


@app.command()
def score(
    study: Annotated[
        Path | None,
        typer.Argument(help="Folder of a study, such as runs/knee/reader/blind.", metavar="STUDY"),
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option(help="Without STUDY: CSV with reader, image, answer, made elsewhere.", metavar="FILE"),
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="With --answers: CSV with image, truth.", metavar="FILE")
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(help="With --answers: how far from chance still counts as chance. Default: 0.1."),
    ] = None,
    json: Annotated[
        Path | None, typer.Option("--json", help="Also write every number to this file.", metavar="FILE")
    ] = None,
) -> None:
    """Score the answers of a study, or tables made elsewhere: counts first, then what they show."""
    from gist import reader
    from gist.cli.reader_tables import score_table
    from gist.files import write_json

    if study is not None and answers is None and key is None and margin is None:
        raise InputError("A study is scored soon.")
    if study is None and answers is not None and key is not None:
        found = reader.score(answers, key, margin=reader.MARGIN if margin is None else margin)
    else:
        raise InputError(
            "Name either a study, `gist reader score STUDY`, or tables that were made elsewhere: "
            "`gist reader score --answers FILE --key FILE`. A study has its own margin."
        )
    if json is not None:
        write_json(json, found.model_dump(mode="json"))
    score_table(found)

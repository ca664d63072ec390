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
def plan(
    readers: Annotated[
        str | None, typer.Option(help="How many readers, or several numbers as in 1,3,5.", metavar="N,N")
    ] = None,
    images: Annotated[
        int | None, typer.Option(help="How many images, real and synthetic together. Default: 100.")
    ] = None,
    accuracy: Annotated[
        float, typer.Option(help="Accuracy that should be found to differ from chance.")
    ] = 0.6,
    margin: Annotated[float, typer.Option(help="How far from chance still counts as chance.")] = 0.1,
    power: Annotated[float, typer.Option(help="Probability to find what there is.")] = 0.8,
    reader_sd: Annotated[
        float | None,
        typer.Option(
            help="Standard deviation between readers' accuracies. Default: of a published study, 0.087."
        ),
    ] = None,
    kappa: Annotated[
        float | None, typer.Option(help="Agreement of readers. Default: of a published study, 0.11.")
    ] = None,
    pilot: Annotated[
        Path | None, typer.Option(help="Take both from a pilot that `score --json` wrote.", metavar="FILE")
    ] = None,
    json: Annotated[
        Path | None, typer.Option("--json", help="Also write every number to this file.", metavar="FILE")
    ] = None,
) -> None:
    """How many readers and images a question needs, and what a smaller test would miss, in words."""
    from gist import reader
    from gist.cli.as_json import plain
    from gist.cli.reader_tables import plan_table
    from gist.files import write_json

    given = {"reader_sd": reader_sd, "kappa": kappa}
    variance = {} if pilot is None else reader.variance_of(pilot)
    try:
        counts = None if readers is None else [int(part) for part in readers.split(",")]
    except ValueError:
        raise InputError(f"“{readers}” is no number of readers; give one, or several as in 1,3,5.") from None
    made = reader.plan(
        reader.READERS if counts is None else counts,
        images,
        accuracy=accuracy,
        margin=margin,
        power=power,
        **variance | {name: value for name, value in given.items() if value is not None},
    )
    if json is not None:
        write_json(json, plain(made))
    plan_table(made)


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
        found = reader.score_study(study)
    elif study is None and answers is not None and key is not None:
        found = reader.score(answers, key, margin=reader.MARGIN if margin is None else margin)
    else:
        raise InputError(
            "Name either a study, `gist reader score STUDY`, or tables that were made elsewhere: "
            "`gist reader score --answers FILE --key FILE`. A study has its own margin."
        )
    if json is not None:
        write_json(json, found.model_dump(mode="json"))
    score_table(found)
    if study is not None:
        typer.echo(f"Protocol: {(study / reader.PROTOCOL_FILE).resolve()}")

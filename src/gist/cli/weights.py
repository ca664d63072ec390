"""`gist weights`: which pretrained weights are here, which are missing, and fetching them once the user agrees."""

from __future__ import annotations

from typing import Annotated

import typer

from gist.cli.as_json import JsonOption, print_json
from gist.cli.progress import TerminalProgress

app = typer.Typer(
    help="Pretrained weights of feature extractors: what is here, what is missing, where to get it.",
    invoke_without_command=True,
    no_args_is_help=False,
)


@app.callback()
def show(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the weights, with size, licence and where they are or can be had."""
    if context.invoked_subcommand is not None:
        return
    from gist.cli.tables import weights_table
    from gist.metrics.weights import folders
    from gist.verbs import weights

    found = weights()
    if as_json:
        print_json(found)
    else:
        weights_table(found, folders())


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="Extractor, as `gist weights` lists it.", metavar="NAME")],
    yes: Annotated[bool, typer.Option("--yes", help="Agree to the download without being asked.")] = False,
) -> None:
    """Download the weights of an extractor from their publisher and check them."""
    from gist.errors import InputError
    from gist.metrics.weights import CATALOGUE
    from gist.metrics.weights import fetch as download

    entry = CATALOGUE.get(name)
    if entry is None:
        raise InputError(f"There are no weights called '{name}'; choose from {', '.join(CATALOGUE)}.")
    asked = f"Download {entry.mebibytes:.0f} MiB from {entry.url} (licence: {entry.licence})?"
    if not yes and not typer.confirm(asked):
        raise InputError("Nothing was downloaded.")
    with TerminalProgress() as progress:
        path = download(name, progress)
    typer.echo(f"{entry.holds[0].upper()}{entry.holds[1:]}: {path}")

"""`gist release`: a package that may be passed on, and the check of one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from gist.cli.as_json import JsonOption, print_json
from gist.cli.options import SetOption
from gist.cli.progress import TerminalProgress
from gist.errors import InputError


def release(
    run: Annotated[Path | None, typer.Argument(help="Run folder, such as runs/knee.", metavar="RUN")] = None,
    out: Annotated[Path | None, typer.Argument(help="New folder to write.", metavar="OUT")] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            help="Check this package instead; with RUN also for what of the run is in it.", metavar="FOLDER"
        ),
    ] = None,
    contents: Annotated[
        Literal["images", "network"], typer.Option(help="The images, or the generator that drew them.")
    ] = "images",
    policy: Annotated[
        Path | None, typer.Option(help="YAML file with rules in place of those that ship.", metavar="FILE")
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="Under which it is passed on. Default: report.licence.", metavar="NAME")
    ] = None,
    credentials: Annotated[
        Path | None, typer.Option(help="PEM file to sign the checksums with.", metavar="FILE")
    ] = None,
    override: Annotated[
        str | None,
        typer.Option(
            help="Why to release it although rules do not hold; stands in the package.", metavar="REASON"
        ),
    ] = None,
    name: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write what may be passed on of a run into a new folder, or check such a folder; refuse what fails."""
    from gist import verbs

    with TerminalProgress() as progress:
        if check is not None and out is None:
            found = verbs.check_release(check, run=run, policy=policy, progress=progress)
        elif check is None and run is not None and out is not None:
            found = verbs.release(
                run,
                out,
                name=name,
                contents=contents,
                policy=policy,
                licence=licence,
                credentials=credentials,
                override=override,
                progress=progress,
            )
        else:
            raise InputError(
                "Name a run and a new folder, `gist release RUN OUT`, or `gist release --check FOLDER`."
            )
    if as_json:
        print_json(found)
    else:
        verdict = (
            "refused" if found.faults else "nothing wrong" if check is not None else "written and searched"
        )
        typer.echo(f"{found.folder}: {verdict}; {found.files} files, {found.images} of them images.")
        for line in (*found.faults, *found.notes, *([f"Signed by {found.signer}."] if found.signer else [])):
            typer.echo(f"    {line}")
    if found.faults:
        raise typer.Exit(InputError.exit_code)

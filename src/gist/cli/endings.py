"""What a command says last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer


def say_next(folder: Path, name: str | None = None) -> None:
    """The command that goes on from here; on standard error, as standard output may be JSON."""
    from gist.verbs.stages import next_command

    command = next_command(folder, name)
    if command is not None:
        typer.echo(f"Next: {command}", err=True)


def say_loss(prepared: Any) -> None:
    """What did not arrive is the last that is printed, below the bar."""
    if prepared is not None and prepared.loss is not None:
        typer.echo(prepared.loss, err=True)


def say_where(folder: Path, name: str | None = None, *, made: bool) -> None:
    """Where the report lies that this command made; another only if it tells what the run holds now."""
    from gist.runs.folder import RunFolder
    from gist.verbs import status as read_status

    page = RunFolder(folder, name).folder_of("report") / "report.html"
    standing = () if made else ((each.stage, each.set_name, each.state) for each in read_status(folder))
    if page.is_file() and (made or ("report", name, "done") in standing):
        typer.echo(f"Report: {page.resolve()}")

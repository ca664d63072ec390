"""Runs as jobs of a batch system: what `gist run --on slurm` takes, and the commands `logs` and `cancel`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gist.cli.options import RunFolderArgument
from gist.errors import GistError, InputError

if TYPE_CHECKING:
    from gist.config import Config

_HELP = "With --on slurm: "
Site = Annotated[
    Path | None,
    typer.Option(help=f"{_HELP}the cluster's profile. Default: ~/.config/gist/site.yaml.", metavar="FILE"),
]
Nodes = Annotated[int | None, typer.Option(help=f"{_HELP}machines.", metavar="N", show_default=False)]
Gpus = Annotated[
    int | None, typer.Option(help=f"{_HELP}GPUs of each; 0 for none.", metavar="N", show_default=False)
]
Cpus = Annotated[
    int | None, typer.Option(help=f"{_HELP}processors of each.", metavar="N", show_default=False)
]
Memory = Annotated[str | None, typer.Option(help=f"{_HELP}memory of each, such as 32G.", metavar="SIZE")]
Time = Annotated[str | None, typer.Option(help=f"{_HELP}of one job, such as 12:00:00.", metavar="TIME")]


def launch(config: Config, site: Path | None, asked: Mapping[str, Any], stages: Sequence[str]) -> None:
    """Puts the run into SLURM's queue and says where its script and log are."""
    from gist.verbs.jobs import start_job

    job, edited = start_job(config, site, asked, stages)
    run = config.run_folder
    typer.echo(
        f"{job.sentence()} Script: {run / 'job' / 'job.sbatch'}{', as you edited it' if edited else ''}."
    )
    typer.echo(f"`gist status {run}` tells how far it is, `gist logs {run}` what it says.", err=True)


def refuse_without_slurm(site: Path | None, asked: Mapping[str, Any]) -> None:
    """Options of a job mean nothing to this process."""
    given = [name for name, value in {"site": site, **asked}.items() if value is not None]
    if given:
        raise InputError(f"--{given[0]} is for jobs; give --on slurm as well, or leave it out.")


def say_job(folder: Path) -> None:
    """What SLURM says of the run's job, where it has one."""
    from gist.launch.slurm import job_of
    from gist.runs.folder import RunFolder

    try:
        job = job_of(RunFolder(folder))
    except GistError as error:
        typer.echo(str(error))
        return
    if job is not None:
        typer.echo(job.sentence())


def add_jobs(app: typer.Typer) -> None:
    """Adds the commands about jobs."""

    @app.command()
    def logs(
        folder: RunFolderArgument,
        lines: Annotated[int, typer.Option(help="Of its end; 0 for all.", min=0)] = 40,
    ) -> None:
        """Print the end of the log of a run's job."""
        from gist.launch.slurm import log_of
        from gist.runs.pipeline import open_run

        text = log_of(open_run(folder)[0]).read_text(encoding="utf-8", errors="replace").splitlines()
        typer.echo("\n".join(text[-lines:]))

    @app.command()
    def cancel(folder: RunFolderArgument) -> None:
        """End the job of a run; it writes a checkpoint first, and `gist run … --on slurm` continues."""
        from gist.launch.slurm import cancel as end
        from gist.runs.pipeline import open_run

        typer.echo(end(open_run(folder)[0]).sentence())

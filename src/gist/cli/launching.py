"""Runs and studies as jobs of a batch system: what `--on slurm` takes, and the commands `logs` and `cancel`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gist.cli.options import RunFolderArgument
from gist.errors import GistError, InputError

if TYPE_CHECKING:
    from gist.config import Config
    from gist.launch.slurm import Job
    from gist.stages.promise import StageName

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


Shards = Annotated[
    int | None,
    typer.Option(
        help=f"{_HELP}jobs that share prepare, and that share generate.",
        metavar="N",
        show_default=False,
        min=1,
        max=10_000,
    ),
]
Slots = Annotated[
    int | None,
    typer.Option(help=f"{_HELP}jobs of an array at a time, at most.", metavar="N", show_default=False),
]
On = Annotated[Literal["here", "slurm"], typer.Option(help="Where: in this process or by SLURM.")]
_OF_A_STUDY = {
    "on": (On, "here"), "site": (Site, None), "slots": (Slots, None), "gpus": (Gpus, None), "cpus": (Cpus, None),
    "memory": (Memory, None), "time": (Time, None),
}  # fmt: skip


def launchable(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command of a study --on and the options of its jobs; they arrive as its `job`."""
    signature = inspect.signature(command, eval_str=True).parameters.values()
    own = [each.replace(kind=each.KEYWORD_ONLY) for each in signature if each.name != "job"]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in _OF_A_STUDY.items()
    ]

    @functools.wraps(command)
    def wrapper(**given: Any) -> None:
        job = {name: given.pop(name) for name in _OF_A_STUDY}
        command(**given, job=job)

    wrapper.__signature__ = inspect.Signature(own + added)  # type: ignore[attr-defined]
    return wrapper


def launch_study(place: Path, job: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Puts the trials of a study that has begun into SLURM's queue and says where its script is."""
    from gist import studies

    _say_queued(place, *studies.submit(place, **job, changes=changes))


def launch(
    config: Config,
    site: Path | None,
    asked: Mapping[str, Any],
    stages: Sequence[StageName],
    shards: int | None,
    slots: int | None,
) -> None:
    """Puts the run into SLURM's queue and says where its script and log are."""
    from gist.verbs.jobs import start_job

    _say_queued(config.run_folder, *start_job(config, site, asked, stages, shards=shards, slots=slots))


def _say_queued(place: Path, job: Job, edited: bool) -> None:
    script = place / "job" / "job.sbatch"
    typer.echo(f"{job.sentence()} Script: {script}{', as you edited it' if edited else ''}.")
    typer.echo(f"`gist status {place}` tells how far it is, `gist logs {place}` what it says.", err=True)


def refuse_without_slurm(**job: Any) -> None:
    """Options of a job mean nothing to this process."""
    given = [name for name, value in job.items() if value is not None]
    if given:
        raise InputError(f"--{given[0]} is for jobs; give --on slurm as well, or leave it out.")


def say_job(folder: Path) -> None:
    """What SLURM says of the job of a run or study, where it has one."""
    from gist.launch.slurm import job_of

    try:
        job = job_of(folder)
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
        """Print the end of the log of a run's job, or of the one of a study's that wrote last."""
        from gist.launch.slurm import log_of

        text = log_of(_worked_on(folder)).read_text(encoding="utf-8", errors="replace").splitlines()
        typer.echo("\n".join(text[-lines:]))

    @app.command()
    def cancel(folder: RunFolderArgument) -> None:
        """End the jobs of a run or study; they write checkpoints first, and the same command continues."""
        from gist.launch.slurm import cancel as end

        typer.echo(end(_worked_on(folder)).sentence())


def _worked_on(folder: Path) -> Path:
    """The folder of a run or study; InputError where it is neither."""
    from gist.runs.pipeline import open_run
    from gist.studies.folder import StudyFolder

    return folder if StudyFolder(folder).begun else open_run(folder)[0].path

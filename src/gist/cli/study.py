"""`gist study`: many runs that answer one question, on one page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gist.cli.as_json import JsonOption, print_json
from gist.cli.launching import launch_study, launchable, refuse_without_slurm
from gist.cli.options import Changes, changeable
from gist.cli.progress import TerminalProgress
from gist.errors import InputError
from gist.numerals import counted

if TYPE_CHECKING:
    from gist.studies.result import StudyResult

app = typer.Typer(
    help="Many runs that answer one question: how many images, which settings, which start?",
    no_args_is_help=True,
)
Target = Annotated[Path, typer.Argument(help="Settings file, run folder, or radiographs.", metavar="CONFIG")]
Out = Annotated[
    Path | None, typer.Option(help="Folder of the study. Default: studies/NAME-KIND.", metavar="FOLDER")
]
Repeats = Annotated[int, typer.Option(help="Trials of each, with other seeds.")]
Propose = Annotated[
    bool, typer.Option("--propose", help="Only prepare the data and note the trials, for `gist study trial`.")
]


@app.command()
@changeable
@launchable
def size(
    target: Target,
    changes: Changes,
    job: dict[str, Any],
    sizes: Annotated[
        str, typer.Option(help="Images to learn from, separated by commas.", metavar="N,N")
    ] = "100,200,400,800",
    repeats: Repeats = 3,
    transfer_from: Annotated[
        Path | None,
        typer.Option(help="Draw a second curve that starts from this network.", metavar="NETWORK"),
    ] = None,
    gan_train: Annotated[
        int,
        typer.Option(
            help="Train a classifier on each trial's pictures this often and test it on the hold-out; 0 for not.",
            min=0,
            metavar="N",
        ),
    ] = 0,
    out: Out = None,
    propose: Propose = False,
    as_json: JsonOption = False,
) -> None:
    """How many images are enough? Nested random subsets by patient, one budget, one hold-out."""
    try:
        numbers = [int(part) for part in sizes.split(",")]
    except ValueError:
        raise InputError(
            f"“{sizes}” are no numbers of images; give them as in --sizes 100,200,400."
        ) from None
    _study(
        "size",
        target,
        changes,
        out,
        as_json,
        job,
        sizes=numbers,
        repeats=repeats,
        transfer_from=transfer_from,
        gan_train=gan_train,
        only_propose=propose,
    )


@app.command()
@changeable
@launchable
def tune(
    target: Target,
    changes: Changes,
    job: dict[str, Any],
    ranges: Annotated[
        list[str],
        typer.Option(
            "--range",
            help="A setting to choose: train.gamma=0.1:10:log, or train.batch=4,8,16. Repeatable.",
            metavar="KEY=LOW:HIGH",
        ),
    ],
    trials: Annotated[int, typer.Option(min=1, help="How many settings to try.")] = 20,
    repeats: Repeats = 3,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Give a trial up whose snapshots are worse than the median of others."),
    ] = False,
    objectives: Annotated[
        str, typer.Option(help="What to lower: kid, and with it cost or copies.", metavar="NAME,NAME")
    ] = "kid",
    out: Out = None,
    propose: Propose = False,
    as_json: JsonOption = False,
) -> None:
    """Is tuning worth it? The default's own noise, a search, and the best of it on fresh seeds."""
    _study(
        "tune",
        target,
        changes,
        out,
        as_json,
        job,
        ranges=ranges,
        trials=trials,
        repeats=repeats,
        prune=prune,
        objectives=[name.strip() for name in objectives.split(",")],
        only_propose=propose,
    )


@app.command()
@changeable
@launchable
def architectures(
    target: Target,
    changes: Changes,
    job: dict[str, Any],
    names: Annotated[
        str, typer.Option(help="Kinds of generators, separated by commas. Default: all.", metavar="NAME,NAME")
    ] = "",
    minutes: Annotated[float, typer.Option(help="Minutes of training for each.")] = 60.0,
    repeats: Repeats = 3,
    out: Out = None,
    propose: Propose = False,
    as_json: JsonOption = False,
) -> None:
    """Which kind of generator? Each trained for the same minutes on this device."""
    _study(
        "architectures",
        target,
        changes,
        out,
        as_json,
        job,
        names=[name.strip() for name in names.split(",") if name.strip()],
        minutes=minutes,
        repeats=repeats,
        only_propose=propose,
    )


@app.command()
@changeable
@launchable
def transfer(
    target: Target,
    network: Annotated[
        Path, typer.Argument(help="Network file, or a name of `gist networks`.", metavar="NETWORK")
    ],
    changes: Changes,
    job: dict[str, Any],
    repeats: Repeats = 3,
    out: Out = None,
    propose: Propose = False,
    as_json: JsonOption = False,
) -> None:
    """Does a starting network help? From scratch and from it, at the same budget."""
    _study(
        "transfer",
        target,
        changes,
        out,
        as_json,
        job,
        network=network,
        repeats=repeats,
        only_propose=propose,
    )


@app.command()
@changeable
def trial(
    study: Annotated[Path, typer.Argument(help="Folder of a study.", metavar="STUDY")],
    number: Annotated[int, typer.Argument(help="Number of the trial, from 1.", metavar="NUMBER")],
    changes: Changes,
) -> None:
    """Run one trial of a study alone, as a job of an array does; the study's own command then makes the page."""
    from gist import studies

    with TerminalProgress() as progress:
        record = studies.trial(study, number, changes=changes, progress=progress)
    typer.echo(f"Trial {record.trial.name}: {record.error or record.state}.")
    if record.state == "failed":
        raise typer.Exit(1)


@app.command("continue")
@changeable
def resume(
    study: Annotated[Path, typer.Argument(help="Folder of a study.", metavar="STUDY")],
    changes: Changes,
    as_json: JsonOption = False,
) -> None:
    """Bring a study to its end by its folder alone, as its own command does: what is left, then the page."""
    from gist import studies

    with TerminalProgress() as progress:
        result = studies.resume(study, changes=changes, progress=progress)
    _say(study, result, as_json)


def say_standing(study: Path, as_json: bool) -> None:
    """How far a study is: its trials by what became of them."""
    from gist.studies.folder import StudyFolder
    from gist.studies.numbering import open_numbers

    folder = StudyFolder(study)
    plan, records = folder.plan(), folder.records()
    if as_json:
        print_json(records)
        return
    failed = [record for record in records if record.state == "failed"]
    done = sum(record.state == "done" for record in records)
    left = len(open_numbers(folder))
    typer.echo(f"Study of kind {plan.kind}: {counted(done, 'trial')} done, {left} left.")
    for record in failed:
        typer.echo(f"Trial {record.trial.name} failed: {record.error}")


def _study(
    kind: Literal["size", "tune", "architectures", "transfer"],
    target: Path,
    changes: dict[str, Any],
    out: Path | None,
    as_json: bool,
    job: dict[str, Any],
    **given: Any,
) -> None:
    from gist import studies
    from gist.studies.folder import where_to_compute
    from gist.studies.jobs import refuse_to_begin

    config = studies.config_of(target, changes)
    place = out or studies.folder_of(config, kind)
    queued = job.pop("on") == "slurm"
    if queued:
        refuse_to_begin(place, job)
        given["only_propose"] = True
    else:
        refuse_without_slurm(**job)
    with TerminalProgress() as progress:
        result = getattr(studies, kind)(config, out=place, progress=progress, **given)
    if queued:
        launch_study(place, job, where_to_compute(config))
    else:
        _say(place, result, as_json)


def _say(place: Path, result: StudyResult, as_json: bool) -> None:
    if as_json:
        print_json(result)
    else:
        for sentence in result.sentences:
            typer.echo(sentence)
    for record in result.failed:
        typer.echo(f"Trial {record.trial.name} failed: {record.error}", err=True)
    if result.open:
        typer.echo(
            f"Still to be done: {counted(len(result.open), 'trial')}; the same command continues.", err=True
        )
    page = place / "study.html"  # in full for people only: logs of jobs lie in the study's folder
    typer.echo(f"Open in a browser: {page.resolve() if sys.stdout.isatty() else page}", err=as_json)
    if result.failed:
        raise typer.Exit(1)

"""A command for each stage: those that need more than the settings' own options, and the same for all others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from gist.cli.as_json import JsonOption, print_json
from gist.cli.endings import say_loss, say_next, say_where
from gist.cli.options import Changes, RunFolderArgument, SetOption, add_stage, stage_purposes
from gist.cli.progress import TerminalProgress
from gist.errors import InputError

ShardOption = Annotated[
    str | None,
    typer.Option(
        help="Do only this share of the work, such as 3/8, beside other processes; the last one joins them.",
        metavar="N/COUNT",
        show_default=False,
    ),
]


def add_stages(app: typer.Typer) -> None:
    """Gives the command line a command for each stage, in their order."""
    own: dict[str, Callable[..., None]] = {
        "prepare": prepare,
        "train": train,
        "generate": generate,
        "evaluate": evaluate,
        "privacy": privacy,
        "report": report,
    }
    for name, purpose in stage_purposes().items():
        command = own.get(name) or _made(name)
        add_stage(app, name, command, command.__doc__ or purpose)


def prepare(
    source: Annotated[Path, typer.Argument(help="Folder of radiographs.", metavar="DATA")],
    folder: Annotated[Path, typer.Option("--run", help="Run folder, made if missing.", metavar="RUN")],
    changes: Changes,
    shard: ShardOption = None,
) -> None:
    """Radiographs to square, labelled archives with a held-out part."""
    result = _stage("prepare", folder, {"prepare.source": str(source)} | changes, shard=shard)
    if result is not None:
        say_loss(result)


def train(folder: RunFolderArgument, changes: Changes) -> None:
    _stage("train", folder, changes)


def generate(
    changes: Changes,
    folder: Annotated[
        Path | None, typer.Argument(help="Run folder, such as runs/knee.", metavar="RUN")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Name of a synthetic set beside the others of the run. Default: the one without."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="New folder for pictures of RUN's network or --network, outside the run.", metavar="FOLDER"
        ),
    ] = None,
    shard: ShardOption = None,
) -> None:
    """Draw synthetic images from a snapshot of a run, or without a run from any network file."""
    from gist.verbs import generate_folder

    if folder is not None and out is None:
        _stage("generate", folder, changes, name, shard)
        return
    if shard is not None:
        raise InputError("Shards are of a run, `gist generate RUN --shard 3/8`; leave --out or --shard out.")
    if name is not None:
        raise InputError(
            "A set with a name lies in its run, `gist generate RUN --name NAME`; leave --out out."
        )
    if out is None or (folder is None and changes.get("generate.network") is None):
        raise InputError(
            "Name either a run, `gist generate RUN`, or a network and a new folder: "
            "`gist generate --network knee-64 --count 16 --out FOLDER` (`gist networks` lists what comes with gist)."
        )
    with TerminalProgress() as progress:
        made = generate_folder(out, run=folder, changes=changes, progress=progress)
    typer.echo(f"Pictures, labels.csv and synthetic.zip are in {made}.")


def evaluate(
    changes: Changes,
    folder: Annotated[
        Path | None, typer.Argument(help="Run folder, such as runs/knee.", metavar="RUN")
    ] = None,
    real: Annotated[
        Path | None, typer.Option(help="Real images, unseen by the generator: folder or zip.", metavar="DATA")
    ] = None,
    synthetic: Annotated[
        Path | None, typer.Option(help="With --real: synthetic images made elsewhere.", metavar="DATA")
    ] = None,
    train: Annotated[
        Path | None, typer.Option(help="With --real: images that the generator learned from.", metavar="DATA")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="With --real: CSV of classes, in each set.", metavar="FILE")
    ] = None,
    name: SetOption = None,
    all_snapshots: Annotated[
        bool,
        typer.Option(
            "--all-snapshots", help="Evaluate every snapshot of the training and tell which is best."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare the synthetic images with held-out real ones, of a run or of sets that were made elsewhere."""
    from gist.cli.tables import snapshot_table
    from gist.verbs import evaluate_folders, evaluate_snapshots

    if name is not None and (all_snapshots or real is not None):
        raise InputError("--name is of a run's synthetic set; leave it out of --all-snapshots and --real.")
    if real is not None and synthetic is not None and not all_snapshots:
        with TerminalProgress() as progress:
            made = evaluate_folders(
                real, synthetic, train, folder=folder, labels=labels, changes=changes, progress=progress
            )
        if as_json:
            print_json(made.evaluate)
        else:
            typer.echo(f"Scores are in {made.folder}; `gist report {made.folder}` writes the report.")
        return
    if folder is None or any((real, synthetic, train, labels)):
        raise InputError(
            "Name either a run, `gist evaluate RUN`, or sets that were made elsewhere: "
            "`gist evaluate --real DATA --synthetic DATA --train DATA`."
        )
    if not all_snapshots:
        result = _stage("evaluate", folder, changes, name)
        if as_json:
            print_json(result)
        return
    with TerminalProgress() as progress:
        curve = evaluate_snapshots(folder, changes=changes, progress=progress)
    print_json(curve) if as_json else snapshot_table(curve, folder)


def privacy(
    changes: Changes,
    folder: Annotated[
        Path | None, typer.Argument(help="Run folder, such as runs/knee.", metavar="RUN")
    ] = None,
    train: Annotated[
        Path | None,
        typer.Option(help="Images that the generator learned from: folder or zip.", metavar="DATA"),
    ] = None,
    hold_out: Annotated[
        Path | None, typer.Option(help="With --train: images of other patients.", metavar="DATA")
    ] = None,
    synthetic: Annotated[
        Path | None, typer.Option(help="With --train: synthetic images made elsewhere.", metavar="DATA")
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", help="Write verdict, power and every number to it.", metavar="FILE"),
    ] = None,
    name: SetOption = None,
) -> None:
    """Look for copies of training images, in a run or in three sets; say which copies would have been found."""
    from gist.cli.tables import privacy_table
    from gist.files import write_json
    from gist.verbs import audit_folders

    if train is not None and hold_out is not None and synthetic is not None and name is None:
        with TerminalProgress() as progress:
            result = audit_folders(
                train, hold_out, synthetic, folder=folder, changes=changes, progress=progress
            )
    elif folder is not None and not any((train, hold_out, synthetic)):
        result = _stage("privacy", folder, changes, name)
    else:
        raise InputError(
            "Name either a run, `gist privacy RUN`, or three sets: "
            "`gist privacy --train DATA --hold-out DATA --synthetic DATA --json FILE`."
        )
    privacy_table(result)
    if json_file is not None:
        write_json(json_file, result.model_dump(mode="json"))


def report(folder: RunFolderArgument, changes: Changes, name: SetOption = None) -> None:
    """Write the report of a run folder."""
    _stage("report", folder, changes, name)
    say_where(folder, name, made=True)


def _stage(
    stage: str, folder: Path, changes: Changes, name: str | None = None, shard: str | None = None
) -> Any:
    """Brings a stage of a run folder, or of one of its synthetic sets, up to date and returns its result.

    With a `shard` only where it was the last one; else None.
    """
    from gist.machine.processes import place
    from gist.verbs import run_shard, run_stage

    with TerminalProgress() as progress:
        if shard is not None:
            result = run_shard(folder, stage, shard, name=name, progress=progress, changes=changes)
            if result is None:
                return None
        else:
            result = run_stage(folder, stage, name=name, progress=progress, changes=changes)
    if place().leads:  # of several processes that share the training the first one tells
        say_next(folder, name)
    return result


def _made(stage: str) -> Callable[..., None]:
    """`gist <stage> RUN`, for a stage that has no command of its own."""

    def command(folder: RunFolderArgument, changes: Changes, name: SetOption = None) -> None:
        _stage(stage, folder, changes, name)

    return command

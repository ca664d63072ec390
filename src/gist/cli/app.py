"""The command line: each command is a few lines over a verb."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gist.cli.as_json import JsonOption, print_json
from gist.cli.commands import Commands
from gist.cli.endings import say_loss, say_next, say_where
from gist.cli.launching import (
    Cpus,
    Gpus,
    Memory,
    Nodes,
    Shards,
    Site,
    Slots,
    Time,
    add_jobs,
    launch,
    refuse_without_slurm,
    say_job,
)
from gist.cli.options import Changes, RunFolderArgument, add_stage, changeable, known_keys
from gist.cli.outcomes import compare, export, import_network, inspect, locate, smoothness
from gist.cli.progress import TerminalProgress
from gist.cli.reader_study import app as reader_app
from gist.cli.releasing import release
from gist.cli.serving import serve
from gist.cli.stages import add_stages
from gist.cli.study import app as study_app
from gist.cli.study import say_standing
from gist.cli.verifying import credentials, verify
from gist.cli.weights import app as weights_app
from gist.errors import InputError
from gist.version import __version__

if TYPE_CHECKING:
    from gist.verbs.beginning import Beginning

app = typer.Typer(
    cls=Commands,
    help="Plain radiographs in; a trained generator, a synthetic data set and an honest report out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(weights_app, name="weights")
app.add_typer(reader_app, name="reader")
app.add_typer(study_app, name="study")
add_jobs(app)


@app.callback(invoke_without_command=True)
def _main(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    if debug:
        os.environ["GIST_DEBUG"] = "1"
    if version:
        typer.echo(f"gist {__version__}")
        raise typer.Exit


@app.command()
@changeable
def run(
    target: Annotated[
        Path,
        typer.Argument(
            help="Folder or zip of radiographs, settings file, or run folder.", metavar="DATA|SETTINGS|RUN"
        ),
    ],
    changes: Changes,
    stages: Annotated[str | None, typer.Option(help="Only these stages, separated by commas.")] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Check all that a run checks before it starts, and show what would run."
        ),
    ] = False,
    hours: Annotated[
        float | None, typer.Option(help="How long to train at most (train.hours).", metavar="HOURS")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Start without asking.")] = False,
    on: Annotated[
        Literal["here", "slurm"], typer.Option(help="Where: in this process or by SLURM.")
    ] = "here",
    site: Site = None,
    nodes: Nodes = None,
    gpus: Gpus = None,
    cpus: Cpus = None,
    memory: Memory = None,
    time: Time = None,
    shards: Shards = None,
    slots: Slots = None,
    shard: Annotated[
        str | None,
        typer.Option(help="Only this part of the one stage in --stages, such as 3/8.", metavar="N/COUNT"),
    ] = None,
) -> None:
    """Run every stage on a folder of radiographs, or as a settings file says; the same command continues it."""
    from gist.config import STAGE_NAMES
    from gist.machine.processes import place
    from gist.runs.folder import RunFolder
    from gist.runs.pipeline import check_run, run_shard, run_stages
    from gist.runs.shards import parse_shard
    from gist.runs.standing import standings
    from gist.verbs.beginning import begin
    from gist.verbs.stages import check_stages

    if hours is not None:
        changes = {"train.hours": hours} | changes
    begun = begin(target, changes)
    config = begun.config
    beside = target.parent / config.run_folder
    if target.is_file() and not config.run_folder.exists() and (beside / "config.yaml").exists():
        raise InputError(
            f"The run {config.name} lies in {beside}, and this command would start another in ./{config.run_folder}; "
            f"give --set folder={beside} to continue it, or another --set name=NAME."
        )
    chosen = check_stages(stages.replace(" ", "").split(",")) if stages else list(STAGE_NAMES)
    if dry_run:
        folder = RunFolder(config.run_folder)
        check_run(config, folder, chosen)
        _print_status([entry for entry in standings(config, folder) if entry.stage in chosen])
        return
    if not _confirmed(begun, chosen, yes):
        raise typer.Exit(1)
    asked = {"nodes": nodes, "gpus": gpus, "cpus": cpus, "memory": memory, "time": time}
    if on == "slurm":
        launch(config, site, asked, chosen if stages else [], shards, slots)
        return
    refuse_without_slurm(site=site, **asked, shards=shards, slots=slots)
    with TerminalProgress() as progress:
        if shard is not None:
            if len(chosen) > 1:
                raise InputError(
                    "A shard is of one stage; give --stages prepare or --stages generate as well."
                )
            run_shard(config, chosen[0], parse_shard(shard), progress)
            return
        result = run_stages(config, chosen, progress)
    if not place().leads:  # one of several processes that share the training: the first one tells
        return
    say_where(result.folder, made="report" in chosen)
    say_next(result.folder)
    say_loss(result.prepare)


def _confirmed(begun: Beginning, stages: list[str], yes: bool) -> bool:
    """Shows what a run of data begins with and asks, where somebody is there to answer."""
    from gist.cli.tables import confirmation

    ask = begun.found is not None and not yes and sys.stdin.isatty() and sys.stdout.isatty()
    if ask:
        from gist.verbs.planning import plan_run

        confirmation(plan_run(begun.config, begun.found), stages, begun.said)
        return typer.confirm("Start?", default=True)
    for sentence in (*(() if begun.found is None else begun.found.sentences()), begun.said):
        if sentence:
            typer.echo(sentence)
    return True


@app.command()
def example(
    name: Annotated[str | None, typer.Argument(help="Which. Default: list them.", metavar="NAME")] = None,
    folder: Annotated[Path, typer.Option(help="Where to write it.")] = Path(),
) -> None:
    """Write a settings file to start from, or list what there is."""
    from gist.verbs.examples import examples, write_example

    if name is not None:
        typer.echo(f"{write_example(name, folder)} is written; change it to your data.")
        return
    for file, shows in examples().items():
        typer.echo(f"{file}: {shows}")


@app.command()
@changeable
def demo(
    changes: Changes,
    folder: Annotated[Path, typer.Argument(help="Run folder.")] = Path("runs/demo"),
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Without the network that ships.")
    ] = False,
    kimg: Annotated[float | None, typer.Option(help="Training length in thousands of images.")] = None,
) -> None:
    """The whole pipeline on built-in phantom radiographs, in a few minutes on a laptop."""
    from gist.verbs import demo as run_demo

    with TerminalProgress() as progress:
        result = run_demo(folder, from_scratch=from_scratch, kimg=kimg, changes=changes, progress=progress)
    say_where(result.folder, made=True)


@app.command()
def plan(
    source: Annotated[Path, typer.Argument(help="Folder or zip of radiographs.", metavar="DATA")],
    changes: Changes,
    write: Annotated[
        Path | None, typer.Option(help="Settings file to write, with reasons.", metavar="FILE")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """What is in the data and which settings gist would choose, with reasons; starts nothing."""
    from gist.cli.tables import plan_table
    from gist.verbs import plan as make_plan

    made = make_plan(source, changes, write=write)
    print_json(made) if as_json else plan_table(made)
    if made.source.impossible:
        raise InputError(made.source.impossible)
    if not as_json:
        command = ["gist", "run", str(write)] if write else _run_of_data(source, changes)
        typer.echo(f"Next: {shlex.join(command)}")


add_stage(app, "plan", plan, plan.__doc__ or "", section="prepare")


def _run_of_data(source: Path, changes: dict[str, Any]) -> list[str]:
    """`gist run DATA --set …`; the user's own paths do not go into logs."""
    from gist.config import is_private
    from gist.config.texts import as_typed

    told = sys.stdout.isatty()
    shown = {key: value for key, value in changes.items() if told or not is_private(key)}
    settings = [part for key, value in shown.items() for part in ("--set", f"{key}={as_typed(value)}")]
    return ["gist", "run", str(source) if told else "DATA", *settings]


@app.command()
def status(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Run folder, or a study's. Default: all runs in ./runs.", metavar="RUN"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Stage by stage: done, running, failed, stale, and why; without RUN, every run in ./runs on a line."""
    from gist.verbs import status as read_status

    if folder is None:
        _print_runs(Path("runs"), as_json)
        return
    if (folder / "study.json").is_file():
        say_standing(folder, as_json)
    else:
        _print_status(read_status(folder), as_json)
    if not as_json:
        say_job(folder)


@app.command()
def runs(
    folder: Annotated[Path, typer.Argument(help="Folder that holds run folders.", metavar="FOLDER")] = Path(
        "runs"
    ),
    as_json: JsonOption = False,
) -> None:
    """Every run in a folder on a line."""
    _print_runs(folder, as_json)


@app.command()
def stop(folder: RunFolderArgument) -> None:
    """Ask the process that works on a run, on any machine, to stop; the same command continues it."""
    from gist.verbs import stop as ask_to_stop

    ask_to_stop(folder)
    typer.echo(f"Asked to stop; `gist status {folder}` shows when it has.")


@app.command()
def schema() -> None:
    """Print the JSON schema of the settings file."""
    from gist.config import json_schema

    typer.echo(json.dumps(json_schema(), indent=1))


@app.command()
def settings(
    key: Annotated[
        str, typer.Argument(help="A setting or a section, such as train.kimg.", autocompletion=known_keys)
    ] = "",
    markdown: Annotated[bool, typer.Option("--markdown", help="Print docs/guide/settings.md.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Every setting, or one: what it takes, its default and what it means."""
    from gist.config.reference import as_markdown, entries

    found = entries(key)
    if as_json or markdown:
        print_json(found) if as_json else typer.echo(as_markdown(), nl=False)
        return
    for entry in found:
        typer.echo(f"{entry.key}  {entry.values}" + (f"  [{entry.default}]" if entry.default else ""))
        typer.echo(f"    {entry.meaning}")


@app.command()
def networks(as_json: JsonOption = False) -> None:
    """List the networks that come with gist: data, licence, scores, search for copies."""
    from gist.cli.tables import networks_table
    from gist.verbs import networks as shipped

    found = shipped()
    if as_json:
        print_json(found)
    else:
        networks_table(found)


@app.command()
def phantoms(
    folder: Annotated[Path, typer.Argument(help="Folder to write to; made if missing.")],
    count: Annotated[int, typer.Option(min=1, help="How many images.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first image.")] = 0,
) -> None:
    """Write procedural knee radiographs as DICOM with a label table, to try things on."""
    from gist.phantoms import write_phantom_data_set

    with TerminalProgress() as progress:
        write_phantom_data_set(folder, count=count, seed=seed, progress=progress)
    typer.echo(f"{count} phantom radiographs are in {folder}.")


app.command()(export)
app.command("import")(import_network)
app.command()(smoothness)
app.command()(locate)
add_stage(app, "inspect", inspect, inspect.__doc__ or "")
app.command()(compare)
app.command()(verify)
app.command()(credentials)
app.command()(release)
app.command()(serve)
add_stages(app)


def _print_status(entries: list[Any], as_json: bool = False) -> None:
    from gist.cli.tables import status_table

    print_json(entries) if as_json else status_table(entries)


def _print_runs(folder: Path, as_json: bool) -> None:
    from gist.cli.tables import runs_table
    from gist.verbs import list_runs

    found = list_runs(folder)
    if not found and not as_json:
        raise InputError(f"There are no runs in ./{folder}; name a run folder, as in `gist status RUN`.")
    print_json(found) if as_json else runs_table(found)

"""The command line: each command is a few lines over a verb."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from gist.cli.options import Options, stage_options
from gist.cli.progress import TerminalProgress
from gist.cli.weights import app as weights_app
from gist.errors import GistError, InputError
from gist.version import __version__

app = typer.Typer(
    help="Plain radiographs in; a trained generator, a synthetic data set and an honest report out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
)
app.add_typer(weights_app, name="weights")
RunFolderArgument = Annotated[Path, typer.Argument(help="Run folder, such as runs/knee.", metavar="RUN")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change a setting: --set train.kimg=20. Repeatable.", metavar="KEY=VALUE"),
]


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
def run(
    settings: Annotated[Path, typer.Argument(help="Settings file, such as examples/knee.yaml.")],
    stages: Annotated[str | None, typer.Option(help="Only these stages, separated by commas.")] = None,
    changes: SetOption = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Check all that a run checks before it starts, and show what would run."
        ),
    ] = False,
) -> None:
    """Run every stage of a settings file, or some; the same command continues after any stop."""
    from gist.config import load_config, parse_changes
    from gist.runs.folder import STAGE_NAMES, RunFolder
    from gist.runs.pipeline import check_run, run_stages
    from gist.runs.standing import standings
    from gist.verbs import check_stages

    config = load_config(settings, parse_changes(changes or []))
    chosen = check_stages(stages.replace(" ", "").split(",")) if stages else list(STAGE_NAMES)
    if dry_run:
        folder = RunFolder(config.run_folder)
        check_run(config, folder, chosen)
        _print_status([entry for entry in standings(config, folder) if entry.stage in chosen])
        return
    with TerminalProgress() as progress:
        result = run_stages(config, chosen, progress)
    _say_where(result.folder)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Run folder.")] = Path("runs/demo"),
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Without the network that ships.")
    ] = False,
    kimg: Annotated[float | None, typer.Option(help="Training length in thousands of images.")] = None,
) -> None:
    """The whole pipeline on built-in phantom radiographs, in a few minutes on a laptop."""
    from gist.verbs import demo as run_demo

    with TerminalProgress() as progress:
        result = run_demo(folder, from_scratch=from_scratch, kimg=kimg, progress=progress)
    _say_where(result.folder)


@app.command()
def plan(
    source: Annotated[Path, typer.Argument(help="Folder of radiographs.", metavar="DATA")],
    changes: SetOption = None,
) -> None:
    """What is in the data and which settings gist would choose, with reasons; changes nothing."""
    from gist.cli.tables import plan_table
    from gist.config import parse_changes
    from gist.verbs import plan as make_plan

    plan_table(make_plan(source, parse_changes(changes or [])))


@app.command()
def status(
    folder: Annotated[
        Path | None, typer.Argument(help="Run folder. Default: all runs in ./runs.", metavar="RUN")
    ] = None,
) -> None:
    """Stage by stage: done, running, failed, stale, and why; without RUN, every run in ./runs on a line."""
    from gist.cli.tables import runs_table
    from gist.runs.pipeline import runs_under
    from gist.verbs import status as read_status

    if folder is not None:
        _print_status(read_status(folder), folder)
        return
    runs = runs_under(Path("runs"))
    if not runs:
        raise InputError("There are no runs in ./runs; name a run folder, as in `gist status RUN`.")
    runs_table(runs)


@app.command()
def schema() -> None:
    """Print the JSON schema of the settings file."""
    from gist.config import json_schema

    typer.echo(json.dumps(json_schema(), indent=1))


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


@app.command()
def export(
    folder: RunFolderArgument,
    to: Annotated[
        Literal["folder", "dicom"], typer.Option(help="PNG class folders, or DICOM Secondary Capture.")
    ],
    out: Annotated[Path, typer.Option(help="New folder to write to.", metavar="FOLDER")],
) -> None:
    """Copy the synthetic images out, with labels.csv: for other software, marked as synthetic."""
    from gist.verbs import export_images

    with TerminalProgress() as progress:
        result = export_images(folder, to, out, progress=progress)
    typer.echo(f"{result.images} images and labels.csv are in {result.folder}.")


@app.command("import")
def import_network(
    source: Annotated[Path, typer.Argument(help="Official network file.", metavar="NETWORK.pkl")],
    out: Annotated[
        Path | None, typer.Option(help="Network file to write. Default: beside the source.", metavar="FILE")
    ] = None,
) -> None:
    """Make a gist network file of an official StyleGAN3 or StyleGAN2-ADA one, safely."""
    from gist.verbs import import_network as bring_in

    imported = bring_in(source, out)
    typer.echo(f"{imported.description}: {imported.file}")
    typer.echo("Start from it with train.start_from; the licence of the original still holds.")


@app.command()
def smoothness(
    network: Annotated[Path, typer.Argument(help="Network file or official .pkl.", metavar="NETWORK")],
    samples: Annotated[int, typer.Option(min=2, help="Random images per measure.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random images.")] = 0,
) -> None:
    """How exactly a generator moves and turns its pictures, and how smoothly they change."""
    from gist.verbs import smoothness as measure

    for line in measure(network, samples=samples, seed=seed).lines():
        typer.echo(line)


@app.command()
def locate(
    folder: RunFolderArgument,
    file_id: Annotated[
        str, typer.Argument(help="Salted file id from a table of the prepare stage.", metavar="ID")
    ],
    source: Annotated[Path, typer.Argument(help="Folder of radiographs that was prepared.", metavar="DATA")],
) -> None:
    """Find the file behind a salted id; works only for the user who prepared the data."""
    from gist.intake import locate as find
    from gist.runs.folder import RunFolder

    file = find(RunFolder(folder), file_id, source)
    if file is None:
        raise InputError(
            f"No file in {source} has the id {file_id}; it is gone, or another user prepared the data."
        )
    typer.echo(str(file))


@app.command()
@stage_options("prepare")
def prepare(
    source: Annotated[Path, typer.Argument(help="Folder of radiographs.", metavar="DATA")],
    folder: Annotated[Path, typer.Option("--run", help="Run folder, made if missing.", metavar="RUN")],
    options: Options,
) -> None:
    """Radiographs to square, labelled archives with a held-out part."""
    _stage("prepare", source, folder, **options)


@app.command()
@stage_options("train")
def train(folder: RunFolderArgument, options: Options) -> None:
    """Train a generator on the prepared data of a run folder."""
    _stage("train", folder, **options)


@app.command()
@stage_options("generate")
def generate(folder: RunFolderArgument, options: Options) -> None:
    """Draw synthetic images from a snapshot or any network file."""
    _stage("generate", folder, **options)


@app.command()
@stage_options("evaluate")
def evaluate(
    folder: RunFolderArgument,
    options: Options,
    all_snapshots: Annotated[
        bool,
        typer.Option(
            "--all-snapshots", help="Evaluate every snapshot of the training and tell which is best."
        ),
    ] = False,
) -> None:
    """Compare the synthetic images with held-out real ones."""
    if not all_snapshots:
        _stage("evaluate", folder, **options)
        return
    from gist.cli.tables import snapshot_table
    from gist.verbs import evaluate_snapshots

    with TerminalProgress() as progress:
        curve = evaluate_snapshots(folder, progress=progress, **options)
    snapshot_table(curve, folder)


@app.command()
def inspect(
    folder: RunFolderArgument,
    worst: Annotated[int, typer.Option(min=0, help="How many of the images that look worst.")] = 50,
    random: Annotated[int, typer.Option(min=0, help="How many images drawn at random.")] = 50,
    answers: Annotated[
        Path | None,
        typer.Option(help="Count the answers in this file, which the page saved.", metavar="FILE"),
    ] = None,
) -> None:
    """Build a page to tick artifacts on, image by image, or count the answers it saved."""
    from gist import verbs
    from gist.cli.tables import inspection_table

    if answers is not None:
        inspection_table(verbs.count_answers(folder, answers))
        typer.echo(f"`gist report {folder}` shows these rates.")
        return
    with TerminalProgress() as progress:
        page = verbs.inspect(folder, worst=worst, random=random, progress=progress)
    typer.echo(f"Open in a browser: {page.resolve()}")


@app.command()
@stage_options("utility")
def utility(folder: RunFolderArgument, options: Options) -> None:
    """GAN-train and GAN-test: train classifiers on real and on synthetic images, test them on held-out real ones."""
    _stage("measure_utility", folder, **options)


@app.command()
@stage_options("report")
def report(folder: RunFolderArgument, options: Options) -> None:
    """Write the report of a run folder."""
    _stage("report", folder, **options)
    _say_where(folder)


def _stage(verb: str, *positional: Path, **options: Any) -> None:
    from gist import verbs

    with TerminalProgress() as progress:
        getattr(verbs, verb)(*positional, progress=progress, **options)


def _print_status(entries: list[Any], folder: Path | None = None) -> None:
    from gist.cli.tables import status_table

    status_table(entries, folder)


def _say_where(folder: Path) -> None:
    report = folder / "report" / "report.html"
    if report.is_file():
        typer.echo(f"Report: {report.resolve()}")


def main() -> None:
    """Entry point of the `gist` command: runs it and turns errors into one sentence and an exit code."""
    try:
        app()
    except GistError as error:
        _explain(str(error), error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt as error:
        _explain("Stopped; the same command continues.", error)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        _explain(
            f"gist itself failed ({type(error).__name__}: {error}); run again with --debug in front of the command "
            "to see where, and please report it.",
            error,
        )
        sys.exit(1)


def _explain(sentence: str, error: BaseException) -> None:
    if os.environ.get("GIST_DEBUG"):
        raise error
    typer.echo(f"gist: {sentence}", err=True)

"""Commands that look at what runs have made, or take it elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from gist.cli.as_json import JsonOption, print_json
from gist.cli.options import Changes, RunFolderArgument, SetOption
from gist.cli.progress import TerminalProgress
from gist.errors import InputError


def export(
    folder: RunFolderArgument,
    to: Annotated[
        Literal["folder", "dicom"], typer.Option(help="PNG class folders, or DICOM Secondary Capture.")
    ],
    out: Annotated[Path, typer.Option(help="New folder to write to.", metavar="FOLDER")],
    name: SetOption = None,
    body_part: Annotated[
        str | None, typer.Option(help="What DICOM says is shown, such as KNEE. Default: what prepare knows.")
    ] = None,
    side: Annotated[
        Literal["left", "right", "both"] | None, typer.Option(help="The same for the side of the body.")
    ] = None,
) -> None:
    """Copy the synthetic images out, with labels.csv: for other software, marked as synthetic."""
    from gist.verbs import export_images

    with TerminalProgress() as progress:
        result = export_images(folder, to, out, name=name, body_part=body_part, side=side, progress=progress)
    typer.echo(f"{result.images} images and labels.csv are in {result.folder}.")


def import_network(
    source: Annotated[Path, typer.Argument(help="Official network file.", metavar="NETWORK.pkl")],
    out: Annotated[
        Path | None, typer.Option(help="Network file to write. Default: beside the source.", metavar="FILE")
    ] = None,
) -> None:
    """Make a gist network file of an official .pkl of the StyleGAN family, safely."""
    from gist.verbs import import_network as bring_in

    imported = bring_in(source, out)
    typer.echo(f"{imported.description}: {imported.file}")
    typer.echo("Start from it with train.start_from; the licence of the original still holds.")


def smoothness(
    network: Annotated[Path, typer.Argument(help="Network file or official .pkl.", metavar="NETWORK")],
    samples: Annotated[int, typer.Option(min=2, help="Random images per measure.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random images.")] = 0,
) -> None:
    """How exactly a generator moves and turns its pictures, and how smoothly they change."""
    from gist.verbs import smoothness as measure

    for line in measure(network, samples=samples, seed=seed).lines():
        typer.echo(line)


def locate(
    folder: RunFolderArgument,
    file_id: Annotated[
        str, typer.Argument(help="Salted file id from a table of the prepare stage.", metavar="ID")
    ],
    source: Annotated[Path, typer.Argument(help="Folder of radiographs that was prepared.", metavar="DATA")],
) -> None:
    """Find the file behind a salted id; works only for the user who prepared the data."""
    from gist.intake.preparation import locate as find
    from gist.runs.pipeline import open_run

    file = find(open_run(folder)[0], file_id, source)
    if file is None:
        raise InputError(
            f"No file in {source} has the id {file_id}; it is gone, or another user prepared the data."
        )
    typer.echo(str(file))


def inspect(
    folder: RunFolderArgument,
    changes: Changes,
    name: SetOption = None,
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
    from gist.runs.folder import RunFolder

    if answers is not None:
        inspection_table(verbs.count_answers(folder, answers, name=name))
        typer.echo(f"`{RunFolder(folder, name).command('report')}` shows these rates.")
        return
    with TerminalProgress() as progress:
        page = verbs.inspect(
            folder, name=name, worst=worst, random=random, changes=changes, progress=progress
        )
    typer.echo(f"Open in a browser: {page.resolve()}")


def compare(
    folders: Annotated[list[Path], typer.Argument(help="Run folders, two or more.", metavar="RUN")],
    out: Annotated[Path, typer.Option(help="Page to write.", metavar="FILE")] = Path("compare.html"),
    as_json: JsonOption = False,
) -> None:
    """Several runs on one page: scores on equal terms, pictures, settings that differ."""
    from gist.cli.tables import comparison_table
    from gist.verbs import compare as hold_together

    found = hold_together(folders, out)
    print_json(found) if as_json else comparison_table(found)
    typer.echo(f"Open in a browser: {out.resolve()}", err=as_json)

"""`gist verify`: what marks of a synthetic image are in files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gist.cli.as_json import JsonOption, print_json
from gist.cli.progress import TerminalProgress
from gist.errors import InputError

if TYPE_CHECKING:
    from gist.marking.verification import Verified

UNMARKED, BROKEN = 3, 4
"""Exit codes where a file carries no mark, and where Content Credentials of one do not hold."""


_CREDENTIALS = {
    "none": "none",
    "valid": "valid, signed by “{0.signer}”, for whom nobody here vouches",
    "broken": "broken ({0.faults[0]}): the file was changed after it was signed, or the signature is no good",
    "not checked": "some, not checked; that needs pip install 'gist-synth[credentials]'",
}


def verify(
    files: Annotated[list[Path], typer.Argument(help="Image files, or folders of them.", metavar="FILE")],
    run: Annotated[
        Path | None, typer.Option(help="Run folder in whose fingerprints to look.", metavar="RUN")
    ] = None,
    fingerprints: Annotated[
        list[Path] | None, typer.Option(help="Table of fingerprints to look in. Repeatable.", metavar="FILE")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell whether images are synthetic, by their marks: offline, also when their metadata are gone.

    Ends with 0 where every file carries a mark; else with the first that holds: 4, some credentials are broken; 2, a
    file is no image; 3, a file carries no mark.
    """
    from gist.verbs import verify as look

    with TerminalProgress() as progress:
        found = look(files, run=run, fingerprints=fingerprints or (), progress=progress)
    if as_json:
        print_json({"files": [_plain(each) for each in found]})
    else:
        for each in found:
            typer.echo(f"{each.file}: {each.fault or ('synthetic' if each.synthetic else 'no mark found')}")
            for line in _lines(each):
                typer.echo(f"    {line}")
    if any(each.credentials.state == "broken" for each in found):
        raise typer.Exit(BROKEN)
    if any(each.fault for each in found):
        raise typer.Exit(InputError.exit_code)
    if not all(each.synthetic for each in found):
        raise typer.Exit(UNMARKED)


def _lines(found: Verified) -> list[str]:
    mark, lines = found.watermark, []
    if found.fault:
        return [] if found.credentials.state == "none" else [_of_credentials(found)]
    if mark.found:
        network = "cannot be read" if mark.payload is None else mark.payload.hex()
        lines.append(
            f"watermark: made by gist (false alarm below {max(mark.false_alarm, 1e-300):.0e}); network {network}"
        )
    else:
        lines.append("watermark: none found")
    lines.append(_of_credentials(found))
    lines.append(f"metadata: {'; '.join(found.metadata) or 'none'}")
    if found.fingerprint is not None:
        match = found.fingerprint
        how = "the same pixels as" if match.same_pixels else f"looks like ({match.bits} of 256 bits differ)"
        lines.append(f"fingerprint: {how} {match.file}")
    return lines


def _of_credentials(found: Verified) -> str:
    return f"credentials: {_CREDENTIALS[found.credentials.state].format(found.credentials)}"


def _plain(found: Verified) -> dict[str, object]:
    mark = found.watermark
    return {
        "file": str(found.file),
        "synthetic": found.synthetic,
        "watermark": {
            "found": mark.found,
            "false_alarm": mark.false_alarm,
            "payload": None if mark.payload is None else mark.payload.hex(),
        },
        "credentials": found.credentials,
        "metadata": found.metadata,
        "fingerprint": found.fingerprint,
        "fault": found.fault,
    }


def credentials(
    file: Annotated[Path, typer.Argument(help="PEM file to write; keep it to yourself.", metavar="FILE")],
    name: Annotated[str, typer.Option(help="As whom to sign; anybody reads it.")] = "gist, local key",
) -> None:
    """Make a key to sign Content Credentials with (generate.credentials)."""
    from gist.marking.credentials import YEARS, make_credentials

    make_credentials(file, name)
    typer.echo(f"{file} holds the key and its certificate for {YEARS} years; signatures end with it.")
    typer.echo(f"Sign with: --set generate.credentials={file}")

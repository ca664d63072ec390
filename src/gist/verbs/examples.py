"""Settings files to start from, which travel with the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from gist.errors import InputError
from gist.files import write_atomic


def examples() -> dict[str, str]:
    """Name of each example's file -> what it shows."""
    found = {}
    for entry in sorted(files("gist").joinpath("examples").iterdir(), key=lambda entry: entry.name):
        told = [line for line in entry.read_text(encoding="utf-8").splitlines() if not line.startswith("#!")]
        found[entry.name] = told[0].lstrip("# ")
    return found


def write_example(name: str, folder: Path) -> Path:
    """Writes an example, with or without its ending, into a folder; returns the file.

    Raises:
        InputError: there is no such example, or the file is there already.
    """
    file = next((file for file in examples() if name in (file, Path(file).stem)), None)
    if file is None:
        raise InputError(f"There is no example '{name}'; choose from {', '.join(examples())}.")
    if (folder / file).exists():
        raise InputError(f"{folder / file} is there already and stays as it is; write to another --folder.")
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / file, files("gist").joinpath("examples", file).read_bytes())
    return folder / file

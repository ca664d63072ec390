"""A folder that appears only when all is in it, and never replaces anything."""

from __future__ import annotations

from pathlib import Path

from gist.errors import InputError


def new_folder(out: Path) -> tuple[Path, Path]:
    """The full path of a folder to write, and a place beside it for what is not finished.

    Raises:
        InputError: there is something at or in `out`.
    """
    out = out.expanduser().resolve()  # `.` has no name of its own
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} exists and is not empty; choose a new folder, so that nothing is mixed.")
    return out, out.with_name(f".{out.name}.part")


def move_into(unfinished: Path, out: Path) -> None:
    """Gives a finished folder its name; an empty one that is there is filled, with `labels.csv` last."""
    if not out.exists():
        unfinished.rename(out)
        return
    # Filled, not replaced: it may be the folder in which the user's shell stands.
    for entry in sorted(unfinished.iterdir(), key=lambda entry: entry.name == "labels.csv"):
        entry.rename(out / entry.name)

"""What `gist run` begins with: a settings file, a run that is there, or a folder or zip of radiographs."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gist.config import Config, build_config, load_config
from gist.errors import InputError
from gist.runs.folder import RunFolder
from gist.runs.pipeline import open_run
from gist.runs.standing import runs_under

if TYPE_CHECKING:
    from gist.intake.survey import SourceSummary


@dataclass(frozen=True)
class Beginning:
    """The settings of a run, and what was found where they were made for it."""

    config: Config
    found: SourceSummary | None = None
    """What the data holds; None for a settings file or a run that is there already."""
    said: str = ""
    """Which run folder was chosen for data, and why."""


def begin(target: Path | str, changes: Mapping[str, Any] | None = None) -> Beginning:
    """The settings of a run from a settings file, a run folder, or the data itself; writes nothing.

    Data that was worked on in `./runs` before goes on there, as it was set; other data gets a run folder of its own.

    Raises:
        InputError: there is no such file or folder, or what it holds cannot make a run.
    """
    from gist.intake.source_state import is_run_folder

    target, changes = Path(target), dict(changes or {})
    if target.is_dir() and is_run_folder([entry.name for entry in target.iterdir()]):
        return Beginning(_as_set(target, changes))
    if target.is_dir() and target.suffix in (".yaml", ".yml"):
        raise InputError(
            f"{target} is a folder, but settings are a file: name a YAML file, or images in a folder of another name."
        )
    if target.is_dir() or zipfile.is_zipfile(target):
        return _of_data({"prepare.source": str(target)} | changes)
    if target.suffix.lower() == ".zip" and target.is_file():
        raise InputError(f"{target} is no readable zip archive: damaged, empty or cut short; copy it again.")
    return Beginning(load_config(target, changes))


def _of_data(changes: Mapping[str, Any]) -> Beginning:
    from gist.intake.data_name import NEUTRAL, data_name
    from gist.intake.survey import inspect

    asked = build_config({}, changes)
    named = not changes.keys().isdisjoint(("name", "folder"))
    there = asked.run_folder if named else _worked_on_last(asked)
    if there is not None and RunFolder(there).config_file.is_file():
        return Beginning(_as_set(there, changes), said=f"Run folder: {there}, where this data belongs.")
    found = inspect(asked.prepare, asked.device)
    if found.impossible:
        raise InputError(found.impossible)
    if named:
        return Beginning(asked, found, f"Run folder: {asked.run_folder}.")
    base = data_name(asked.prepare, found)
    why = ", as the name of the data's own might be a patient's; --set name=… gives another" * (
        base == NEUTRAL
    )
    for number in count(1):
        name = base if number == 1 else f"{base}-{number}"
        config = build_config({}, {**changes, "name": name})
        if not config.run_folder.exists():
            return Beginning(config, found, f"Run folder: {config.run_folder}{why}.")
        why = f", as {Path('runs') / base} is of other data" if number == 1 else why
    raise AssertionError("there is a number for every run")


def _worked_on_last(config: Config) -> Path | None:
    """The run of this data in ./runs; of several the one that was begun or continued last."""
    from gist.intake.check import is_run_of

    own = [folder for folder in runs_under(Path("runs")) if is_run_of(config, RunFolder(folder))]
    return max(own, key=lambda folder: RunFolder(folder).config_file.stat().st_mtime, default=None)


def _as_set(folder: Path, changes: Mapping[str, Any]) -> Config:
    """The settings that a run folder keeps, with changes."""
    return build_config(open_run(folder)[1].model_dump(mode="json"), changes)

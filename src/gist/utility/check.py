"""What can be told of the utility stage before it starts."""

from __future__ import annotations

from collections.abc import Set

from gist.config import Config
from gist.errors import InputError
from gist.machine.device import choose_device
from gist.runs.folder import RunFolder
from gist.stages.promise import StageName


def check_utility(config: Config, _run: RunFolder, _ahead: Set[StageName]) -> None:
    """Raises InputError where the device of the settings cannot be had, or weights are to lie in no folder."""
    if config.utility.classifiers:
        choose_device(config)
    folder = config.utility.weights_folder
    if folder is not None and not folder.expanduser().is_dir():
        there = "a file" if folder.expanduser().exists() else "not there"
        raise InputError(
            f"utility.weights_folder is {there}; give the folder that holds the files of weights, whose names "
            "`gist weights` tells, or leave it out."
        )

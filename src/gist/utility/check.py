"""What can be told of the utility stage before it starts."""

from __future__ import annotations

from collections.abc import Set

from gist.config import Config
from gist.machine.device import choose_device
from gist.runs.folder import RunFolder
from gist.stages.promise import StageName


def check_utility(config: Config, _run: RunFolder, _ahead: Set[StageName]) -> None:
    """Raises InputError where the device of the settings cannot be had."""
    if config.utility.classifiers:
        choose_device(config)

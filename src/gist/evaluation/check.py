"""What can be told of the evaluate stage before it starts."""

from __future__ import annotations

from collections.abc import Set

from gist.config import Config
from gist.evaluation.set_reader import open_extractor, real_data
from gist.machine.device import choose_device
from gist.runs.folder import RunFolder
from gist.stages.promise import StageName


def check_evaluate(config: Config, run: RunFolder, ahead: Set[StageName]) -> None:
    """Raises InputError where the extractor of the settings or its device cannot be had."""
    device = choose_device(config)
    if "prepare" not in ahead:
        open_extractor(config.evaluate, device, real_data(run).training.resolution)

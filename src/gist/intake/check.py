"""What can be told of the prepare stage before it starts, and what it reads."""

from __future__ import annotations

from collections.abc import Set

from gist.config import Config
from gist.intake.source_state import source_state
from gist.runs.folder import RunFolder
from gist.stages.promise import StageName


def check_prepare(config: Config, run: RunFolder, _ahead: Set[StageName]) -> None:
    """Raises InputError where the source, its label table or the classes asked for cannot be had."""
    source_class_names(config, run)


def source_class_names(config: Config, run: RunFolder) -> tuple[str, ...] | None:
    """Classes of the source by its folders or table; None where only the files themselves tell."""
    from gist.intake.two_sources import label_sources

    # No salt: nothing that identifies anybody is kept of this look.
    labelled = label_sources(config.prepare, config.seed, b"", (run.path,))
    if labelled.origin == "tag":
        return None
    names = {candidate.class_name for candidate in labelled.candidates}
    return tuple(sorted(name for name in names if name is not None))


def source_inputs(config: Config, _run: RunFolder) -> dict[str, str]:
    """Digest of the source, where its place is known."""
    return {} if config.prepare.source is None else {"source": source_state(config.prepare)}

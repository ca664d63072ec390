"""What can be told of the prepare stage before it starts, and what it reads."""

from __future__ import annotations

from collections.abc import Set

from gist.config import Config
from gist.errors import InputError
from gist.intake.source_state import MARK, source_mark, source_state
from gist.runs.folder import RunFolder
from gist.stages.promise import StageName


def check_prepare(config: Config, run: RunFolder, _ahead: Set[StageName]) -> None:
    """Raises InputError where the source, its label table or the classes asked for cannot be had, or the run folder
    holds what was made of another source."""
    if config.prepare.source is not None and run.path.resolve() == config.prepare.source.resolve():
        raise InputError(
            "The run folder is the folder of the images itself, and the two would be mixed; name another run folder, "
            "such as runs/knee."
        )
    source_class_names(config, run)
    record = run.record("prepare")
    if record is not None and record.state == "done" and is_run_of(config, run) is False:
        raise InputError(
            f"{run.path} holds what was made of other data, and stays as it is: choose another name or folder for this "
            f"run (name=…), or delete {run.path / MARK} if it is the same data in another place."
        )


def is_run_of(config: Config, run: RunFolder) -> bool | None:
    """Whether a run folder is of the source of these settings; None where that cannot be told."""
    if config.prepare.source is None:
        return None
    try:
        mark = (run.path / MARK).read_text(encoding="ascii")
    except FileNotFoundError:
        mark = None
    record = run.record("prepare")
    if mark == source_mark(config.prepare.source):
        return True
    if record is not None and record.inputs.get("source") == source_state(config.prepare):
        return True
    return None if mark is None else False


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

"""The way into the prepare stage, which starts the first decoding process before it imports all the rest."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from gist.config import Config
from gist.errors import StageError
from gist.files import write_atomic
from gist.intake.child_start import start_worker
from gist.intake.source_state import MARK, source_mark
from gist.progress import Progress

if TYPE_CHECKING:
    from gist.runs.folder import RunFolder
    from gist.stages.prepare import PrepareResult


def prepare(config: Config, run: RunFolder, progress: Progress) -> PrepareResult:
    """Turns the files of `config.prepare.source` into train.zip, test.zip and tables in the stage's folder.

    Equal sources and settings give byte-identical archives. Interrupted, the same call goes on where it
    stopped.

    Raises:
        InputError: the source, the label table or a setting does not allow a data set.
        StageError: the disk is full or decoding processes cannot run.
    """
    try:
        first = start_worker()
        if config.prepare.source is not None:
            write_atomic(run.path / MARK, source_mark(config.prepare.source).encode())
        from gist.intake.preparation import prepare_with

        return prepare_with(first, config, run, progress)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StageError(
                f"The disk that holds {run.path} is full; make room and run the same command again."
            ) from None
        raise StageError(
            f"{run.path} cannot be written ({error.strerror or 'unknown cause'}); check it."
        ) from None

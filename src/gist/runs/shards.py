"""A stage done by several processes, on one machine or many: each does a shard of it, and the last one joins them.

A shard has a folder of its own, `shards/STAGE-3-of-8.open/` beside the stage's, which is renamed when it is done. No
process writes where another does, and a killed one goes on with what lies in its folder.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from gist.config import STAGES, Config
from gist.errors import InputError
from gist.files import write_json
from gist.runs.folder import RunFolder
from gist.runs.standing import stage_inputs, stage_settings
from gist.stages.promise import StageName

_MOST = 10_000
_WHAT = "shard.json"

T = TypeVar("T")


@dataclass(frozen=True)
class Shard:
    """One of several equal parts of the work of a stage."""

    number: int
    """From 1."""
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def of(self, pieces: Sequence[T]) -> tuple[T, ...]:
        """Every so-manieth piece."""
        return tuple(pieces[self.number - 1 :: self.count])

    def folder(self, stage: StageName, run: RunFolder) -> Path:
        return _place(stage, run) / f"{stage}-{self.number}-of-{self.count}"


def parse_shard(text: str) -> Shard:
    """A shard as people write it, such as 3/8.

    Raises:
        InputError: it is none.
    """
    found = re.fullmatch(r"(\d{1,5})/(\d{1,5})", text)
    shard = Shard(*map(int, found.groups())) if found else Shard(0, 0)
    if not 1 <= shard.number <= shard.count <= _MOST:
        raise InputError(f"'{text}' is no shard; write 3/8 for the third of eight, of {_MOST} at most.")
    return shard


def work_on_shard(
    config: Config, stage: StageName, shard: Shard, run: RunFolder, work: Callable[[Path], None]
) -> None:
    """Lets `work`, given a folder, do a shard in it, unless it is done for these settings and inputs already.

    Raises:
        BusyError: another process works on the same shard.
    """
    done, wanted = shard.folder(stage, run), _what(stage, config, run)
    if _told(done) == wanted:
        return
    begun = RunFolder(done.with_name(f"{done.name}.open"))
    with begun.locked(), begun.listening():
        shutil.rmtree(done, ignore_errors=True)
        if _told(begun.path) != wanted:
            for entry in begun.path.iterdir():
                if entry.is_dir():
                    shutil.rmtree(entry)
            write_json(begun.path / _WHAT, wanted)
        work(begun.path)
        begun.path.rename(done)


def finished_shards(stage: StageName, config: Config, run: RunFolder) -> list[Path]:
    """Folders of the shards that were done with the present settings and inputs."""
    wanted = _what(stage, config, run)
    folders = sorted(_place(stage, run).glob(f"{stage}-*-of-*[0-9]"))
    return [folder for folder in folders if _told(folder) == wanted]


def missing_shards(stage: StageName, config: Config, run: RunFolder, count: int) -> list[int]:
    """Numbers of those that are not finished."""
    finished = finished_shards(stage, config, run)
    return [
        number for number in range(1, count + 1) if Shard(number, count).folder(stage, run) not in finished
    ]


def remove_shards(stage: StageName, run: RunFolder) -> None:
    """Deletes all, when the stage is done."""
    for folder in _place(stage, run).glob(f"{stage}-*-of-*"):
        shutil.rmtree(folder, ignore_errors=True)
    if _place(stage, run).is_dir() and not any(_place(stage, run).iterdir()):
        _place(stage, run).rmdir()


def _place(stage: StageName, run: RunFolder) -> Path:
    return run.folder_of(stage).parent / "shards"


def _what(stage: StageName, config: Config, run: RunFolder) -> dict[str, Any]:
    return {
        "settings": stage_settings(STAGES[stage], config),
        "inputs": stage_inputs(STAGES[stage], config, run),
    }


def _told(folder: Path) -> dict[str, Any] | None:
    """What a finished or begun shard was made with."""
    try:
        told = json.loads((folder / _WHAT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None

"""Which of several processes this is, where torchrun started more than one to share a training."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

from gist.errors import InputError

_NEEDED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_TORCHRUN = os.getppid() if "TORCHELASTIC_RUN_ID" in os.environ else None


@dataclass(frozen=True)
class Place:
    """One process among those of a run; alone by default."""

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    """Its number among the processes of this machine, which is also the number of its GPU."""
    local_count: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes the run folder and talks to the user; the others only compute."""
        return self.rank == 0


def place() -> Place:
    """Reads what torchrun tells its processes; alone where there is no torchrun."""
    if any(name not in os.environ for name in _NEEDED):
        return Place()
    return Place(
        rank=int(os.environ["RANK"]),
        count=int(os.environ["WORLD_SIZE"]),
        local_rank=int(os.environ.get("LOCAL_RANK", "0")),
        local_count=int(os.environ.get("LOCAL_WORLD_SIZE", "1")),
    )


def torchrun_is_gone() -> bool:
    """Whether the torchrun that started this process has died, which tells its processes nothing and leaves them."""
    return _TORCHRUN is not None and os.getppid() != _TORCHRUN


def usable_processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


_MOST_THREADS_PER_PROCESSOR = 4
"""A few too many repeat the bits of a larger machine; many more make everything a hundred times slower."""


def check_threads(threads: Literal["auto"] | int) -> None:
    """Raises InputError where so many threads are asked for that they would stand in each other's way."""
    usable = usable_processors()
    if threads != "auto" and threads > _MOST_THREADS_PER_PROCESSOR * usable:
        raise InputError(
            f"threads is {threads}, but this process may use {usable} processor{'s' * (usable > 1)}; set "
            f"threads={usable} or leave it at auto."
        )

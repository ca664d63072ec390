"""Which of several processes this is, where torchrun started more than one to share a training."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
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
    """Processors that this process may use: those it may run on, as far as its control group (Linux) shares them."""
    number = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([number, *shares_of_groups()]))


def usual_threads() -> int:
    """Threads where the settings say auto: the usable processors, shared among torchrun's processes of this machine.

    OMP_NUM_THREADS, as batch systems set it, makes them fewer; torchrun sets it unasked, so there it says nothing.
    """
    usable, companions = usable_processors(), place().local_count
    if companions > 1:
        return max(1, usable // companions)
    wished = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return min(usable, int(wished)) if wished.isdecimal() and int(wished) > 0 else usable


def shares_of_groups(
    own: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")
) -> Iterator[int]:
    """Whole processors that `cpu.max` of this process's control group (Linux, version 2) and of those above allow."""
    with suppress(OSError, StopIteration):
        place_of_group = next(line[3:] for line in own.read_text().splitlines() if line.startswith("0::"))
        group = root / place_of_group.strip("/")
        for folder in (group, *group.parents):
            with suppress(OSError, ValueError):  # none there, or "max", which is no number
                quota, period = map(int, (folder / "cpu.max").read_text().split())
                yield max(1, quota // period)
            if folder == root:
                return


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

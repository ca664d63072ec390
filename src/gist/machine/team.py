"""Several processes, one stage: in training each takes its share of every batch, and their gradients are summed.

The leader (rank 0) runs the pipeline and alone writes; the others wait until it calls them to the stage they share.
Decisions that depend on a clock, a signal or a file are made once and shared, so that all stop together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import torch
import torch.distributed as dist

from gist.machine.processes import Place, place

_PATIENCE = timedelta(days=7)
"""The leader may prepare data for hours before it calls; a process that dies ends the others through torchrun."""


@dataclass(frozen=True)
class Team:
    """The processes that share a training; a team of one does nothing of what follows."""

    place: Place = field(default_factory=Place)
    on_gpu: dist.ProcessGroup | None = None
    """Group for tensors on CUDA (NCCL)."""

    @property
    def leads(self) -> bool:
        return self.place.leads

    def sum_(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replaces every tensor by its sum over all processes; same shapes and order everywhere."""
        if self.place.count == 1 or not tensors:
            return
        flat = torch.cat([tensor.detach().reshape(-1).float() for tensor in tensors])
        dist.all_reduce(flat, group=self.on_gpu if flat.is_cuda else None)
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.detach().copy_(part.reshape(tensor.shape))

    def any(self, here: bool) -> bool:
        """Whether it holds in at least one process."""
        if self.place.count == 1:
            return here
        flag = torch.tensor([float(here)])
        dist.all_reduce(flag, op=dist.ReduceOp.MAX)
        return bool(flag)

    def from_leader(self, *values: float) -> tuple[float, ...]:
        """The leader's numbers, in every process."""
        if self.place.count == 1:
            return values
        shared = torch.tensor(values, dtype=torch.float64)
        dist.broadcast(shared, src=0)
        return tuple(shared.tolist())


def join() -> Team | None:
    """Joins the processes at the stage they share; the leader calls, and the others wait here until it does.

    None for those that were sent home (`leave`) because there is nothing to share.
    """
    here = place()
    if here.count == 1:
        return Team()
    dist.init_process_group("gloo", timeout=_PATIENCE)
    if not _leaders_word(work=True):
        return None
    team = Team(here)
    # NCCL takes one process per GPU; elsewhere the default group copies gradients through the host.
    fits = dist.is_nccl_available() and here.local_count <= torch.cuda.device_count()
    if team.any(not fits):
        return team
    group = dist.new_group(backend="nccl", timeout=_PATIENCE)
    return Team(here, group if isinstance(group, dist.ProcessGroup) else None)


def leave() -> None:
    """Ends the connection between the processes; those that still wait for a call are sent home."""
    here = place()
    if here.count == 1:
        return
    if not dist.is_initialized():
        dist.init_process_group("gloo", timeout=_PATIENCE)
        _leaders_word(work=False)
    dist.destroy_process_group()


def _leaders_word(*, work: bool) -> bool:
    message = torch.tensor([int(work)])
    dist.broadcast(message, src=0)
    return bool(message)

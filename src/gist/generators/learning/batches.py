"""A batch in parts: shares of processes, and micro-batches that fit into memory, without changing the result."""

from __future__ import annotations

import torch

from gist.errors import InputError


def group_size(count: int, largest: int) -> int:
    """Images per group of the minibatch standard deviation where `count` images are judged together."""
    return next(size for size in range(min(largest, count), 0, -1) if count % size == 0)


def micro_batch_size(batch: int, wanted: int, group: int, processes: int = 1) -> int:
    """The largest micro-batch up to `wanted` that leaves every group of a batch whole, at least one group.

    Raises:
        InputError: the batch cannot be shared evenly among so many processes.
    """
    own_group = group_size(batch, group)
    if batch % (own_group * processes) or (processes > 1 and own_group != group):
        raise InputError(
            f"A batch of {batch} cannot be shared among {processes} processes, since {group} images at a time "
            f"are compared with each other; set train.batch to a multiple of {group * processes}."
        )
    share = batch // processes
    # A part of another size than the batch might be grouped otherwise, which would change what is learned.
    fitting = [n for n in range(own_group, share + 1) if share % n == 0 and group_size(n, group) == own_group]
    return max([n for n in fitting if n <= wanted], default=min(fitting))


def micro_batches(
    batch: int, micro_batch: int, group: int, process: int = 0, processes: int = 1
) -> list[torch.Tensor]:
    """Image numbers of this process's micro-batches; all processes' together are 0 to batch - 1, once each.

    The discriminator compares image i with i + M, i + 2M, … (M = batch / group); each part takes whole groups, so
    the summed gradient equals that of the undivided batch.
    """
    group = group_size(batch, group)
    columns = torch.arange(batch).reshape(group, batch // group)
    own = columns.chunk(processes, dim=1)[process]
    return [part.reshape(-1) for part in torch.split(own, micro_batch // group, dim=1)]

"""A batch in shares of its images, one CPU thread for each.

Threads that divide every single operation among themselves wait for each other after each of thousands; threads that
take their own images from the first layer to the last wait once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from itertools import pairwise
from threading import Barrier
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

Item = TypeVar("Item")
Result = TypeVar("Result")

_LEAST_IMAGES = 2
"""Per share: what is computed of the weights alone, such as their transforms, is computed anew for each."""


def in_shares(function: Callable[..., Tensor], network: nn.Module, *batches: Tensor) -> Tensor:
    """function(rows, *batches) [N, ...] for batches [N, ...], computed in shares of the images side by side.

    `function` must treat each image by itself; it is called once per share with the slice `rows` of the batch that
    the share covers and these rows of the batches, and may be differentiated once, in the batches and in the weights
    of `network`, which must be all it learns. Off the CPU, or with one thread, there is one share, which may be
    differentiated any number of times.
    """
    count, threads = len(batches[0]), torch.get_num_threads()
    shares = min(threads, count // _LEAST_IMAGES) if batches[0].device.type == "cpu" else 1
    if shares <= 1:
        return function(slice(0, count), *batches)
    edges = [count * share // shares for share in range(shares + 1)]
    rows = [slice(*ends) for ends in pairwise(edges)]
    pool = _threads(shares, threads // shares)
    if not torch.is_grad_enabled():
        parts = _on(pool, lambda own: function(own, *(batch[own] for batch in batches)), rows)
        return torch.cat(parts)
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    result: Tensor = _InShares.apply(function, rows, pool, len(weights), *weights, *batches)
    return result


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """[work(item) for item in items] by as many threads as torch has, each of which computes alone.

    Whether gradients are recorded is as in the calling thread. What one raises is raised here when all have ended.
    """
    threads = torch.get_num_threads()
    return [work(item) for item in items] if threads == 1 else _on(_threads(threads, 1), work, items)


def _on(pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    recording, inferring = torch.is_grad_enabled(), torch.is_inference_mode_enabled()

    def one(item: Item) -> Result:
        with torch.inference_mode(inferring), torch.set_grad_enabled(recording):
            return work(item)

    tasks = [pool.submit(one, item) for item in items]
    wait(tasks)
    return [task.result() for task in tasks]


@cache
def _threads(count: int, each: int) -> ThreadPoolExecutor:
    """`count` threads, in each of which torch uses `each`."""
    process_wide = torch.get_num_threads()
    pool = ThreadPoolExecutor(count, thread_name_prefix="gist-shares")
    all_started = Barrier(count)

    def choose_threads(_: int) -> None:
        torch.get_num_threads()  # the first question in a thread sets its number to the last that was chosen anywhere
        all_started.wait()
        torch.set_num_threads(each)

    list(pool.map(choose_threads, range(count)))
    torch.set_num_threads(process_wide)  # for threads that start later, as before
    return pool


class _InShares(torch.autograd.Function):
    """Records one graph per share, and goes back through them side by side."""

    @staticmethod
    def forward(
        ctx: Any,
        function: Callable[..., Tensor],
        rows: Sequence[slice],
        pool: ThreadPoolExecutor,
        weights: int,
        *tensors: Tensor,
    ) -> Tensor:
        batches = tensors[weights:]

        def compute(own: slice) -> tuple[list[Tensor], Tensor]:
            with torch.enable_grad():
                inputs = [batch.detach()[own].requires_grad_(batch.requires_grad) for batch in batches]
                return inputs, function(own, *inputs)

        graphs = _on(pool, compute, rows)
        ctx.rows, ctx.pool, ctx.graphs, ctx.weights = rows, pool, graphs, tensors[:weights]
        whole = torch.cat([result.detach() for _, result in graphs])
        if not graphs[0][1].requires_grad:  # nothing here learns, as where images only pass through
            ctx.mark_non_differentiable(whole)
        return whole

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        if torch.is_grad_enabled():
            raise RuntimeError("a batch computed in shares can be differentiated only once")
        wanted = [batch.requires_grad for batch in ctx.graphs[0][0]]

        def go_back(graph: tuple[list[Tensor], Tensor], own: slice) -> tuple[Tensor | None, ...]:
            inputs, result = graph
            learning = [*ctx.weights, *(batch for batch in inputs if batch.requires_grad)]
            return torch.autograd.grad(result, learning, gradient[own], allow_unused=True)

        shares = _on(ctx.pool, lambda share: go_back(*share), zip(ctx.graphs, ctx.rows, strict=True))
        ctx.graphs = None
        columns = list(zip(*shares, strict=True))
        # In the order of the shares, whichever thread was faster: the same bits every time.
        weights = [
            None if first is None else sum(others, first) for first, *others in columns[: len(ctx.weights)]
        ]
        of_batches = iter(columns[len(ctx.weights) :])
        return (
            None,
            None,
            None,
            None,
            *weights,
            *(torch.cat(next(of_batches)) if want else None for want in wanted),
        )

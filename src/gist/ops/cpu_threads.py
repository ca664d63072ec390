"""Threads for the compiled loops: as many as torch uses, started once, none for small work."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch


class _Pools(threading.local):
    """Each thread that computes has helpers of its own, so that it never waits for another's work."""

    def __init__(self) -> None:
        self.of = cache(lambda threads: ThreadPoolExecutor(threads, thread_name_prefix="gist-ops"))


_pools = _Pools()


def share(work: Callable[[int, int], None], units: int, *, parallel: bool = True) -> None:
    """Call work(first, last) so that the ranges cover 0 .. units once; `work` must release the GIL.

    How units are dealt out depends on the number of threads, so a unit's result must not.
    """
    threads = min(torch.get_num_threads(), units) if parallel else 1
    if units == 0:
        return
    edges = [units * i // threads for i in range(threads + 1)]
    others = [_pools.of(threads - 1).submit(work, *edges[i : i + 2]) for i in range(1, threads)]
    work(*edges[:2])
    for other in others:
        other.result()

"""Where a training iteration of ours spends its time on a GPU, operation by operation.

    python benchmarks/gpu_profile.py [--cases t-256-32-16384-512] [--dtype bfloat16] [--rows 25] [--device cuda|cpu]

One iteration (G, D, R1) after three that do not count: time on the device by kernel, and how much of the wall clock the
device had nothing to do.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity, profile
from training_step import timed_iteration
from turns import Case

from gist import ops
from gist.machine.device import round_convolutions

_WARM_UP = 3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", nargs="+", default=["t-256-32-16384-512", "r-256-32-16384-512"])
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "float16"], default="bfloat16")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--rows", type=int, default=25)
    options = parser.parse_args()
    on_gpu = options.device == "cuda"
    torch.backends.cudnn.benchmark = True
    round_convolutions(to_tf32=options.dtype != "float32")
    ops.prepare(options.device, print)
    print(ops.active_backend(options.device))
    for case in map(Case.parse, options.cases):
        G, D = (network.to(options.device) for network in case.networks())
        G.synthesis.inner_dtype = D.inner_dtype = getattr(torch, options.dtype)
        step = timed_iteration(case, True, time.perf_counter, G, D, options.device)
        for _ in range(_WARM_UP):
            step()
        wait: Callable[[], None] = torch.cuda.synchronize if on_gpu else lambda: None
        wait()
        with profile(activities=[ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU]) as profiler:
            began = time.perf_counter()
            step()
            wait()
            seconds = time.perf_counter() - began
        kernels = profiler.key_averages()
        column = "self_device_time_total" if on_gpu else "self_cpu_time_total"
        busy = sum(getattr(kernel, column) for kernel in kernels) / 1e6
        print(f"{case}: {seconds * 1000:.1f} ms, of which {busy * 1000:.1f} ms busy")
        print(kernels.table(sort_by=column, row_limit=options.rows, max_name_column_width=90))
        del G, D, step


if __name__ == "__main__":
    main()

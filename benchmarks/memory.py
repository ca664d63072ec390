"""Peak memory of a training iteration, with and without activation checkpointing in the generator.

    python benchmarks/memory.py [--cases t-256-16 r-256-16] [--device cpu|cuda] [--threads 2]

Each line is a process of its own that runs one iteration twice (G, D, R1): resident memory on CPU, allocated
graphics memory on CUDA. `kept` is how freed memory is treated: "returned" as the C library does by default.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

import torch
from training_step import timed_iteration
from turns import Case, peak_gb

from gist import ops


def one_line(case: Case, device: str, checkpointing: bool, tuned: bool, threads: int) -> str:
    torch.set_num_threads(threads)
    if tuned:
        ops.tune_memory_allocator(one_arena=case.alias_free)
    torch.manual_seed(0)
    G, D = (network.to(device) for network in case.networks())
    G.synthesis.checkpointing = checkpointing
    step = timed_iteration(case, True, time.perf_counter, G, D, device)
    step()
    times = step()
    gigabytes = torch.cuda.max_memory_allocated() / 2**30 if device == "cuda" else peak_gb()
    return (
        f"{case!s:<28} {'yes' if checkpointing else 'no':<14} {'kept' if tuned else 'returned':<9} {gigabytes:7.2f} "
        f"{times['G']:8.2f} {times['D']:8.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", nargs="+", default=["t-256-16"])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--line", nargs=2, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.line:
        checkpointing, tuned = map(bool, options.line)
        print(one_line(Case.parse(options.cases[0]), options.device, checkpointing, tuned, options.threads))
        return
    print("config-resolution-batch      checkpointing  freed      GB peak      G s      D s")
    for case in options.cases:
        for checkpointing in (False, True):
            for tuned in (False, True) if options.device == "cpu" else (False,):
                command = [sys.executable, __file__, "--cases", case, "--device", options.device]
                command += [
                    "--threads",
                    str(options.threads),
                    "--line",
                    str(int(checkpointing)),
                    str(int(tuned)),
                ]
                subprocess.run(command, check=True)


if __name__ == "__main__":
    main()

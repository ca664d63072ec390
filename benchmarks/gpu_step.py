"""A full training iteration on a GPU: ours beside the reference implementation with its CUDA extensions.

    python benchmarks/gpu_step.py [--peer ../stylegan3] [--dtype bfloat16] [--cases t-256-32-16384-512 ...]

The peer compiles its extensions with nvcc at its first step and computes its four highest resolutions in float16;
ours computes the same ones in `--dtype`. Also printed: graphics memory, the seconds that the peer's authors
published for one A100 (256x256, base 32768), and the share of this GPU's measured bfloat16 matrix product rate
that ours reaches.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode
from training_step import per_1000_images, timed_iteration
from turns import Case, Clock, Run, Times, in_turns, options_parser, serve, start

from gist import ops
from gist.machine.device import round_convolutions

PUBLISHED_A100 = {"t": 49.8, "r": 56.7, "stylegan2": 12.5}
"""Seconds per 1000 images (README of the peer; stylegan2 with batch 16)."""
CASES = (
    "t-256-32-16384-512 t-256-32-32768-512 r-256-32-16384-512 r-256-32-32768-512 "
    "stylegan2-256-16-16384-512 stylegan2-256-16-32768-512"
)
_WARM_UP = 3


def after_the_gpu(_clock: Clock) -> Clock:
    """A clock that waits until the GPU has done all it was given."""

    def now() -> float:
        torch.cuda.synchronize()
        return time.perf_counter()

    return now


def product_rate(size: int = 8192, repeats: int = 20) -> float:
    """FLOP/s of a square bfloat16 matrix product on this GPU."""
    a = torch.randn(size, size, device="cuda", dtype=torch.bfloat16)
    now = after_the_gpu(time.perf_counter)
    torch.mm(a, a)
    began = now()
    for _ in range(repeats):
        torch.mm(a, a)
    return 2 * size**3 * repeats / (now() - began)


def gpu_iteration(dtype: torch.dtype) -> Run:
    def run(case: Case, ours: bool, clock: Clock) -> Callable[[], Times]:
        # Both as their training loops set it: cuDNN tries its algorithms; the peer's float32 convolutions are exact.
        torch.backends.cudnn.benchmark = True
        round_convolutions(to_tf32=ours)
        G, D = (network.cuda() for network in (case.networks() if ours else case.peer_networks()))
        if ours:
            ops.prepare("cuda", lambda message: print(message, file=sys.stderr))
            G.synthesis.inner_dtype = D.inner_dtype = dtype
        step = timed_iteration(case, ours, after_the_gpu(clock), G, D, "cuda")
        flops = 0.0
        if ours:
            step()
            with FlopCounterMode(display=False) as counter:
                step()
            flops = counter.get_total_flops()
        for _ in range(_WARM_UP):
            step()
        rate = product_rate() if ours else 0.0
        torch.cuda.reset_peak_memory_stats()

        def repeat() -> Times:
            times = step()
            return times | {"gpu_gb": torch.cuda.max_memory_allocated() / 2**30, "flops": flops, "rate": rate}

        return repeat

    return run


def main() -> None:
    parser = options_parser(__doc__, CASES)
    parser.set_defaults(dtype="bfloat16")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("gpu_step.py needs a GPU that PyTorch can use.")
    if options.worker:
        serve(options, gpu_iteration(getattr(torch, options.dtype)))
        return
    start(options)
    print(f"{torch.cuda.get_device_name()}, four highest resolutions of ours in {options.dtype}")
    print(
        "config-resolution-batch-base-max  side        G ms    D ms   R1 ms s per 1000  GPU GB  times ours  A100 share"
    )
    for case in map(Case.parse, options.cases):
        ours = 0.0
        for side, times in in_turns(options, case, pairs=(("ours", "peer"),)):
            seconds = per_1000_images(case, times)
            phases = " ".join(f"{times[phase] * 1000:7.1f}" for phase in ("G", "D", "R1"))
            line = f"{case!s:<33} {side:<6} {phases} {seconds:11.2f} {times['gpu_gb']:7.1f}"
            if side == "ours":
                ours = seconds
                # The counted iteration held a whole R1 step, so its share of the time counts whole here too.
                whole = times["G"] + times["D"] + times["R1"]
                share = times["flops"] / whole / times["rate"]
                line += f"{'':>12} {PUBLISHED_A100[case.config]:5} {share:6.1%}"
            else:
                line += f" {seconds / ours:10.2f}x"
            print(line, flush=True)


if __name__ == "__main__":
    main()

"""Images per second of a generator on CPU: ours beside the reference implementation's CPU path.

    python benchmarks/generation.py --peer ../stylegan3 [--threads 2] [--cases t-64-8 r-256-4 ...]

Both compute batches of the same size without gradients, several per turn, as for a data set; ours from seeds to
8-bit pictures, as `gist generate` does. See turns.py for who runs how.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from turns import Case, Clock, Run, Times, in_turns, options_parser, serve, start

from gist.generators.synthesis import synthesise

BATCHES = 4
"""Per turn: the first after a pause is slower."""


def batches(dtype: torch.dtype) -> Run:
    def run(case: Case, ours: bool, clock: Clock) -> Callable[[], Times]:
        G, _ = case.networks() if ours else case.peer_networks()
        G.eval().requires_grad_(False)
        c = torch.zeros(case.batch, 0)
        if ours:
            G.synthesis.inner_dtype = dtype

        def repeat() -> Times:
            began = clock()
            if ours:
                list(synthesise(G, range(BATCHES * case.batch)))
            else:
                for _ in range(BATCHES):
                    with torch.inference_mode():
                        G(torch.randn(case.batch, 512), c, noise_mode="const")
            return {"batch": (clock() - began) / BATCHES}

        return repeat

    return run


def main() -> None:
    cases = "t-64-8 r-64-8 stylegan2-64-8 t-256-4 r-256-4 stylegan2-256-4"
    options = options_parser(__doc__, cases).parse_args()
    if options.worker:
        serve(options, batches(getattr(torch, options.dtype)))
        return
    start(options)
    print("config-resolution-batch-base-max  side       images per s  ms per image  peak GB  times ours")
    for case in map(Case.parse, options.cases):
        ours = 0.0
        for side, times in in_turns(options, case):
            seconds = times["batch"] / case.batch
            ours = seconds if side == "ours" else ours
            ratio = "" if side == "ours" else f"{seconds / ours:10.2f}x"
            line = f"{1 / seconds:12.1f} {seconds * 1000:13.1f} {times['peak_gb']:8.1f}"
            print(f"{case!s:<33} {side:<10} {line} {ratio}", flush=True)


if __name__ == "__main__":
    main()

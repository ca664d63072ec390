"""Milliseconds per image of discriminator augmentation on one CPU thread, forward and with both derivatives.

Run: python benchmarks/augment_cpu.py [--preset radiograph] [--batch 8]
"""

import argparse
import time
from collections.abc import Callable

import torch

from gist.augment import AugmentPipe


def median_ms(call: Callable[[], object], repeats: int = 15) -> float:
    """Median wall time of a call in milliseconds, after two calls that do not count."""
    seconds = []
    for repeat in range(repeats + 2):
        start = time.perf_counter()
        call()
        if repeat >= 2:
            seconds.append(time.perf_counter() - start)
    return 1000 * sorted(seconds)[repeats // 2]


def main() -> None:
    """Prints one line per resolution and probability."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--preset", default="radiograph", choices=["radiograph", "bgc"])
    arguments.add_argument("--batch", type=int, default=8)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    pipe = AugmentPipe(options.preset)
    print(
        f"torch {torch.__version__}, preset {options.preset}, batch {options.batch}, 1 thread, ms per image"
    )
    print("size    p   forward   forward+backward   forward+backward+double backward")
    for size in (64, 128, 256):
        for p in (0.05, 0.3, 0.85):
            generator = torch.Generator().manual_seed(0)
            x_NCHW = torch.randn(options.batch, 1, size, size, requires_grad=True)

            def forward(
                x: torch.Tensor = x_NCHW, p: float = p, g: torch.Generator = generator
            ) -> torch.Tensor:
                return pipe(x, p, g)

            def backward(
                x: torch.Tensor = x_NCHW, call: Callable[[], torch.Tensor] = forward
            ) -> torch.Tensor:
                return torch.autograd.grad(call().square().sum(), x)[0]

            def double(x: torch.Tensor = x_NCHW, call: Callable[[], torch.Tensor] = forward) -> torch.Tensor:
                (grad,) = torch.autograd.grad(call().square().sum(), x, create_graph=True)
                return torch.autograd.grad(grad.square().sum(), x)[0]

            costs = [median_ms(call) / options.batch for call in (forward, backward, double)]
            print(f"{size:4d} {p:4.2f} {costs[0]:9.2f} {costs[1]:18.2f} {costs[2]:34.2f}")


if __name__ == "__main__":
    main()

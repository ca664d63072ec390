"""Times the alias-free operations on CPU: the fast paths beside plain torch, layer by layer.

    python benchmarks/ops_cpu.py [--architecture stylegan3-t] [--resolution 64] [--batch 8] [--threads 2]

Layers are those of a generator with channel base 2048 and channel max 64 (twice that for stylegan3-r), as in
the project's other tables. The allocator is tuned for both. The two take turns, so that other work on the
machine slows both; medians in milliseconds.
"""

import argparse
import math
import statistics
import time
from collections.abc import Callable
from itertools import product
from typing import Literal

import torch

from gist import ops
from gist.generators.gan.networks import build_generator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.stylegan.stylegan3 import AliasFreeLayer

Calls = tuple[Callable[[], object], Callable[[], object]]
"""Forward without gradients, and forward + backward."""


BACKENDS: tuple[Literal["reference", "cpu"], ...] = ("reference", "cpu")


def medians_ms(calls: Calls, repeats: int) -> list[float]:
    """Plain torch forward and both ways, then the fast path's."""
    times: list[list[float]] = [[], [], [], []]
    for repeat in range(repeats + 1):
        for column, (backend, call) in enumerate(product(BACKENDS, calls)):
            ops.set_backend(backend)
            start = time.perf_counter()
            call()
            if repeat:  # the first one warms up
                times[column].append((time.perf_counter() - start) * 1000)
    return [statistics.median(column) for column in times]


def both_ways(forward: Callable[[], torch.Tensor], inputs: tuple[torch.Tensor, ...]) -> Calls:
    direction = torch.ones_like(forward())

    def forward_only() -> torch.Tensor:
        with torch.no_grad():
            return forward()

    return forward_only, lambda: torch.autograd.grad(forward(), inputs, direction)


def filtered_activation(layer: AliasFreeLayer, size: int, batch: int) -> Calls:
    channels = layer.weight.shape[0]
    size += layer.kernel - 1
    x_NCHW = torch.randn(batch, channels, size, size, requires_grad=True)
    bias = torch.zeros(channels, requires_grad=True)

    def forward() -> torch.Tensor:
        return ops.filtered_lrelu(
            x_NCHW,
            layer.up_filter,
            layer.down_filter,
            bias,
            up=layer.up,
            down=layer.down,
            padding=layer.padding,
            gain=math.sqrt(2.0),
            slope=0.2,
            clamp=layer.clamp,
        )

    return both_ways(forward, (x_NCHW, bias))


def convolution(layer: AliasFreeLayer, size: int, batch: int) -> Calls:
    channels = layer.weight.shape[1]
    x_NCHW = torch.randn(batch, channels, size, size, requires_grad=True)
    styles_NI = torch.ones(batch, channels, requires_grad=True)

    def forward() -> torch.Tensor:
        return ops.modulated_conv2d(x_NCHW, layer.weight, styles_NI, padding=layer.kernel - 1)

    return both_ways(forward, (x_NCHW, layer.weight, styles_NI))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--architecture", default="stylegan3-t", choices=["stylegan3-t", "stylegan3-r"])
    parser.add_argument("--resolution", type=int, default=64)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    ops.tune_memory_allocator()
    ops.prepare("cpu", print)

    wider = 2 if options.architecture == "stylegan3-r" else 1
    spec = NetworkSpec(
        options.architecture, options.resolution, channel_base=2048 * wider, channel_max=64 * wider
    )
    synthesis = build_generator(spec).synthesis
    sizes: list[int] = []
    layers = [layer for layer in synthesis.modules() if isinstance(layer, AliasFreeLayer)]
    for layer in layers:
        layer.register_forward_pre_hook(lambda _layer, inputs: sizes.append(inputs[0].shape[2]))
    with torch.no_grad():
        synthesis(torch.zeros(1, synthesis.num_ws, spec.w_dim))

    print(f"{options.architecture} {options.resolution}x{options.resolution}, batch {options.batch}")
    for name, operation in (("filtered activation", filtered_activation), ("convolution", convolution)):
        print(f"\n{name:<19}      plain torch           fast        speed-up   (forward, forward + backward)")
        totals = [0.0, 0.0, 0.0, 0.0]
        for index, (layer, size) in enumerate(zip(layers, sizes, strict=True)):
            if not layer.is_to_rgb:
                times = medians_ms(operation(layer, size, options.batch), options.repeats)
                totals = [total + ms for total, ms in zip(totals, times, strict=True)]
                label = f"layer {index} {size} up {layer.up}"
                print(_row(f"{label:<19}", times))
        print(_row(f"{'total':<19}", totals))


def _row(label: str, times: list[float]) -> str:
    plain, plain_both, fused, fused_both = times
    speed_up = f"{plain / fused:>6.1f}x {plain_both / fused_both:>6.1f}x"
    return f"{label} {plain:>9.1f} {plain_both:>8.1f} {fused:>8.1f} {fused_both:>8.1f} {speed_up}"


if __name__ == "__main__":
    main()

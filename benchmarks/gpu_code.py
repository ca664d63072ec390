"""The machine code that the Triton kernels become on NVIDIA GPUs, compiled without one.

    python benchmarks/gpu_code.py [--capabilities 80 90 100 120] [--configs t r] [--resolution 256] [--json]

For each kind of layer and direction, and for each pass over planes: registers, spilled bytes, shared memory, and
instructions that one warp issues per result sample, the measure of speed that can be had without a GPU: a GPU issues
(multiprocessors x 4 x clock) of them per second, an H200 about 900 billion.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from turns import Case

from gist.generators.gan.layers import binomial_filter
from gist.ops import triton_kernel, triton_path, triton_planes, triton_planes_kernel
from gist.ops.triton_path import Plan

_TOOLS = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"
_NAMES = {torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16"}
_ACTIVATE, _REPLAY, _LINEAR = (
    getattr(triton_kernel, mode).value for mode in ("ACTIVATE", "REPLAY", "LINEAR")
)
_CHANNELS = 64
"""Of the planes' passes; any multiple of 16 gives the same code."""


@dataclass(frozen=True)
class Work:
    """A kernel as a launch compiles it."""

    name: str
    function: Any
    constants: dict[str, Any]
    pointers: dict[str, str]
    """Of each parameter that is one, the type it points to; of the others, those below are numbers of 32 bits."""
    results: int
    """Of one plane or tile."""
    options: dict[str, Any]
    multiples_of_16: tuple[str, ...] = ()


_FLOATS = ("gain", "negative_gain", "clamp")


def works_of(config: str, resolution: int, dtype: torch.dtype) -> Iterator[Work]:
    """Each kind of filtering that a training with this configuration does, forward and back."""
    seen: set[str] = set()

    def both(name: str, modes: tuple[int, int], *filters: Any, **geometry: Any) -> Iterator[Work]:
        image = torch.empty(1, 1, resolution, resolution, dtype=dtype)
        plan = triton_path._plan(image, *filters, **geometry)
        assert plan is not None
        for direction, one, mode in zip(("forward", "back"), (plan, plan.transpose), modes, strict=True):
            if (key := json.dumps([mode, one.constants])) not in seen:
                seen.add(key)
                yield filtering(f"{name} {direction}", one, mode, dtype)

    if config == "planes":
        yield from passes_over_planes(resolution, dtype)
        return
    if config == "stylegan2":
        blur = binomial_filter()
        yield from both("blur", (_LINEAR,) * 2, None, blur, up=1, down=1, padding=(2,) * 4, gain=1.0)
        yield from both("halving", (_LINEAR,) * 2, None, blur, up=1, down=2, padding=(1,) * 4, gain=1.0)
        return
    G, _ = Case(config, resolution, 1, 1024, 16).networks()
    for number, layer in enumerate(G.synthesis.layers):
        if not layer.is_to_rgb:
            yield from both(
                f"layer {number}", (_ACTIVATE, _REPLAY), layer.up_filter, layer.down_filter,
                up=layer.up, down=layer.down, padding=layer.padding, gain=float(layer.up**2),
            )  # fmt: skip


def filtering(name: str, plan: Plan, mode: int, dtype: torch.dtype) -> Work:
    """A fused filter of many planes."""
    bands = _NAMES[plan.bands[0].dtype]
    return Work(
        name,
        triton_kernel.filter_tiles,
        plan.constants | {"MODE": mode, "PLANES": plan.planes_each(1_000_000)},
        {"x_PHW": _NAMES[dtype], "activated_PHW": _NAMES[dtype], "out_PHW": _NAMES[dtype], "bias_C": "fp32"}
        | {f"{side}_{axis}": bands for side in ("up", "activated_up", "down") for axis in "yx"},
        plan.constants["TILE_Y"] * plan.constants["TILE_X"],
        plan.options,
    )


def passes_over_planes(resolution: int, dtype: torch.dtype) -> Iterator[Work]:
    """Scaling and activation, forward and back, where layouts are the same and where they differ."""
    last, contiguous = (1, _CHANNELS), (resolution**2, 1)
    x = torch.empty(1, _CHANNELS, resolution, resolution, device="meta")
    real = _NAMES[dtype]
    for name, inner in (("one layout", contiguous), ("two layouts", last)):
        _, tile = triton_planes._tiles(x, contiguous, inner)
        sizes = {"channels": _CHANNELS, "pixels": resolution**2, "noise_step": 0}
        for parts in (["SCALED"], ["BIASED", "ACTIVE"], ["SCALED", "NOISY", "BIASED", "ACTIVE"]):
            flags = {part: part in parts for part in ("SCALED", "NOISY", "BIASED", "ACTIVE")}
            to = contiguous if flags["ACTIVE"] else inner
            of = inner if flags["ACTIVE"] else contiguous
            steps = {"x_c": of[0], "x_k": of[1], "out_c": to[0], "out_k": to[1]}
            what = f"{' '.join(parts).lower()}, {name}"
            yield Work(
                f"{what}, forward", triton_planes_kernel.forward,
                flags | tile | {key: 1 for key, value in steps.items() if value == 1},
                {"x": real, "scale_NC": "fp32", "noise_SK": real, "bias_C": "fp32", "out": real},
                tile["CHANNELS"] * tile["PIXELS"], triton_planes.OPTIONS, multiples_of_16=(*sizes, *steps),
            )  # fmt: skip
            steps = {
                "grad_c": to[0], "grad_k": to[1], "y_c": to[0], "y_k": to[1],
                "x_c": of[0], "x_k": of[1], "grad_x_c": of[0], "grad_x_k": of[1],
            }  # fmt: skip
            del flags["BIASED"]
            yield Work(
                f"{what}, back", triton_planes_kernel.backward,
                flags | tile | {key: 1 for key, value in steps.items() if value == 1},
                {
                    "grad": real, "x": real, "scale_NC": "fp32", "y": real, "grad_x": real,
                    "grad_scale_NCB": "fp32", "grad_noise_NBK": "fp32", "sums_NCB": "fp32",
                },
                tile["CHANNELS"] * tile["PIXELS"], triton_planes.OPTIONS, multiples_of_16=(*sizes, *steps),
            )  # fmt: skip


def code_of(work: Work, capability: int) -> dict[str, Any]:
    """Figures of the kernel that this compiles to for GPUs of this compute capability."""
    signature = {
        name: "constexpr" if name in work.constants
        else f"*{work.pointers[name]}" if name in work.pointers
        else "fp32" if name in _FLOATS
        else "i32"
        for name in work.function.arg_names
    }  # fmt: skip
    aligned = {
        (place,): [["tt.divisibility", 16]]
        for place, name in enumerate(signature)
        if name in work.pointers or (name in work.multiples_of_16 and name not in work.constants)
    }
    source = ASTSource(work.function, signature, work.constants, aligned)
    compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=work.options)
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(compiled.asm["cubin"])
        file.flush()
        usage = _output_of("cuobjdump", "--dump-resource-usage", file.name)
        listing = _output_of("nvdisasm", "-c", file.name)
    registers, stack = (int(re.search(rf"{key}:(\d+)", usage)[1]) for key in ("REG", "STACK"))  # type: ignore[index]
    return {
        "registers": registers,
        "spilled_bytes": stack,
        "shared_bytes": compiled.metadata.shared,
        "instructions_per_result": round(
            _instructions_per_plane(listing) * compiled.metadata.num_warps / work.results, 2
        ),
    }


def _output_of(tool: str, *arguments: str) -> str:
    return subprocess.run([_TOOLS / tool, *arguments], check=True, capture_output=True, text=True).stdout


def _instructions_per_plane(listing: str) -> int:
    """Instructions of the loop over planes, the longest; of everything where there is no loop."""
    labels: dict[str, int] = {}
    longest = count = 0
    for label, instruction in re.findall(
        r"^(?:(\.L_x_\d+):|\s+/\*[0-9a-f]{4,}\*/\s+([^;]+);)", listing, re.M
    ):
        if label:
            labels[label] = count
            continue
        count += 1
        target = re.search(r"BRA.*`\((\.L_x_\d+)\)", instruction)
        if target and target[1] in labels:
            longest = max(longest, count - labels[target[1]])
    return longest if longest > 1 else count  # a program ends in a branch to itself


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--capabilities", nargs="+", type=int, default=[90])
    parser.add_argument("--configs", nargs="+", default=["t", "r", "stylegan2", "planes"])
    parser.add_argument("--dtypes", nargs="+", default=["bfloat16", "float32"])
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--json", action="store_true", help="one line of JSON for each kernel")
    options = parser.parse_args()
    if not options.json:
        print(
            "capability config    dtype    kernel             registers spilled shared  instructions per result"
        )
    for config in options.configs:
        for dtype in (getattr(torch, name) for name in options.dtypes):
            for work in works_of(config, options.resolution, dtype):
                for capability in options.capabilities:
                    figures = code_of(work, capability)
                    labels = {
                        "capability": capability,
                        "config": config,
                        "dtype": str(dtype)[6:],
                        "kernel": work.name,
                    }
                    if options.json:
                        print(json.dumps(labels | figures), flush=True)
                    else:
                        columns = (10, 9, 8, 18), (9, 7, 7, 8)
                        print(
                            " ".join(f"{v!s:<{n}}" for v, n in zip(labels.values(), columns[0], strict=True)),
                            " ".join(f"{v:>{n}}" for v, n in zip(figures.values(), columns[1], strict=True)),
                            flush=True,
                        )


if __name__ == "__main__":
    main()

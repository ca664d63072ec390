"""The Triton kernels against the plain-torch definition, under Triton's interpreter: no GPU is needed.

The interpreter is chosen before Triton is imported, so a process of its own computes; it runs this file.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from gist import ops
from gist.ops import planes, reference, triton_path

CASES: dict[str, dict[str, Any]] = {
    "alias-free layer in two tiles": {"up": 2, "down": 2, "taps": (12, 12), "size": (8, 34)},
    "upsampling layer with radial filter": {
        "up": 4,
        "down": 2,
        "taps": (24, 12),
        "size": (6, 7),
        "radial": True,
    },
    "identity filters": {"up": 1, "down": 1, "taps": (1, 1), "size": (5, 6)},
}


def _errors(case: dict[str, Any], dtype: torch.dtype) -> list[float]:
    """Largest errors of values, gradients, and gradients of a penalty on them, relative to the largest value."""
    generator = torch.Generator().manual_seed(1)
    up_taps, down_taps = (
        torch.randn(taps, generator=generator) / taps**0.5 if taps > 1 else None for taps in case["taps"]
    )
    if case.get("radial") and down_taps is not None:
        down_taps = torch.outer(down_taps, down_taps) + torch.eye(len(down_taps)) / 10
    x = torch.randn(1, 2, *case["size"], generator=generator).to(dtype)
    bias = torch.randn(2, generator=generator)
    results = []
    for backend in ("triton", "reference"):
        ops.set_backend(backend)  # type: ignore[arg-type]
        leaves = x.clone().float().requires_grad_(), bias.clone().requires_grad_()
        inner = leaves[0].to(dtype if backend == "triton" else torch.float32)
        y = ops.filtered_lrelu(
            inner, up_taps, down_taps, leaves[1],
            up=case["up"], down=case["down"], padding=case.get("padding", (9, 8, 9, 8)),
            gain=1.4, slope=0.2, clamp=2.0,
        )  # fmt: skip
        if backend == "triton" and up_taps is not None:
            assert y.dtype == dtype
            assert "FilteredActivation" in type(y.grad_fn).__name__
        first = torch.autograd.grad(y.float().pow(2).sum(), leaves, create_graph=True)
        second = torch.autograd.grad(sum(g.square().sum() for g in first), leaves)
        results.append([y.float(), *first, *second])
    return [
        float(((actual - expected).abs().max() / expected.abs().max()).detach())
        for actual, expected in zip(*results, strict=True)
    ]


def _error_of_chance(seed: int) -> float:
    """Largest error of a random geometry, gradients of both orders included, relative to the largest value."""
    chance = random.Random(seed)
    up, down = chance.choice((1, 2, 3, 4)), chance.choice((1, 2, 4))
    case = {
        "up": up,
        "down": down,
        "taps": (chance.randint(2, 14), chance.randint(2, 14)),
        "size": (chance.randint(14, 24), chance.randint(14, 40)),
        "radial": chance.random() < 0.3,
        "padding": tuple(chance.randint(-3, 3) + 10 for _ in range(4)),
    }
    return max(_errors(case, torch.float32))


def _error_at(level: float) -> float:
    """Relative error of blurred bfloat16 values of this magnitude."""
    x = (torch.randn(1, 2, 20, 20, generator=torch.Generator().manual_seed(1)) * level).bfloat16()
    results = []
    for backend in ("triton", "reference"):
        ops.set_backend(backend)  # type: ignore[arg-type]
        inner = x if backend == "triton" else x.double()
        results.append(ops.upfirdn2d(inner, torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8, padding=(2, 1, 2, 1)))
    return float((results[0].double() - results[1]).abs().max() / results[1].abs().max())


def _resampling_error() -> float:
    x, fir = torch.randn(1, 1, 9, 11, requires_grad=True), torch.tensor([1.0, 3.0, 2.0])
    results = []
    for backend in ("triton", "reference"):
        ops.set_backend(backend)  # type: ignore[arg-type]
        results.append(ops.upfirdn2d(x, fir, up=2, padding=(2, 1, -1, 2), flip=True, gain=4.0))
    assert "Filtered" in type(results[0].grad_fn).__name__
    return float(((results[0] - results[1]).abs().max() / results[1].abs().max()).detach())


_LAYOUTS = (torch.contiguous_format, torch.channels_last)
SHAPES = ((2, 5, 9, 7), (3, 70, 6, 6), (1, 1, 3, 3), (2, 40, 20, 16), (2, 8, 70, 70), (0, 3, 4, 4))
"""Odd ones, more channels or pixels than a tile has, one sample, none."""


def _plane_results(x: torch.Tensor, shared_noise: bool, second: bool) -> list[torch.Tensor]:
    """Values, gradients and, with `second`, second gradients of every pass over planes, in and out of both layouts."""
    N, C, H, W = x.shape
    generator = torch.Generator().manual_seed(1)
    scale, bias = torch.randn(N, C, generator=generator), torch.randn(C, generator=generator)
    noise = torch.randn(1 if shared_noise else N, 1, H, W, generator=generator)
    results: list[torch.Tensor] = []
    for layout in _LAYOUTS:
        leaves = [x.contiguous(memory_format=layout), scale, bias, noise]
        x, scale, bias, noise = (leaf.detach().requires_grad_() for leaf in leaves)
        for y, used in (
            (planes.scaled(x, scale, torch.channels_last), (x, scale)),
            (planes.laid_out(x, torch.channels_last), (x,)),
            (planes.activated(x, bias, slope=0.2, gain=1.3, clamp=2.0), (x, bias)),
            (
                planes.noisily_activated(x, scale, noise, bias, slope=0.2, gain=1.3, clamp=1.125),
                (x, scale, noise, bias),
            ),
        ):
            direction = torch.rand(y.shape, generator=generator).half().to(y.dtype)
            results += [y, *torch.autograd.grad(y, used, direction, retain_graph=True)]
            if second:
                loss = y.pow(3).sum()
                first = torch.autograd.grad(loss, used, create_graph=True)
                results += [*first, *torch.autograd.grad(sum(of.square().sum() for of in first), used)]
    return [result.detach().float() for result in results]


def _plane_errors(dtype: torch.dtype) -> list[float]:
    """Relative errors of all passes over planes: the largest in float32, else the mean, for at the edge of a clamp a
    rounding decides about a whole gradient."""
    errors = []
    for number, shape in enumerate(SHAPES):
        x = torch.randn(*shape, generator=torch.Generator().manual_seed(number)).to(dtype)
        results = []
        for backend in ("triton", "reference"):
            ops.set_backend(backend)  # type: ignore[arg-type]
            exact = x.float() if dtype == torch.float16 else x
            results.append(
                _plane_results(x if backend == "triton" else exact, number % 2 == 0, dtype == torch.float32)
            )
        for ours, expected in zip(*results, strict=True):
            if expected.numel():
                error, level = (ours - expected).abs(), expected.abs()
                worst = error.max() / level.max() if dtype == torch.float32 else error.mean() / level.mean()
                errors.append(float(worst))
    return errors


def _layouts() -> dict[str, bool]:
    """What of a training step in half precision computes without copies."""
    ops.set_backend("triton")
    x = torch.randn(2, 16, 8, 8, dtype=torch.float16)
    seen = {}

    def convolution(x: torch.Tensor, *rest: Any, **options: Any) -> torch.Tensor:
        seen["input"] = x.is_contiguous(memory_format=torch.channels_last)
        y = plain(x, *rest, **options)
        y.register_hook(
            lambda grad: seen.update(gradient=grad.is_contiguous(memory_format=torch.channels_last))
        )
        return y

    plain, torch.nn.functional.conv2d = torch.nn.functional.conv2d, convolution
    try:
        x.requires_grad_()
        weight = torch.randn(16, 16, 3, 3, requires_grad=True)
        for name, y in (
            ("modulated", lambda: ops.modulated_conv2d(x, weight, torch.ones(2, 16), padding=1)),
            ("plain", lambda: ops.activated_conv2d(x, weight.half(), None, padding=1, slope=0.2, clamp=9.0)),
        ):
            result = y()
            seen[f"{name} result"] = result.is_contiguous()
            (gradient,) = torch.autograd.grad(result.float().sum(), x)
            seen[f"{name} gradient"] = gradient.is_contiguous()
    finally:
        torch.nn.functional.conv2d = plain
    return seen


def _nothing_hides() -> bool:
    ops.set_backend("triton")
    x = torch.zeros(1, 1, 5, 5)
    x[0, 0, 2, 2] = float("nan")
    y = planes.activated(x, None, slope=0.2, gain=1.0, clamp=1.0)
    return torch.equal(y.isnan(), x.isnan())


@pytest.fixture(scope="module")
def interpreted() -> dict[str, Any]:
    completed = subprocess.run(
        [sys.executable, __file__],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    found: dict[str, Any] = json.loads(completed.stdout)
    return found


def test_it_is_reported_where_it_can_run(interpreted: dict[str, Any]) -> None:
    assert interpreted["reported"].startswith("triton: ")


@pytest.mark.parametrize("name", CASES)
def test_values_and_derivatives_of_both_orders_are_those_of_the_definition(
    interpreted: dict[str, Any], name: str
) -> None:
    assert max(interpreted["float32"][name]) < 2e-5


def test_random_geometries_are_those_of_the_definition(interpreted: dict[str, Any]) -> None:
    assert {seed: error for seed, error in interpreted["chance"].items() if error > 2e-5} == {}


def test_half_precision_in_and_out_is_as_good_as_its_bits(interpreted: dict[str, Any]) -> None:
    assert max(interpreted["bfloat16"]) < 0.03


@pytest.mark.parametrize("level", ["1e-28", "1e-09", "1e+09", "1e+35"])
def test_values_far_outside_the_range_of_float16_keep_their_bits(
    interpreted: dict[str, Any], level: str
) -> None:
    assert interpreted["levels"][level] < 2**-7  # the last of bfloat16's bits, which the interpreter cuts off


def test_values_near_the_smallest_number_vanish_instead_of_becoming_nan(interpreted: dict[str, Any]) -> None:
    assert interpreted["levels"]["1e-38"] <= 1


def test_resampling_is_the_same(interpreted: dict[str, Any]) -> None:
    assert interpreted["upfirdn2d"] < 1e-6


def test_scaling_and_activation_have_the_values_and_both_derivatives_of_the_definition(
    interpreted: dict[str, Any],
) -> None:
    assert max(interpreted["planes float32"]) < 2e-6


def test_scaling_and_activation_in_half_precision_are_as_good_as_its_bits(
    interpreted: dict[str, Any],
) -> None:
    assert max(interpreted["planes float16"]) < 2**-8


def test_convolutions_in_half_precision_see_neighbouring_channels_and_no_copies_around_them(
    interpreted: dict[str, Any],
) -> None:
    assert len(interpreted["layouts"]) == 6
    assert all(interpreted["layouts"].values()), interpreted["layouts"]


def test_what_is_not_a_number_stays_visible(interpreted: dict[str, Any]) -> None:
    assert interpreted["nothing hides"]


def test_a_kernel_that_does_not_compile_is_told_instead_of_hidden() -> None:
    ops.set_backend("triton")
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever Triton raises where there is no GPU
        triton_path.compile_kernel(torch.device("cpu"))
    assert ops.active_backend("cpu").startswith("reference: plain torch, because ")
    ops.set_backend("auto")


def test_a_device_on_which_triton_cannot_compile_gets_plain_torch_silently() -> None:
    x, fir = torch.randn(1, 2, 8, 8), torch.tensor([1.0, 3.0, 3.0, 1.0])
    kwargs: dict[str, Any] = {"up": 2, "padding": (2, 1, 2, 1), "gain": 4.0}
    assert torch.equal(triton_path.upfirdn2d(x, fir, **kwargs), reference.upfirdn2d(x, fir, **kwargs))
    kwargs = {"up": 2, "down": 2, "padding": (3, 2, 3, 2), "gain": 1.4, "slope": 0.2, "clamp": 9.0}
    fast, plain = (
        run(x, fir, fir, None, **kwargs) for run in (triton_path.filtered_lrelu, reference.filtered_lrelu)
    )
    assert torch.equal(fast, plain)


@pytest.mark.nightly
def test_whole_networks_compute_the_reference_numbers() -> None:
    """Images of all three architectures, logits, and R1 with its gradients; the interpreter is slow."""
    few = "first_image or (stylegan3-t and (discriminator or r1))"
    options = ["-o", "addopts=", "-p", "no:cacheprovider", "-k", few]
    completed = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "tests/networks/test_parity.py"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
    )
    assert completed.returncode == 0, completed.stdout[-3000:]
    assert re.search(r"\b5 (passed|skipped)", completed.stdout), completed.stdout


@pytest.mark.parametrize(
    "capability",
    [pytest.param(80, marks=pytest.mark.nightly), 90, pytest.param(120, marks=pytest.mark.nightly)],
)
def test_the_kernels_compile_for_gpus_that_are_not_here(capability: int) -> None:
    """The interpreter takes Python that the compiler refuses, so that plain torch would silently run instead."""
    script = Path(__file__).parents[2] / "benchmarks" / "gpu_code.py"
    options = f"--json --resolution 64 --dtypes bfloat16 --capabilities {capability}".split()
    completed = subprocess.run(
        [sys.executable, script, *options],
        env={key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert completed.returncode == 0, completed.stderr
    kernels = [json.loads(line) for line in completed.stdout.splitlines()]
    assert {kernel["config"] for kernel in kernels} == {"t", "r", "stylegan2", "planes"}
    for kernel in kernels:
        assert kernel["shared_bytes"] <= 48 * 1024  # what every GPU gives without asking
        assert kernel["spilled_bytes"] <= 256, kernel


def _main() -> None:
    ops.set_backend("triton")
    found: dict[str, Any] = {
        "reported": ops.active_backend("cpu"),
        "float32": {name: _errors(case, torch.float32) for name, case in CASES.items()},
        "bfloat16": _errors(CASES["alias-free layer in two tiles"], torch.bfloat16),
        "upfirdn2d": _resampling_error(),
        "chance": {seed: _error_of_chance(seed) for seed in range(30)},
        "planes float32": _plane_errors(torch.float32),
        "planes float16": _plane_errors(torch.float16),
        "layouts": _layouts(),
        "nothing hides": _nothing_hides(),
        "levels": {f"{level:g}": _error_at(level) for level in (1e-38, 1e-28, 1e-9, 1e9, 1e35)},
    }
    print(json.dumps(found))


if __name__ == "__main__":
    _main()

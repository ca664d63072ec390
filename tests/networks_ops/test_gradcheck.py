"""First and second derivatives of every operation, in float64 by finite differences; the float32 paths against it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from gist import ops
from gist.generators.augment.resampling import affine_resample
from gist.ops import cpu, reference, winograd

Function = Callable[..., Tensor]
RADIAL = torch.outer(torch.tensor([1.0, 3.0, 3.0, 1.0]), torch.tensor([1.0, 3.0, 3.0, 1.0])) / 64
SEPARABLE = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8


def leaf(*shape: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    numbers = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return numbers.to(dtype).requires_grad_()


def filtered(down_filter: Tensor, clamp: float | None) -> Function:
    def run(x: Tensor, bias: Tensor) -> Tensor:
        return ops.filtered_lrelu(
            x,
            SEPARABLE,
            down_filter,
            bias,
            up=2,
            down=2,
            padding=(3, 2, 3, 2),
            gain=1.4,
            slope=0.2,
            clamp=clamp,
        )

    return run


def warped(x: Tensor) -> Tensor:
    inverse = torch.tensor([[[0.9, 0.2, 0.4], [-0.2, 1.1, -0.3]]], dtype=torch.float64)
    return affine_resample(x, inverse)


def sampled(x: Tensor) -> Tensor:
    some_reach_beyond_the_edges = torch.tensor([[[0.7, 0.3, -0.6], [-0.2, 1.1, 2.3]]], dtype=torch.float64)
    return ops.affine_sample(x, some_reach_beyond_the_edges, 4, 7)


OPERATIONS: dict[str, tuple[Function, tuple[tuple[int, ...], ...]]] = {
    "filtered_lrelu, separable": (filtered(SEPARABLE, None), ((1, 2, 4, 5), (2,))),
    "filtered_lrelu, radial, clamped": (filtered(RADIAL, 0.8), ((1, 2, 4, 4), (2,))),
    "upfirdn2d": (
        lambda x: ops.upfirdn2d(x, RADIAL, up=2, down=3, padding=(2, 1, 1, 2), gain=4.0),
        ((2, 1, 4, 5),),
    ),
    "bias_act": (lambda x, bias: ops.bias_act(x, bias, activation="lrelu", clamp=1.5), ((2, 3, 4, 4), (3,))),
    "conv2d": (lambda x, w, bias: ops.conv2d(x, w, bias, padding=1), ((2, 2, 5, 4), (3, 2, 3, 3), (3,))),
    "conv2d, stride": (lambda x, w: ops.conv2d(x, w, stride=2), ((1, 2, 6, 6), (2, 2, 3, 3))),
    "activated_conv2d": (
        lambda x, w, bias: ops.activated_conv2d(x, w, bias, padding=1, slope=0.2, clamp=1.5),
        ((2, 2, 5, 4), (3, 2, 3, 3), (3,)),
    ),
    "modulated_conv2d": (
        lambda x, w, s: ops.modulated_conv2d(x, w, s, padding=1),
        ((2, 2, 4, 4), (3, 2, 3, 3), (2, 2)),
    ),
    "modulated_conv2d, ToRGB": (
        lambda x, w, s: ops.modulated_conv2d(x, w, s, demodulate=False),
        ((2, 3, 4, 4), (1, 3, 1, 1), (2, 3)),
    ),
    "scaled": (ops.scaled, ((2, 3, 4, 5), (2, 3))),
    "demodulation": (ops.demodulation, ((3, 2, 3, 3), (2, 2))),
    "noisy_act": (partial(ops.noisy_act, clamp=1.5), ((2, 3, 4, 5), (2, 3), (2, 1, 4, 5), (3,))),
    "noisy_act, one noise for all": (ops.noisy_act, ((2, 3, 4, 5), (2, 3), (1, 1, 4, 5), (3,))),
    "sent": (lambda x: ops.sent(x, x.device), ((2, 3),)),
    "affine_sample": (sampled, ((1, 2, 5, 4),)),
    "affine_resample": (warped, ((1, 1, 6, 5),)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_first_and_second_derivatives_are_right(name: str) -> None:
    operation, shapes = OPERATIONS[name]
    inputs = tuple(leaf(*shape, seed=number) for number, shape in enumerate(shapes))

    def squared(*values: Tensor) -> Tensor:
        # The square makes the second derivative of piecewise linear operations more than zero.
        return operation(*values).square()

    assert gradcheck(squared, inputs, fast_mode=True)
    assert gradgradcheck(squared, inputs, fast_mode=True)


def test_every_operation_on_tensors_is_checked() -> None:
    on_tensors = {
        name
        for name in ops.__all__
        if inspect.isfunction(function := getattr(ops, name))
        and inspect.signature(function).return_annotation in (Tensor, "torch.Tensor", "Tensor")
    }
    assert on_tensors == {name.split(",")[0] for name in OPERATIONS} - {"affine_resample"}
    assert "filtered_lrelu" in on_tensors


def derivatives(operation: Function, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    """Values, gradients, and gradients of a penalty on the gradients, as R1 and path length take them."""
    y = operation(*inputs)
    first = torch.autograd.grad(y.pow(3).sum(), inputs, create_graph=True)
    penalty = sum((gradient.square().sum() for gradient in first), torch.zeros((), dtype=y.dtype))
    second = torch.autograd.grad(penalty, inputs, allow_unused=True)
    return [y, *first, *(gradient for gradient in second if gradient is not None)]


def fused(run: Function, down_filter: Tensor) -> Function:
    def call(x: Tensor, bias: Tensor) -> Tensor:
        return run(
            x,
            SEPARABLE,
            down_filter,
            bias,
            up=2,
            down=2,
            padding=(3, 2, 3, 2),
            gain=1.4,
            slope=0.2,
            clamp=0.9,
        )

    return call


FAST: dict[str, tuple[Function, Function, tuple[tuple[int, ...], ...]]] = {
    "filtered_lrelu, separable": (
        fused(cpu.filtered_lrelu, SEPARABLE),
        fused(reference.filtered_lrelu, SEPARABLE),
        ((2, 3, 16, 17), (3,)),
    ),
    "filtered_lrelu, radial": (
        fused(cpu.filtered_lrelu, RADIAL),
        fused(reference.filtered_lrelu, RADIAL),
        ((2, 3, 16, 17), (3,)),
    ),
    "upfirdn2d": (
        lambda x: cpu.upfirdn2d(x, SEPARABLE, up=2, padding=(2, 1, 2, 1), gain=4.0).square(),
        lambda x: reference.upfirdn2d(x, SEPARABLE, up=2, padding=(2, 1, 2, 1), gain=4.0).square(),
        ((2, 3, 16, 17),),
    ),
    "bias_act": (
        lambda x, bias: ops.bias_act(x, bias, activation="lrelu", clamp=1.5),
        lambda x, bias: reference.bias_act(x, bias, slope=0.2, gain=2**0.5, clamp=1.5),
        ((2, 3, 16, 17), (3,)),
    ),
    "activated_conv2d": (
        lambda x, w, bias: ops.activated_conv2d(x * 1.0, w, bias, padding=1, slope=0.2, clamp=9.0),
        lambda x, w, bias: reference.bias_act(
            torch.nn.functional.conv2d(x, w, bias, padding=1), slope=0.2, clamp=9.0
        ),
        ((2, 16, 18, 17), (17, 16, 3, 3), (17,)),
    ),
    "upfirdn2d, nothing in between": (
        lambda x: cpu.upfirdn2d(x, SEPARABLE, padding=(2,) * 4).square(),
        lambda x: reference.upfirdn2d(x, SEPARABLE, padding=(2,) * 4).square(),
        ((2, 3, 16, 17),),
    ),
    "scaled": (ops.scaled, lambda x, s: x * s[:, :, None, None], ((2, 3, 16, 17), (2, 3))),
    "noisy_act": (
        partial(ops.noisy_act, gain=1.5, clamp=1.5),
        partial(reference.noisy_act, slope=0.2, gain=1.5, clamp=1.5),
        ((2, 3, 16, 17), (2, 3), (2, 1, 16, 17), (3,)),
    ),
    "noisy_act, one noise for all": (
        ops.noisy_act,
        partial(reference.noisy_act, slope=0.2, gain=2**0.5, clamp=None),
        ((2, 3, 16, 17), (2, 3), (1, 1, 16, 17), (3,)),
    ),
    "conv2d by Winograd": (
        lambda x, w: winograd.conv2d(x, w, 1),
        lambda x, w: torch.nn.functional.conv2d(x, w, padding=1),
        ((2, 16, 18, 17), (17, 16, 3, 3)),
    ),
}


@pytest.mark.parametrize("name", FAST)
def test_fast_float32_paths_have_the_derivatives_of_the_float64_definition(name: str) -> None:
    fast, definition, shapes = FAST[name]
    exact = tuple(leaf(*shape, seed=number) for number, shape in enumerate(shapes))
    rounded = tuple(leaf(*shape, seed=number, dtype=torch.float32) for number, shape in enumerate(shapes))
    wanted, found = derivatives(definition, exact), derivatives(fast, rounded)
    assert len(found) == len(wanted)
    for actual, expected in zip(found, wanted, strict=True):
        assert actual.dtype == torch.float32
        error = (actual - expected).detach().abs().max() / expected.detach().abs().max()
        assert float(error) < 2e-5

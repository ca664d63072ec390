"""Bilinear sampling under affine maps: the loops beside torch's own, at edges, far outside, by any thread count."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gist import ops
from gist.ops import sampling


@pytest.fixture(autouse=True)
def _any_backend_is_reset() -> Iterator[None]:
    yield
    ops.set_backend("auto")


def _values_and_gradients(
    backend: ops.Backend, x: torch.Tensor, maps: torch.Tensor, height: int, width: int
) -> list[torch.Tensor]:
    ops.set_backend(backend)
    x = x.clone().requires_grad_()
    y = ops.affine_sample(x, maps, height, width)
    direction = torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=x.dtype)
    return [y, *torch.autograd.grad(y, x, direction)]


_SIZES = st.integers(1, 12)


@settings(deadline=None, max_examples=150)
@given(
    shape=st.tuples(st.integers(0, 3), st.integers(1, 3), _SIZES, _SIZES),
    height=_SIZES,
    width=_SIZES,
    seed=st.integers(0, 2**31),
    reach=st.sampled_from([0.1, 1.0, 30.0, 1000.0]),
)
def test_the_loops_equal_torchs_sampling_wherever_the_map_leads(
    shape: tuple[int, ...], height: int, width: int, seed: int, reach: float
) -> None:
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=random, dtype=torch.float64)
    maps = reach * torch.randn(shape[0], 2, 3, generator=random, dtype=torch.float64)
    ours = _values_and_gradients("auto", x, maps, height, width)
    torchs = _values_and_gradients("reference", x, maps, height, width)
    for our, expected in zip(ours, torchs, strict=True):
        torch.testing.assert_close(our, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_whole_steps_move_pixels_and_reflect_at_the_edges(backend: ops.Backend) -> None:
    ops.set_backend(backend)
    x = torch.arange(6.0).view(1, 1, 2, 3)
    # Centres lie at .5, so this reads one sample to the left and one below, mirrored where there is none.
    maps = torch.tensor([[[1.0, 0.0, -0.5], [0.0, 1.0, 1.5]]], dtype=torch.float64)
    expected = torch.tensor([[3.0, 3.0, 4.0, 5.0, 5.0], [3.0, 3.0, 4.0, 5.0, 5.0]])
    torch.testing.assert_close(ops.affine_sample(x, maps, 2, 5)[0, 0], expected)


def test_views_and_expanded_values_are_read_right() -> None:
    x = torch.randn(2, 3, 9, 8).transpose(2, 3)
    maps = torch.tensor([[[0.8, 0.1, 1.0], [-0.2, 0.9, 2.0]]], dtype=torch.float64).expand(2, 2, 3)
    torch.testing.assert_close(
        ops.affine_sample(x, maps, 9, 7), ops.affine_sample(x.contiguous(), maps.contiguous(), 9, 7)
    )
    wanted = x.contiguous().requires_grad_()
    (gradient,) = torch.autograd.grad(ops.affine_sample(wanted, maps, 9, 7).sum(), wanted)
    ops.set_backend("reference")
    (expected,) = torch.autograd.grad(ops.affine_sample(wanted, maps, 9, 7).sum(), wanted)
    torch.testing.assert_close(gradient, expected)


def test_results_have_the_same_bits_on_one_and_two_threads() -> None:
    random = torch.Generator().manual_seed(3)
    x = torch.randn(3, 2, 150, 130, generator=random)
    maps = torch.randn(3, 2, 3, generator=random, dtype=torch.float64)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            results.append(_values_and_gradients("auto", x, maps, 140, 120))
    finally:
        torch.set_num_threads(before)
    for one, two in zip(*results, strict=True):
        assert torch.equal(one, two)


def test_the_reproducible_transpose_for_cuda_equals_torchs() -> None:
    grid = 3 * torch.randn(2, 9, 7, 2, dtype=torch.float64)
    grad = torch.randn(2, 3, 9, 7, dtype=torch.float64)
    expected = torch.ops.aten.grid_sampler_2d_backward(
        grad, grad.new_zeros(2, 3, 6, 8), grid, 0, 2, False, [True, False]
    )[0]
    torch.testing.assert_close(sampling._spread_reproducibly(grad, grid, 6, 8), expected)

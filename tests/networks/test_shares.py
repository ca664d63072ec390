"""A batch in shares, one thread for each: the same numbers, whatever the threads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from gist.generators.gan.networks import build_discriminator, build_generator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.synthesis import synthesise
from gist.ops.shares import in_shares, side_by_side


@pytest.fixture(autouse=True)
def _threads_as_before() -> Iterator[None]:
    """Tests here choose torch's number of threads."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def _gradients(architecture: str, threads: int) -> list[Tensor]:
    """Logits and the gradients of w and of all weights of both networks, for seven images."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    spec = NetworkSpec(
        architecture, 32, channel_base=512, channel_max=16, d_channel_base=512, d_channel_max=16, w_dim=16
    )
    G, D = build_generator(spec), build_discriminator(spec)
    ws = torch.randn(7, G.num_ws, 16, requires_grad=True)
    images = in_shares(lambda _, ws: G.synthesis(ws), G.synthesis, ws)
    logits = D.judge(in_shares(lambda _, x: D.features(x), D, images))
    logits.square().sum().backward()
    weights = [*G.synthesis.parameters(), *D.parameters()]
    return [logits.detach(), ws.grad, *(weight.grad for weight in weights if weight.grad is not None)]


@pytest.mark.parametrize("architecture", ["stylegan3-t", "stylegan3-r", "stylegan2"])
def test_threads_that_share_a_batch_change_no_gradient_beyond_rounding(architecture: str) -> None:
    alone, *shared = (_gradients(architecture, count) for count in (1, 2, 3, 5))
    for result in shared:
        # All gradients as one vector: where rounding moves a value over the kink of a leaky ReLU, as it does on some
        # processors, one entry differs by more than rounding does.
        expected, value = (torch.cat([one.reshape(-1).double() for one in all_]) for all_ in (alone, result))
        assert float((value - expected).norm()) < 1e-3 * float(expected.norm())
    again = _gradients(architecture, 3)
    assert all(torch.equal(first, second) for first, second in zip(shared[1], again, strict=True))


def test_a_share_gets_its_rows_and_computes_with_one_thread() -> None:
    torch.set_num_threads(3)
    seen: list[tuple[int, int, int]] = []

    def function(rows: slice, x: Tensor) -> Tensor:
        seen.append((rows.start, rows.stop, torch.get_num_threads()))
        return x * torch.arange(rows.start, rows.stop)[:, None]

    x = torch.ones(7, 2, requires_grad=True)
    y = in_shares(function, torch.nn.Identity(), x)
    assert y[:, 0].tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert sorted(seen) == [(0, 2, 1), (2, 4, 1), (4, 7, 1)]
    assert torch.get_num_threads() == 3
    torch.set_num_threads(9)
    in_shares(function, torch.nn.Identity(), torch.ones(7, 2))
    assert sorted(seen[3:]) == [(0, 2, 3), (2, 4, 3), (4, 7, 3)], (
        "threads that are left over help within a share"
    )
    torch.set_num_threads(3)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad[:, 1].tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_a_second_derivative_of_shares_is_refused_and_not_wrong() -> None:
    torch.set_num_threads(2)
    x = torch.ones(4, 2, requires_grad=True)
    y = in_shares(lambda _, x: x**3, torch.nn.Identity(), x)
    with pytest.raises(RuntimeError, match="only once"):
        torch.autograd.grad(y.sum(), x, create_graph=True)


def test_without_gradients_nothing_is_recorded() -> None:
    torch.set_num_threads(2)
    weight = torch.nn.Linear(2, 2)
    with torch.no_grad():
        assert not in_shares(lambda _, x: weight(x), weight, torch.ones(4, 2)).requires_grad
    with torch.inference_mode():
        assert in_shares(lambda _, x: weight(x), weight, torch.ones(4, 2)).is_inference()


def test_what_fails_in_one_thread_is_raised_once_the_others_have_ended() -> None:
    torch.set_num_threads(2)
    ended: list[int] = []

    def work(item: int) -> int:
        if item == 0:
            raise MemoryError("no room")
        torch.randn(300, 300) @ torch.randn(300, 300)
        ended.append(item)
        return item

    with pytest.raises(MemoryError, match="no room"):
        side_by_side(work, range(4))
    assert sorted(ended) == [1, 2, 3]


def test_a_picture_has_the_same_bits_for_any_number_of_threads() -> None:
    torch.manual_seed(0)
    spec = NetworkSpec("stylegan3-t", 32, channel_base=1024, channel_max=24)
    G = build_generator(spec).eval()
    drawn = []
    for count in (1, 2, 3):
        torch.set_num_threads(count)
        drawn.append([picture.tobytes() for picture in synthesise(G, range(21))])
    assert drawn[0] == drawn[1] == drawn[2]

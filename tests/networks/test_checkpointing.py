"""Activation checkpointing: the same step from less memory."""

from __future__ import annotations

import copy
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from gist.generators.gan.generator import Generator
from gist.generators.gan.networks import build_generator
from gist.generators.gan.spec import NetworkSpec


def _step(G: Generator, checkpointing: bool) -> tuple[list[Tensor], int]:
    """Gradients of one backward pass, and how many bytes the forward pass kept for it."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    G.synthesis.checkpointing = checkpointing
    z = torch.randn(2, G.z_dim, generator=torch.Generator().manual_seed(4))
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        images = G(z, update_emas=True)
    return list(torch.autograd.grad(images.square().mean(), list(G.parameters()))), sum(kept.values())


# Configuration r keeps less to begin with: its 1x1 convolutions scale weights and need no scaled images.
@pytest.mark.parametrize(("architecture", "factor"), [("stylegan3-t", 3), ("stylegan3-r", 2)])
def test_a_step_gives_the_same_gradients_and_averages_and_keeps_less(architecture: str, factor: int) -> None:
    torch.manual_seed(0)
    spec = NetworkSpec(architecture, 32, z_dim=16, w_dim=16, channel_base=256, channel_max=16)
    plain = build_generator(spec)
    checkpointed = copy.deepcopy(plain)
    expected, plain_bytes = _step(plain, checkpointing=False)
    gradients, checkpointed_bytes = _step(checkpointed, checkpointing=True)
    for actual, wanted in zip(gradients, expected, strict=True):
        assert torch.equal(actual, wanted)
    for (name, actual), (_, wanted) in zip(checkpointed.named_buffers(), plain.named_buffers(), strict=True):
        assert torch.equal(actual, wanted), name
    assert checkpointed_bytes * factor < plain_bytes


def test_generating_without_gradients_is_untouched() -> None:
    G = build_generator(NetworkSpec("stylegan3-t", 16, z_dim=8, w_dim=8, channel_base=64, channel_max=8))
    z = torch.randn(1, 8)
    with torch.no_grad():
        expected = G(z)
        G.synthesis.checkpointing = True
        assert torch.equal(G(z), expected)


_FIRST_USE = """
import torch
from gist.generators.gan.spec import NetworkSpec
from gist.generators.gan.networks import build_generator
from gist.ops.shares import in_shares

torch.set_num_threads(2)
G = build_generator(NetworkSpec("stylegan3-t", 32, w_dim=16, channel_base=512, channel_max=16))
G.synthesis.checkpointing = True
images = in_shares(lambda _, ws: G.synthesis(ws), G.synthesis, torch.randn(4, G.num_ws, 16))
images.sum().backward()
"""


def test_the_first_operation_of_a_process_may_be_inside_a_checkpoint() -> None:
    # The fast operations try themselves out at their first use, and what they save then is not the layer's.
    ended = subprocess.run([sys.executable, "-c", _FIRST_USE], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr

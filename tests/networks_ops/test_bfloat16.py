"""bfloat16 inside a generator on CPU: nearly the picture of float32, and the same bits beside any mates."""

from __future__ import annotations

import pytest
import torch

from gist.generators.gan.networks import build_generator
from gist.generators.gan.spec import NetworkSpec


@pytest.mark.parametrize("architecture", ["stylegan3-t", "stylegan3-r"])
def test_pictures_differ_from_float32_by_a_few_hundredths_of_their_contrast(architecture: str) -> None:
    torch.manual_seed(0)
    G = build_generator(
        NetworkSpec(architecture, 32, z_dim=16, w_dim=16, channel_base=512, channel_max=32)
    ).eval()
    z = torch.randn(3, 16)
    with torch.no_grad():
        exact = G(z)
        G.synthesis.inner_dtype = torch.bfloat16
        coarse = G(z)
        beside_others = G(torch.cat([z[:1], torch.randn(2, 16)]))
    assert coarse.dtype == torch.float32
    contrast = (exact - exact.mean((2, 3), keepdim=True)).square().mean().sqrt()
    error = (coarse - exact).square().mean().sqrt() / contrast
    assert 0 < error < 0.06
    assert torch.equal(beside_others[0], coarse[0])

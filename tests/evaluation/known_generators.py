"""Generators whose pictures are known in closed form, to hold the measures to the truth."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gist.generators.gan.generator import Generator, NoiseMode, Synthesis
from gist.generators.gan.networks import build_generator
from gist.generators.gan.spec import NetworkSpec


class MovableInput(nn.Module):
    transform: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("transform", torch.eye(3))


class StuckPattern(Synthesis):
    """The same pixels wherever the input is moved."""

    num_ws = 1

    def __init__(self, side: int, std: float) -> None:
        super().__init__()
        self.input = MovableInput()
        self.pattern = std * torch.randn(1, 1, side, side, generator=torch.Generator().manual_seed(0))

    def forward(
        self,
        ws_NLW: Tensor,
        noise_mode: NoiseMode = "const",
        update_emas: bool = False,
        magnitudes: list[Tensor] | None = None,
    ) -> Tensor:
        del noise_mode, update_emas, magnitudes
        return self.pattern.expand(len(ws_NLW), -1, -1, -1)


class LinearPicture(Synthesis):
    """The first four entries of w as the four pixels of an 8 x 8 picture's quarters."""

    num_ws = 1

    def forward(
        self,
        ws_NLW: Tensor,
        noise_mode: NoiseMode = "const",
        update_emas: bool = False,
        magnitudes: list[Tensor] | None = None,
    ) -> Tensor:
        del noise_mode, update_emas, magnitudes
        return ws_NLW[:, 0, :4].reshape(-1, 1, 2, 2).repeat_interleave(4, 2).repeat_interleave(4, 3)


def generator_with(synthesis: Synthesis, side: int) -> Generator:
    torch.manual_seed(1)  # of the mapping network
    return Generator(NetworkSpec(architecture="stylegan3-t", resolution=side, z_dim=16, w_dim=16), synthesis)


def small_generator(architecture: str, *, classes: int = 0, side: int = 64) -> Generator:
    torch.manual_seed(1)
    spec = NetworkSpec(
        architecture=architecture,
        resolution=side,
        classes=classes,
        channel_base=1024,
        channel_max=32,
        z_dim=64,
        w_dim=64,
    )
    G = build_generator(spec)
    with torch.no_grad():
        G(
            torch.randn(8, 64),
            torch.eye(classes)[torch.arange(8) % classes] if classes else None,
            update_emas=True,
        )
    return G

"""DCGAN (Radford 2015), the simple baseline: strided convolutions, batch normalisation, nothing else.

Layout and initialisation are the paper's, with as many levels as the resolution asks for and 4x4 kernels, which a
stride of 2 divides, so that they leave no checkerboard. Departures that make it fit in: one mapping layer stands
before the projection, so that classes, truncation and transfer work as in the other architectures; classes enter the
discriminator by projection (Miyato 2018), which starts at zero.

Batch normalisation couples the images of a forward pass: here, unlike elsewhere, the micro-batch changes the result.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from gist.errors import InputError
from gist.generators.gan.discriminator import Discriminator
from gist.generators.gan.generator import NoiseMode, Synthesis
from gist.generators.gan.networks import Networks
from gist.generators.gan.spec import NetworkSpec

_WEIGHT_STD = 0.02
_MOMENTUM = 0.1
"""Weight of the newest batch in the running statistics."""


class BatchNorm(nn.Module):
    """Batch normalisation; by the running statistics in evaluation mode, by the batch's own in training."""

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(1 + _WEIGHT_STD * torch.randn(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))

    def forward(self, x_NCHW: Tensor, update: bool) -> Tensor:
        """Normalised features; `update` moves the running statistics by this batch."""
        if not self.training:
            return nn.functional.batch_norm(x_NCHW, self.mean, self.variance, self.weight, self.bias)
        if update:
            with torch.no_grad():
                variance_C, mean_C = torch.var_mean(x_NCHW, dim=(0, 2, 3))
                self.mean.lerp_(mean_C, _MOMENTUM)
                self.variance.lerp_(variance_C, _MOMENTUM)
        return nn.functional.batch_norm(x_NCHW, None, None, self.weight, self.bias, training=True)


def _widths(resolution: int, base: int, limit: int) -> list[int]:
    """Channels at 4x4, 8x8, ... to half the resolution."""
    return [min(base // 2**power, limit) for power in range(2, resolution.bit_length() - 1)]


class DCGANSynthesis(Synthesis):
    """w projected to 4x4, then doubled by transposed convolutions up to the image."""

    num_ws = 1
    couples_images = True  # through batch normalisation

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        widths = _widths(spec.resolution, spec.channel_base, spec.channel_max)
        self.project = nn.Linear(spec.w_dim, widths[0] * 16, bias=False)
        self.norms = nn.ModuleList(BatchNorm(width) for width in widths)
        self.layers = nn.ModuleList(
            nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)
            for inputs, outputs in pairwise([*widths, spec.channels])
        )
        _initialise(self)

    def forward(
        self,
        ws_NLW: Tensor,
        noise_mode: NoiseMode = "const",
        update_emas: bool = False,
        magnitudes: list[Tensor] | None = None,
    ) -> Tensor:
        """Images [N, channels, resolution, resolution] in -1 to 1; `noise_mode` changes nothing."""
        del noise_mode, magnitudes
        x_NCHW: Tensor = self.project(ws_NLW[:, 0].to(torch.float32)).unflatten(1, (-1, 4, 4))
        for norm, layer in zip(self.norms, self.layers, strict=True):
            x_NCHW = layer(torch.relu(norm(x_NCHW, update_emas)))
        return torch.tanh(x_NCHW)


class DCGANDiscriminator(Discriminator):
    """Halved by strided convolutions down to 4x4, then one linear layer. It cannot be frozen in part."""

    def __init__(self, spec: NetworkSpec, freeze_layers: int = 0) -> None:
        super().__init__(spec)
        if freeze_layers:
            raise InputError("dcgan has no layers to freeze; set train.freeze_discriminator_layers to 0.")
        widths = _widths(spec.resolution, spec.d_channel_base, spec.d_channel_max)[::-1]
        self.layers = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)
            for inputs, outputs in pairwise([spec.channels, *widths])
        )
        # The paper leaves out normalisation where the image comes in.
        self.norms = nn.ModuleList(BatchNorm(width) for width in widths[1:])
        self.out = nn.Linear(widths[-1] * 16, 1)
        self.embed = nn.Linear(spec.classes, widths[-1] * 16, bias=False) if spec.classes else None
        _initialise(self)
        if self.embed is not None:
            nn.init.zeros_(self.embed.weight)

    def judge(self, features_NCHW: Tensor, c_NK: Tensor | None = None) -> Tensor:
        """Logits [N, 1] of the images themselves, since batch normalisation couples them."""
        x_NCHW = nn.functional.leaky_relu(self.layers[0](features_NCHW), 0.2)
        for layer, norm in zip(list(self.layers)[1:], self.norms, strict=True):
            x_NCHW = nn.functional.leaky_relu(norm(layer(x_NCHW), self.training), 0.2)
        features_NF = x_NCHW.flatten(1)
        logits_N1: Tensor = self.out(features_NF)
        if self.embed is None:
            return logits_N1
        if c_NK is None or c_NK.shape[1:] != (self.c_dim,):
            raise InputError(
                f"the network is conditional and takes one-hot classes c of shape [N, {self.c_dim}]."
            )
        along_class_N1: Tensor = (self.embed(c_NK) * features_NF).sum(dim=1, keepdim=True)
        return logits_N1 + along_class_N1 / math.sqrt(features_NF.shape[1])


def _initialise(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, std=_WEIGHT_STD)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


NETWORKS = Networks(DCGANSynthesis, DCGANDiscriminator)

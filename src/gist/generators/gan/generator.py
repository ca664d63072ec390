"""A generator: the mapping network z -> w followed by a synthesis network w -> image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gist.generators.gan.mapping import MappingNetwork
from gist.generators.gan.spec import NetworkSpec
from gist.generators.model import Model

NoiseMode = Literal["const", "random", "none"] | Callable[[int], Tensor]
"""A callable gives the noise [N, 1, size, size] for a layer of that size, layer by layer."""


class Synthesis(nn.Module):
    """Base of the synthesis networks: `num_ws` vectors w per image in, images about [-1, 1] out."""

    num_ws: int
    checkpointing: bool = False
    """Keep only each layer's input for the backward pass and compute the layer again there: less memory for a
    third more work in G's step. Networks whose layers draw noise keep everything all the same."""
    to_rgb: tuple[str, ...] = ()
    """Names of the modules that make the image's channels, for a start with other colours."""
    couples_images: bool = False
    """Whether in training an image depends on the others of its batch."""
    inner_dtype: torch.dtype = torch.float32
    """In which the four highest resolutions compute; styles, demodulation and the image stay float32."""

    def forward(
        self,
        ws_NLW: Tensor,
        noise_mode: NoiseMode = "const",
        update_emas: bool = False,
        magnitudes: list[Tensor] | None = None,
    ) -> Tensor:
        """Images [N, channels, resolution, resolution] for ws [N, num_ws, w_dim].

        Networks with running averages of their layers' input magnitudes append this batch's, one [] per layer, to
        `magnitudes` where it is given.
        """
        raise NotImplementedError


class Generator(Model):
    """Mapping and synthesis network of one spec.

    `noise_mode` ("const", "random", "none" or a source of noise) matters only where layers add noise; "random" draws
    from torch's default generator. `update_emas` moves the running averages (w_avg and, where layers keep them, input
    magnitudes) by this batch, as one does once per training pass of G.
    """

    def __init__(self, spec: NetworkSpec, synthesis: Synthesis) -> None:
        super().__init__()
        self.spec = spec
        self.family = spec.architecture
        self.latent_shape = (spec.z_dim,)
        self.one_arena = spec.family.alias_free
        self.synthesis = synthesis
        self.mapping = MappingNetwork(
            z_dim=spec.z_dim,
            c_dim=spec.classes,
            w_dim=spec.w_dim,
            num_ws=synthesis.num_ws,
            layers=spec.mapping_layers,
            lr_multiplier=spec.mapping_lr_multiplier,
            w_avg_beta=spec.w_avg_beta,
        )
        self.num_ws = synthesis.num_ws
        self.z_dim = spec.z_dim
        self.w_dim = spec.w_dim
        self.c_dim = spec.classes
        self.img_resolution = spec.resolution
        self.img_channels = spec.channels

    def forward(
        self,
        z_NZ: Tensor,
        c_NK: Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        noise_mode: NoiseMode = "const",
        update_emas: bool = False,
    ) -> Tensor:
        """Images [N, channels, resolution, resolution], about [-1, 1], for latents z and classes c.

        c is one-hot [N, classes] and may be None for an unconditional network.
        """
        ws_NLW = self.mapping(z_NZ, c_NK, truncation_psi, truncation_cutoff, update_emas)
        images_NCHW: Tensor = self.synthesis(ws_NLW, noise_mode=noise_mode, update_emas=update_emas)
        return images_NCHW

    def description(self) -> dict[str, Any]:
        return self.spec.to_json()

"""Mapping network: latent z and class c to the intermediate latent w (Karras 2019, section 2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from gist.errors import InputError
from gist.generators.gan.layers import FullyConnected, normalize_second_moment


class MappingNetwork(nn.Module):
    """z [N, z_dim] and one-hot c [N, c_dim] to ws [N, num_ws, w_dim].

    With z_dim 0 it maps classes alone, as the discriminator needs; with num_ws 0 it returns [N, w_dim]
    and keeps no average of w.
    """

    w_avg: Tensor
    class_weight: float = 1.0
    """How far classes are told apart: 0, all are their mean; 1, each is itself. Below 1 in early training only."""

    def __init__(
        self,
        *,
        z_dim: int,
        c_dim: int,
        w_dim: int,
        num_ws: int,
        layers: int,
        lr_multiplier: float = 0.01,
        w_avg_beta: float = 0.998,
    ) -> None:
        super().__init__()
        self.z_dim = z_dim
        self.c_dim = c_dim
        self.w_dim = w_dim
        self.num_ws = num_ws
        self.w_avg_beta = w_avg_beta
        self.embed = FullyConnected(c_dim, w_dim) if c_dim > 0 else None
        widths = [z_dim + (w_dim if c_dim > 0 else 0)] + [w_dim] * layers
        self.layers = nn.ModuleList(
            FullyConnected(inputs, outputs, activation="lrelu", lr_multiplier=lr_multiplier)
            for inputs, outputs in pairwise(widths)
        )
        if num_ws > 0:
            self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(
        self,
        z_NZ: Tensor | None,
        c_NK: Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        update_emas: bool = False,
    ) -> Tensor:
        """ws; the first `truncation_cutoff` of them (all if None) are pulled to w_avg by 1 - psi."""
        x_NW = torch.cat(self._inputs(z_NZ, c_NK), dim=1)
        for layer in self.layers:
            x_NW = layer(x_NW)
        if self.num_ws == 0:
            return x_NW
        if update_emas:
            self.w_avg.copy_(x_NW.detach().mean(dim=0).lerp(self.w_avg, self.w_avg_beta))
        ws_NLW = x_NW.unsqueeze(1).expand(-1, self.num_ws, -1)
        if truncation_psi == 1:
            return ws_NLW
        cutoff = self.num_ws if truncation_cutoff is None else truncation_cutoff
        truncated_NLW = self.w_avg.lerp(ws_NLW[:, :cutoff], truncation_psi)
        return torch.cat([truncated_NLW, ws_NLW[:, cutoff:]], dim=1)

    def _inputs(self, z_NZ: Tensor | None, c_NK: Tensor | None) -> list[Tensor]:
        parts: list[Tensor] = []
        if self.z_dim > 0:
            if z_NZ is None or z_NZ.ndim != 2 or z_NZ.shape[1] != self.z_dim:
                raise InputError(
                    f"the network takes latents z of shape [N, {self.z_dim}], not {_shape(z_NZ)}."
                )
            parts.append(normalize_second_moment(z_NZ.to(torch.float32)))
        if self.embed is not None:
            if c_NK is None or c_NK.ndim != 2 or c_NK.shape[1] != self.c_dim:
                raise InputError(
                    f"the network is conditional and takes one-hot classes c of shape [N, {self.c_dim}], "
                    f"not {_shape(c_NK)}."
                )
            parts.append(self._embedded(self.embed, c_NK.to(torch.float32)))
        return parts

    def _embedded(self, embed: FullyConnected, c_NK: Tensor) -> Tensor:
        class_NW = normalize_second_moment(embed(c_NK))
        if self.class_weight == 1:
            return class_NW
        every_KW = normalize_second_moment(embed(torch.eye(self.c_dim, device=c_NK.device)))
        return every_KW.mean(dim=0, keepdim=True).lerp(class_NW, self.class_weight)


def fade_classes_in(networks: Iterable[nn.Module], images: int, fade_images: float) -> None:
    """Tells classes apart as far as they are after so many images, of `fade_images` over which they come apart: two
    fifths of the way not at all, then more and more (after Shahbazi et al. 2022). With 0 they always are.
    """
    weight = 1.0 if fade_images == 0 else min(1.0, max(0.0, (images / fade_images - 0.4) / 0.6))
    for network in networks:
        if isinstance(mapping := getattr(network, "mapping", None), MappingNetwork):
            mapping.class_weight = weight


def adopt_embedding(new: FullyConnected, old: FullyConnected, origins: Sequence[int]) -> bool:
    """Lets new class k start as old class origins[k]; whether that changed anything."""
    if list(origins) == list(range(old.weight.shape[1])):
        return False
    new.weight.copy_(old.weight[:, list(origins)] * (old.weight_gain / new.weight_gain))
    new.bias.copy_(old.bias)
    return True


def _shape(x: Tensor | None) -> str:
    return "None" if x is None else str(list(x.shape))

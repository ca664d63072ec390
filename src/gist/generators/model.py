"""What a training leaves, and what another may start from: a network from Gaussian latents and classes to images."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn


class Model(nn.Module):
    """Draws images; a `torch.nn.Module` like any other.

    Network files hold its parameters and buffers and are passed on: floating numbers, all finite, and never a
    training image or the mean of a few.
    """

    family: str
    """Name of its kind of generator."""
    latent_shape: tuple[int, ...]
    """Shape of one latent, which is drawn from a standard normal distribution."""
    c_dim: int
    """Classes; 0 for an unconditional model."""
    class_names: tuple[str, ...] = ()
    """Of the classes by number, where the file that it was loaded from names them."""
    img_resolution: int
    """Height and width in pixels."""
    img_channels: int
    """1 for grey images, 3 for RGB."""
    one_arena: bool = False
    """Whether threads that draw with it do best when they share one memory arena (see `ops.memory`)."""

    @property
    def device(self) -> torch.device:
        """Where its weights lie."""
        return next(chain(self.parameters(), self.buffers())).device

    @abstractmethod
    def forward(
        self,
        z: Tensor,
        c: Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> Tensor:
        """Images [N, img_channels, img_resolution, img_resolution], about -1 to 1.

        Args:
            z: latents [N, *latent_shape].
            c: one-hot classes [N, c_dim]; None for an unconditional model.
            truncation_psi: below 1 draws closer to the average image, if the model knows one.
            truncation_cutoff: number of layers that truncation applies to.
        """

    @abstractmethod
    def description(self) -> dict[str, Any]:
        """All that is needed to build it again, as JSON values; `architecture` is the name of its family."""


@dataclass(frozen=True)
class Start:
    """A model to continue from, and what training needs beside it, such as a discriminator, where there is one."""

    name: str
    model: Model
    companion: nn.Module | None = None
    class_names: tuple[str, ...] = ()
    """Classes by number; none where the file does not name them."""

"""What every discriminator is."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gist.errors import InputError
from gist.generators.gan.spec import NetworkSpec


class Discriminator(nn.Module):
    """Base of the discriminators: images [N, channels, resolution, resolution], about [-1, 1], and classes c to
    logits [N, 1]."""

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.spec = spec
        self.c_dim = spec.classes
        self.img_resolution = spec.resolution
        self.img_channels = spec.channels

    def forward(self, image_NCHW: Tensor, c_NK: Tensor | None = None) -> Tensor:
        """Logits [N, 1], higher for images that look real; c as for the generator."""
        return self.judge(self.features(image_NCHW), c_NK)

    def features(self, image_NCHW: Tensor) -> Tensor:
        """What is computed of each image by itself, [N, ...]: the first part of `forward`.

        Raises InputError for images of another shape.
        """
        expected = (self.img_channels, self.img_resolution, self.img_resolution)
        if image_NCHW.shape[1:] != expected:
            raise InputError(
                f"the discriminator takes images of shape [N, {', '.join(map(str, expected))}], "
                f"not {list(image_NCHW.shape)}."
            )
        return image_NCHW.to(torch.float32)

    def judge(self, features_NCHW: Tensor, c_NK: Tensor | None = None) -> Tensor:
        """Logits [N, 1] of images of these features, which are compared with each other: the rest of `forward`."""
        raise NotImplementedError

    def gradient_seen(self, gradient_NCHW: Tensor) -> Tensor:
        """A gradient at images in the coordinates in which they are seen, whose norm R1 holds down; pixels here."""
        return gradient_NCHW

    def adopt(self, source: Discriminator, class_origins: Sequence[int]) -> list[str]:
        """Takes over from another one, whose tensors of equal shape are copied already, what differs in classes or
        colours; class k starts as the source's class class_origins[k]. Returns the names of the tensors adapted."""
        del source, class_origins
        return []

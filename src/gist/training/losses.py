"""The adversarial game: non-saturating logistic loss, R1 and path length.

Goodfellow et al. 2014 (non-saturating loss), Mescheder et al. 2018 (R1), Karras et al. 2020 (lazy regularisation
and path length, sections 3.1 and 3.2), Karras et al. 2021 (blur of early training, appendix F).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from gist.networks import Generator, ops

Augment = Callable[[torch.Tensor], torch.Tensor]
"""What the discriminator's eyes see of an image batch [N, C, H, W]."""


def generator_loss(logits: torch.Tensor) -> torch.Tensor:
    """Mean of -log D(G(z)), logits [N, 1]."""
    return F.softplus(-logits).mean()


def discriminator_loss(logits: torch.Tensor, *, real: bool) -> torch.Tensor:
    """Mean logistic loss of one side, logits [N, 1]."""
    return F.softplus(-logits if real else logits).mean()


def r1_penalty(logits: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Mean squared gradient norm of the logits at the images [N, C, H, W]; times gamma / 2 it is R1."""
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient.square().sum([1, 2, 3]).mean()


@dataclass
class PathLength:
    """Path-length regularisation: a step in w should change the image by an amount that does not depend on w.

    Karras et al. 2020, equation 4. `mean` is the running average a of the lengths.
    """

    mean: torch.Tensor
    decay: float = 0.01

    def penalty(self, images: torch.Tensor, ws: torch.Tensor, random: torch.Generator) -> torch.Tensor:
        """Mean of (|J^T y| - a)^2 over images [N, C, H, W] made from ws [N, num_ws, w_dim]."""
        noise = (
            torch.randn(images.shape, generator=random).to(images)
            / (images.shape[2] * images.shape[3]) ** 0.5
        )
        (gradient,) = torch.autograd.grad((images * noise).sum(), ws, create_graph=True)
        lengths = gradient.square().sum(2).mean(1).sqrt()
        self.mean = self.mean.lerp(lengths.mean(), self.decay).detach()
        return (lengths - self.mean).square().mean()


def mix_styles(
    G: Generator, ws: torch.Tensor, c: torch.Tensor | None, probability: float, random: torch.Generator
) -> torch.Tensor:
    """With `probability`, layers from a random one on take the w of another z (Karras et al. 2019, section 3.1)."""
    if float(torch.rand((), generator=random)) >= probability:
        return ws
    cutoff = int(torch.randint(1, ws.shape[1], (), generator=random))
    z = torch.randn(ws.shape[0], G.z_dim, generator=random).to(ws.device)
    other = G.mapping(z, c)
    return torch.cat([ws[:, :cutoff], other[:, cutoff:]], dim=1)


def blur(images: torch.Tensor, sigma: float) -> torch.Tensor:
    """Gaussian blur of images [N, C, H, W] with `sigma` in pixels; nothing below half a pixel.

    Hides high frequencies from the discriminator early in training (Karras et al. 2021, appendix F).
    """
    radius = int(sigma * 3)
    if radius < 1:
        return images
    radius = min(radius, images.shape[2] // 2 - 1)
    taps = torch.arange(-radius, radius + 1, device=images.device, dtype=torch.float32)
    kernel = torch.exp2(-(taps / sigma).square())
    return ops.upfirdn2d(images, kernel / kernel.sum(), padding=(radius, radius, radius, radius))


def micro_batches(batch: int, micro_batch: int, group: int = 4) -> list[torch.Tensor]:
    """Splits a batch for gradient accumulation so that minibatch-standard-deviation groups stay whole.

    The discriminator compares image i with i + M, i + 2M, … (M = batch / group); each part takes whole groups, so
    the summed gradient equals that of the undivided batch.
    """
    if micro_batch >= batch:
        return [torch.arange(batch)]
    if batch % group or micro_batch % group:
        return list(torch.split(torch.arange(batch), micro_batch))
    columns = torch.arange(batch).reshape(group, batch // group)
    return [part.reshape(-1) for part in torch.split(columns, micro_batch // group, dim=1)]

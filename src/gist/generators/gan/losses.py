"""The adversarial game: non-saturating logistic loss, R1 and path length.

Goodfellow et al. 2014 (non-saturating loss), Mescheder et al. 2018 (R1), Karras et al. 2020 (lazy regularisation
and path length, sections 3.1 and 3.2), Karras et al. 2021 (blur of early training, appendix F).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional as F

from gist import ops
from gist.generators.gan.generator import Generator
from gist.ops import reference


def generator_loss(logits: torch.Tensor) -> torch.Tensor:
    """Mean of -log D(G(z)), logits [N, 1]."""
    return F.softplus(-logits).mean()


def discriminator_loss(logits: torch.Tensor, *, real: bool) -> torch.Tensor:
    """Mean logistic loss of one side, logits [N, 1]."""
    return F.softplus(-logits if real else logits).mean()


def r1_penalty(
    logits: torch.Tensor, images: torch.Tensor, seen: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Mean squared gradient norm of the logits at the images [N, C, H, W]; times gamma / 2 it is R1.

    The norm is that of `seen`, the gradient in the coordinates in which the discriminator sees images.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return seen(gradient).square().sum([1, 2, 3]).mean()


def path_lengths(images: torch.Tensor, ws: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Lengths |J^T y| [N] of images [N, C, H, W] made from ws [N, num_ws, w_dim], for noise y like the images.

    Path-length regularisation asks that a step in w change the image by the same amount everywhere: its penalty
    is the mean of (length - a)^2, a the running average of the lengths (Karras et al. 2020, equation 4).
    """
    scaled = noise / (images.shape[2] * images.shape[3]) ** 0.5
    (gradient,) = torch.autograd.grad((images * scaled).sum(), ws, create_graph=True)
    return gradient.square().sum(2).mean(1).sqrt()


def mix_styles(
    G: Generator,
    ws: torch.Tensor,
    c: torch.Tensor | None,
    probability: float,
    random: torch.Generator,
    part: torch.Tensor,
    batch: int,
) -> torch.Tensor:
    """With `probability`, layers from a random one on take the w of another z (Karras et al. 2019, section 3.1).

    ws [N, num_ws, w_dim] are those of images `part` [N] of a batch; the draw is made for the batch as a whole.
    """
    if float(torch.rand((), generator=random)) >= probability:
        return ws
    cutoff = int(torch.randint(1, ws.shape[1], (), generator=random))
    z = torch.randn(batch, G.z_dim, generator=random)[part]
    other = G.mapping(ops.sent(z, ws.device), c)
    return torch.cat([ws[:, :cutoff], other[:, cutoff:]], dim=1)


def blur(images: torch.Tensor, sigma: float) -> torch.Tensor:
    """Gaussian blur of images [N, C, H, W] with `sigma` in pixels; nothing below half a pixel.

    Hides high frequencies from the discriminator early in training (Karras et al. 2021, appendix F).
    """
    radius = int(sigma * 3)
    if radius < 1:
        return images
    radius = min(radius, images.shape[2] // 2 - 1)
    taps = torch.arange(-radius, radius + 1, dtype=torch.float32)
    kernel = torch.exp2(-(taps / sigma).square())
    # By plain torch: the fast paths plan each filter, and this one changes from step to step.
    return reference.upfirdn2d(images, kernel / kernel.sum(), padding=(radius, radius, radius, radius))

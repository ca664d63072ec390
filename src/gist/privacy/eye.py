"""An eye of the audit's own: a small network that learns which pictures are of one image, of the training images alone.

Two views of one image, changed at random, shall lie close, and those of others apart (InfoNCE: van den Oord 2018,
Chen 2020). Where a patient has several images, the second view is sometimes one of another of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

EYE_SIDE = 32
_BATCH = 96
_TEMPERATURE = 0.1
_SAME_PATIENT = 0.2
_ROWS = 512


class Eye(nn.Module):
    """Images [N, 1, 32, 32] -> unit vectors [N, 96]."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs, stride in ((1, 24, 2), (24, 48, 2), (48, 96, 2)):
            layers += [
                nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
                nn.GroupNorm(8, outputs),
                nn.ReLU(inplace=True),
            ]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(96 * (EYE_SIDE // 8) ** 2, 96))

    def forward(self, x: Tensor) -> Tensor:
        spread, mean = torch.std_mean(x, (1, 2, 3), keepdim=True)
        return F.normalize(self.body((x - mean) / (spread + 1e-3)), dim=1)


def train_eye(
    x_NHW: NDArray[np.float32],
    patients_N: NDArray[np.str_],
    steps: int,
    seed: int,
    device: torch.device,
    tick: Callable[[int], None],
) -> Eye:
    """An eye taught on images [N, 32, 32]; equal names in `patients_N` are one patient's."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        eye = Eye().to(device)
    random = torch.Generator(device="cpu").manual_seed(seed)
    rng = np.random.default_rng(seed)
    x = torch.from_numpy(x_NHW)[:, None]
    others = _others(patients_N)
    optimiser = torch.optim.AdamW(eye.parameters(), 2e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    batch = min(_BATCH, len(x))
    target = torch.arange(2 * batch, device=device).roll(batch)
    itself = torch.eye(2 * batch, dtype=torch.bool, device=device)
    for _ in range(steps):
        first = rng.choice(len(x), batch, replace=False)
        second = np.where(rng.random(batch) < _SAME_PATIENT, [rng.choice(others[i]) for i in first], first)
        seen = torch.cat([changed(x[torch.from_numpy(i)], random) for i in (first, second)])
        vectors = eye(seen.to(device))
        alike = (vectors @ vectors.T / _TEMPERATURE).masked_fill(itself, -torch.inf)
        loss = F.cross_entropy(alike, target)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        tick(1)
    return eye.eval().requires_grad_(False)


@torch.no_grad()
def looks(eye: Eye, x_NHW: NDArray[np.float32]) -> NDArray[np.float64]:
    """What the eye sees of images [N, 32, 32]: the mean of each and of its mirror image, unit vectors [N, 96]."""
    device = next(eye.parameters()).device
    found = []
    for start in range(0, len(x_NHW), _ROWS):
        x = torch.from_numpy(x_NHW[start : start + _ROWS])[:, None].to(device)
        found.append(F.normalize(eye(x) + eye(x.flip(3)), dim=1).cpu().numpy().astype(np.float64))
    return np.concatenate(found)


def changed(x: Tensor, random: torch.Generator) -> Tensor:
    """Each image [N, 1, H, W] shifted, turned, cropped, mirrored, exposed, blurred and with noise, at random."""
    n = len(x)

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(n, 1, 1, 1, generator=random)

    angle, scale = uniform(-0.14, 0.14).flatten(), uniform(0.85, 1.05).flatten()
    mirror = torch.where(torch.rand(n, generator=random) < 0.5, -1.0, 1.0)
    across, down = uniform(-0.16, 0.16).flatten(), uniform(-0.16, 0.16).flatten()
    cos, sin = scale * angle.cos(), scale * angle.sin()
    affine = torch.stack(
        [torch.stack([mirror * cos, -sin, across], 1), torch.stack([mirror * sin, cos, down], 1)], 1
    )
    grid = F.affine_grid(affine, list(x.shape), align_corners=False)
    x = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
    soft = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    x = torch.lerp(x, soft, uniform(0, 1))
    x = x.clamp(1e-4, 1) ** torch.exp(uniform(-0.35, 0.35))
    x = uniform(0.75, 1.3) * x + uniform(-0.15, 0.15)
    return x + uniform(0, 0.05) * torch.randn(x.shape, generator=random)


def _others(patients_N: NDArray[np.str_]) -> list[NDArray[np.int64]]:
    """For each image the other images of its patient, or itself where there is none."""
    _, patient = np.unique(patients_N, return_inverse=True)
    members = np.split(np.argsort(patient, kind="stable"), np.cumsum(np.bincount(patient))[:-1])
    found = []
    for image, of in enumerate(patient):
        rest = members[of][members[of] != image]
        found.append(rest if len(rest) else np.array([image]))
    return found

"""One training of one classifier: Adam, mild augmentation without flips, the best step by validation."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from gist.generators.learning.randomness import random_stream
from gist.utility.classifiers import Classifier, build_network
from gist.utility.pools import Labels, Pool

CHECKS = 8
"""How often in a training the validation images are looked at."""
LARGEST_SHIFT = 0.06
"""Shares of the picture's width."""
LARGEST_TURN = math.radians(6)
LARGEST_ZOOM = 0.08
LARGEST_GAIN = 0.15
_PREDICTED_AT_ONCE = 128
_AUXILIARY_WEIGHT = 0.3  # of Inception's second head: Szegedy et al., arXiv:1409.4842, section 5


@dataclass(frozen=True)
class Learned:
    """What one training gave."""

    best_step: int
    validation: tuple[float, ...]
    """Balanced accuracy on the validation images at each look."""
    predicted: dict[str, tuple[int, ...]]
    """Name of the test images -> predicted class of each, in order."""


def learn(
    classifier: Classifier,
    training: Pool,
    validation: Pool,
    tests: Mapping[str, Pool],
    *,
    classes: int,
    steps: int,
    seed: int,
    weights: Path | None,
    device: torch.device,
    between_steps: Callable[[], None] = lambda: None,
) -> Learned:
    """Trains for `steps` steps, keeps the state that validates best, and classifies the test images with it.

    Every batch holds the classes in equal shares on average. With equal arguments and threads the outcome is equal
    to the bit on a CPU; the weights' start depends on `seed` only, so arms of one seed start alike.
    """
    draws = random_stream(seed, "utility batches", 0)
    with (
        torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
        torch.backends.cudnn.flags(enabled=True, deterministic=True, benchmark=False),
    ):
        torch.manual_seed(seed)
        network = build_network(classifier.name, classes, weights, training.colours)
        # Channels last is a fifth quicker on a CPU.
        network = network.to(device).to(memory_format=torch.channels_last)
        rate = classifier.learning_rate if weights is None else classifier.learning_rate_pretrained
        optimizer = torch.optim.Adam(network.parameters(), lr=rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.15)
        images = torch.from_numpy(training.images).to(device)
        labels = torch.from_numpy(training.labels).to(device)
        order = _balanced_order(training.labels, steps * classifier.batch, draws).view(steps, -1)
        looks = {round(steps * (look + 1) / CHECKS) for look in range(CHECKS)}
        best, best_step, best_state, validated = -1.0, 0, network.state_dict(), []
        for step in range(1, steps + 1):
            network.train()
            chosen = order[step - 1].to(device)
            x_NCHW = _input(_augmented(_standardised(images[chosen]), draws), classifier)
            loss = _loss(network(x_NCHW), labels[chosen])
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            between_steps()
            if step in looks and len(validation):
                found = _predict(network, validation.images, classifier, device)
                validated.append(_mean_recall(validation.labels, found))
                # Of equal ones the later, which has seen more.
                if validated[-1] >= best:
                    best, best_step = validated[-1], step
                    best_state = copy.deepcopy(network.state_dict())
        if best_step:
            network.load_state_dict(best_state)
        predicted = {name: _predict(network, pool.images, classifier, device) for name, pool in tests.items()}
    return Learned(
        best_step or steps,
        tuple(validated),
        {name: tuple(int(k) for k in found) for name, found in predicted.items()},
    )


def _balanced_order(labels: Labels, length: int, draws: torch.Generator) -> Tensor:
    """Indices [length]: first a class evenly, then one of its images; each image comes round before any again."""
    classes = np.unique(labels)
    picked = torch.randint(len(classes), (length,), generator=draws)
    order = torch.empty(length, dtype=torch.int64)
    for position, label in enumerate(classes):
        members = torch.from_numpy(np.flatnonzero(labels == label))
        places = torch.nonzero(picked == position)[:, 0]
        rounds: Sequence[Tensor] = [
            members[torch.randperm(len(members), generator=draws)]
            for _ in range(math.ceil(len(places) / len(members)))
        ]
        if rounds:
            order[places] = torch.cat(list(rounds))[: len(places)]
    return order


def _standardised(images: Tensor) -> Tensor:
    """uint8 [N, H, W] or [N, H, W, 3] -> float [N, C, H, W] of mean 0 and standard deviation 1 in every image."""
    x = images.float()
    spread, mean = torch.std_mean(x, dim=tuple(range(1, x.ndim)), keepdim=True)
    even = (x - mean) / (spread + 1.0)
    return even.unsqueeze(1) if even.ndim == 3 else even.permute(0, 3, 1, 2)


def _augmented(x_NCHW: Tensor, draws: torch.Generator) -> Tensor:
    """Small shifts, turns, zooms and changes of contrast; no flips, since left and right differ in a body."""
    count = len(x_NCHW)
    uniform = (2 * torch.rand((count, 5), generator=draws) - 1).to(x_NCHW.device)
    turn, zoom = LARGEST_TURN * uniform[:, 0], 1 + LARGEST_ZOOM * uniform[:, 1]
    shift = 2 * LARGEST_SHIFT * uniform[:, 2:4]  # a picture is 2 wide in these coordinates
    cos, sin = zoom * torch.cos(turn), zoom * torch.sin(turn)
    theta = torch.stack(
        [torch.stack([cos, -sin, shift[:, 0]], dim=1), torch.stack([sin, cos, shift[:, 1]], dim=1)], dim=1
    )
    grid = F.affine_grid(theta, list(x_NCHW.shape), align_corners=False)
    moved = F.grid_sample(x_NCHW, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return moved * (1 + LARGEST_GAIN * uniform[:, 4]).view(-1, 1, 1, 1)


def _input(x_NCHW: Tensor, classifier: Classifier) -> Tensor:
    """As the network takes it: torchvision's want three channels and their own size."""
    if classifier.name == "small":
        return x_NCHW
    size = (classifier.pixels, classifier.pixels)
    if tuple(x_NCHW.shape[2:]) != size:
        x_NCHW = F.interpolate(x_NCHW, size=size, mode="bilinear", align_corners=False)
    return x_NCHW.expand(-1, 3, -1, -1)


def _loss(output: Tensor | tuple[Tensor, Tensor], labels_N: Tensor) -> Tensor:
    if isinstance(output, tuple):
        main, auxiliary = output
        return F.cross_entropy(main, labels_N) + _AUXILIARY_WEIGHT * F.cross_entropy(auxiliary, labels_N)
    return F.cross_entropy(output, labels_N)


@torch.no_grad()
def _predict(
    network: nn.Module, images: NDArray[np.uint8], classifier: Classifier, device: torch.device
) -> Labels:
    network.eval()
    found = []
    for first in range(0, len(images), _PREDICTED_AT_ONCE):
        part = torch.from_numpy(images[first : first + _PREDICTED_AT_ONCE]).to(device)
        found.append(network(_input(_standardised(part), classifier)).argmax(dim=1).cpu().numpy())
    return np.concatenate(found).astype(np.int64) if found else np.zeros(0, np.int64)


def _mean_recall(truth: Labels, predicted: Labels) -> float:
    return float(np.mean([(predicted[truth == label] == label).mean() for label in np.unique(truth)]))

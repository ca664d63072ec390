"""A trainer on noise images, small enough to take steps in milliseconds, and how far two of them are apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from gist.config.families import TrainConfig
from gist.generators.augment import AdaController, AugmentPipe
from gist.generators.gan.family import GanFamily
from gist.generators.gan.learner import GanLearner
from gist.generators.gan.networks import build_discriminator, build_generator
from gist.generators.gan.plan import GanPlan, specification
from gist.generators.gan.state import new_state
from gist.generators.learning.images import TrainingImages
from gist.generators.learning.plan import Fingerprint
from gist.generators.planning import plan_training
from gist.generators.registry import family_named
from gist.images.archive import DataSet
from gist.images.png import encode_png

SIDE = 32


def small_trainer(
    architecture: str,
    *,
    batch: int,
    micro_batch: int | None = None,
    device: torch.device | str = "cpu",
    **more: Any,
) -> GanLearner:
    """Always the same start: seed 0, three classes, augmentation at p = 0.3."""
    config = TrainConfig.model_validate(
        {
            "architecture": architecture,
            "batch": batch,
            "micro_batch": micro_batch or batch,
            "channel_base": 512,
            "channel_max": 16,
            "z_dim": 32,
            "w_dim": 32,
            "gamma": 0.1,
        }
    )
    names = ("a", "b", "c")
    plan = plan_training(config, Fingerprint(12, SIDE, names, on_gpu=False))
    torch.manual_seed(0)
    assert isinstance(plan, GanPlan)
    spec = specification(gan_family(architecture), plan, SIDE, 1, len(names))
    ada = AdaController(fixed_p=0.3)
    G, D = (network.to(device) for network in (build_generator(spec), build_discriminator(spec)))
    state = new_state(G, D, plan, ada)
    images = TrainingImages(_noise(names), conditional=True, seed=0)
    return GanLearner(state, plan, images, AugmentPipe("radiograph"), 0, **more)


def gan_family(architecture: str) -> GanFamily:
    family = family_named(architecture)
    assert isinstance(family, GanFamily)
    return family


def distance(
    ours: dict[str, torch.Tensor],
    others: dict[str, torch.Tensor],
    of: tuple[str, ...] = ("G", "D", "G_ema", "G_adam", "D_adam"),
) -> float:
    """Largest relative distance of two states' networks and Adam moments, each group's in the 2-norm."""
    assert ours.keys() == others.keys()
    squares: dict[str, list[float]] = {}
    for name, value in ours.items():
        if name.split("/")[0] not in of:
            continue
        group = squares.setdefault(name.split("/")[0], [0.0, 0.0])
        group[0] += float((value.double() - others[name].double()).square().sum())
        group[1] += float(value.double().square().sum())
    return max(float((apart / max(size, 1e-30)) ** 0.5) for apart, size in squares.values())


def _noise(names: tuple[str, ...]) -> DataSet:
    random = np.random.default_rng(0)
    pngs = tuple(encode_png(random.integers(0, 255, (SIDE, SIDE), np.uint8)) for _ in range(12))
    return DataSet(tuple(map(str, range(12))), np.arange(12) % len(names), names, SIDE, pngs)

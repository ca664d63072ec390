"""What discriminator augmentation adds to a training step, as a share of the step without it.

    python benchmarks/augmentation.py [--cases t-64-8 stylegan2-256-4] [--p 0.3 0.85 1] [--device cpu|cuda]

Whole steps of the trainer on noise images (G, D, Adam, averages; R1 and path length in their 16th and 4th
steps), one with each p after the other, so that other work on the machine slows all alike; medians of `--rounds`.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from statistics import median
from typing import Literal

import numpy as np
import torch
from turns import Case

from gist import ops
from gist.config.families import TrainConfig
from gist.generators.augment import AdaController, AugmentPipe
from gist.generators.gan.learner import GanLearner
from gist.generators.gan.plan import GanPlan
from gist.generators.gan.state import PATH_LENGTH_INTERVAL, R1_INTERVAL, new_state
from gist.generators.learning.images import TrainingImages
from gist.generators.learning.plan import Fingerprint
from gist.generators.planning import plan_training
from gist.images.archive import DataSet
from gist.images.png import encode_png

PHASES = {1: "plain", PATH_LENGTH_INTERVAL: "path length", R1_INTERVAL: "R1"}
"""A step of each kind by its number."""


def trainer_of(case: Case, preset: Literal["radiograph", "bgc"], device: str) -> GanLearner:
    ops.tune_memory_allocator(one_arena=case.alias_free)
    torch.manual_seed(0)
    G, D = (network.to(device) for network in case.networks())
    config = TrainConfig.model_validate({"architecture": G.spec.architecture, "early_blur": False})
    fingerprint = Fingerprint(64, case.resolution, (), on_gpu=device == "cuda")
    plan = replace(plan_training(config, fingerprint), batch=case.batch, micro_batch=case.batch)
    noise = np.random.default_rng(0).integers(0, 256, (64, case.resolution, case.resolution), np.uint8)
    pngs = tuple(map(encode_png, noise))
    images = DataSet(tuple(map(str, range(64))), np.zeros(64, np.int64), (), case.resolution, pngs)
    assert isinstance(plan, GanPlan)
    pipe = AugmentPipe(preset)
    state = new_state(G, D, plan, AdaController())
    return GanLearner(state, plan, TrainingImages(images, conditional=False, seed=0), pipe, seed=0)


def seconds_per_step(trainer: GanLearner, probabilities: list[float], rounds: int) -> dict[float, float]:
    """Mean over sixteen steps by p: each kind of step counts as often as it comes."""
    times: dict[tuple[float, int], list[float]] = {}
    for number in range(-1, rounds):
        for phase in PHASES:
            for p in probabilities:
                trainer.state.ada = AdaController(fixed_p=p)
                # Other rounds, other random numbers; the remainder decides what the step does.
                trainer.state.images = (phase + (number + 1) * R1_INTERVAL) * trainer.plan.batch
                began = time.perf_counter()
                trainer.step()
                if number >= 0:
                    times.setdefault((p, phase), []).append(time.perf_counter() - began)
    shares = {1: 12, PATH_LENGTH_INTERVAL: 3, R1_INTERVAL: 1}
    return {
        p: sum(share * median(times[p, phase]) for phase, share in shares.items()) / sum(shares.values())
        for p in probabilities
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    cases = "t-64-8 r-64-8 stylegan2-64-8 t-256-4 r-256-4 stylegan2-256-4"
    parser.add_argument("--cases", nargs="+", default=cases.split())
    parser.add_argument("--p", nargs="+", type=float, default=[0.3, 0.85, 1.0])
    parser.add_argument("--preset", default="radiograph", choices=["radiograph", "bgc"])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, preset {options.preset}, {options.threads} threads, {options.device}")
    print("config-resolution-batch-base-max  ms per step  " + " ".join(f"p={p:<6g}" for p in options.p))
    for case in map(Case.parse, options.cases):
        trainer = trainer_of(case, options.preset, options.device)
        times = seconds_per_step(trainer, [0.0, *options.p], options.rounds)
        added = " ".join(f"{times[p] / times[0.0] - 1:+8.1%}" for p in options.p)
        print(f"{case!s:<33} {1000 * times[0.0]:11.1f}  {added}", flush=True)


if __name__ == "__main__":
    main()

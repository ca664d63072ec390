"""A learner before its first step: new networks, or those of a start adapted to the data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch

from gist import ops
from gist.files import write_json
from gist.generators.augment import AdaController, AugmentPipe
from gist.generators.gan.discriminator import Discriminator
from gist.generators.gan.generator import Generator
from gist.generators.gan.learner import GanLearner
from gist.generators.gan.networks import build_discriminator, build_generator
from gist.generators.gan.plan import GanPlan, specification
from gist.generators.gan.settings import GanSettings
from gist.generators.gan.spec import NetworkSpec
from gist.generators.gan.state import new_state
from gist.generators.gan.surgery import Transfer, adapt_state
from gist.generators.learning.learner import TrainingContext
from gist.generators.learning.plan import TrainingPlan
from gist.generators.learning.randomness import random_stream
from gist.generators.model import Start

if TYPE_CHECKING:
    from gist.generators.gan.family import GanFamily


def new_learner(family: GanFamily, plan: TrainingPlan, context: TrainingContext) -> GanLearner:
    """The learner of a plan.

    Raises:
        InputError: the start has another architecture or latent size.
    """
    assert isinstance(plan, GanPlan)
    settings = cast(GanSettings, context.settings)
    data_set = context.images.data_set
    spec = specification(family, plan, data_set.resolution, data_set.channels, len(data_set.class_names))
    ops.tune_memory_allocator(one_arena=family.alias_free)
    torch.manual_seed(random_stream(context.seed, "initial weights", 0).initial_seed())
    frozen = settings.freeze_discriminator_layers
    if context.start is not None and not context.continues:
        G, D = take_over(context.start, spec, frozen, context)
    else:
        G, D = build_generator(spec), build_discriminator(spec, freeze_layers=frozen)
    device = context.device.torch_device
    ada = AdaController(
        target=settings.augment_target,
        # Slow as published only where much is shown; never by train.kimg, which may change in mid-training.
        kimg_to_full=500.0 if context.device.on_gpu and context.start is None else 100.0,
        p_max=settings.augment_p_max,
        fixed_p=0.0 if settings.augment == "none" else None,
    )
    state = new_state(G.to(device), D.to(device), plan, ada)
    state.G.synthesis.checkpointing = settings.checkpointing
    return GanLearner(
        state,
        plan,
        context.images,
        AugmentPipe(settings.augment, allow_mirror=context.settings.allow_mirror),
        context.seed,
        team=context.team,
        on_note=context.note,
    )


def take_over(
    start: Start, spec: NetworkSpec, freeze_layers: int, context: TrainingContext
) -> tuple[Generator, Discriminator]:
    """Networks of `spec` that continue from the start; `start.json` says what became of every tensor.

    A class starts as the start's class of the same name; one that the start does not name, as one of its others.

    Raises:
        InputError: the start has another architecture or latent size.
    """
    old_G, old_D = start.model, start.companion
    assert isinstance(old_G, Generator)
    class_names = context.class_names
    origins = _class_origins(start, old_G, class_names) if spec.classes else None
    G, transfers = adapt_state(old_G, spec, class_origins=origins)
    fates = _by_fate(transfers)
    record: dict[str, object] = {"start": start.name, "generator": fates}
    if old_D is None:
        D = build_discriminator(spec, freeze_layers=freeze_layers)
    else:
        assert isinstance(old_D, Discriminator)
        D, transfers = adapt_state(old_D, spec, class_origins=origins, freeze_layers=freeze_layers)
        record["discriminator"] = _by_fate(transfers)
    if origins is not None and old_G.c_dim:
        known = start.class_names or tuple(f"class {number}" for number in range(old_G.c_dim))
        record["classes"] = {name: known[k] for name, k in zip(class_names, origins, strict=True)}
        pairs = ", ".join(f"{name} as {known[k]}" for name, k in zip(class_names, origins, strict=True))
        context.note(f"Classes start as those of {start.name}: {pairs}.")
    _write(context.folder, record)
    counts = ", ".join(f"{len(names)} {fate}" for fate, names in fates.items())
    context.note(f"Starting from {start.name}; tensors of the generator: {counts}.")
    return G.train(), D.train()


def _write(folder: Path | None, record: dict[str, object]) -> None:
    if folder is not None:
        write_json(folder / "start.json", record)


def _class_origins(start: Start, G: Generator, class_names: tuple[str, ...]) -> list[int]:
    """Number of the start's class that each class begins as; by name, else by position."""
    count = max(1, G.c_dim)
    return [
        start.class_names.index(name) if name in start.class_names[:count] else position % count
        for position, name in enumerate(class_names)
    ]


def _by_fate(transfers: list[Transfer]) -> dict[str, list[str]]:
    fates: dict[str, list[str]] = {}
    for transfer in transfers:
        fates.setdefault(transfer.fate, []).append(transfer.name)
    return fates

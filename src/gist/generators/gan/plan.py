"""From what the data and the device are to the settings that training uses, each with its reason.

Starting points: Karras et al. 2021 (StyleGAN3, appendix E and F), Karras et al. 2020 (ADA, appendix C).
"""

from __future__ import annotations

from typing import Any

from gist.errors import InputError
from gist.generators.gan.spec import NetworkSpec
from gist.generators.learning.plan import Fingerprint, TrainingPlan
from gist.stages.train import TrainConfig

_LARGEST_ALIAS_FREE_ON_CPU = 64


def plan_training(
    config: TrainConfig, data: Fingerprint, start: NetworkSpec | None = None, *, start_judges: bool = False
) -> TrainingPlan:
    """Resolves every `auto` of the training settings; sizes of a starting network are taken over from it.

    `start_judges`: the start brings its discriminator along.

    Raises:
        InputError: a setting contradicts the data, such as classes asked for where there is one.
    """
    reasons: dict[str, str] = {}

    taken_over = {} if start is None else sizes_of_start(config, start)

    def choose(name: str, value: Any, reason: str) -> Any:
        given = getattr(config, name)
        if name in taken_over:
            reasons[name] = "taken over from the starting network"
            return taken_over[name]
        if given != "auto":
            reasons[name] = "given in the settings"
            return given
        reasons[name] = reason
        return value

    small = "a CPU needs the small network"
    architecture = choose("architecture", *_architecture(data, start))
    stylegan2, dcgan = architecture == "stylegan2", architecture == "dcgan"
    classes = len(data.class_names)
    conditional = choose(
        "conditional", classes > 1, f"the data has {classes} classes" if classes else "the data has no labels"
    )
    if conditional and classes < 2:
        raise InputError(
            f"train.conditional asks for classes, but the data set has {'one class' if classes else 'no labels'}; "
            "give labels for two classes or more, or set train.conditional=false."
        )
    batch = choose(
        "batch",
        32 if data.on_gpu else 8,
        "a GPU carries the papers' 32"
        if data.on_gpu
        else "on a CPU many small steps learn sooner than few big ones",
    )
    gamma = choose(
        "gamma",
        _r1_weight(architecture, data.resolution, batch),
        f"grows with pixels and falls with the batch: {data.resolution}x{data.resolution}, batch {batch}",
    )
    kimg = choose("kimg", *_length(data, start))
    return TrainingPlan(
        architecture=architecture,
        conditional=conditional,
        kimg=kimg,
        batch=batch,
        micro_batch=choose(
            "micro_batch", batch, "the whole batch at once; it is halved where memory runs out"
        ),
        gamma=gamma,
        generator_lr=choose(
            "generator_lr", 0.0002 if dcgan else 0.0025, "as published for this architecture"
        ),
        discriminator_lr=choose(
            "discriminator_lr",
            0.0002 if dcgan else 0.0025 if stylegan2 else 0.002,
            "as published for this architecture",
        ),
        channel_base=choose(
            "channel_base",
            (16384 if data.resolution <= 256 else 32768) if data.on_gpu else 2048,
            "as published for this resolution" if data.on_gpu else small,
        ),
        channel_max=choose(
            "channel_max",
            512 if data.on_gpu else 64 if stylegan2 else 32,
            "as published" if data.on_gpu else small,
        ),
        discriminator_channel_max=choose(
            "discriminator_channel_max",
            512 if data.on_gpu else 64,
            "as published"
            if data.on_gpu
            else "the discriminator is cheap, so it may be wider than the generator",
        ),
        z_dim=choose("z_dim", 512 if data.on_gpu else 256, "as published" if data.on_gpu else small),
        w_dim=choose("w_dim", 512 if data.on_gpu else 256, "as published" if data.on_gpu else small),
        mapping_layers=choose(
            "mapping_layers", 8 if stylegan2 else 1 if dcgan else 2, "as published for this architecture"
        ),
        ema_kimg=choose("ema_kimg", batch * 10 / 32, "ten thousand images at batch 32, in proportion"),
        generator_waits_kimg=choose(
            "generator_waits_kimg",
            1.0 if start is not None and not start_judges else 0.0,
            "the start has no discriminator, so a new one must catch up before the generator follows it"
            if start is not None and not start_judges
            else "generator and discriminator start level",
        ),
        snapshot_kimg=choose("snapshot_kimg", kimg / 12, "twelve snapshots over the run"),
        early_blur=choose("early_blur", *_early_blur(architecture, start)),
        reasons=reasons,
    )


def _architecture(data: Fingerprint, start: NetworkSpec | None) -> tuple[str, str]:
    if start is not None:
        return start.architecture, "that of the starting network"
    if data.on_gpu:
        return "stylegan3-t", "radiographs are upright, so stylegan3-r would cost more and gain nothing"
    if data.resolution <= _LARGEST_ALIAS_FREE_ON_CPU:
        return "stylegan3-t", f"at {data.resolution}x{data.resolution} a CPU carries an alias-free generator"
    return "stylegan2", f"at {data.resolution}x{data.resolution} an alias-free generator is too slow on a CPU"


def _length(data: Fingerprint, start: NetworkSpec | None) -> tuple[float, str]:
    if not data.on_gpu:
        return 60.0, "about what a CPU does in an afternoon"
    if start is not None:
        return 1000.0, "transfer learning needs about a third of a training from scratch"
    return 3000.0, "enough for a few thousand radiographs on a GPU"


def _early_blur(architecture: str, start: NetworkSpec | None) -> tuple[bool, str]:
    if architecture != "stylegan3-r":
        return False, "only stylegan3-r needs its first pictures blurred"
    if start is not None:
        return False, "the starting network is past the early training that the blur steadies"
    return True, "steadies the first 6250 batches of stylegan3-r, as published"


def generator_widening(architecture: str) -> int:
    """Factor on the generator's channels: 2 for stylegan3-r, as in the paper (Karras et al. 2021, 3.3)."""
    return 2 if architecture == "stylegan3-r" else 1


def sizes_of_start(config: TrainConfig, start: NetworkSpec) -> dict[str, int]:
    """The settings that a starting network brings along, by name.

    Raises:
        InputError: a setting contradicts the start.
    """
    sizes = {
        "channel_base": start.d_channel_base,
        "channel_max": start.channel_max // generator_widening(start.architecture),
        "discriminator_channel_max": start.d_channel_max,
        "z_dim": start.z_dim,
        "w_dim": start.w_dim,
        "mapping_layers": start.mapping_layers,
    }
    for name, value in {"architecture": start.architecture, **sizes}.items():
        given = getattr(config, name)
        if given not in ("auto", value):
            raise InputError(
                f"train.{name} is {given}, but the starting network has {value}; set train.{name}={value} or auto, "
                "or choose another start."
            )
    return sizes


def _r1_weight(architecture: str, resolution: int, batch: int) -> float:
    per_pixel = 0.0002 if architecture == "stylegan2" else 0.001
    return float(f"{per_pixel * resolution**2 / batch:.3g}")

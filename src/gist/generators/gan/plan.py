"""From what the data and the device are to the settings that an adversarial training uses, each with its reason.

Starting points: Karras et al. 2021 (StyleGAN3, appendix E and F), Karras et al. 2020 (ADA, appendix C).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gist.errors import InputError
from gist.generators.gan.generator import Generator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.learning.plan import Choices, Fingerprint, TrainingPlan
from gist.generators.model import Start
from gist.stages.train import TrainSettings

if TYPE_CHECKING:
    from gist.generators.gan.family import GanFamily

_DETAIL = 8.0
"""Details of radiographs are four to sixteen times weaker than brightness."""
_CLASS_FADE_KIMG = 7.0
_MAGNITUDE_HALF_LIFE_IMAGES = 20_000


@dataclass(frozen=True)
class GanPlan(TrainingPlan):
    """Settings of an adversarial training."""

    gamma: float
    generator_lr: float
    discriminator_lr: float
    channel_base: int
    channel_max: int
    discriminator_channel_max: int
    discriminator_detail: float
    """Factor on the details among the Haar bands that the discriminator sees; 0 where it sees pixels."""
    z_dim: int
    w_dim: int
    mapping_layers: int
    ema_kimg: float
    generator_waits_kimg: float
    class_fade_kimg: float
    """Thousands of images over which classes fade in; 0 where they are there from the start."""
    early_blur: bool
    """Whether the discriminator's eyes are blurred at first (Karras et al. 2021, appendix D.3)."""


def plan_training(
    family: GanFamily, settings: TrainSettings, data: Fingerprint, start: Start | None, why: str
) -> GanPlan:
    """Resolves every `auto` of the training settings; sizes of a starting network are taken over from it.

    Raises:
        InputError: a setting contradicts the data, such as classes asked for where there is one.
    """
    choose = Choices(settings, {} if start is None else sizes_of_start(family, settings, start))
    choose("architecture", family.name, why)
    conditional = choose.conditional(data)
    batch = choose.batch(data)
    gamma = choose(
        "gamma",
        float(f"{family.gamma_per_pixel * data.resolution**2 / batch:.3g}"),
        f"grows with pixels and falls with the batch: {data.resolution}x{data.resolution}, batch {batch}",
    )
    kimg = choose.length(data, transfer=start is not None)
    small = "a CPU needs the small network"
    published = "as published for this architecture"
    judges = start is not None and start.companion is not None
    return GanPlan(
        architecture=family.name,
        conditional=conditional,
        kimg=kimg,
        batch=batch,
        micro_batch=choose.micro_batch(batch),
        gamma=gamma,
        generator_lr=choose("generator_lr", family.generator_lr, published),
        discriminator_lr=choose("discriminator_lr", family.discriminator_lr, published),
        channel_base=choose(
            "channel_base",
            (16384 if data.resolution <= 256 else 32768) if data.on_gpu else 2048,
            "as published for this resolution" if data.on_gpu else small,
        ),
        channel_max=choose(
            "channel_max",
            512 if data.on_gpu else family.channel_max_on_cpu,
            "as published" if data.on_gpu else small,
        ),
        discriminator_channel_max=choose(
            "discriminator_channel_max",
            512 if data.on_gpu else 64,
            "as published"
            if data.on_gpu
            else "the discriminator is cheap, so it may be wider than the generator",
        ),
        discriminator_detail=choose("discriminator_detail", *_detail(family, data)),
        z_dim=choose("z_dim", 512 if data.on_gpu else 256, "as published" if data.on_gpu else small),
        w_dim=choose("w_dim", 512 if data.on_gpu else 256, "as published" if data.on_gpu else small),
        mapping_layers=choose("mapping_layers", family.mapping_layers, published),
        ema_kimg=choose("ema_kimg", batch * 10 / 32, "ten thousand images at batch 32, in proportion"),
        generator_waits_kimg=choose(
            "generator_waits_kimg",
            1.0 if start is not None and not judges else 0.0,
            "the start has no discriminator, so a new one must catch up before the generator follows it"
            if start is not None and not judges
            else "generator and discriminator start level",
        ),
        snapshot_kimg=choose.snapshots(kimg),
        class_fade_kimg=choose("class_fade_kimg", *_class_fade(family, data, start, conditional)),
        early_blur=choose("early_blur", *_early_blur(family, start)),
        reasons=choose.reasons,
    )


def sizes_of_start(family: GanFamily, settings: TrainSettings, start: Start) -> dict[str, float]:
    """The settings that a starting network brings along, by name.

    Raises:
        InputError: a setting contradicts the start.
    """
    assert isinstance(start.model, Generator)
    spec = start.model.spec
    sizes = {
        "channel_base": spec.d_channel_base,
        "channel_max": spec.channel_max // family.generator_widening,
        "discriminator_channel_max": spec.d_channel_max,
        **({} if start.companion is None else {"discriminator_detail": spec.d_detail}),
        "z_dim": spec.z_dim,
        "w_dim": spec.w_dim,
        "mapping_layers": spec.mapping_layers,
    }
    for name, value in sizes.items():
        given = getattr(settings, name)
        if given not in ("auto", value):
            raise InputError(
                f"train.{name} is {given}, but the starting network has {value}; set train.{name}={value} or auto, "
                "or choose another start."
            )
    return sizes


def specification(
    family: GanFamily, plan: GanPlan, resolution: int, channels: int, classes: int
) -> NetworkSpec:
    """The networks that a plan asks for."""
    return NetworkSpec(
        architecture=family.name,
        resolution=resolution,
        channels=channels,
        classes=classes if plan.conditional else 0,
        z_dim=plan.z_dim,
        w_dim=plan.w_dim,
        mapping_layers=plan.mapping_layers,
        channel_base=plan.channel_base * family.generator_widening,
        channel_max=plan.channel_max * family.generator_widening,
        d_channel_base=plan.channel_base,
        d_channel_max=plan.discriminator_channel_max,
        d_detail=plan.discriminator_detail,
        magnitude_ema_beta=0.5 ** (plan.batch / _MAGNITUDE_HALF_LIFE_IMAGES),
    )


def _detail(family: GanFamily, data: Fingerprint) -> tuple[float, str]:
    if "discriminator_detail" in family.without:
        return 0.0, f"the discriminator of {family.name} sees pixels"
    if data.on_gpu:
        return 0.0, "as published; bands were tried on CPUs only"
    return _DETAIL, "seen as large as brightness, fine detail is learned in a fraction of the time"


def _class_fade(
    family: GanFamily, data: Fingerprint, start: Start | None, conditional: bool
) -> tuple[float, str]:
    if not conditional or "class_fade_kimg" in family.without:
        return (
            0.0,
            "there are no classes to fade in" if not conditional else f"{family.name} embeds no classes",
        )
    if start is not None:
        return 0.0, "the starting network draws already"
    if data.on_gpu:
        return 0.0, "tried on CPUs only"
    return _CLASS_FADE_KIMG, "a class that is told apart before anything is drawn collapses to one picture"


def _early_blur(family: GanFamily, start: Start | None) -> tuple[bool, str]:
    if not family.blurs_early:
        return False, f"{family.name} does not need its first pictures blurred"
    if start is not None:
        return False, "the starting network is past the early training that the blur steadies"
    return True, f"steadies the first 6250 batches of {family.name}, as published"

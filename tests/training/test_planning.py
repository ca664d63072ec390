"""The plan: every setting with a reason, the published starting points, and what was measured here."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from small_trainer import small_trainer

from gist.config.families import TrainConfig
from gist.errors import InputError
from gist.generators.gan.networks import build_discriminator, build_generator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.learning.plan import Fingerprint
from gist.generators.model import Start
from gist.generators.planning import plan_training
from gist.machine.device import Device
from gist.machine.memory import available_bytes, peak_bytes, used_bytes
from gist.verbs.planning import _with_measured_micro_batch


@pytest.mark.parametrize(
    ("resolution", "on_gpu", "architecture", "gamma", "channel_base"),
    [
        (64, False, "stylegan2", 0.102, 2048),
        (128, False, "stylegan2", 0.41, 2048),
        (128, True, "stylegan3-t", 0.512, 16384),
        (256, True, "stylegan3-t", 2.05, 16384),
        (512, True, "stylegan3-t", 8.19, 32768),
    ],
)
def test_every_choice_has_a_reason_and_starts_from_the_papers(
    resolution: int, on_gpu: bool, architecture: str, gamma: float, channel_base: int
) -> None:
    plan = plan_training(TrainConfig(), Fingerprint(2000, resolution, ("0", "3"), on_gpu))
    assert plan.architecture == architecture
    assert plan.gamma == pytest.approx(gamma, rel=0.01)
    assert plan.channel_base == channel_base
    assert plan.settings().keys() == plan.reasons.keys()
    assert all(len(reason) > 8 for reason in plan.reasons.values())


def test_what_the_user_sets_and_what_a_start_brings_wins() -> None:
    data = Fingerprint(2000, 64, (), on_gpu=False)
    assert plan_training(TrainConfig(architecture="stylegan2", batch=12), data).batch == 12
    spec = NetworkSpec("stylegan2", 64, channel_base=1024, channel_max=16, z_dim=64, w_dim=64)
    start = Start("small", build_generator(spec))
    plan = plan_training(TrainConfig(), data, start)
    assert plan.architecture == "stylegan2"
    assert plan.reasons["architecture"] == "that of the starting network"
    assert (plan.z_dim, plan.channel_base) == (64, 1024)
    with pytest.raises(InputError, match=r"train\.z_dim is 32"):
        plan_training(TrainConfig(z_dim=32), data, start)


def test_the_micro_batch_is_measured_and_the_rare_steps_count() -> None:
    trainer = small_trainer("stylegan2", batch=8)
    plan = _with_measured_micro_batch(trainer.plan, trainer, Device(torch.device("cpu"), "", 1))
    assert plan.micro_batch == 8, "a few megabytes fit anywhere"
    assert plan.reasons["micro_batch"].startswith("measured: ")
    assert trainer.seconds_per_step() > 0
    assert trainer.state.images == 8 * 17, "the last step timed is the one with both penalties"


def test_memory_is_counted_and_what_is_free_is_less_than_the_machine_has() -> None:
    cpu = torch.device("cpu")
    used, peak, free = used_bytes(cpu), peak_bytes(cpu), available_bytes(cpu)
    assert used is not None
    assert peak is not None
    assert free is not None
    assert 50 * 2**20 < used <= peak * 1.1
    assert 0 < free < 2**50


def test_on_a_cpu_the_discriminator_sees_bands_unless_it_is_a_given_one() -> None:
    data = Fingerprint(2000, 64, (), on_gpu=False)
    assert plan_training(TrainConfig(), data).settings()["discriminator_detail"] == 8.0
    assert plan_training(TrainConfig(), replace(data, on_gpu=True)).settings()["discriminator_detail"] == 0.0
    assert plan_training(TrainConfig(discriminator_detail=2), data).settings()["discriminator_detail"] == 2.0
    spec = NetworkSpec("stylegan2", 64, channel_base=1024, channel_max=16, z_dim=64, w_dim=64)
    G, D = build_generator(spec), build_discriminator(spec)
    assert plan_training(TrainConfig(), data, Start("G", G)).settings()["discriminator_detail"] == 8.0
    assert plan_training(TrainConfig(), data, Start("both", G, D)).settings()["discriminator_detail"] == 0.0
    with pytest.raises(
        InputError, match=r"train\.discriminator_detail is 4\.0, but the starting network has 0\.0"
    ):
        plan_training(TrainConfig(discriminator_detail=4), data, Start("both", G, D))
    with pytest.raises(InputError, match="a DCGAN generator has no such setting"):
        plan_training(TrainConfig(architecture="dcgan", discriminator_detail=4), data)


def test_classes_fade_in_where_a_cpu_learns_them_from_scratch() -> None:
    data = Fingerprint(2000, 64, ("0", "3"), on_gpu=False)
    fade = "class_fade_kimg"
    assert plan_training(TrainConfig(), data).settings()[fade] == 7.0
    assert plan_training(TrainConfig(class_fade_kimg=2), data).settings()[fade] == 2.0
    assert plan_training(TrainConfig(), replace(data, on_gpu=True)).settings()[fade] == 0.0
    assert plan_training(TrainConfig(conditional=False), data).settings()[fade] == 0.0
    spec = NetworkSpec("stylegan2", 64, classes=2, channel_base=1024, channel_max=16, z_dim=64, w_dim=64)
    assert plan_training(TrainConfig(), data, Start("G", build_generator(spec))).settings()[fade] == 0.0
    assert plan_training(TrainConfig(architecture="dcgan"), data).settings().get(fade, 0.0) == 0.0
    with pytest.raises(InputError, match="a DCGAN generator has no such setting"):
        plan_training(TrainConfig(architecture="dcgan", class_fade_kimg=4), data)


def test_hours_alone_say_how_long_to_train_and_snapshots_come_as_often_as_usual() -> None:
    data = Fingerprint(2000, 64, (), on_gpu=False)
    usual = plan_training(TrainConfig(), data)
    by_hours = plan_training(TrainConfig(hours=3), data)
    assert by_hours.kimg > 100 * usual.kimg
    assert by_hours.snapshot_kimg == usual.snapshot_kimg == usual.kimg / 12
    assert by_hours.reasons["kimg"] == "until train.hours is used up"
    both = plan_training(TrainConfig(hours=3, kimg=24), data)
    assert (both.kimg, both.snapshot_kimg, both.reasons["kimg"]) == (24, 2, "given in the settings")

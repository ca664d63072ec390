"""Discriminator augmentation: what it may do to a radiograph, its derivatives, its resampling quality."""

import math
from dataclasses import fields

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from gist.config import build_config
from gist.errors import InputError
from gist.generators.augment import AugmentParameters, AugmentPipe, strongest
from gist.generators.augment.resampling import _FILTER, affine_resample
from gist.generators.augment.transforms import geometry


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=dtype)


def as_dict(parameters: AugmentParameters) -> dict[str, Tensor]:
    return {field.name: getattr(parameters, field.name) for field in fields(parameters)}


def unchanged(n: int, **changed: list[float]) -> AugmentParameters:
    """Parameters that do nothing except what is given."""
    values = as_dict(AugmentPipe("none").sample(n, 1.0, seeded()))
    values.update({name: torch.tensor(value, dtype=torch.float64) for name, value in changed.items()})
    return AugmentParameters(**values)


def chiral_knee(size: int) -> Tensor:
    """A bright smooth F on dark ground: neither mirrored nor turned nor inverted does it match itself."""
    x = torch.full((1, 1, size, size), -1.0)
    u = size // 12
    x[..., 3 * u : 9 * u, 4 * u : 5 * u] = 1
    x[..., 3 * u : 4 * u, 4 * u : 8 * u] = 1
    x[..., 5 * u : 6 * u, 4 * u : 7 * u] = 1
    return F.avg_pool2d(F.pad(x, (1, 1, 1, 1), value=-1), 3, 1)


def best_correlation(x: Tensor, template: Tensor) -> Tensor:
    """Largest normalised correlation of each image with a template over all shifts."""
    size = [2 * x.shape[-1]] * 2
    centred = [image - image.mean((-2, -1), keepdim=True) for image in (x, template)]
    unit = [image / image.flatten(-2).norm(dim=-1)[..., None, None] for image in centred]
    product = torch.fft.rfft2(unit[0], size) * torch.fft.rfft2(unit[1], size).conj()
    return torch.fft.irfft2(product, size).flatten(1).amax(1)


def orientations_recognised(pipe: AugmentPipe, n: int = 128) -> tuple[float, float]:
    """Shares of the augmented images that match the upright mark better than the mirrored, the inverted."""
    knee = F.pad(chiral_knee(24), (12, 12, 12, 12), value=-1)
    parameters = pipe.sample(n, 1.0, seeded(3))
    # Beyond the frame the image is reflected, so only pictures that keep the mark inside can be judged.
    inside = (geometry(parameters, 48, 48)[:, :2, 2].abs() < 12).all(1)
    assert inside.sum() > n / 2
    x = pipe.apply(knee.expand(n, -1, -1, -1), parameters)[inside]
    upright = best_correlation(x, knee)
    mirrored = best_correlation(x, knee.flip(-1))
    inverted = best_correlation(x, -knee)
    return float((upright > mirrored).double().mean()), float((upright > inverted).double().mean())


# Derivatives.


@pytest.mark.parametrize(("preset", "channels"), [("radiograph", 1), ("bgc", 1), ("bgc", 3), ("colour", 3)])
def test_first_and_second_derivatives_are_right(preset: str, channels: int) -> None:
    pipe = AugmentPipe(preset)  # type: ignore[arg-type]
    parameters = pipe.sample(2, 0.9, seeded(4))
    x = noise(2, channels, 4, 3, dtype=torch.float64).requires_grad_()

    def cubed(x: Tensor) -> Tensor:
        return pipe.apply(x, parameters) ** 3

    assert torch.autograd.gradcheck(cubed, x)
    assert torch.autograd.gradgradcheck(cubed, x)


def test_gradient_penalty_through_augmentation_reaches_the_discriminator() -> None:
    pipe = AugmentPipe("radiograph")
    parameters = pipe.sample(3, 1.0, seeded(1))
    x = noise(3, 1, 8, 8, dtype=torch.float64).requires_grad_()
    weight = noise(2, 1, 3, 3, seed=2, dtype=torch.float64).requires_grad_()

    def r1(weight: Tensor) -> Tensor:
        logits = F.softplus(F.conv2d(pipe.apply(x, parameters), weight)).sum((1, 2, 3))
        (grad,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
        return grad.square().sum()

    assert torch.autograd.gradcheck(r1, weight)


def test_resampling_and_its_derivative_are_transposes_also_on_oblong_images() -> None:
    inverse = torch.tensor([[[0.8, 0.3, 9.0], [-0.2, 1.1, -40.0]]], dtype=torch.float64)
    x = noise(1, 1, 150, 70, dtype=torch.float64).requires_grad_()
    y = noise(1, 1, 150, 70, seed=1, dtype=torch.float64)
    out = affine_resample(x, inverse)
    (grad,) = torch.autograd.grad(out, x, y)
    assert torch.isclose((out * y).sum(), (grad * x).sum(), rtol=1e-10)


def test_half_precision_images_are_computed_in_float32() -> None:
    pipe = AugmentPipe("radiograph")
    parameters = pipe.sample(4, 1.0, seeded(2))
    x = noise(4, 1, 16, 16).bfloat16()
    out = pipe.apply(x, parameters)
    assert out.dtype == torch.bfloat16
    assert torch.equal(out, pipe.apply(x.float(), parameters).bfloat16())


# Resampling quality.


def test_filter_is_a_near_orthonormal_low_pass() -> None:
    taps = _FILTER
    lags = F.conv1d(taps.view(1, 1, -1), taps.view(1, 1, -1), padding=11).flatten()[11::2]
    assert abs(float(taps.sum()) - 2**0.5) < 1e-12
    assert torch.allclose(lags, torch.eye(6, dtype=torch.float64)[0], atol=2e-3)
    response = torch.fft.rfft(taps, 1024).abs() / 2**0.5
    assert response[384:].max() < 10 ** (-31 / 20)


def test_identity_warp_mirror_quarter_turn_and_whole_shift_move_pixels_and_nothing_else() -> None:
    x = noise(1, 1, 24, 24)
    identity = torch.eye(2, 3, dtype=torch.float64)[None]
    assert (affine_resample(x, identity) - x).abs().max() < 0.02
    pipe = AugmentPipe("bgc")
    assert (pipe.apply(x, unchanged(1, mirror=[1.0])) - x.flip(-1)).abs().max() < 0.02
    turned = pipe.apply(x, unchanged(1, quarter_turns=[1.0]))
    assert (turned - x.rot90(-1, (2, 3))).abs().max() < 0.02
    shifted = pipe.apply(x, unchanged(1, integer_translation=[[0.125, -0.08]]))
    expected = torch.cat([x[..., :3].flip(-1), x[..., :-3]], -1)
    expected = torch.cat([expected[:, :, 2:], expected[:, :, -2:].flip(2)], 2)
    assert (shifted - expected).abs().max() < 0.02


def test_sub_pixel_shift_moves_a_wave_by_its_phase() -> None:
    position = torch.arange(64, dtype=torch.float64) + 0.5
    wave = torch.cos(2 * math.pi * position / 8).expand(1, 1, 64, 64).float()
    out = AugmentPipe().apply(wave, unchanged(1, translation=[[2.3 / 64, 0.0]]))
    expected = torch.cos(2 * math.pi * (position - 2.3) / 8).float()
    assert (out[0, 0, :, 8:-8] - expected[8:-8]).abs().max() < 0.03


@pytest.mark.parametrize(
    ("cycles", "scale", "degrees"), [(0.35, 1.0, 25.0), (0.35, 0.75, 10.0), (0.45, 0.66, 0.0)]
)
def test_fine_gratings_do_not_alias(cycles: float, scale: float, degrees: float) -> None:
    """A windowed grating must reappear only at its own new frequency; plain bilinear sampling fails this."""
    size = 96
    position = torch.arange(size, dtype=torch.float64) + 0.5 - size / 2
    window = torch.exp(-((position[:, None] ** 2 + position**2) / (2 * 14.0**2)))
    x = (window * torch.cos(2 * math.pi * cycles * position)).float()[None, None]
    angle = math.radians(degrees)
    parameters = unchanged(1, scale=[scale], pre_rotation=[angle])
    out = AugmentPipe().apply(x, parameters)
    frequency = torch.fft.fftfreq(size, dtype=torch.float64)
    whole_power = torch.fft.fft2(x[0, 0].double()).abs().square().sum() * scale**2
    fx, fy = cycles / scale * math.cos(angle), cycles / scale * math.sin(angle)
    distance = torch.stack(
        [((frequency - s * fx) ** 2 + (frequency[:, None] - s * fy) ** 2).sqrt() for s in (-1, 1)]
    ).amin(0)

    def stray(image: Tensor) -> float:
        power = torch.fft.fft2(image[0, 0].double()).abs() ** 2
        return float(power[distance > 0.06].sum() / whole_power)

    inverse = torch.linalg.inv(geometry(parameters, size, size))[:, :2].float()
    bilinear = F.grid_sample(
        x, F.affine_grid(inverse, [1, 1, size, size], align_corners=False), align_corners=False
    )
    assert stray(out) < 0.02
    assert stray(out) < 0.2 * stray(bilinear)


# What happens to which image.


@pytest.mark.parametrize("preset", ["radiograph", "colour", "bgc", "none"])
def test_nothing_happens_at_probability_zero(preset: str) -> None:
    x = noise(5, 3, 16, 16)
    assert torch.equal(AugmentPipe(preset)(x, 0.0, seeded()), x)  # type: ignore[arg-type]


def test_preset_none_does_nothing_at_probability_one() -> None:
    x = noise(5, 1, 16, 16)
    assert torch.equal(AugmentPipe("none")(x, 1.0, seeded()), x)


def test_untouched_images_come_back_bit_for_bit() -> None:
    pipe = AugmentPipe("radiograph")
    x = noise(64, 3, 8, 8)
    parameters = pipe.sample(64, torch.tensor(0.1), seeded(5))
    neutral = as_dict(unchanged(64))
    same = torch.stack(
        [(value == neutral[name]).flatten(1).all(1) if value.ndim > 1 else value == neutral[name]
         for name, value in as_dict(parameters).items() if name not in ("hue", "saturation")]
    ).all(0)  # fmt: skip
    out = pipe.apply(x, parameters)
    assert 10 < int(same.sum()) < 60
    assert torch.equal(out[same], x[same])
    assert ((out[~same] - x[~same]).flatten(1).abs().amax(1) > 1e-3).all()


def test_radiographs_are_never_mirrored_nor_inverted() -> None:
    assert orientations_recognised(AugmentPipe("radiograph")) == (1.0, 1.0)


def test_mirror_only_if_allowed_and_never_inverted() -> None:
    not_mirrored, not_inverted = orientations_recognised(AugmentPipe("radiograph", allow_mirror=True))
    assert 0.3 < not_mirrored < 0.7
    assert not_inverted == 1.0


def test_mirroring_is_off_unless_allowed_and_refused_where_all_images_are_of_one_side() -> None:
    assert build_config({}).train.allow_mirror is False
    allowed = {"train": {"allow_mirror": True}}
    assert build_config(allowed).train.allow_mirror is True
    with pytest.raises(InputError, match="leave out one of the two"):
        build_config(allowed | {"prepare": {"flip_to_side": "left"}})


def test_the_published_preset_does_mirror_and_invert() -> None:
    not_mirrored, not_inverted = orientations_recognised(AugmentPipe("bgc"))
    assert 0.2 < not_mirrored < 0.8
    assert 0.2 < not_inverted < 0.8


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**31), p=st.floats(0, 1))
def test_a_radiograph_stays_upright_and_bright_bone_stays_bright(seed: int, p: float) -> None:
    parameters = AugmentPipe("radiograph").sample(50, p, seeded(seed))
    linear = geometry(parameters, 64, 64)[:, :2, :2]
    assert (torch.linalg.det(linear) > 0).all()
    degrees = torch.rad2deg((parameters.pre_rotation + parameters.post_rotation).abs())
    assert degrees.max() <= 25.001
    assert (parameters.contrast > 0).all()
    for name in ("mirror", "quarter_turns", "luma_flip", "hue"):
        assert not as_dict(parameters)[name].any()


def test_sampled_parameters_follow_the_published_distributions() -> None:
    n, p = 20_000, 0.4
    values = as_dict(AugmentPipe("bgc").sample(n, p, seeded(7)))
    happened = {"mirror": 0.2, "luma_flip": 0.2, "quarter_turns": 0.3, "scale": p, "brightness": p, "hue": p}
    neutral = as_dict(unchanged(n))
    for name, share in happened.items():
        assert abs(float((values[name] != neutral[name]).double().mean()) - share) < 0.015, name
    rotated = (values["pre_rotation"] != 0) | (values["post_rotation"] != 0)
    assert abs(float(rotated.double().mean()) - p) < 0.015
    for name, std in {"scale": 0.2, "anisotropy": 0.2, "contrast": 0.5, "saturation": 1.0}.items():
        log2 = values[name][values[name] != 1].log2()
        assert abs(float(log2.mean())) < 0.04 * std, name
        assert abs(float(log2.std()) - std) < 0.04 * std, name
    shift = values["translation"][values["translation"][:, 0] != 0]
    assert abs(float(shift.std()) - 0.125) < 0.005
    whole = values["integer_translation"][values["integer_translation"][:, 0] != 0]
    assert 0.12 < float(whole.abs().max()) <= 0.125
    angles = values["pre_rotation"][values["pre_rotation"] != 0]
    assert abs(float(angles.std()) - math.pi / math.sqrt(3)) < 0.05
    # Different transformations happen independently.
    both = ((values["scale"] != 1) & (values["brightness"] != 0)).double().mean()
    assert abs(float(both) - p * p) < 0.015


def test_raising_the_probability_only_adds_transformations() -> None:
    pipe = AugmentPipe("radiograph")
    weak, strong = (as_dict(pipe.sample(500, p, seeded(8))) for p in (0.3, 0.7))
    neutral = as_dict(unchanged(500))
    for name, value in weak.items():
        kept = value != neutral[name]
        assert torch.equal(strong[name][kept], value[kept])


def test_same_seed_same_pictures_and_micro_batches_draw_as_one_batch() -> None:
    pipe = AugmentPipe("radiograph")
    x = noise(8, 1, 20, 20)
    whole = pipe(x, 0.7, seeded(9))
    assert torch.equal(pipe(x, 0.7, seeded(9)), whole)
    assert not torch.equal(pipe(x, 0.7, seeded(10)), whole)
    generator = seeded(9)
    torch.testing.assert_close(torch.cat([pipe(part, 0.7, generator) for part in x.split(3)]), whole)


def test_recorded_parameters_replay_and_an_image_does_not_depend_on_its_companions() -> None:
    pipe = AugmentPipe("bgc")
    x = noise(6, 3, 20, 20)
    parameters = pipe.sample(6, 0.5, seeded(11))
    out = pipe.apply(x, parameters)
    assert torch.equal(pipe.apply(x, parameters), out)
    for i in range(6):
        torch.testing.assert_close(pipe.apply(x[i : i + 1], parameters[i : i + 1]), out[i : i + 1])


def test_grey_pictures_in_three_channels_stay_grey_where_only_light_changes() -> None:
    x = noise(16, 1, 8, 8)
    pipe = AugmentPipe("radiograph")
    parameters = pipe.sample(16, 1.0, seeded(12))
    colour = pipe.apply(x.expand(-1, 3, -1, -1), parameters)
    torch.testing.assert_close(colour, pipe.apply(x, parameters).expand(-1, 3, -1, -1))


def test_colour_transformations_keep_or_flip_the_grey_axis() -> None:
    pipe = AugmentPipe("bgc")
    x = noise(2, 3, 8, 8)
    out = pipe.apply(x, unchanged(2, luma_flip=[0.0, 1.0], hue=[2.0, 1.0], saturation=[0.5, 2.0]))
    sign = torch.tensor([1.0, -1.0]).view(2, 1, 1)
    torch.testing.assert_close(out.mean(1), sign * x.mean(1))
    spread, expected = ((image - image.mean(1, keepdim=True)).norm(dim=1) for image in (out, x))
    torch.testing.assert_close(spread, expected * torch.tensor([0.5, 2.0]).view(2, 1, 1))


def test_strongest_shows_more_than_training_does_and_respects_the_preset() -> None:
    knee = chiral_knee(48).expand(24, -1, -1, -1)
    shown = strongest(knee, "radiograph")
    assert torch.equal(shown, strongest(knee, "radiograph"))
    trained = AugmentPipe("radiograph")(knee, 0.5, seeded(13))
    assert (shown - knee).square().mean() > 1.5 * (trained - knee).square().mean()
    assert (best_correlation(shown, knee) > best_correlation(shown, -knee)).all()
    assert not torch.equal(shown, strongest(knee, "radiograph", allow_mirror=True))
    assert torch.equal(strongest(knee, "none"), knee)


def test_wrong_use_is_told_in_one_sentence() -> None:
    pipe = AugmentPipe("radiograph")
    with pytest.raises(InputError, match="radiograph, colour, bgc, none"):
        AugmentPipe("photograph")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="from 0 to 1"):
        pipe.sample(2, 1.5, seeded())
    with pytest.raises(InputError, match="1 or 3"):
        pipe(noise(2, 2, 8, 8), 0.5, seeded())
    with pytest.raises(InputError, match="3 sets of parameters for 2 images"):
        pipe.apply(noise(2, 1, 8, 8), pipe.sample(3, 0.5, seeded()))

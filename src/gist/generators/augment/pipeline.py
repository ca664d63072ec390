"""Augmentation of what the discriminator sees: sample parameters, then apply them."""

from dataclasses import replace

import torch
from torch import Tensor

from gist import ops
from gist.errors import InputError
from gist.generators.augment.parameters import (
    PRESETS,
    AugmentParameters,
    Preset,
    PresetName,
    draw_uniforms,
    extreme_uniforms,
    parameters_from_uniforms,
)
from gist.generators.augment.resampling import affine_resample
from gist.generators.augment.transforms import colour_affine, geometry, grey_affine

# Quantile, from either end, at which `strongest` shows each transformation.
_STRONGEST_TAIL = 0.1


class AugmentPipe:
    """Random transformations of grey or RGB images in [-1, 1], differentiable as often as wanted.

    Presets: `radiograph` (shift, scale, small rotation, mild anisotropy, brightness, contrast; left and right
    exchanged only with `allow_mirror`), `colour` (the same, hue and saturation too), `bgc` (as published by Karras et
    al. 2020, for photographs: it also mirrors, turns by any angle and inverts polarity), `none`. Raises InputError for
    another name.
    """

    def __init__(self, preset: PresetName = "radiograph", *, allow_mirror: bool = False) -> None:
        self.preset: PresetName = preset
        self.allow_mirror = allow_mirror
        self._strengths = _strengths(preset, allow_mirror)

    def __call__(self, x_NCHW: Tensor, p: float | Tensor, generator: torch.Generator) -> Tensor:
        """`apply` of a fresh `sample`."""
        return self.apply(x_NCHW, self.sample(len(x_NCHW), p, generator))

    def sample(self, n: int, p: float | Tensor, generator: torch.Generator) -> AugmentParameters:
        """Parameters for n images, each transformation happening with probability p (0 to 1).

        `generator` is a CPU generator and the only source of randomness. It advances by the same amount per
        image whatever p and preset are, so one batch and its micro-batches in turn draw the same parameters.
        Raises InputError for p outside 0 to 1.
        """
        probability = float(p)
        if not 0 <= probability <= 1:
            raise InputError(f"Augmentation probability is {probability:g}; give a number from 0 to 1.")
        return parameters_from_uniforms(draw_uniforms(n, generator), self._strengths, probability)

    def apply(self, x_NCHW: Tensor, parameters: AugmentParameters) -> Tensor:
        """Images under given parameters: same shape, dtype and device; a function of its arguments alone.

        An image whose geometry is unchanged is not resampled. Half-precision images are computed in float32.
        Raises InputError for another number of channels than 1 or 3, or of parameters than images.
        """
        if x_NCHW.ndim != 4 or x_NCHW.shape[1] not in (1, 3):
            raise InputError(f"Augmentation takes images [N, 1 or 3, H, W]; these are {list(x_NCHW.shape)}.")
        if len(parameters) != len(x_NCHW):
            raise InputError(f"There are {len(parameters)} sets of parameters for {len(x_NCHW)} images.")
        dtype = x_NCHW.dtype
        x_NCHW = x_NCHW.to(torch.promote_types(dtype, torch.float32))
        return _recoloured(_warped(x_NCHW, parameters), parameters).to(dtype)


def strongest(x_NCHW: Tensor, preset: PresetName, *, allow_mirror: bool = False) -> Tensor:
    """Images with every transformation of a preset at once, each at its 10 % or 90 % quantile: about the edge
    of what the discriminator is shown. Generated images that look like these betray leaking augmentation."""
    uniforms = extreme_uniforms(len(x_NCHW), _STRONGEST_TAIL)
    parameters = parameters_from_uniforms(uniforms, _strengths(preset, allow_mirror), 1.0)
    return AugmentPipe(preset, allow_mirror=allow_mirror).apply(x_NCHW, parameters)


def _strengths(preset: PresetName, allow_mirror: bool) -> Preset:
    if preset not in PRESETS:
        raise InputError(f"Augmentation preset '{preset}' does not exist; use one of {', '.join(PRESETS)}.")
    if preset in ("radiograph", "colour") and allow_mirror:
        return replace(PRESETS[preset], mirror=True)
    return PRESETS[preset]


def _warped(x_NCHW: Tensor, parameters: AugmentParameters) -> Tensor:
    forward_N33 = geometry(parameters, x_NCHW.shape[2], x_NCHW.shape[3])
    moved = (forward_N33 != torch.eye(3, dtype=forward_N33.dtype)).flatten(1).any(1).nonzero().flatten()
    if len(moved) == 0:
        return x_NCHW
    inverse_N23 = torch.linalg.inv(forward_N33[moved])[:, :2]
    if len(moved) == len(x_NCHW):
        return affine_resample(x_NCHW, inverse_N23)
    moved = ops.sent(moved, x_NCHW.device)
    return x_NCHW.index_copy(0, moved, affine_resample(x_NCHW[moved], inverse_N23))


def _recoloured(x_NCHW: Tensor, parameters: AugmentParameters) -> Tensor:
    if x_NCHW.shape[1] == 1:
        gain, offset = grey_affine(parameters)
        if bool((gain == 1).all() & (offset == 0).all()):
            return x_NCHW
        gain, offset = (_like(value, x_NCHW).view(-1, 1, 1, 1) for value in (gain, offset))
        return x_NCHW * gain + offset
    matrix, shift = colour_affine(parameters)
    if bool((matrix == torch.eye(3, dtype=matrix.dtype)).all() & (shift == 0).all()):
        return x_NCHW
    # A sum of three scaled planes, not a matrix product: exact for the identity, and float32 on every device.
    planes = x_NCHW[:, None] * _like(matrix, x_NCHW)[..., None, None]
    return planes.sum(2) + _like(shift, x_NCHW)[..., None, None]


def _like(parameter: Tensor, x_NCHW: Tensor) -> Tensor:
    return ops.sent(parameter.to(x_NCHW.dtype), x_NCHW.device)

"""Low-pass filter design and the layer plan of the alias-free generator (Karras 2021)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gist.generators.gan.spec import NetworkSpec


@dataclass(frozen=True)
class LayerPlan:
    """Sampling of one feature map; frequencies in cycles and rates in samples per image side."""

    cutoff: float
    half_width: float
    """Half the transition band of the low-pass filter."""
    sampling_rate: int
    size: int
    """Height and width in samples, margin included."""
    channels: int

    @property
    def critically_sampled(self) -> bool:
        """Whether the cutoff reaches half the sampling rate, leaving no room for a transition."""
        return self.cutoff * 2 >= self.sampling_rate


def plan_layers(spec: NetworkSpec) -> list[LayerPlan]:
    """The output of every synthesis layer, ToRGB last (Karras 2021, section 3.2 and figure 4c).

    Cutoffs and stopbands grow geometrically and level off for the critically sampled layers.
    """
    last_cutoff = spec.resolution / 2
    last_stopband = last_cutoff * spec.last_stopband_rel
    plans = []
    for index in range(spec.layers + 1):
        progress = min(index / (spec.layers - spec.critical_layers), 1.0)
        cutoff = spec.first_cutoff * (last_cutoff / spec.first_cutoff) ** progress
        stopband = spec.first_stopband * (last_stopband / spec.first_stopband) ** progress
        sampling_rate = 2 ** math.ceil(math.log2(min(stopband * 2, spec.resolution)))
        cropped = index >= spec.layers - 1
        is_to_rgb = index == spec.layers
        plans.append(
            LayerPlan(
                cutoff=cutoff,
                half_width=max(stopband, sampling_rate / 2) - cutoff,
                sampling_rate=sampling_rate,
                size=spec.resolution if cropped else sampling_rate + 2 * spec.margin,
                channels=spec.channels
                if is_to_rgb
                else round(min(spec.channel_base / 2 / cutoff, spec.channel_max)),
            )
        )
    return plans


def design_lowpass(
    *, taps: int, cutoff: float, width: float, sampling_rate: float, radial: bool = False
) -> Tensor | None:
    """Kaiser-windowed low-pass filter with sum 1; None for a single tap.

    Separable filters are [taps], radially symmetric ones [taps, taps] (Karras 2021, equations 4 to 6).
    `cutoff` and the transition band's `width` are in the units of `sampling_rate`.
    """
    if taps == 1:
        return None
    window = np.kaiser(taps, _kaiser_beta(taps, width / (sampling_rate / 2)))
    position = (np.arange(taps) - (taps - 1) / 2) / sampling_rate
    if not radial:
        kernel = np.sinc(2 * cutoff * position) * window
    else:
        radius = np.hypot(*np.meshgrid(position, position))
        kernel = _jinc(radius, cutoff) * np.outer(window, window)
    return torch.as_tensor(kernel / kernel.sum(), dtype=torch.float32)


def _jinc(radius: np.ndarray, cutoff: float) -> np.ndarray:
    """Radial impulse response of an ideal disc-shaped pass band."""
    at_centre = math.pi * cutoff**2
    bessel = torch.special.bessel_j1(torch.from_numpy(2 * math.pi * cutoff * radius)).numpy()
    centre = radius == 0
    return np.where(centre, at_centre, cutoff * bessel / np.where(centre, 1.0, radius))


def _kaiser_beta(taps: int, relative_width: float) -> float:
    """Kaiser's shape parameter for a transition band given relative to half the sampling rate."""
    attenuation_db = 2.285 * (taps - 1) * math.pi * relative_width + 7.95
    if attenuation_db > 50:
        return 0.1102 * (attenuation_db - 8.7)
    if attenuation_db > 21:
        return float(0.5842 * (attenuation_db - 21) ** 0.4 + 0.07886 * (attenuation_db - 21))
    return 0.0

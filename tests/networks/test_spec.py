"""A network description holds actual numbers and refuses what cannot be built."""

from __future__ import annotations

from typing import Any

import pytest

from gist.errors import InputError
from gist.generators.gan.spec import NetworkSpec


def test_depths_and_widths_left_open_become_the_papers_numbers() -> None:
    t = NetworkSpec("stylegan3-t", 256)
    r = NetworkSpec("stylegan3-r", 256, channel_base=65536, channel_max=1024)
    two = NetworkSpec("stylegan2", 256)
    assert (t.mapping_layers, r.mapping_layers, two.mapping_layers) == (2, 2, 8)
    assert (t.conv_kernel, r.conv_kernel) == (3, 1)
    assert (t.d_channel_base, r.d_channel_base, r.d_channel_max) == (32768, 32768, 512)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"architecture": "stylegan4"}, "stylegan3-t, stylegan3-r, stylegan2"),
        ({"resolution": 100}, "power of two"),
        ({"resolution": 4096}, "power of two"),
        ({"channels": 2}, "grey"),
        ({"classes": -1}, "classes"),
        ({"channel_max": -5}, "channel_max"),
        ({"channel_base": 8}, "channel_base"),
        ({"conv_kernel": 5}, "conv_kernel"),
        ({"conv_clamp": 0.0}, "conv_clamp"),
        ({"critical_layers": 14}, "critical_layers"),
        ({"first_cutoff": 40.0, "first_stopband": 50.0}, "half the resolution"),
        ({"first_stopband": 1.0}, "first_stopband"),
        ({"w_avg_beta": 1.0}, "w_avg_beta"),
        ({"output_scale": float("nan")}, "output_scale"),
    ],
)
def test_a_spec_that_makes_no_sense_is_refused_with_a_sentence(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told) as refusal:
        NetworkSpec(**{"architecture": "stylegan3-t", "resolution": 64, **fields})
    assert str(refusal.value).endswith(".")
    assert "\n" not in str(refusal.value)


def test_json_round_trip_keeps_every_field() -> None:
    spec = NetworkSpec("stylegan3-r", 128, channels=3, classes=5, conv_clamp=None, magnitude_ema_beta=0.9)
    assert NetworkSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"surprise": 1}, "surprise"),
        ({"z_dim": "512"}, "z_dim"),
        ({"z_dim": True}, "z_dim"),
        ({"resolution": None}, "resolution"),
    ],
)
def test_a_description_with_unknown_or_mistyped_fields_is_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        NetworkSpec.from_json({**NetworkSpec("stylegan2", 64).to_json(), **change})


def test_a_description_without_resolution_is_refused() -> None:
    with pytest.raises(InputError, match="resolution"):
        NetworkSpec.from_json({"architecture": "stylegan2"})

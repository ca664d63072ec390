"""Official snapshots in their variants become our networks or are refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from snapshot_writer import record_of, write_snapshot

from gist.errors import InputError
from gist.generators.gan.networks import build_discriminator, build_generator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.stylegan.official.state import load_official

SIZES = {"z_dim": 16, "w_dim": 16, "channel_base": 128, "channel_max": 8}
G_ARGUMENTS: dict[str, Any] = {"z_dim": 16, "w_dim": 16, "c_dim": 2, "img_resolution": 16, "img_channels": 1}
D_ARGUMENTS: dict[str, Any] = {"c_dim": 2, "img_resolution": 16, "img_channels": 1}
CHANNELS = {"channel_base": 128, "channel_max": 8}


def test_a_stylegan2_ada_snapshot_with_nested_arguments_and_half_precision_is_understood(
    folder: Path,
) -> None:
    torch.manual_seed(0)
    spec = NetworkSpec("stylegan2", 16, classes=2, conv_clamp=None, mapping_layers=3, **SIZES)
    G, D = build_generator(spec).eval(), build_discriminator(spec).eval()
    synthesis = {**CHANNELS, "num_fp16_res": 4, "conv_clamp": None}
    g_record = record_of(G, **G_ARGUMENTS, mapping_kwargs={"num_layers": 3}, synthesis_kwargs=synthesis)
    d_record = record_of(
        D,
        **D_ARGUMENTS,
        **CHANNELS,
        num_fp16_res=4,
        conv_clamp=np.float64(256),
        block_kwargs={"freeze_layers": 0},
        mapping_kwargs={},
        epilogue_kwargs={"mbstd_group_size": 2},
    )
    path = write_snapshot(folder / "ada.pkl", {"G": g_record, "D": d_record, "G_ema": g_record})
    loaded = load_official(path)
    assert loaded.G_ema.spec.conv_clamp is None
    assert loaded.G_ema.spec.mapping_layers == 3
    assert loaded.D is not None
    assert loaded.D.spec.mbstd_group == 2
    z, c = torch.randn(2, 16), torch.eye(2)
    with torch.no_grad():
        images = G(z, c)
        assert bool((loaded.G_ema(z, c) == images).all())
        torch.testing.assert_close(loaded.D(images, c), D(images, c))


def test_positional_arguments_and_a_file_with_only_g_ema_are_understood(folder: Path) -> None:
    spec = NetworkSpec("stylegan3-r", 16, **SIZES)
    G = build_generator(spec).eval()
    record = record_of(G, use_radial_filters=True, conv_kernel=1, **CHANNELS)
    record.meta["state"]["_init_args"] = (16, 0, 16, 16, 1)
    loaded = load_official(write_snapshot(folder / "g.pkl", {"G_ema": record}))
    assert loaded.G is None
    assert loaded.D is None
    assert loaded.G_ema.spec.architecture == "stylegan3-r"
    z = torch.randn(1, 16)
    with torch.no_grad():
        assert bool((loaded.G_ema(z) == G(z)).all())


def test_frozen_layers_stored_as_buffers_are_read(folder: Path) -> None:
    spec = NetworkSpec("stylegan2", 16, classes=2, **SIZES)
    G, D = build_generator(spec).eval(), build_discriminator(spec).eval()
    d_record = record_of(D, **D_ARGUMENTS, **CHANNELS, block_kwargs={"freeze_layers": 1})
    fromrgb = d_record.meta["state"]["_modules"]["b16"].meta["state"]["_modules"]["fromrgb"].meta["state"]
    fromrgb["_buffers"], fromrgb["_parameters"] = fromrgb["_parameters"], {}
    g_record = record_of(G, **G_ARGUMENTS, **CHANNELS)
    loaded = load_official(write_snapshot(folder / "f.pkl", {"G_ema": g_record, "D": d_record}))
    assert loaded.D is not None
    assert bool((loaded.D.fromrgb.weight == D.fromrgb.weight).all())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"brand_new": 1}, "brand_new"),
        ({"activation": "swish"}, "activation=swish"),
        ({"architecture": "resnet"}, "architecture=resnet"),
        ({"resample_filter": [1, 2, 1]}, "resample_filter"),
        ({"use_noise": False}, "use_noise"),
        ({"mapping_kwargs": {"layer_features": 99}}, "layer_features"),
        ({"img_resolution": 17}, "resolution 17"),
        ({"img_resolution": "big"}, "resolution"),
        ({"channel_max": 7}, "shape"),
        ({"mapping_kwargs": {"num_layers": 9}}, "mapping"),
        ({"channel_base": 10**12}, "channel_base"),
    ],
)
def test_unsupported_settings_are_refused_by_name(folder: Path, arguments: dict[str, Any], told: str) -> None:
    spec = NetworkSpec("stylegan2", 16, classes=2, **SIZES)
    record = record_of(build_generator(spec), **{**G_ARGUMENTS, **CHANNELS, **arguments})
    path = write_snapshot(folder / "g.pkl", {"G_ema": record})
    with pytest.raises(InputError, match=told) as refusal:
        load_official(path)
    assert "\n" not in str(refusal.value)


def test_missing_unknown_and_infinite_tensors_are_refused_by_name(folder: Path) -> None:
    spec = NetworkSpec("stylegan2", 16, classes=2, **SIZES)
    arguments = {**G_ARGUMENTS, **CHANNELS}

    def refusal_after(change: Any) -> str:
        record = record_of(build_generator(spec), **arguments)
        mapping = record.meta["state"]["_modules"]["mapping"].meta["state"]
        change(mapping)
        with pytest.raises(InputError) as refusal:
            load_official(write_snapshot(folder / "g.pkl", {"G_ema": record}))
        return str(refusal.value)

    assert "lacks the tensor 'mapping.w_avg'" in refusal_after(lambda m: m["_parameters"].pop("w_avg"))
    assert "mapping.extra" in refusal_after(lambda m: m["_buffers"].update(extra=torch.zeros(1)))
    assert "not finite" in refusal_after(lambda m: m["_parameters"]["w_avg"].data.fill_(torch.inf))
    assert "not a tensor" in refusal_after(lambda m: m["_parameters"].update(w_avg=[1.0]))
    assert "well-formed" in refusal_after(lambda m: m.update(_parameters=3))


def test_loading_leaves_torchs_random_state_alone(folder: Path) -> None:
    spec = NetworkSpec("stylegan2", 16, classes=2, **SIZES)
    record = record_of(build_generator(spec), **G_ARGUMENTS, **CHANNELS)
    path = write_snapshot(folder / "g.pkl", {"G_ema": record})
    torch.manual_seed(3)
    undisturbed = torch.randn(4)
    torch.manual_seed(3)
    load_official(path)
    assert bool((torch.randn(4) == undisturbed).all())

"""The reference implementation's constructor arguments in the terms of a NetworkSpec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gist.errors import InputError
from gist.generators.gan.spec import NetworkSpec
from gist.generators.stylegan.official.pickle_reader import ModuleRecord

GENERATOR_POSITIONS = ("z_dim", "c_dim", "w_dim", "img_resolution", "img_channels")
DISCRIMINATOR_POSITIONS = ("c_dim", "img_resolution", "img_channels")

# Arguments that choose speed or precision, not the function that is computed in float32.
HARMLESS = {
    "num_fp16_res",
    "use_fp16",
    "fused_modconv",
    "fused_modconv_default",
    "channels_last",
    "fp16_channels_last",
    "freeze_layers",
    "class_name",
}

# Arguments of which only the published value is supported.
FIXED: dict[str, tuple[Any, ...]] = {
    "activation": ("lrelu",),
    "resample_filter": ([1, 3, 3, 1], (1, 3, 3, 1)),
    "use_noise": (True,),
    "kernel_size": (3,),
    "mbstd_num_channels": (1,),
}

STYLEGAN3_FIELDS = {
    "num_layers": "layers",
    "num_critical": "critical_layers",
    "first_cutoff": "first_cutoff",
    "first_stopband": "first_stopband",
    "last_stopband_rel": "last_stopband_rel",
    "margin_size": "margin",
    "output_scale": "output_scale",
    "filter_size": "filter_size",
    "lrelu_upsampling": "lrelu_upsampling",
    "conv_kernel": "conv_kernel",
    "magnitude_ema_beta": "magnitude_ema_beta",
}


def generator_fields(record: ModuleRecord) -> dict[str, Any]:
    """NetworkSpec fields of a pickled generator.

    Taken from its constructor arguments, then from the attributes it stored, then from the defaults of
    NetworkSpec, which are the published ones. Raises InputError for an argument that is unknown or has an
    unsupported value.
    """
    given = _arguments(record, GENERATOR_POSITIONS)
    mapping = child(record, "mapping")
    synthesis = child(record, "synthesis")
    is_stylegan3 = "input" in synthesis.state.get("_modules", {})
    layer = _first_layer(synthesis)
    mapping_given = {
        "lr_multiplier": 0.01,
        **_attributes(mapping, "num_layers", "w_avg_beta"),
        **given.pop("mapping_kwargs", {}),
    }
    fields: dict[str, Any] = {
        **_sizes(given),
        "z_dim": given.pop("z_dim", None),
        "w_dim": given.pop("w_dim", None),
        "mapping_layers": mapping_given.pop("num_layers", 2 if is_stylegan3 else 8),
        "w_avg_beta": mapping_given.pop("w_avg_beta", 0.998),
        "mapping_lr_multiplier": mapping_given.pop("lr_multiplier"),
        **_attributes(layer, "conv_clamp"),
    }
    for name in ("embed_features", "layer_features"):
        if mapping_given.pop(name, None) not in (None, fields["w_dim"]):
            raise InputError(f"the network's mapping has {name} other than w_dim, which is not supported.")
    given.update(given.pop("synthesis_kwargs", {}))
    _take(given, fields, {name: name for name in ("channel_base", "channel_max", "conv_clamp")})
    radial = bool(given.pop("use_radial_filters", False))
    if is_stylegan3:
        stored = {**_attributes(synthesis, "num_layers", "num_critical", "margin_size", "output_scale")}
        stored.update(_attributes(layer, "conv_kernel", "magnitude_ema_beta"))
        _take({**stored, **given}, fields, STYLEGAN3_FIELDS)
        given = {name: value for name, value in given.items() if name not in STYLEGAN3_FIELDS}
    fields["architecture"] = ("stylegan3-r" if radial else "stylegan3-t") if is_stylegan3 else "stylegan2"
    if radial and not is_stylegan3:
        raise InputError("the network is a StyleGAN2 with radial filters, which is not supported.")
    if fields["architecture"] == "stylegan3-t":
        fields.setdefault("conv_kernel", 3)
    _require_supported({**given, **mapping_given}, architecture="skip")
    return fields


def discriminator_fields(record: ModuleRecord) -> dict[str, Any]:
    """NetworkSpec fields of a pickled discriminator; raises InputError like `generator_fields`."""
    given = _arguments(record, DISCRIMINATOR_POSITIONS)
    mapping_given = {**given.pop("mapping_kwargs", {})}
    epilogue_given = {**given.pop("epilogue_kwargs", {})}
    given.update(given.pop("block_kwargs", {}))
    modules = record.state.get("_modules", {})
    block = next((part for name, part in modules.items() if name.startswith("b")), None)
    first = block.state.get("_modules", {}).get("fromrgb") if isinstance(block, ModuleRecord) else None
    group = epilogue_given.pop("mbstd_group_size", 4)
    if mapping_given.pop("lr_multiplier", 0.01) != 0.01:
        raise InputError(
            "the discriminator's mapping has a learning rate of its own, which is not supported."
        )
    fields: dict[str, Any] = {
        **_sizes(given),
        "d_mapping_layers": mapping_given.pop("num_layers", 8),
        # None makes one group of the whole batch.
        "mbstd_group": 1024 if group is None else group,
        "d_channel_base": given.pop("channel_base", 32768),
        "d_channel_max": given.pop("channel_max", 512),
        "d_conv_clamp": 256.0,
    }
    if isinstance(first, ModuleRecord) and "conv_clamp" in first.state:
        fields["d_conv_clamp"] = first.state["conv_clamp"]
    _take(given, fields, {"conv_clamp": "d_conv_clamp"})
    width = min(fields["d_channel_base"] // 4, fields["d_channel_max"])
    for name in ("embed_features", "layer_features"):
        if mapping_given.pop(name, None) not in (None, width):
            raise InputError(f"the discriminator's mapping has an unusual {name}, which is not supported.")
    if given.pop("cmap_dim", None) not in (None, width):
        raise InputError("the discriminator's cmap_dim is not its last width, which is not supported.")
    _require_supported({**given, **mapping_given, **epilogue_given}, architecture="resnet")
    return fields


def spec_of(fields: Mapping[str, Any]) -> NetworkSpec:
    """The spec of `fields`, numbers brought to their types; InputError if it makes no sense."""
    floats = {"conv_clamp", "d_conv_clamp", "output_scale", "first_cutoff", "first_stopband"}
    clean = {
        name: float(value) if name in floats and isinstance(value, int) else value
        for name, value in fields.items()
    }
    return NetworkSpec.from_json(clean)


def child(record: ModuleRecord, name: str) -> ModuleRecord:
    """The part `name` of a pickled network; InputError if it has none."""
    part = record.state.get("_modules", {}).get(name)
    if not isinstance(part, ModuleRecord):
        raise InputError(f"the pickled network has no part '{name}', so it is no StyleGAN2 or StyleGAN3.")
    return part


def _arguments(record: ModuleRecord, positions: tuple[str, ...]) -> dict[str, Any]:
    """Constructor arguments by name; sizes that were not given come from the stored attributes."""
    given = dict(_attributes(record, *positions))
    given.update(zip(positions, record.state.get("_init_args", ()), strict=False))
    given.update(record.state.get("_init_kwargs", {}))
    missing = [name for name in positions if name not in given and name != "c_dim"]
    if missing:
        raise InputError(f"the pickled network does not say its {missing[0]}.")
    return given


def _attributes(record: ModuleRecord | None, *names: str) -> dict[str, Any]:
    return {name: record.state[name] for name in names if name in record.state} if record else {}


def _sizes(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "resolution": given.pop("img_resolution"),
        "channels": given.pop("img_channels"),
        "classes": given.pop("c_dim", 0),
    }


def _first_layer(synthesis: ModuleRecord) -> ModuleRecord | None:
    """The first convolutional layer, which carries the settings shared by all."""
    for name, part in synthesis.state.get("_modules", {}).items():
        if name.startswith("L") and isinstance(part, ModuleRecord):
            return part
        if name == "b4" and isinstance(part, ModuleRecord):
            layer = part.state.get("_modules", {}).get("conv1")
            return layer if isinstance(layer, ModuleRecord) else None
    return None


def _take(given: dict[str, Any], fields: dict[str, Any], names: Mapping[str, str]) -> None:
    for official, own in names.items():
        if official in given:
            fields[own] = given.pop(official)


def _require_supported(rest: Mapping[str, Any], *, architecture: str) -> None:
    """Refuses by name whatever is neither harmless nor at its published value."""
    allowed = {**FIXED, "architecture": (architecture,)}
    for name, value in rest.items():
        if name in HARMLESS:
            continue
        if name not in allowed:
            raise InputError(f"the pickled network was built with the unknown argument '{name[:60]}'.")
        if value not in allowed[name]:
            raise InputError(
                f"the pickled network was built with {name}={str(value)[:60]}, which is not supported."
            )

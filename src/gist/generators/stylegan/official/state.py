"""Official StyleGAN2-ADA and StyleGAN3 snapshots as this project's networks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gist.errors import InputError
from gist.generators.gan.discriminator import Discriminator
from gist.generators.gan.generator import Generator
from gist.generators.gan.layers import binomial_filter
from gist.generators.gan.networks import build_discriminator, build_generator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.model import Start
from gist.generators.network_state import filled
from gist.generators.stylegan.official.pickle_reader import ModuleRecord, read_official_pickle
from gist.generators.stylegan.official.settings import discriminator_fields, generator_fields, spec_of

MAX_DEPTH = 8
MAX_MODULES = 10_000

GENERATOR_NAMES = (
    (r"mapping\.fc(\d+)\.", lambda match: f"mapping.layers.{match[1]}."),
    (r"synthesis\.L(\d+)_\d+_\d+\.", lambda match: f"synthesis.layers.{match[1]}."),
    (r"synthesis\.b(\d+)\.", lambda match: f"synthesis.blocks.{int(match[1]).bit_length() - 3}."),
)


@dataclass(frozen=True)
class OfficialNetworks:
    """The networks of one snapshot, in evaluation mode; G and D are None where the file has only G_ema."""

    G: Generator | None
    D: Discriminator | None
    G_ema: Generator


def load_official(path: Path | str) -> OfficialNetworks:
    """Reads an official `.pkl` (StyleGAN3 or StyleGAN2-ADA for PyTorch) without executing anything in it.

    Everything is computed in float32, also the blocks that the original runs in half precision.
    Raises InputError, one sentence, for files that are damaged, hostile or of an unsupported kind.
    """
    path = Path(path)
    snapshot = read_official_pickle(path)
    records = {name: snapshot.get(name) for name in ("G", "D", "G_ema")}
    for name, record in records.items():
        if record is not None and not isinstance(record, ModuleRecord):
            raise InputError(f"'{path.name}' holds something else than a network under '{name}'.")
    if records["G_ema"] is None:
        raise InputError(f"'{path.name}' is a pickle without a generator under 'G_ema'.")
    try:
        return _networks(records)
    except InputError as error:
        raise InputError(f"'{path.name}' cannot be used: {error}") from error
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(f"'{path.name}' is not a well-formed network snapshot.") from error


def official_start(path: Path) -> Start:
    """An official snapshot as a start of training: G_ema, and D where there is one."""
    networks = load_official(path)
    return Start(path.name, networks.G_ema, networks.D)


def _networks(records: dict[str, ModuleRecord | None]) -> OfficialNetworks:
    d_record = records["D"]
    d_fields = discriminator_fields(d_record) if d_record else {}

    def generator(record: ModuleRecord, name: str) -> Generator:
        spec = spec_of({**d_fields, **generator_fields(record)})
        return filled(lambda: build_generator(spec), _generator_tensors(record), name)

    ema_record = records["G_ema"]
    assert ema_record is not None
    G_ema = generator(ema_record, "G_ema")
    G = generator(records["G"], "G") if records["G"] else None
    D: Discriminator | None = None
    if d_record:
        d_spec = spec_of({**G_ema.spec.to_json(), **d_fields})
        D = filled(lambda: build_discriminator(d_spec), _discriminator_tensors(d_record, d_spec), "D")
    return OfficialNetworks(G=G, D=D, G_ema=G_ema)


def _generator_tensors(record: ModuleRecord) -> dict[str, Tensor]:
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors_of(record).items():
        if _is_resample_filter(name, tensor):
            continue
        for pattern, replacement in GENERATOR_NAMES:
            name = re.sub(rf"^{pattern}", replacement, name)
        renamed[name] = tensor
    return renamed


def _discriminator_tensors(record: ModuleRecord, spec: NetworkSpec) -> dict[str, Tensor]:
    last = spec.resolution.bit_length() - 1
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors_of(record).items():
        if _is_resample_filter(name, tensor):
            continue
        name = re.sub(r"^mapping\.fc(\d+)\.", r"mapping.layers.\1.", name)
        name = re.sub(r"^b4\.", "head.", name)
        name = name.replace(f"b{spec.resolution}.fromrgb.", "fromrgb.")
        name = re.sub(r"^b(\d+)\.", lambda match: f"blocks.{last - int(match[1]).bit_length() + 1}.", name)
        renamed[name] = tensor
    return renamed


def _is_resample_filter(name: str, tensor: Tensor) -> bool:
    """Whether this is a stored copy of the [1, 3, 3, 1] filter; another filter is refused."""
    if not name.endswith("resample_filter"):
        return False
    taps = binomial_filter()
    if tensor.shape != (4, 4) or not torch.allclose(tensor, torch.outer(taps, taps), atol=1e-6):
        raise InputError("it was built with another resampling filter than [1, 3, 3, 1].")
    return True


def tensors_of(record: ModuleRecord) -> dict[str, Tensor]:
    """Parameters and buffers by dotted name, like a state dict."""
    found: dict[str, Tensor] = {}
    waiting: list[tuple[str, Any, int]] = [("", record, 0)]
    visited = 0
    while waiting:
        prefix, part, depth = waiting.pop()
        if part is None:
            continue
        visited += 1
        # The same record may be named any number of times, so a small file could unfold without end.
        if not isinstance(part, ModuleRecord) or depth > MAX_DEPTH or visited > MAX_MODULES:
            raise InputError("its layers are not nested like those of a network.")
        for group in ("_parameters", "_buffers"):
            for name, tensor in part.state.get(group, {}).items():
                if tensor is None:
                    continue
                if not isinstance(tensor, Tensor):
                    raise InputError(f"its '{prefix}{name}' is not a tensor.")
                found[f"{prefix}{name}"] = tensor
        for name, inner in part.state.get("_modules", {}).items():
            waiting.append((f"{prefix}{name}.", inner, depth + 1))
    return found

"""Transfer learning: the networks a training starts from."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from gist.errors import InputError
from gist.files import write_json
from gist.generators.gan.discriminator import Discriminator
from gist.generators.gan.generator import Generator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.gan.surgery import Transfer, adapt_state
from gist.generators.network_file import discriminator_beside, load_discriminator, load_network
from gist.generators.registry import build_discriminator
from gist.generators.stylegan.official.state import load_official
from gist.progress import Progress

SHIPPED = "phantom-knee-64"
"""Name of the network that comes with gist; it was trained on phantoms, so its discriminator may be shared too."""


@dataclass(frozen=True)
class Start:
    """A generator to continue from, and its discriminator where there is one."""

    name: str
    G: Generator
    D: Discriminator | None
    class_names: tuple[str, ...] = ()
    """Classes by number; none where the file does not name them."""


def load_start(name: str) -> Start:
    """Reads the starting network called `train.start_from`: one of ours, with its discriminator where that lies
    beside it, or an official `.pkl`.

    Raises:
        InputError: there is no such file, or it is not a network file.
    """
    if name == SHIPPED:
        folder = resources.files("gist.generators.shipped")
        with resources.as_file(folder / f"{SHIPPED}.safetensors") as file:
            G, facts = load_network(file)
        with resources.as_file(folder / f"{SHIPPED}.discriminator.safetensors") as file:
            D, _ = load_discriminator(file)
        return Start(name, G, D, tuple(facts["class_names"]))
    path = Path(name).expanduser()
    if not path.is_file():
        raise InputError(f"train.start_from: there is no file {path}; give a network file or '{SHIPPED}'.")
    if path.suffix == ".pkl":
        networks = load_official(path)
        return Start(path.name, networks.G_ema, networks.D)
    G, facts = load_network(path)
    beside = discriminator_beside(path)
    judge = load_discriminator(beside)[0] if beside.is_file() else None
    return Start(path.name, G, judge, tuple(facts.get("class_names", ())))


def take_over(
    start: Start,
    spec: NetworkSpec,
    class_names: tuple[str, ...],
    freeze_layers: int,
    folder: Path | None,
    progress: Progress,
) -> tuple[Generator, Discriminator]:
    """Networks of `spec` that continue from the start; `start.json` in `folder` says what became of every tensor.

    A class starts as the start's class of the same name; one that the start does not name, as one of its others.

    Raises:
        InputError: the start has another architecture or latent size.
    """
    origins = _class_origins(start, class_names) if spec.classes else None
    G, transfers = adapt_state(start.G, spec, class_origins=origins)
    fates = _by_fate(transfers)
    record: dict[str, object] = {"start": start.name, "generator": fates}
    if start.D is None:
        D = build_discriminator(spec, freeze_layers=freeze_layers)
    else:
        D, transfers = adapt_state(start.D, spec, class_origins=origins, freeze_layers=freeze_layers)
        record["discriminator"] = _by_fate(transfers)
    if origins is not None and start.G.c_dim:
        known = start.class_names or tuple(f"class {number}" for number in range(start.G.c_dim))
        record["classes"] = {name: known[k] for name, k in zip(class_names, origins, strict=True)}
        pairs = ", ".join(f"{name} as {known[k]}" for name, k in zip(class_names, origins, strict=True))
        progress.note(f"Classes start as those of {start.name}: {pairs}.")
    if folder is not None:
        write_json(folder / "start.json", record)
    counts = ", ".join(f"{len(names)} {fate}" for fate, names in fates.items())
    progress.note(f"Starting from {start.name}; tensors of the generator: {counts}.")
    return G.train(), D.train()


def _class_origins(start: Start, class_names: tuple[str, ...]) -> list[int]:
    """Number of the start's class that each class begins as; by name, else by position."""
    count = max(1, start.G.c_dim)
    return [
        start.class_names.index(name) if name in start.class_names[:count] else position % count
        for position, name in enumerate(class_names)
    ]


def _by_fate(transfers: list[Transfer]) -> dict[str, list[str]]:
    fates: dict[str, list[str]] = {}
    for transfer in transfers:
        fates.setdefault(transfer.fate, []).append(transfer.name)
    return fates

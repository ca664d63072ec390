"""Transfer learning: the network a training starts from."""

from __future__ import annotations

from pathlib import Path

from gist.addresses import imported
from gist.errors import InputError
from gist.generators.model import Start
from gist.generators.network_file import load_network
from gist.generators.registry import families, family_named
from gist.stages.networks import SHIPPED

SHIPPED_FOLDER = Path(__file__).parent / "shipped"
"""Networks learned from phantoms have their discriminators here too; those of people never have."""


def shipped_file(name: str) -> Path:
    """The file of a network that comes with gist."""
    return SHIPPED_FOLDER / f"{name}.safetensors"


def load_start(name: str | Path) -> Start:
    """Reads the starting network called `train.start_from`: one of ours, or one of another project's.

    Raises:
        InputError: there is no such file, or it is not a network file.
    """
    if name in SHIPPED:
        return _own(shipped_file(str(name)), str(name))
    path = Path(name).expanduser()
    if not path.is_file():
        raise InputError(
            f"train.start_from: there is no file {path}; give a network file, or one of {', '.join(SHIPPED)}."
        )
    return read_start(path)


def read_start(path: Path) -> Start:
    """The network in a file, ours or another project's, read without executing anything in it.

    Raises:
        InputError: it is not a network file.
    """
    for family in families().values():
        if path.suffix in family.readers:
            start: Start = imported(family.readers[path.suffix])(path)
            return start
    return _own(path, path.name)


def _own(path: Path, name: str) -> Start:
    model, facts = load_network(path)
    companion = family_named(model.family).companion(path)
    return Start(name, model, companion, tuple(map(str, facts.get("class_names", ()))))

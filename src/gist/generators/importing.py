"""Other projects' network files as files of this project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gist.errors import InputError
from gist.files import sha256_of
from gist.generators.model import Model
from gist.generators.network_file import save_network
from gist.generators.registry import family_named
from gist.generators.start import read_start
from gist.numerals import counted


@dataclass(frozen=True)
class ImportedNetwork:
    """Where a network went and what it is."""

    file: Path
    discriminator_file: Path | None
    """Beside `file`, where the original has one; a training that starts from `file` finds it."""
    model: Model

    @property
    def description(self) -> str:
        """Architecture, resolution, channels and classes in words."""
        model = self.model
        colours = "grey" if model.img_channels == 1 else "RGB"
        classes = counted(model.c_dim, "class", "classes") if model.c_dim else "unconditional"
        side = model.img_resolution
        return f"{model.family}, {side}x{side}, {colours}, {classes}"


def import_network_file(source: Path, out: Path | None = None) -> ImportedNetwork:
    """Writes the averaged generator and, where there is one, the discriminator of an official `.pkl` as network files;
    nothing in it is executed.

    `out` is the generator's file, by default beside the source with the suffix `.safetensors`.

    Raises:
        InputError: the source is damaged, hostile or of an unsupported kind, or a file is already there.
    """
    file = source.with_suffix(".safetensors") if out is None else out
    if file.suffix != ".safetensors":
        raise InputError(
            f"A network file ends in .safetensors; give --out {file.with_suffix('.safetensors').name}."
        )
    beside = file.with_name(f"{file.stem}.discriminator.safetensors")
    for taken in (file, beside):
        if taken.exists():
            raise InputError(f"{taken} is already there; remove it or give another --out.")
    start = read_start(source)
    model = start.model
    metadata = {
        "origin": "imported from an official snapshot, whose licence still holds",
        "origin_sha256": sha256_of(source),
        "class_names": [str(number) for number in range(model.c_dim)],
    }
    if start.companion is not None:
        beside = family_named(model.family).keep_companion(file, start.companion, metadata)
    save_network(file, model, metadata=metadata)
    return ImportedNetwork(file, None if start.companion is None else beside, model)

"""Official snapshots as network files of this project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gist.errors import InputError
from gist.files import sha256_of
from gist.generators.gan.spec import NetworkSpec
from gist.generators.network_file import discriminator_beside, save_discriminator, save_network
from gist.generators.stylegan.official.state import load_official


@dataclass(frozen=True)
class ImportedNetwork:
    """Where an official network went and what it is."""

    file: Path
    discriminator_file: Path | None
    """Beside `file`, where the snapshot has one; a training that starts from `file` finds it."""
    spec: NetworkSpec

    @property
    def description(self) -> str:
        """Architecture, resolution, channels and classes in words."""
        spec = self.spec
        colours = "grey" if spec.channels == 1 else "RGB"
        classes = f"{spec.classes} classes" if spec.classes else "unconditional"
        return f"{spec.architecture}, {spec.resolution}x{spec.resolution}, {colours}, {classes}"


def import_official(source: Path, out: Path | None = None) -> ImportedNetwork:
    """Writes G_ema and, where there is one, D of an official `.pkl` as network files; nothing in it is executed.

    `out` is the generator's file, by default beside the source with the suffix `.safetensors`.

    Raises:
        InputError: the source is damaged, hostile or of an unsupported kind, or a file is already there.
    """
    file = source.with_suffix(".safetensors") if out is None else out
    if file.suffix != ".safetensors":
        raise InputError(
            f"A network file ends in .safetensors; give --out {file.with_suffix('.safetensors').name}."
        )
    beside = discriminator_beside(file)
    for taken in (file, beside):
        if taken.exists():
            raise InputError(f"{taken} is already there; remove it or give another --out.")
    networks = load_official(source)
    spec = networks.G_ema.spec
    metadata = {
        "origin": "imported from an official snapshot, whose licence still holds",
        "origin_sha256": sha256_of(source),
        "class_names": [str(number) for number in range(spec.classes)],
    }
    if networks.D is not None:
        save_discriminator(beside, networks.D, metadata=metadata)
    save_network(file, networks.G_ema, metadata=metadata)
    return ImportedNetwork(file, None if networks.D is None else beside, spec)

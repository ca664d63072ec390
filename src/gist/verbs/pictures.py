"""Pictures of a network without a run: as arrays, or as a folder of marked files."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from gist.config import build_config, with_changes
from gist.errors import InputError
from gist.progress import Progress, Silent
from gist.runs.folder import RunFolder
from gist.runs.pipeline import open_run, run_stages
from gist.stages.networks import SHIPPED
from gist.verbs.new_folder import move_into, new_folder
from gist.verbs.typed_settings import GenerateSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gist.generators.model import Model


def draw(
    network: Model | Path | str,
    class_name: str | None = None,
    count: int = 1,
    *,
    first_seed: int = 0,
    truncation_psi: float = 1.0,
) -> NDArray[np.uint8]:
    """Pictures of one class as uint8 [count, R, R], without a mark; picture number i has seed `first_seed` + i.

    >>> import gist
    >>> G = gist.load_generator("phantom-knee-64")
    >>> pictures = gist.draw(G, "severe", 4)
    >>> pictures.shape, G.class_names
    ((4, 64, 64), ('healthy', 'moderate', 'severe'))

    Args:
        network: what `load_generator` gave, or takes.
        class_name: one of `G.class_names`; None for a network without classes.

    Raises:
        InputError: the network has no such class, or is none; or no picture is asked for.
    """
    import numpy as np

    from gist.generators.synthesis import synthesise
    from gist.verbs.pieces import load_generator

    G = load_generator(network) if isinstance(network, Path | str) else network
    names = G.class_names or tuple(map(str, range(G.c_dim)))
    if class_name not in (names or (None,)):
        raise InputError(
            f"The network draws no class '{class_name}', but: {', '.join(names) or 'no classes'}."
        )
    if count < 1:
        raise InputError(f"{count} pictures were asked for; ask for one at least.")
    labels = None if class_name is None else [names.index(class_name)] * count
    seeds = range(first_seed, first_seed + count)
    return np.stack(list(synthesise(G, seeds, labels, truncation_psi=truncation_psi)))


def generate_folder(
    out: Path | str,
    *,
    run: Path | str | None = None,
    changes: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    **settings: Unpack[GenerateSettings],
) -> Path:
    """Draws marked pictures of a network file, or of one of `gist networks`, into a new folder, outside any run.

    The folder holds `images/`, `labels.csv`, `fingerprints.csv` and the archive `synthetic.zip`, and appears when all
    is there; after a stop the same call continues. Settings as in GenerateConfig; classes without `per_class` get
    equally many.

    >>> import gist
    >>> made = gist.generate_folder("pictures", network="phantom-knee-64", per_class={"severe": 2})
    >>> sorted(entry.name for entry in made.iterdir())
    ['fingerprints.csv', 'images', 'labels.csv', 'synthetic.zip']

    Args:
        run: a run folder whose network is drawn from, the newest or the one that `network` says; it stays as it is.
        changes: other settings by dotted name, such as `{"threads": 2}`.

    Raises:
        InputError: `out` holds something, or there is no such network or class.
    """
    from gist.generation.network import find_network

    out, unfinished = new_folder(Path(out))
    config = build_config({"folder": str(unfinished), "generate": settings}, changes)
    if run is not None:
        file = find_network(config.generate.network, open_run(run)[0])
        config = with_changes(config, {"generate.network": str(file.resolve())})
    elif config.generate.network in ("latest", "best"):
        raise InputError(
            f"There is no run to take a network from; name a network file, or one of {', '.join(SHIPPED)}."
        )
    place = RunFolder(unfinished)
    try:
        run_stages(config, ["generate"], progress or Silent())
    except InputError:
        if not place.has_begun("generate"):
            shutil.rmtree(unfinished, ignore_errors=True)
        raise
    made = place.stage_folder("generate")
    for leftover in made.glob("*.json"):
        leftover.unlink()
    move_into(made, out)
    shutil.rmtree(unfinished)
    return out

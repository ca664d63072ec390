"""Trains the network that ships with gist, `phantom-knee-64`, on procedural phantoms.

    python scripts/make_phantom_network.py runs/phantom-network --hours 2

No patient's image is involved, so the discriminator is shipped too: a start for transfer learning with both halves.
Running the command again continues the training; the newest state is exported each time it ends.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from gist.cli.progress import TerminalProgress
from gist.config import build_config
from gist.generators.gan.discriminator_file import save_discriminator
from gist.generators.gan.generator import Generator
from gist.generators.gan.networks import build_discriminator
from gist.generators.network_file import load_network, save_network
from gist.generators.start import SHIPPED
from gist.phantoms import write_phantom_data_set
from gist.runs.folder import RunFolder
from gist.runs.pipeline import run_stages
from gist.training.checkpoint import load_newest

PHANTOMS = 4000
RESOLUTION = 64
ASSETS = Path(__file__).parents[1] / "src" / "gist" / "generators" / "shipped"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--phantoms", type=int, default=PHANTOMS)
    parser.add_argument("--further", action="store_true", help="start from the network that ships now")
    parser.add_argument("--assets", type=Path, default=ASSETS)
    arguments = parser.parse_args()
    source = arguments.folder / "phantoms"
    config = build_config(
        {
            "name": "phantom-network",
            "folder": str(arguments.folder),
            "threads": arguments.threads or "auto",
            "device": "cpu",
            "prepare": {
                "source": str(source),
                "labels": "labels.csv",
                "resolution": RESOLUTION,
                "test_fraction": 0,
            },
            "train": {
                "kimg": 400,
                "hours": arguments.hours,
                "start_from": SHIPPED if arguments.further else None,
                "gamma": 0.1,
                "snapshot_kimg": 2,
                "checkpoint_minutes": 3,
            },
        }
    )
    if not (source / "labels.csv").exists():
        write_phantom_data_set(
            source, count=arguments.phantoms, format="png", size_range=(2 * RESOLUTION, 4 * RESOLUTION)
        )
    with TerminalProgress() as progress:
        run_stages(config, ["prepare", "train"], progress)
    export(RunFolder(arguments.folder), arguments.assets)


def export(run: RunFolder, assets: Path) -> None:
    """Writes G_ema of the newest snapshot and D of the newest checkpoint as the shipped files."""
    G, facts = load_network(max((run.path / "train" / "snapshots").glob("*.safetensors")))
    found = load_newest(run.path / "train" / "checkpoints")
    assert found is not None
    assert isinstance(G, Generator)
    D = build_discriminator(G.spec)
    D.load_state_dict({k.removeprefix("D/"): v for k, v in found[0].items() if k.startswith("D/")})
    metadata = facts | {"notice": "Trained on procedural phantoms only; no patient's image is involved."}
    save_network(assets / f"{SHIPPED}.safetensors", G, metadata=metadata)
    save_discriminator(assets / f"{SHIPPED}.discriminator.safetensors", D, metadata=metadata)


if __name__ == "__main__":
    main()

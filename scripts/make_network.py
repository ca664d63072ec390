"""Trains a network that ships with gist, scores it on images that it has not seen, and writes it among the others.

    python scripts/make_network.py phantom-knee-64 runs/phantom-knee-64 --hours 3
    python scripts/make_network.py knee-64 runs/knee-64 --data KNEES --hours 6

KNEES holds labels.csv (file, split, kl_grade, patient_id) and the pictures of Chen's Knee Osteoarthritis Severity
Grading Dataset (Mendeley Data, doi 10.17632/56rmx5bjcr.1, CC BY 4.0); its rows of the split `train` alone are learned
from. Running the command again continues the training. `--export` writes the newest state without training on.

The discriminator is written only where no person was learned from: it betrays who was among the images.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gist.cli.progress import TerminalProgress
from gist.config import Config, build_config
from gist.generators.gan.discriminator_file import discriminator_in, save_discriminator
from gist.generators.gan.generator import Generator
from gist.generators.network_file import load_network, save_network
from gist.generators.start import SHIPPED_FOLDER
from gist.phantoms import write_phantom_data_set
from gist.runs.checkpoint import load_newest
from gist.runs.folder import RunFolder
from gist.runs.pipeline import run_stages
from gist.runs.results import RunResult


@dataclass(frozen=True)
class Making:
    """What a network learns from, and what is said of it."""

    prepare: dict[str, Any]
    data: str
    licence: str
    notice: str
    phantoms: int = 0
    """How many are drawn; 0 where `--data` names images of people."""
    train: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the training that are not gist's own choice."""


_PHANTOMS = Making(
    prepare={"labels": "labels.csv", "patient_column": "patient_id", "test_fraction": 0.15},
    train={"gamma": 1.0},  # ten times what is planned: it tells phantoms apart too easily
    data="procedural phantoms of knees, drawn by gist",
    licence="Apache-2.0; nobody's images",
    notice="Learned from procedural phantoms only; no patient's image is involved.",
    phantoms=4700,
)
_KNEES = Making(
    prepare={
        "labels": "labels.csv",
        "label_column": "kl_grade",
        "patient_column": "patient_id",
        "split_column": "split",
        "classes": ["0", "3", "4"],
        "burned_in_text": "ignore",
    },
    data="knee radiographs, Kellgren-Lawrence grades 0, 3 and 4: Chen 2018, Knee Osteoarthritis Severity Grading "
    "Dataset, Mendeley Data V1, doi 10.17632/56rmx5bjcr.1, derived from the Osteoarthritis Initiative",
    licence="CC BY 4.0: cite the data set wherever pictures are shown",
    notice="Learned from radiographs of people (Chen 2018, doi 10.17632/56rmx5bjcr.1, CC BY 4.0); G_ema only.",
)
MAKINGS = {"phantom-knee-64": (_PHANTOMS, 64), "knee-64": (_KNEES, 64)}
_SHOWN = ("KID[", "FD[", "precision[", "recall[", "octave 1[")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=MAKINGS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, help="images of people, for networks that learn from them")
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--export", action="store_true", help="only score and write the newest state")
    parser.add_argument("--weights", type=Path, help="SqueezeNet's weights; without, scores are radiomics'")
    parser.add_argument("--assets", type=Path, default=SHIPPED_FOLDER)
    arguments = parser.parse_args()
    making, resolution = MAKINGS[arguments.name]
    source = arguments.folder / "phantoms" if making.phantoms else arguments.data
    if source is None:
        parser.error(f"{arguments.name} learns from images of people; name their folder by --data.")
    config = _config(arguments, making, resolution, source)
    with TerminalProgress() as progress:
        if making.phantoms and not (source / "labels.csv").exists():
            write_phantom_data_set(
                source, count=making.phantoms, format="png", size_range=(2 * resolution, 4 * resolution),
                progress=progress,
            )  # fmt: skip
        if not arguments.export:
            run_stages(config, ["prepare", "train"], progress)
        result = run_stages(config, ["generate", "evaluate"], progress)
    export(arguments, making, result)


def _config(arguments: argparse.Namespace, making: Making, resolution: int, source: Path) -> Config:
    return build_config(
        {
            "name": arguments.name,
            "folder": str(arguments.folder),
            "threads": arguments.threads or "auto",
            "device": "cpu",
            "prepare": {"source": str(source.resolve()), "resolution": resolution, **making.prepare},
            "train": {
                "kimg": 1000.0,
                "hours": arguments.hours,
                "snapshot_kimg": 10.0,
                "checkpoint_minutes": 5,
                **making.train,
            },
            "generate": {"watermark": False},  # small pictures' scores notice it
            "evaluate": {"extractor": "squeezenet", "weights": str(arguments.weights)}
            if arguments.weights
            else {},
        }
    )


def export(arguments: argparse.Namespace, making: Making, result: RunResult) -> None:
    """Writes G_ema of the newest snapshot with all that is known of it and, of phantoms, D of the newest checkpoint."""
    run = RunFolder(result.folder)
    G, facts = load_network(max((run.path / "train" / "snapshots").glob("*.safetensors")))
    assert isinstance(G, Generator)
    assert result.prepare is not None
    assert result.evaluate is not None
    metadata = facts | {
        "notice": making.notice,
        "data": making.data,
        "licence": making.licence,
        "images": result.prepare.train_images,
        "held_out": result.evaluate.held_out_images,
        "scores": {
            score.name: (score.value, score.baseline)
            for score in result.evaluate.scores
            if score.group == "overall" and score.name.startswith(_SHOWN)
        },
        "copies": next(s.meaning for s in result.evaluate.scores if s.name == "near-copies"),
        "script": f"python scripts/make_network.py {arguments.name} FOLDER"
        + ("" if making.phantoms else " --data KNEES"),
    }
    save_network(arguments.assets / f"{arguments.name}.safetensors", G, metadata=metadata)
    if making.phantoms:
        found = load_newest(run.path / "train" / "checkpoints")
        assert found is not None
        file = arguments.assets / f"{arguments.name}.discriminator.safetensors"
        save_discriminator(file, discriminator_in(G, found[0]), metadata=metadata)
    print(json.dumps(metadata, indent=1))


if __name__ == "__main__":
    main()

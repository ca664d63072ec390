"""Trains the network that ships with gist, `phantom-knee-64`, on procedural phantoms.

    python scripts/make_phantom_network.py runs/phantom-network --hours 2

No patient's image is involved, so the discriminator is shipped too: a start for transfer learning with both halves.
Running the command again continues the training; the newest state is exported each time it ends.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from gist import __version__
from gist.cli_progress import TerminalProgress
from gist.config import build_config
from gist.data_set import ArchiveWriter, encode_png
from gist.networks import build_discriminator, build_generator
from gist.phantoms import CLASS_NAMES, draw_phantom
from gist.pipeline import run_stages
from gist.pretrained import save_discriminator, save_network
from gist.results import PrepareResult
from gist.run_folder import RunFolder, StageRecord, sha256_of
from gist.training.checkpoint import load_newest
from gist.training.plan import Fingerprint, plan_training
from gist.training.stage import specification
from gist.training.start import SHIPPED

PHANTOMS = 4000
RESOLUTION = 64
ASSETS = Path(__file__).parents[1] / "src" / "gist" / "pretrained" / "assets"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--assets", type=Path, default=ASSETS)
    arguments = parser.parse_args()
    config = build_config(
        {
            "name": "phantom-network",
            "folder": str(arguments.folder),
            "threads": arguments.threads or "auto",
            "device": "cpu",
            "train": {
                "kimg": 400,
                "hours": arguments.hours,
                "gamma": 0.1,
                "snapshot_kimg": 2,
                "checkpoint_minutes": 3,
            },
        }
    )
    run = RunFolder(arguments.folder)
    if run.record("prepare") is None:
        prepare_phantoms(run)
    with TerminalProgress() as progress:
        run_stages(config, ["train"], progress)
    export(run, config, arguments.assets)


def prepare_phantoms(run: RunFolder) -> None:
    """Writes the archive that the train stage reads, straight from the phantoms."""
    folder = run.stage_folder("prepare")
    counts = dict.fromkeys(CLASS_NAMES, 0)
    with ArchiveWriter(folder / "train.zip", CLASS_NAMES) as writer:
        for seed in range(PHANTOMS):
            image, truth = draw_phantom(seed, size=RESOLUTION)
            writer.add(encode_png(np.round(image * 255).astype(np.uint8)), truth.grade)
            counts[CLASS_NAMES[truth.grade]] += 1
    result = PrepareResult(
        resolution=RESOLUTION,
        class_names=CLASS_NAMES,
        train_archive="prepare/train.zip",
        test_archive=None,
        train_images=PHANTOMS,
        test_images=0,
        class_counts={name: {"train": count, "test": 0} for name, count in counts.items()},
        patients=PHANTOMS // 2,
        rejected={},
        rejected_table="",
        source_digest="",
        upsampled=0,
        notes=("Procedural phantoms; no patient's image is among them.",),
    )
    run.write_record(
        StageRecord(
            stage="prepare",
            state="done",
            settings={},
            continued_settings={},
            inputs={},
            outputs={"prepare/train.zip": sha256_of(folder / "train.zip")},
            result=result.model_dump(mode="json"),
            started="",
        )
    )


def export(run: RunFolder, config, assets: Path) -> None:
    """Writes G_ema and D of the newest checkpoint as the shipped files."""
    found = load_newest(run.path / "train" / "checkpoints")
    assert found is not None
    tensors, facts = found
    plan = plan_training(config.train, Fingerprint(PHANTOMS, RESOLUTION, CLASS_NAMES, on_gpu=False))
    spec = specification(plan, RESOLUTION, len(CLASS_NAMES))
    G, D = build_generator(spec), build_discriminator(spec)
    for prefix, network in (("G_ema/", G), ("D/", D)):
        network.load_state_dict(
            {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        )
    metadata = {
        "gist_version": __version__,
        "kimg": facts["images"] / 1000,
        "class_names": list(CLASS_NAMES),
        "notice": "Trained on procedural phantoms only; no patient's image is involved.",
    }
    save_network(assets / f"{SHIPPED}.safetensors", G, metadata=metadata)
    save_discriminator(assets / f"{SHIPPED}.discriminator.safetensors", D, metadata=metadata)


if __name__ == "__main__":
    main()

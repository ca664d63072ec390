"""Does training work? Phantom knees from scratch: how far KID falls, and whether classes are recognised.

Draws phantoms, prepares the healthy and the severe ones at 32x32, and trains twice from scratch: without classes and
with them. KID[radiomics] compares generated with held-out phantoms of equal number, before the first step and at
every snapshot. A small convolutional network that learned the classes from real phantoms then names the class of
every generated image.

Run: python benchmarks/phantom_training.py [--folder FOLDER] [--minutes 12] [--conditional-minutes 28]

What fewer bits do to a whole training: the same command twice, with `--architecture stylegan3-r --only unconditional
--kimg 24 --minutes 600` and `--precision float32` or `bfloat16`.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

import gist
from gist.config import Config, build_config
from gist.generators.gan.generator import Generator
from gist.generators.gan.networks import build_generator
from gist.generators.network_file import load_network
from gist.generators.synthesis import synthesise
from gist.images.archive import DataSet, read_data_set
from gist.metrics.extractors import Radiomics
from gist.metrics.kid import kernel_distance
from gist.phantoms import write_phantom_data_set

CLASSES = ("healthy", "severe")
SIZES = {"batch": 8, "channel_max": 32, "discriminator_channel_max": 32, "z_dim": 64, "w_dim": 64}
TRAIN: dict[str, dict[str, object]] = {
    "stylegan2": SIZES | {"gamma": 0.02, "channel_base": 512, "mapping_layers": 2},
    "stylegan3-r": SIZES | {"gamma": 0.02, "channel_base": 1024, "mapping_layers": 2},
    "dcgan": SIZES | {"channel_base": 1024, "generator_lr": 0.001, "discriminator_lr": 0.001},
}
SOFT_LIMIT = 10.0


def main() -> None:
    """Prints settings, KID over the training, and the classifier's accuracies."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--folder", type=Path)
    arguments.add_argument("--phantoms", type=int, default=1200, help="of all three grades; two are used")
    arguments.add_argument("--minutes", type=float, default=12.0)
    arguments.add_argument("--conditional-minutes", type=float, default=28.0)
    arguments.add_argument("--architecture", choices=tuple(TRAIN), default="stylegan2")
    arguments.add_argument("--only", choices=("unconditional", "conditional"))
    arguments.add_argument("--snapshot-kimg", type=float, default=4.0)
    arguments.add_argument("--kimg", type=float, default=400.0, help="where a training ends at the latest")
    arguments.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    arguments.add_argument("--seed", type=int, default=0)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    settings = {
        "architecture": options.architecture,
        "kimg": options.kimg,
        "precision": options.precision,
        **TRAIN[options.architecture],
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        source = folder / "phantoms"
        if not (source / "labels.csv").exists():
            write_phantom_data_set(source, count=options.phantoms, format="png", size_range=(64, 64))
        print(f"{platform.machine()}, one thread, torch {torch.__version__}, settings {json.dumps(settings)}")
        for name, conditional, minutes in (
            ("unconditional", False, options.minutes),
            ("conditional", True, options.conditional_minutes),
        ):
            if options.only not in (None, name):
                continue
            run = folder / name
            train = settings | {
                "conditional": conditional,
                "hours": minutes / 60,
                "snapshot_kimg": options.snapshot_kimg,
            }
            gist.run(_settings(run, source, train, options.seed), stages=["prepare", "train"])
            report(run, name)


def _settings(run: Path, source: Path, train: dict[str, object], seed: int) -> Config:
    return build_config(
        {
            "folder": str(run),
            "seed": seed,
            "device": "cpu",
            "threads": 1,
            "prepare": {
                "source": str(source),
                "labels": "labels.csv",
                "patient_column": "patient_id",
                "classes": CLASSES,
                "resolution": 32,
                "test_fraction": 0.25,
            },
            "train": train,
        }
    )


def report(run: Path, name: str) -> None:
    """Prints what one training came to."""
    known, held_out = (read_data_set(run / "prepare" / f"{part}.zip") for part in ("train", "test"))
    snapshots = sorted((run / "train" / "snapshots").glob("*.safetensors"))
    last, metadata = load_network(snapshots[-1])
    assert isinstance(last, Generator)
    print(
        f"\n{name}: {len(known)} phantoms to learn from, {len(held_out)} held out, {metadata['kimg']:.1f} kimg"
    )
    torch.manual_seed(0)
    untrained = build_generator(last.spec).eval()
    yardstick = Yardstick(known, held_out)
    start = yardstick.kid(untrained)
    print(f"  KID[radiomics] untrained {start:.3f}")
    value = start
    for snapshot in snapshots:
        G, metadata = load_network(snapshot)
        assert isinstance(G, Generator)
        value = yardstick.kid(G)
        print(f"  KID[radiomics] at {metadata['kimg']:6.1f} kimg {value:.3f}")
    print(f"  KID fell {start / value:.1f}-fold")
    if last.c_dim:
        classifier = trained_classifier(known)
        real = accuracy(classifier, held_out.array(), held_out.labels)
        labels = np.arange(400) % last.c_dim
        made = pictures(last, labels)
        print(f"  classifier trained on real phantoms: {real:.3f} right on held-out ones,")
        print(f"  {accuracy(classifier, made, labels):.3f} right on {len(made)} generated ones")


def pictures(G: Generator, labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """One generated image [N, R, R] in 0-1 per label."""
    chosen = labels.tolist() if G.c_dim else None
    return np.stack(list(synthesise(G, range(len(labels)), chosen))).astype(np.float32) / np.float32(255)


class Yardstick:
    """KID[radiomics] of generators against held-out images, features standardised by the training images."""

    def __init__(self, known: DataSet, held_out: DataSet) -> None:
        self.extractor = Radiomics(known.resolution)
        features = self.extractor.features(known.array())
        self.mean, std = features.mean(axis=0), features.std(axis=0)
        self.std = np.where(std > 1e-6 * np.maximum(1.0, np.abs(self.mean)), std, 1.0)
        self.labels = held_out.labels
        self.real = self._standardised(held_out.array())

    def kid(self, G: Generator) -> float:
        """Of as many generated images as are held out, of the same classes."""
        return kernel_distance(self.real, self._standardised(pictures(G, self.labels))).value

    def _standardised(self, images: NDArray[np.float32]) -> NDArray[np.float64]:
        z = (self.extractor.features(images) - self.mean) / self.std
        eased: NDArray[np.float64] = SOFT_LIMIT * np.tanh(z / SOFT_LIMIT)
        return eased


def trained_classifier(known: DataSet) -> nn.Module:
    """A small network that names the class of a radiograph, trained on shifted copies of real ones."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(32, 32, 3, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(), nn.LazyLinear(len(known.class_names)),
    )  # fmt: skip
    images = torch.from_numpy(known.array())[:, None]
    labels = torch.from_numpy(known.labels)
    network(images[:1])
    optimizer = torch.optim.Adam(network.parameters(), 1e-3, weight_decay=1e-4)
    for _ in range(30):
        for batch in torch.split(torch.randperm(len(images)), 32):
            down, right = (int(shift) for shift in torch.randint(-1, 2, (2,)))
            optimizer.zero_grad()
            logits = network(torch.roll(images[batch], (down, right), (2, 3)))
            nn.functional.cross_entropy(logits, labels[batch]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return network.eval()


def accuracy(classifier: nn.Module, images: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Share of images [N, R, R] in 0-1 whose class is named right."""
    with torch.no_grad():
        named = classifier(torch.from_numpy(images)[:, None]).argmax(dim=1).numpy()
    return float((named == labels).mean())


if __name__ == "__main__":
    main()

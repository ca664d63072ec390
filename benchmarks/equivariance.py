"""EQ-T, EQ-T_frac and EQ-R of random-weight networks: our metric beside the reference implementation's own.

Takes a folder with a checkout of the reference implementation and a folder with its snapshots (stylegan3-t-64-*.pkl
and .json, stylegan3-r-64-*). The reference's metric measures its own network; while it runs, every picture it draws is
kept with its movement, and our metric measures those and then what our network draws from the same w and movements.
What the reference imports (requests, scipy, click, tqdm, psutil) must be installed; it needs no GPU here.

Run: python benchmarks/equivariance.py REFERENCE SNAPSHOTS [--samples 32]
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch
from packaging.version import parse

from gist.generators.gan.generator import Generator
from gist.generators.stylegan.official.pickle_reader import read_official_pickle
from gist.generators.stylegan.official.state import load_official, tensors_of
from gist.images.archive import ArchiveWriter
from gist.images.png import encode_png
from gist.metrics.equivariance import movement_error

Drawn = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Input transform [3, 3], ws [N, L, W] and pictures [N, C, H, W] of one call of a synthesis network."""
METRICS = {
    "EQ-T": "compute_eqt_int",
    "EQ-T_frac": "compute_eqt_frac",
    "EQ-R": "compute_eqr",
}


def decibels(sums: list[tuple[float, int]]) -> float:
    """Signal-to-noise ratio of sums of squared errors and their counts."""
    return 10 * math.log10(4 * sum(count for _, count in sums) / sum(error for error, _ in sums))


def ours_on(pictures: list[Drawn]) -> float:
    """Our metric on pairs of calls: the picture at rest, then the moved one."""
    sums = []
    for (_, _, still), (transform, _, moved) in zip(pictures[::2], pictures[1::2], strict=True):
        movement_33 = torch.linalg.inv(transform.double())
        sums += [movement_error(still[i : i + 1], moved[i : i + 1], movement_33) for i in range(len(still))]
    return decibels(sums)


def redrawn(G: Generator, pictures: list[Drawn]) -> list[Drawn]:
    """The same calls with our network."""
    found = []
    with torch.no_grad():
        for transform, ws, _ in pictures:
            G.synthesis.get_submodule("input").get_buffer("transform").copy_(transform)
            found.append((transform, ws, G.synthesis(ws)))
    return found


def reference_modules(checkout: Path) -> tuple[Any, Any, Any, Any]:
    """Its networks, metric, options and dictionary, on a Python that no longer has pkg_resources."""
    version_parsing = types.ModuleType("pkg_resources")
    version_parsing.parse_version = parse  # type: ignore[attr-defined]
    sys.modules["pkg_resources"] = version_parsing
    sys.path.insert(0, str(checkout))
    import dnnlib
    from metrics import equivariance, metric_utils
    from training import networks_stylegan3

    return networks_stylegan3, equivariance, metric_utils, dnnlib


def label_archive(folder: Path, classes: int) -> Path:
    """An archive from which the reference draws its classes."""
    path = folder / "labels.zip"
    with ArchiveWriter(path, [str(k) for k in range(classes)]) as writer:
        for index in range(10 * classes):
            writer.add(encode_png(np.zeros((64, 64), np.uint8)), index % classes)
    return path


def compare(checkout: Path, snapshot: Path, samples: int, folder: Path) -> None:
    """Prints one line per metric of one snapshot."""
    networks, metric, metric_utils, dnnlib = reference_modules(checkout)
    arguments = json.loads(snapshot.with_suffix(".json").read_text())["G_init_kwargs"]
    peer = networks.Generator(**arguments).eval().requires_grad_(False)
    peer.load_state_dict(tensors_of(read_official_pickle(snapshot)["G_ema"]))
    ours = load_official(snapshot).G_ema
    drawn: list[Drawn] = []
    kind = type(peer.synthesis)
    forward = kind.forward

    def recorded(self: Any, ws: torch.Tensor, *rest: Any, **options: Any) -> torch.Tensor:
        pictures: torch.Tensor = forward(self, ws, *rest, **options)
        drawn.append((self.input.transform.clone(), ws.clone(), pictures.clone()))
        return pictures

    kind.forward = recorded
    data = dnnlib.EasyDict(
        class_name="training.dataset.ImageFolderDataset",
        path=str(label_archive(folder, max(ours.c_dim, 1))),
        use_labels=True,
        max_size=None,
        xflip=False,
    )
    options = metric_utils.MetricOptions(
        G=peer, G_kwargs={}, dataset_kwargs=data, num_gpus=1, rank=0, device=torch.device("cpu")
    )
    for name, wanted in METRICS.items():
        drawn.clear()
        torch.manual_seed(0)
        np.random.seed(0)
        value = metric.compute_equivariance_metrics(
            options, num_samples=samples, batch_size=2, **{wanted: True}
        )
        print(
            f"{snapshot.stem:28s} {name:10s} reference {float(value):7.3f} dB, our metric on its pictures "
            f"{ours_on(drawn):7.3f}, our network and metric {ours_on(redrawn(ours, drawn)):7.3f}",
            flush=True,
        )
    kind.forward = forward


def main() -> None:
    """Compares every StyleGAN3 snapshot of a folder."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("reference", type=Path)
    arguments.add_argument("snapshots", type=Path)
    arguments.add_argument("--samples", type=int, default=32)
    options = arguments.parse_args()
    torch.Tensor.pin_memory = lambda tensor, *_: tensor  # type: ignore[method-assign]  # the reference expects a GPU
    with tempfile.TemporaryDirectory() as folder:
        for snapshot in sorted(options.snapshots.glob("stylegan3-*.pkl")):
            compare(options.reference, snapshot, options.samples, Path(folder))


if __name__ == "__main__":
    main()

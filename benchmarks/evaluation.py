"""Where the time of an evaluation goes: the share of the feature extractor, which should be 80 % or more.

Textures are held against others of their kind by the whole evaluate stage. Judging single images for artifacts has
detectors of its own and is listed apart. Processor seconds, so that other work on the machine does not count.

Run: python benchmarks/evaluation.py [--images 5000] [--side 64] [--extractor radiomics] [--weights FILE]
"""

from __future__ import annotations

import argparse
import functools
import importlib
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from gist.config import build_config
from gist.evaluation.stage import evaluate
from gist.images.archive import ArchiveWriter
from gist.images.png import encode_png
from gist.progress import Silent
from gist.runs.folder import RunFolder, StageRecord
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.stages.promise import Result, StageName

PARTS = {
    "extractor": (
        "metrics.extractors.radiomics:Radiomics.features",
        "metrics.extractors.network:NetworkExtractor.features",
    ),
    "KID": ("metrics.group_measures:kernel_distance",),
    "relative Frechet": ("metrics.group_measures:relative_frechet",),
    "Frechet": ("metrics.group_measures:frechet_distance",),
    "precision, recall": ("metrics.group_measures:manifolds",),
    "diversity": ("metrics.group_measures:vendi_score",),
    "nearest neighbours": ("evaluation.stage:nearest_pairs",),
    "blur of yardsticks": ("metrics.group_measures:gaussian_filter",),
    "appearance": ("metrics.features:appearance",),
    "digests and cache": (
        "metrics.features:_content",
        "metrics.features:_content_digest",
        "metrics.features:write_atomic",
    ),
    "decoding": ("images.archive:DataSet.image",),
    "judging single images": ("evaluation.stage:assess_artifacts",),
}
"""What is listed -> functions of `gist` whose time counts for it."""


class Stopwatch:
    """Processor seconds by part; a part inside another one counts for the outer one alone."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(PARTS, 0.0)
        self._running = False
        for part, places in PARTS.items():
            for place in places:
                self._watch(part, place)

    def _watch(self, part: str, place: str) -> None:
        module, _, path = place.partition(":")
        owner: Any = importlib.import_module(f"gist.{module}")
        *outer, name = path.split(".")
        owner = getattr(owner, outer[0]) if outer else owner
        call = getattr(owner, name)

        @functools.wraps(call)
        def timed(*given: Any, **named: Any) -> Any:
            if self._running:
                return call(*given, **named)
            self._running = True
            start = time.process_time()
            try:
                return call(*given, **named)
            finally:
                self.seconds[part] += time.process_time() - start
                self._running = False

        setattr(owner, name, timed)


def textures(count: int, side: int, seed: int) -> NDArray[np.uint8]:
    """Smooth noise, each image with a bright bar of its own."""
    rng = np.random.default_rng(seed)
    ground = gaussian_filter(rng.normal(size=(count, side, side)), (0, 1.5, 1.5))
    centre, width = rng.uniform(0.3, 0.7, (count, 1, 1)) * side, rng.uniform(0.08, 0.2, (count, 1, 1)) * side
    bar = np.exp(-(((np.arange(side)[None, None] - centre) / width) ** 2))
    images: NDArray[np.uint8] = np.rint(np.clip(0.3 + 0.4 * bar + 0.3 * ground, 0, 1) * 255).astype(np.uint8)
    return images


def write_run(folder: Path, images: int, side: int) -> RunFolder:
    """A run folder as prepare and generate leave it."""
    run = RunFolder(folder)
    for seed, name in enumerate(("prepare/train", "prepare/test", "generate/synthetic")):
        with ArchiveWriter(folder / f"{name}.zip") as writer:
            for image in textures(images, side, seed):
                writer.add(encode_png(image), None)
    prepared = PrepareResult(
        resolution=side,
        class_names=(),
        train_archive="prepare/train.zip",
        test_archive="prepare/test.zip",
        train_images=images,
        test_images=images,
        class_counts={},
        patients=None,
        rejected={},
        rejected_table="",
        source_digest="",
        upsampled=0,
        notes=(),
    )
    generated = GenerateResult(
        archive="generate/synthetic.zip",
        images_folder="",
        labels_table="",
        images=images,
        class_counts={},
        network="",
        network_sha256="",
        truncation_psi=1.0,
        first_seed=0,
        seconds=1.0,
        images_per_second=1.0,
        device="cpu",
    )
    _record(run, "prepare", prepared)
    _record(run, "generate", generated)
    return run


def _record(run: RunFolder, stage: StageName, result: Result) -> None:
    run.write_record(
        StageRecord(
            stage=stage,
            state="done",
            settings={},
            continued_settings={},
            inputs={},
            result=result.model_dump(mode="json"),
            started="",
        )
    )


def main() -> None:
    """Prints processor seconds by part and the extractor's share."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--images", type=int, default=5000)
    arguments.add_argument("--side", type=int, default=64)
    arguments.add_argument("--extractor", default="radiomics")
    arguments.add_argument("--weights", type=Path)
    arguments.add_argument("--threads", type=int, default=1)
    options = arguments.parse_args()
    settings = {"extractor": options.extractor, "weights": options.weights and str(options.weights.resolve())}
    config = build_config({"threads": options.threads, "device": "cpu", "evaluate": settings})
    torch.set_num_threads(options.threads)
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        run = write_run(Path(folder), options.images, options.side)
        start = time.process_time()
        result = evaluate(config, run, Silent())
        total = time.process_time() - start
    seconds = watch.seconds
    judged = seconds.pop("judging single images")
    total -= judged
    seconds["the rest"] = total - sum(seconds.values())
    print(f"{options.images} synthetic, held-out and training images of {options.side} pixels each; ", end="")
    print(
        f"{result.scores[0].name}, n = {result.scores[0].n_real}; processor seconds, {options.threads} thread(s)"
    )
    for part, value in sorted(seconds.items(), key=lambda item: -item[1]):
        print(f"{part:20s} {value:8.1f} s  {100 * value / total:5.1f} %")
    print(f"{'all of it':20s} {total:8.1f} s, and {judged:.1f} s for judging single images")
    print(f"share of the extractor: {100 * seconds['extractor'] / total:.0f} %")


if __name__ == "__main__":
    main()

"""fid50k_full, kid50k_full and pr50k3_full: what papers report, computed the way they do.

50,000 newly drawn images with the training set's mix of classes are held against all training images, not against
a hold-out; so these values flatter a generator that memorises, and serve only to stand beside published ones.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gist.config import Config
from gist.files import sha256_of
from gist.generators.model import Model
from gist.generators.network_file import load_network
from gist.generators.synthesis import synthesise
from gist.images.archive import DataSet
from gist.images.png import as_unit
from gist.machine.device import Device
from gist.metrics.extractors import Extractor, extractor_named
from gist.metrics.features import extract
from gist.metrics.frechet import frechet_distance
from gist.metrics.kid import subset_kernel_distance
from gist.metrics.manifold import manifold
from gist.metrics.weights import Unavailable
from gist.progress import Progress
from gist.runs.folder import RunFolder
from gist.stages.evaluate import Score
from gist.stages.generate import GenerateResult

IMAGES = 50_000
NEIGHBOURS = 3
_FIRST_SEED = 2**41
"""Far from the seeds that anybody generates from."""
Features = NDArray[np.float64]


def literature_scores(
    config: Config,
    run: RunFolder,
    progress: Progress,
    device: Device,
    training: DataSet,
    generated: GenerateResult,
    notes: list[str],
    *,
    images: int = IMAGES,
) -> list[Score]:
    """The scores whose weights are there; a note says which are missing and why.

    With fewer `images` than 50,000 the names say how many: fid1000_full.
    """
    scores: list[Score] = []
    network = _network(config, run, generated)
    if network is None:
        what = "is not known" if generated.made_elsewhere else f"{generated.network} is gone"
        notes.append(f"The network {what}, so fid50k_full and its like were left out.")
        return scores
    G = load_network(network)[0].to(device.torch_device).eval().requires_grad_(False)
    cutoff = config.generate.truncation_cutoff
    drawn = _Drawn(G, training, images, config.seed, generated.truncation_psi, cutoff)
    for name in ("inception", "vgg16"):
        try:
            extractor = extractor_named(name, training.resolution, device=device.torch_device)
        except Unavailable:
            which = "fid50k_full and kid50k_full" if name == "inception" else "pr50k3_full"
            notes.append(
                f"{which} could not be computed: the weights of '{name}', or the package torch-fidelity, are "
                "missing here; `gist weights` says where to get them."
            )
            continue
        cache = run.stage_folder("evaluate") / "features"
        everything = np.arange(len(training), dtype=np.int64)
        real = extract(training, everything, extractor, "training", cache, lambda _: None)
        synthetic = drawn.features(extractor, progress)
        mark = (
            f"{extractor.identity} training={real.digest[:12]} network={sha256_of(network)[:12]} "
            f"n={len(real)}+{images} psi={generated.truncation_psi:g} "
            f"cutoff={cutoff} ddof=1"
        )
        if name == "inception":
            scores += _distances(real.features, synthetic, mark)
        else:
            scores += _precision_recall(real.features, synthetic, mark)
    return scores


class _Drawn:
    """Images of a generator that are drawn anew for each extractor and never kept: they are many."""

    def __init__(
        self,
        G: Model,
        training: DataSet,
        images: int,
        seed: int,
        truncation_psi: float,
        truncation_cutoff: int | None,
    ) -> None:
        self._G = G
        self._images = images
        self._psi = truncation_psi
        self._cutoff = truncation_cutoff
        labels = np.random.default_rng(seed).choice(training.labels, images)
        self._labels = labels.tolist() if G.c_dim else None

    def features(self, extractor: Extractor, progress: Progress) -> Features:
        seeds = range(_FIRST_SEED, _FIRST_SEED + self._images)
        pictures = synthesise(
            self._G, seeds, self._labels, truncation_psi=self._psi, truncation_cutoff=self._cutoff
        )
        rows: list[Features] = []
        batch: list[NDArray[np.float32]] = []
        for done, picture in enumerate(pictures, start=1):
            batch.append(as_unit(picture))
            if len(batch) == extractor.batch or done == self._images:
                rows.append(extractor.features(np.stack(batch)))
                batch = []
                progress.advance(done, self._images, "images", extractor.name)
        return np.concatenate(rows)


def _network(config: Config, run: RunFolder, generated: GenerateResult) -> Path | None:
    candidates = (run.path / generated.network, Path(config.generate.network))
    known = [file for file in candidates if file.is_file()]
    return next((file for file in known if sha256_of(file) == generated.network_sha256), None)


def _named(kind: str, images: int) -> str:
    return f"{kind}{images // 1000}k" if images % 1000 == 0 and images >= 10_000 else f"{kind}{images}"


def _distances(real: Features, synthetic: Features, mark: str) -> list[Score]:
    images = len(synthetic)
    kid, spread = subset_kernel_distance(real, synthetic)
    fid = frechet_distance(real, synthetic)
    against = f"between {images} new images and all {len(real)} training images, as papers report it"
    return [
        _score(f"{_named('fid', images)}_full", fid, mark, len(real), images, f"Frechet distance {against}."),
        _score(
            f"{_named('kid', images)}_full",
            kid,
            f"{mark} subsets=100x1000",
            len(real),
            images,
            f"Kernel distance {against}; standard deviation over 100 subsets {spread:.2g}.",
        ),
    ]


def _precision_recall(real: Features, synthetic: Features, mark: str) -> list[Score]:
    images = len(synthetic)
    found = manifold(real, synthetic, NEIGHBOURS, closed_balls=True)
    name = f"{_named('pr', images)}{'-' if images % 1000 else ''}{NEIGHBOURS}_full"
    mark = f"{mark} k={NEIGHBOURS} balls=closed"
    return [
        _score(
            f"{name} {kind}",
            value,
            mark,
            len(real),
            images,
            f"Share of {of}, over {images} new images and all {len(real)} training images, as papers report it.",
            better="higher",
        )
        for kind, value, of in (
            ("precision", found.precision, "new images that lie where training images lie"),
            ("recall", found.recall, "training images that lie where new images lie"),
        )
    ]


def _score(
    name: str, value: float, mark: str, n_real: int, n_synthetic: int, meaning: str, *, better: str = "lower"
) -> Score:
    return Score(
        name=name,
        group="overall",
        value=value,
        n_real=n_real,
        n_synthetic=n_synthetic,
        fingerprint=mark,
        better="higher" if better == "higher" else "lower",
        meaning=f"{meaning} It is for comparison with papers only: the generator has seen these images.",
        verdict="unknown",
    )

"""Pieces of gist for people who write code: a network, an archive, measures between sets of images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gist.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gist.generators.importing import ImportedNetwork
    from gist.generators.model import Model
    from gist.images.torch_data_set import ArchiveImages
    from gist.metrics.comparison import Comparison
    from gist.metrics.smoothness import Smoothness


def load_generator(network: Path | str) -> Model:
    """The generator in a network file, an official `.pkl`, or one of `gist.networks()`, as a `torch.nn.Module`.

    `draw` takes it for pictures by class name. By itself it draws on the CPU, in evaluation mode, from latents
    [N, *latent_shape] and one-hot classes [N, c_dim], None where there are no classes:

    >>> import gist, torch
    >>> G = gist.load_generator("phantom-knee-64")
    >>> G(torch.randn(2, *G.latent_shape), torch.eye(G.c_dim)[:2]).shape
    torch.Size([2, 1, 64, 64])

    Raises:
        InputError: there is no such file, or it is no network.
    """
    from gist.generators.start import load_start, read_start
    from gist.stages.networks import SHIPPED

    start = load_start(network) if str(network) in SHIPPED else read_start(Path(network))
    start.model.class_names = start.class_names
    return start.model.eval().requires_grad_(False)


def open_archive(path: Path | str) -> ArchiveImages:
    """An archive of a run, such as `runs/knee/prepare/train.zip`, as a `torch.utils.data.Dataset`.

    Items are pairs (image float32 [C, R, R] in 0 to 1, class number):

    >>> import gist, torch
    >>> images = gist.open_archive("runs/knee/prepare/train.zip")  # doctest: +SKIP
    >>> loader = torch.utils.data.DataLoader(images, batch_size=16, shuffle=True)  # doctest: +SKIP

    Raises:
        InputError: there is no such archive, or it cannot be read.
    """
    from gist.images.torch_data_set import ArchiveImages

    return ArchiveImages(Path(path))


def compare_images(
    real: Path | str | NDArray[Any],
    synthetic: Path | str | NDArray[Any],
    *,
    extractor: str = "radiomics",
    weights: Path | None = None,
    neighbours: int = 3,
    seed: int = 0,
) -> Comparison:
    """KID, Frechet distance, precision, recall, density and coverage of synthetic images held against real ones.

    Each side is a folder of image files, an archive, or an array uint8 or uint16 [N, R, R]; all square and of one
    size. Unequal numbers are cut to the smaller by `seed`, as every measure wants equal n.

    >>> import gist, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> noise = [rng.integers(0, 256, (60, 32, 32), np.uint8) for _ in range(2)]
    >>> found = gist.compare_images(*noise)
    >>> found.n, found.extractor, abs(found.kid) < found.kid_reach
    (60, 'radiomics', True)

    Args:
        extractor: as `evaluate.extractor`; features of networks need weights (`gist weights`).
        weights: their file, if it lies elsewhere.
        neighbours: neighbourhood size k of precision, recall, density and coverage.

    Raises:
        InputError: a side cannot be read, has too few images, or the sides differ in size.
    """
    from gist.metrics.comparison import compare

    return compare(real, synthetic, extractor=extractor, weights=weights, neighbours=neighbours, seed=seed)


def import_network(source: Path | str, out: Path | str | None = None) -> ImportedNetwork:
    """Turns an official `.pkl` of the StyleGAN family into gist's network files; executes nothing in it.

    Args:
        source: the official file.
        out: the network file to write, by default beside the source with the suffix `.safetensors`.

    Raises:
        InputError: the file is damaged, hostile or of an unsupported kind, or the result is already there.
    """
    from gist.generators.importing import import_network_file

    return import_network_file(Path(source), None if out is None else Path(out))


def smoothness(network: Path | str, *, samples: int = 64, seed: int = 0) -> Smoothness:
    """EQ-T, EQ-T_frac, EQ-R (alias-free generators only) and the perceptual path length of a network file or official
    `.pkl`.

    Raises:
        InputError: the file is no network, or fewer than two samples were asked for.
    """
    from gist.generators.gan.generator import Generator
    from gist.metrics.smoothness import smoothness as measure

    G = load_generator(network)
    if not isinstance(G, Generator):
        raise InputError(
            f"A {G.family} network has no mapping network, so its smoothness cannot be measured."
        )
    return measure(G, samples=samples, seed=seed)

"""Pictures from seeds: picture number s is a function of the network, s, its class and truncation, nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from gist.generators.model import Model
from gist.images.tensors import pictures_of
from gist.machine.memory import ran_out_of_memory, release
from gist.ops.shares import side_by_side


def latent(seed: int, shape: tuple[int, ...]) -> torch.Tensor:
    """z [*shape] of a seed, drawn on the CPU so that every device gets the same."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def synthesise(
    G: Model,
    seeds: Sequence[int],
    labels: Sequence[int] | None = None,
    *,
    truncation_psi: float = 1.0,
    truncation_cutoff: int | None = None,
) -> Iterator[NDArray[np.uint8]]:
    """Yields one uint8 [R, R] or [R, R, 3] picture per seed, in order.

    Pictures are computed in chunks whose size depends on device and resolution only, the last one filled up:
    rounding differs between chunk sizes, and a picture must not depend on how many are asked for. Where memory
    runs out, a chunk is computed in halves, which changes no more than rounding.

    Args:
        G: an averaged generator in evaluation mode.
        seeds: one per picture.
        labels: class number per picture; needed exactly if G is conditional.
        truncation_psi, truncation_cutoff: truncation trick (Karras et al. 2019, section 3.2 and appendix B).
    """
    device, chunk = G.device, chunk_size(G)
    fitting = chunk

    def images_of(z: torch.Tensor, c: torch.Tensor | None) -> torch.Tensor:
        nonlocal fitting
        try:
            parts = [
                G(
                    z[first : first + fitting],
                    None if c is None else c[first : first + fitting],
                    truncation_psi,
                    truncation_cutoff,
                ).cpu()
                for first in range(0, len(z), fitting)
            ]
            return torch.cat(parts)
        except (RuntimeError, MemoryError) as error:
            if fitting == 1 or not ran_out_of_memory(error):
                raise
        release(device)
        fitting = max(1, min(fitting, len(z)) // 2)
        return images_of(z, c)

    def pictures(first: int) -> NDArray[np.uint8]:
        wanted = list(seeds[first : first + chunk])
        filled = wanted + [wanted[-1]] * (chunk - len(wanted))
        z = torch.stack([latent(seed, G.latent_shape) for seed in filled]).to(device)
        c = None
        if G.c_dim:
            assert labels is not None
            numbers = list(labels[first : first + chunk])
            numbers += [numbers[-1]] * (chunk - len(numbers))
            c = torch.nn.functional.one_hot(torch.tensor(numbers), G.c_dim).float().to(device)
        with torch.no_grad():
            images = images_of(z, c)
        return pictures_of(images)[: len(wanted)]

    together = pictures_at_once(G)
    for start in range(0, len(seeds), together):
        chunks = range(start, min(start + together, len(seeds)), chunk)
        for drawn in side_by_side(pictures, chunks) if device.type == "cpu" else map(pictures, chunks):
            yield from drawn


def chunk_size(G: Model) -> int:
    """Pictures that are computed together."""
    if G.device.type == "cpu":
        return 8 if G.img_resolution <= 128 else 4
    return 32 if G.img_resolution <= 256 else 8


def pictures_at_once(G: Model) -> int:
    """Pictures that are in work at a time: on a CPU, a chunk in each thread."""
    on_cpu = G.device.type == "cpu"
    return chunk_size(G) * (torch.get_num_threads() if on_cpu else 1)

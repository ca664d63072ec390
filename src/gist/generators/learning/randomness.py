"""Every random draw is a function of (seed, purpose, position), so resuming needs no saved generator state."""

from __future__ import annotations

import hashlib

import torch


def random_stream(
    seed: int, purpose: str, position: int, device: torch.device | str = "cpu"
) -> torch.Generator:
    """A generator for one purpose at one position (images seen, epoch, …) of a run; devices draw differently."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{position}".encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "little") >> 1)


class EpochOrder:
    """Endless stream of image indices: every epoch a fresh permutation of all images.

    The index at position k depends on (seed, count, k) only.
    """

    def __init__(self, count: int, seed: int) -> None:
        self.count = count
        self.seed = seed
        self._epochs: dict[int, torch.Tensor] = {}

    def at(self, position: int, length: int) -> torch.Tensor:
        """Indices [length] for positions `position` to `position + length - 1`."""
        chosen = [self._epoch(k // self.count)[k % self.count] for k in range(position, position + length)]
        return torch.stack(chosen)

    def _epoch(self, number: int) -> torch.Tensor:
        if number not in self._epochs:
            self._epochs = {k: order for k, order in self._epochs.items() if k >= number - 1}
            self._epochs[number] = torch.randperm(
                self.count, generator=random_stream(self.seed, "epoch", number)
            )
        return self._epochs[number]

"""Training images as tensors."""

from __future__ import annotations

import numpy as np
import torch

from gist.data_set import DataSet
from gist.networks.ops import sent
from gist.training.randomness import EpochOrder

_HELD_BYTES = 4 * 2**30
"""Decoded images are kept in memory up to this size; larger sets are decoded batch by batch."""


class TrainingImages:
    """Batches of real images and one-hot labels in the order that the seed defines."""

    def __init__(self, data_set: DataSet, *, conditional: bool, seed: int) -> None:
        self.data_set = data_set
        self.classes = len(data_set.class_names) if conditional else 0
        self.order = EpochOrder(len(data_set), seed)
        first = data_set.image(0)
        self._held = (
            np.stack(list(data_set.images())) if first.nbytes * len(data_set) <= _HELD_BYTES else None
        )
        self._labels = torch.from_numpy(data_set.labels)

    def batch(
        self, position: int, length: int, part: torch.Tensor, device: torch.device
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Images [N, 1, R, R] in -1..1 on `device` and labels [N, classes], None if unconditional.

        They are numbers `part` [N] of the batch of `length` that begins at `position` of the endless order.
        """
        indices = self.order.at(position, length)[part]
        return self.select(indices, device), self.one_hot(self._labels[indices])

    def select(self, indices: torch.Tensor, device: torch.device) -> torch.Tensor:
        """Chosen images [N, 1, R, R] on `device`, float32 in -1..1."""
        if self._held is not None:
            array = self._held[indices.numpy()]
        else:
            array = np.stack(list(self.data_set.images(indices.numpy())))
        levels = np.iinfo(array.dtype).max
        # Eight bits are sent as such; with sixteen unsigned ones PyTorch can do little on a GPU.
        bits = array if array.dtype == np.uint8 else array.astype(np.float32)
        images = sent(torch.from_numpy(bits), device).to(torch.float32)
        return images.mul(2 / levels).sub_(1).unsqueeze(1)

    def random_labels(self, count: int, random: torch.Generator) -> torch.Tensor | None:
        """Labels [count, classes] drawn as often as they occur among the training images."""
        if not self.classes:
            return None
        drawn = torch.randint(len(self.data_set), (count,), generator=random)
        return self.one_hot(self._labels[drawn])

    def one_hot(self, labels: torch.Tensor) -> torch.Tensor | None:
        """Class numbers [N] as float32 [N, classes], None if unconditional."""
        if not self.classes:
            return None
        return torch.nn.functional.one_hot(labels.long(), self.classes).float()

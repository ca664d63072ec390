"""Training images as tensors."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gist.generators.learning.randomness import EpochOrder
from gist.images.archive import DataSet
from gist.images.png import Pixels
from gist.images.tensors import signed, tensor_of
from gist.ops import sent

_HELD_BYTES = 4 * 2**30
"""Decoded images are kept in memory up to this size; larger sets are decoded a batch ahead."""
_DECODERS = 8


class TrainingImages:
    """Batches of real images and one-hot labels in the order that the seed defines."""

    def __init__(
        self, data_set: DataSet, *, conditional: bool, seed: int, held_bytes: int = _HELD_BYTES
    ) -> None:
        self.data_set = data_set
        self.classes = len(data_set.class_names) if conditional else 0
        self.order = EpochOrder(len(data_set), seed)
        held = data_set.image(0).nbytes * len(data_set) <= held_bytes
        self._decoded: _Held | _Ahead = _Held(data_set) if held else _Ahead(data_set)
        self._labels = torch.from_numpy(data_set.labels)

    def batch(
        self, position: int, length: int, part: torch.Tensor, device: torch.device
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Images [N, C, R, R] in -1..1 on `device` and labels [N, classes], None if unconditional.

        They are numbers `part` [N] of the batch of `length` that begins at `position` of the endless order.
        """
        indices = self.order.at(position, length)[part]
        if isinstance(self._decoded, _Ahead):
            following = self.order.at(position + length, length)[part]
            self._decoded.expect(indices, following, most=2 * length)
        return self.select(indices, device), self.one_hot(self._labels[indices])

    def select(self, indices: torch.Tensor, device: torch.device) -> torch.Tensor:
        """Chosen images [N, C, R, R] on `device`, float32 in -1..1."""
        array = self._decoded.images(indices)
        return signed(sent(tensor_of(array), device), int(np.iinfo(array.dtype).max))

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


class _Held:
    """All images, decoded once."""

    def __init__(self, data_set: DataSet) -> None:
        self._array = np.stack(list(data_set.images()))

    def images(self, indices: torch.Tensor) -> NDArray[Any]:
        """[N, R, R]."""
        chosen: NDArray[Any] = self._array[indices.numpy()]
        return chosen


class _Ahead:
    """Decodes the images of the next batch in threads while a step computes."""

    def __init__(self, data_set: DataSet) -> None:
        self._data_set = data_set
        self._threads = ThreadPoolExecutor(_DECODERS, thread_name_prefix="decode")
        self._decoded: dict[int, Future[Pixels]] = {}

    def expect(self, now: torch.Tensor, soon: torch.Tensor, *, most: int) -> None:
        """Begins to decode image numbers that are wanted now and soon; keeps at most `most` images, the newest."""
        wanted = [*now.tolist(), *soon.tolist()]
        for index in wanted:
            known = self._decoded.pop(index, None)
            self._decoded[index] = known or self._threads.submit(self._data_set.image, index)
        for index in list(self._decoded)[: max(0, len(self._decoded) - max(most, len(wanted)))]:
            self._decoded.pop(index).cancel()

    def images(self, indices: torch.Tensor) -> NDArray[Any]:
        """[N, R, R]."""
        ahead = ((index, self._decoded.get(index)) for index in indices.tolist())
        return np.stack(
            [self._data_set.image(index) if image is None else image.result() for index, image in ahead]
        )

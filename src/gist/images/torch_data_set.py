"""An archive as a data set of torch, for code that trains on it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.utils.data import Dataset

from gist.images.archive import read_data_set
from gist.images.tensors import unit_tensor_of


class ArchiveImages(Dataset[tuple[torch.Tensor, int]]):
    """Pairs (image float32 [C, R, R] in 0 to 1, class number); the class is 0 where there are no labels.

    Images stay compressed in memory and are decoded when they are asked for.

    Raises:
        InputError: the file is missing or is no archive.
    """

    def __init__(self, path: Path) -> None:
        self.data = read_data_set(path)

    @property
    def class_names(self) -> tuple[str, ...]:
        """In label order; empty without labels."""
        return self.data.class_names

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"there are {len(self)} images, no number {index}")
        return unit_tensor_of(self.data.image(index)), int(self.data.labels[index])

"""Real and synthetic images in the parts that no arm may mix: to learn from, to choose by, to be tested on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gist.images.archive import DataSet
from gist.images.colour import with_channels
from gist.images.png import as_unit

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
Groups = NDArray[np.str_]


@dataclass(frozen=True)
class Pool:
    """Labelled images of one origin."""

    images: Images
    """[N, H, W], or [N, H, W, 3] in colour."""
    labels: Labels
    """[N] class numbers 0 to K - 1."""
    groups: Groups
    """[N] salted id of the patient, or a name of the image's own where no patient is known."""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def colours(self) -> int:
        """Channels of an image."""
        return 1 if self.images.ndim == 3 else self.images.shape[3]

    def take(self, indices: Labels) -> Pool:
        """The chosen images, in that order."""
        return Pool(self.images[indices], self.labels[indices], self.groups[indices])

    def counts(self, classes: int) -> Labels:
        """[K] images of each class."""
        return np.bincount(self.labels, minlength=classes)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of images and labels; groups decide nothing that a classifier sees."""
        found = hashlib.sha256(self.images.tobytes())
        found.update(self.labels.tobytes())
        return found.hexdigest()


@dataclass(frozen=True)
class Pools:
    """Everything that the arms draw on."""

    class_names: tuple[str, ...]
    real: Pool
    """Real images to learn from: those of the training part whose patients do not validate."""
    validation: Pool
    """Real images of other patients, by which every arm chooses its best step."""
    test: Pool
    """Held-out real images."""
    synthetic: Pool


def common_classes(*sets: DataSet) -> tuple[str, ...]:
    """Names of the classes of which every set holds images, in the first set's order."""
    present = [
        {data.class_names[label] for label in data.labels} if data.class_names else set() for data in sets
    ]
    return tuple(name for name in sets[0].class_names if all(name in names for names in present))


def read_pool(
    data: DataSet,
    class_names: Sequence[str],
    pixels: int,
    groups: Sequence[str] | None,
    channels: int | None = None,
) -> Pool:
    """Images of the named classes at no more than `pixels` a side, 256 levels, in their own or so many channels.

    Larger images are reduced by area averaging. `groups` names each image's patient, if there are patients.
    """
    numbers = {name: number for number, name in enumerate(class_names)}
    own = np.array([numbers.get(name, -1) for name in data.class_names], np.int64)
    chosen = np.flatnonzero(own[data.labels] >= 0)
    side = min(pixels, data.resolution)
    pictures = (with_channels(data.image(int(index)), channels or data.channels) for index in chosen)
    images = np.stack([_reduced(as_unit(picture), side) for picture in pictures])
    named = groups if groups is not None else [f"image {index}" for index in range(len(data))]
    return Pool(images, own[data.labels[chosen]], np.array(named)[chosen])


def split_validation(pool: Pool, fraction: float, seed: int) -> tuple[Pool, Pool]:
    """Cuts images into (to learn from, to validate by) by a hash of (seed, patient).

    A patient's side depends on nothing else, so images added later move no other.
    """
    draws = np.array([_draw(seed, name) for name in pool.groups])
    return pool.take(np.flatnonzero(draws >= fraction)), pool.take(np.flatnonzero(draws < fraction))


def _draw(seed: int, name: str) -> float:
    digest = hashlib.sha256(f"{seed}/validation/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _reduced(unit: NDArray[np.float32], side: int) -> Images:
    if unit.ndim == 3:
        return np.stack([_reduced(unit[..., colour], side) for colour in range(unit.shape[2])], axis=2)
    if unit.shape[0] > side:
        unit = np.asarray(Image.fromarray(unit).resize((side, side), Image.Resampling.BOX))
    return np.rint(255 * unit).astype(np.uint8)

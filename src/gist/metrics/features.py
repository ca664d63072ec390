"""Features of a data set: extracted once per content, checked, put into units that can be compared."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from gist.errors import InputError
from gist.files import write_atomic
from gist.images.archive import DataSet
from gist.images.png import Pixels, as_unit
from gist.metrics.extractors import Extractor
from gist.metrics.neighbours import appearance

SOFT_LIMIT = 10.0
_SAME = 1e-6
Tick = Callable[[int], None]
ImageChange = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True)
class FeatureSet:
    """Features of some images of a data set."""

    features: NDArray[np.float64]
    """[N, F]"""
    appearance: NDArray[np.float64]
    """[N, A] unit vectors for finding alike images."""
    content: NDArray[np.int64]
    """[N] numbers that are equal where images are, at 256 grey levels."""
    classes: NDArray[np.str_]
    """[N] class names; empty text without labels."""
    indices: NDArray[np.int64]
    """[N] positions in the data set."""
    flat: int
    """Images that are a single grey."""
    bits: tuple[int, ...]
    """Bit depths that occur."""
    digest: str
    """SHA-256 over the images' content, in order."""

    def __len__(self) -> int:
        return len(self.features)

    def first_occurrences(self) -> NDArray[np.int64]:
        """Positions of the images that no earlier image equals, in order."""
        return np.sort(np.unique(self.content, return_index=True)[1]).astype(np.int64)

    def take(self, positions: NDArray[np.int64]) -> FeatureSet:
        """The images at these positions only."""
        return replace(
            self,
            features=self.features[positions],
            appearance=self.appearance[positions],
            content=self.content[positions],
            classes=self.classes[positions],
            indices=self.indices[positions],
        )


@dataclass(frozen=True)
class Standardiser:
    """Centres and scales features by the real training images, the same way for every set compared."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    digest: str
    """Follows from the training images and the extractor alone."""
    limit: float = SOFT_LIMIT
    """Standard scores are eased into plus and minus this; infinite for features compared as they are."""

    @classmethod
    def fitted(cls, training: FeatureSet, identity: str) -> Standardiser:
        """A feature that never varies in training keeps its own unit instead of a division by zero.

        Raises:
            InputError: all training images are alike.
        """
        mean, std, varies = _spread(training)
        digest = hashlib.sha256(f"{training.digest} {identity} limit={SOFT_LIMIT:g}".encode()).hexdigest()
        return cls(mean, np.where(varies, std, 1.0), digest)

    @classmethod
    def none(cls, training: FeatureSet) -> Standardiser:
        """Leaves features as they are, as the literature compares those of networks.

        Raises:
            InputError: all training images are alike.
        """
        mean, std, _ = _spread(training)
        return cls(np.zeros_like(mean), np.ones_like(std), "none", math.inf)

    def __call__(self, features_NF: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standard scores, eased into +-10: else one saturated feature outweighs the other 300."""
        if math.isinf(self.limit):
            return features_NF
        return standard_scores(features_NF, self.mean, self.scale, self.limit)


def standard_scores(
    features_NF: NDArray[np.float64], mean: NDArray[np.float64], scale: NDArray[np.float64], limit: float
) -> NDArray[np.float64]:
    """Features [N, F] centred and scaled, eased into plus and minus `limit`."""
    z = (features_NF - mean) / scale
    standardised: NDArray[np.float64] = limit * np.tanh(z / limit)
    return standardised


def standardiser_for(extractor: Extractor, training: FeatureSet) -> Standardiser:
    """The way in which features of this extractor are put into units that can be compared.

    Raises:
        InputError: all training images are alike.
    """
    if extractor.standardised:
        return Standardiser.fitted(training, extractor.identity)
    return Standardiser.none(training)


def extract(
    data: DataSet, indices: NDArray[np.int64], extractor: Extractor, what: str, cache: Path, tick: Tick
) -> FeatureSet:
    """Features of the chosen images of a data set, from `cache` where these very images were seen before.

    `what` names the set in messages; `tick` is told how many images were finished at each step.

    Raises:
        InputError: an image has another size than the first, or features that are not finite.
    """
    digest = _content_digest(data, indices)
    key = hashlib.sha256(f"{digest} {extractor.identity}".encode()).hexdigest()
    stored = cache / f"{key[:32]}.safetensors"
    arrays = _read_cache(stored)
    if arrays is None:
        arrays = _extract(data, indices, extractor, what, tick)
        write_atomic(stored, safetensors.numpy.save(arrays))
    else:
        tick(len(indices))
    names = np.array(data.class_names if data.class_names else ("",))
    return FeatureSet(
        features=arrays["features"],
        appearance=arrays["appearance"],
        content=arrays["content"],
        classes=names[data.labels[indices]],
        indices=indices,
        flat=int(arrays["flat"][0]),
        bits=tuple(int(bit) for bit in arrays["bits"]),
        digest=digest,
    )


def features_of_changed(
    data: DataSet,
    indices: NDArray[np.int64],
    extractor: Extractor,
    changes: Sequence[ImageChange],
    tick: Tick,
) -> list[NDArray[np.float64]]:
    """Features [N, F], not standardised, of the chosen images after each of `changes` of [N, H, W] in 0-1."""
    rows: list[list[NDArray[np.float64]]] = [[] for _ in changes]
    for start in range(0, len(indices), extractor.batch):
        chosen = indices[start : start + extractor.batch]
        batch = np.stack([as_unit(image) for image in data.images(chosen)])
        for kept, change in zip(rows, changes, strict=True):
            kept.append(extractor.features(_changed(batch, change)))
            tick(len(batch))
    return [np.concatenate(kept) for kept in rows]


def _changed(batch: NDArray[np.float32], change: ImageChange) -> NDArray[np.float32]:
    """Images [N, H, W] or [N, H, W, 3] after a change, each colour as if it were an image."""
    if batch.ndim == 3:
        return change(batch)
    colours: NDArray[np.float32] = np.stack(
        [change(batch[..., colour]) for colour in range(batch.shape[3])], axis=3
    )
    return colours


def _spread(
    training: FeatureSet,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    mean, std = training.features.mean(axis=0), training.features.std(axis=0)
    varies = std > _SAME * np.maximum(1.0, np.abs(mean))
    if len(training) < 2:
        raise InputError(
            "There is one training image only, so nothing can be measured against it; prepare more."
        )
    if not varies.any():
        raise InputError("All training images look the same, so nothing can be measured against them.")
    return mean, std, varies


def _extract(
    data: DataSet, indices: NDArray[np.int64], extractor: Extractor, what: str, tick: Tick
) -> dict[str, NDArray[Any]]:
    features, looks = [], []
    content: list[int] = []
    flat, bits = 0, Counter[int]()
    for names, images in _batches(data, indices, extractor.batch):
        for name, image in zip(names, images, strict=True):
            if image.shape[:2] != (data.resolution, data.resolution):
                raise InputError(
                    f"Image {name} of the {what} images is {image.shape[1]}x{image.shape[0]} and the others "
                    "are "
                    f"{data.resolution}x{data.resolution}; bring all images to one size."
                )
            bits[8 * image.dtype.itemsize] += 1
            flat += int(image.min() == image.max())
        x_NHW = np.stack([as_unit(image) for image in images])
        values = extractor.features(x_NHW)
        finite = np.isfinite(values).all(axis=1)
        if not finite.all():
            name = names[int(np.flatnonzero(~finite)[0])]
            raise InputError(
                f"Image {name} of the {what} images gives features that are not numbers; remove it."
            )
        features.append(values)
        looks.append(appearance(x_NHW))
        content.extend(_content(image) for image in x_NHW)
        tick(len(images))
    return {
        "features": np.concatenate(features),
        "appearance": np.concatenate(looks),
        "content": np.array(content, np.int64),
        "flat": np.array([flat], np.int64),
        "bits": np.array(sorted(bits), np.int64),
    }


def _batches(
    data: DataSet, indices: NDArray[np.int64], size: int
) -> Iterator[tuple[list[str], list[Pixels]]]:
    for start in range(0, len(indices), size):
        chosen = [int(index) for index in indices[start : start + size]]
        yield [data.names[index] for index in chosen], list(data.images(chosen))


def _content_digest(data: DataSet, indices: NDArray[np.int64]) -> str:
    digest = hashlib.sha256()
    for index in indices:
        digest.update(hashlib.sha256(data.pngs[int(index)]).digest())
    return digest.hexdigest()


def _content(x_HW: NDArray[np.float32]) -> int:
    levels = np.rint(x_HW * 255).astype(np.uint8)
    return int.from_bytes(hashlib.sha256(levels.tobytes()).digest()[:8], "little", signed=True)


def _read_cache(path: Path) -> dict[str, NDArray[Any]] | None:
    try:
        arrays = safetensors.numpy.load_file(path)
    except (OSError, SafetensorError):  # absent or damaged: extract again
        return None
    return arrays if {"features", "appearance", "content", "flat", "bits"} <= arrays.keys() else None

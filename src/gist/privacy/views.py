"""What the audit looks with: for each image, in each view, the nearest training image and how suspiciously near it is.

Nearness is the distance to the nearest over that to the tenth-nearest training image (`metrics/neighbours.py`), so that
bland images, which lie near everything, do not pass for copies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import dctn
from scipy.ndimage import gaussian_filter

from gist.images.archive import DataSet
from gist.images.png import as_grey_unit
from gist.metrics.extractors import Extractor
from gist.metrics.neighbours import CROWD, Nearest, appearance, nearest_training_image
from gist.privacy.eye import EYE_SIDE, Eye, looks
from gist.privacy.planted import magnified, turned

SIDE = 64
"""Larger images are looked at in this size: copies that are told by finer detail alone are not searched for."""
VIEWS = ("network", "pixels", "hash", "features")
_REACH = 5
"""Pixels of 32 by which two images are shifted against each other."""
_SHIFTS = list(range(-_REACH, _REACH + 1))
_CANDIDATES = 32
_HASH = 12
_CHUNK = 256

Images = NDArray[np.float32]
Tick = Callable[[int], None]


def read_small(data: DataSet, indices: NDArray[np.int64] | None = None) -> Images:
    """Grey or luma of images, [N, H, W] in 0-1 of at most `SIDE` pixels, larger ones by area means."""
    side = min(SIDE, data.resolution)
    return np.stack([reduced(as_grey_unit(image), side) for image in data.images(indices)])


def reduced(unit_HW: Images, side: int) -> Images:
    """One image by area means."""
    if unit_HW.shape[0] <= side:
        return unit_HW
    return np.asarray(Image.fromarray(unit_HW).resize((side, side), Image.Resampling.BOX))


@dataclass(frozen=True)
class Looked:
    """A set seen in all views."""

    ratio: NDArray[np.float64]
    """[N, V] nearness in each of `VIEWS`; smaller is nearer, 0 is a copy."""
    nearest: NDArray[np.int64]
    """[N, V] position of the nearest training image."""

    def take(self, rows: NDArray[np.int64]) -> Looked:
        return Looked(self.ratio[rows], self.nearest[rows])


class Viewer:
    """Holds training images in every view and looks at others beside them."""

    def __init__(self, training_NHW: Images, eye: Eye, extractor: Extractor) -> None:
        self.eye, self.extractor = eye, extractor
        features = self._features(training_NHW)
        self._mean, spread = features.mean(0), features.std(0)
        self._scale = np.where(spread > 0, spread, 1)
        self.features = self._standardised(features)
        self.seen = looks(eye, _eye_size(training_NHW))
        self.hashes = perceptual_hash(training_NHW)
        self.pixels = Registration(training_NHW)

    def look(
        self, x_NHW: Images, tick: Tick = lambda _: None, among: NDArray[np.int64] | None = None
    ) -> Looked:
        """Images [N, H, W] beside the training images, or beside those at the positions `among`."""
        rows = slice(None) if among is None else among
        pixels = self.pixels if among is None else self.pixels.take(among)
        found = []
        for start in range(0, len(x_NHW), _CHUNK):
            x = x_NHW[start : start + _CHUNK]
            views: tuple[Nearest, ...] = (
                nearest_training_image(looks(self.eye, _eye_size(x)), self.seen[rows]),
                pixels.nearest(x),
                nearest_training_image(perceptual_hash(x), self.hashes[rows]),
                nearest_training_image(self._standardised(self._features(x)), self.features[rows]),
            )
            found.append(Looked(np.stack([v.ratio for v in views], 1), np.stack([v.index for v in views], 1)))
            tick(len(x))
        return Looked(
            np.concatenate([one.ratio for one in found]), np.concatenate([one.nearest for one in found])
        )

    def vectors(self, x_NHW: Images) -> NDArray[np.float64]:
        """Standardised features of the extractor."""
        return self._standardised(self._features(x_NHW))

    def _features(self, x_NHW: Images) -> NDArray[np.float64]:
        size = self.extractor.batch
        parts = [self.extractor.features(x_NHW[i : i + size]) for i in range(0, len(x_NHW), size)]
        return np.concatenate(parts)

    def _standardised(self, features_NF: NDArray[np.float64]) -> NDArray[np.float64]:
        if not self.extractor.standardised:
            return features_NF
        return np.asarray(10 * np.tanh((features_NF - self._mean) / self._scale / 10))


def perceptual_hash(x_NHW: Images) -> NDArray[np.float64]:
    """Signs [N, 143] of the low cosine frequencies against their median: +-1, so squared distances are 4 x Hamming."""
    small = _eye_size(x_NHW)
    low = dctn(small, axes=(1, 2), norm="ortho")[:, :_HASH, :_HASH].reshape(len(small), -1)[:, 1:]
    return np.where(low > np.median(low, axis=1, keepdims=True), 1.0, -1.0)


class Registration:
    """Training images whose pixels others are laid upon: turned, magnified, mirrored, and shifted by correlation."""

    def __init__(self, training_NHW: Images) -> None:
        self.coarse = appearance(training_NHW).astype(np.float32)
        self.spectra = torch.fft.rfft2(torch.from_numpy(_structure(_eye_size(training_NHW))))

    def take(self, rows: NDArray[np.int64]) -> Registration:
        part = object.__new__(Registration)
        part.coarse, part.spectra = self.coarse[rows], self.spectra[torch.from_numpy(rows)]
        return part

    def nearest(self, x_NHW: Images) -> Nearest:
        """Nearest training image after registration, and its nearness."""
        poses = [pose for turn in (0.0, -3.0, 3.0) for pose in _poses(x_NHW, turn)]
        alike_PNM = np.stack([appearance(pose).astype(np.float32) @ self.coarse.T for pose in poses])
        count = min(_CANDIDATES, len(self.coarse))
        candidates = np.argpartition(-alike_PNM.max(0), count - 1, axis=1)[:, :count]
        # Only the poses in which a candidate looks most alike are laid upon it.
        best = np.argsort(-np.take_along_axis(alike_PNM, candidates[None], 2), axis=0)[:4]
        spectra = torch.stack([torch.fft.rfft2(torch.from_numpy(_structure(_eye_size(p)))) for p in poses])
        rows = torch.arange(len(x_NHW))[:, None]
        chosen = torch.from_numpy(candidates)
        highest = torch.full(candidates.shape, -1.0)
        for pose in torch.from_numpy(best):
            product = spectra[pose, rows].conj() * self.spectra[chosen]
            overlap = torch.fft.irfft2(product, s=(EYE_SIDE, EYE_SIDE))
            near = overlap[..., _SHIFTS, :][..., _SHIFTS]
            highest = torch.maximum(highest, near.amax((-2, -1)))
        distance = np.sqrt(np.maximum(2 - 2 * highest.numpy().astype(np.float64), 0))
        order = np.sort(distance, axis=1)
        index = candidates[np.arange(len(candidates)), distance.argmin(1)]
        return Nearest(index, order[:, 0] / np.maximum(order[:, min(CROWD, count) - 1], 1e-6))


def _poses(x_NHW: Images, degrees: float) -> list[Images]:
    if degrees:
        posed = [turned(x_NHW, degrees)]
    else:
        moved = [
            np.roll(x_NHW, by, axis)
            for axis in (1, 2)
            for by in (-x_NHW.shape[1] // 16, x_NHW.shape[1] // 16)
        ]
        posed = [x_NHW, magnified(x_NHW, 0.95), magnified(x_NHW, 0.9), *moved]
    return [side for one in posed for side in (one, np.ascontiguousarray(one[:, :, ::-1]))]


def _structure(small_NHW: Images) -> Images:
    """Unit vectors of what is finer than a sixth of the image, faded at the edges; exposure hardly touches it."""
    fine = small_NHW - gaussian_filter(small_NHW, (0, EYE_SIDE / 6, EYE_SIDE / 6))
    fine = fine * np.outer(*[np.hanning(EYE_SIDE + 2)[1:-1]] * 2).astype(np.float32)
    fine -= fine.mean((1, 2), keepdims=True)
    return np.asarray(fine / np.maximum(np.linalg.norm(fine, axis=(1, 2), keepdims=True), 1e-6), np.float32)


def _eye_size(x_NHW: Images) -> Images:
    if x_NHW.shape[1] == EYE_SIDE:
        return x_NHW
    return np.stack(
        [np.asarray(Image.fromarray(x).resize((EYE_SIDE, EYE_SIDE), Image.Resampling.BOX)) for x in x_NHW]
    )

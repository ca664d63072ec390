"""The judge of `pictures.py`: everything that is measured on a set of pictures against one hold-out, at one n."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from knee_anatomy import anatomy
from numpy.typing import NDArray

from gist.errors import InputError
from gist.images.archive import DataSet
from gist.metrics.artifacts import ArtifactJudge, Pictures
from gist.metrics.artifacts.judge import LEAST_TRAINING, MOST_TRAINING
from gist.metrics.extractors import Extractor, extractor_named
from gist.metrics.features import SOFT_LIMIT, standard_scores
from gist.metrics.frechet import frechet_distance
from gist.metrics.kid import kernel_distance
from gist.metrics.manifold import manifold
from gist.metrics.spectrum import octave_powers_of, octave_ratios
from gist.utility.classifiers import CLASSIFIERS
from gist.utility.learning import learn
from gist.utility.pools import Pool

FEWEST = 40
"""Held-out images: with fewer the share that looks odd rests on one or two of them."""
NEIGHBOURS = 3
ODD = 0.05
VALIDATION = 300
"""Real images, at most, by which the classifier's best step is chosen."""


@dataclass
class Judge:
    """Measures of pictures; made once, as the artifact judge learns from the training images."""

    training: DataSet
    held_out: DataSet
    weights: Path | None
    count: int | None
    per_class: dict[str, int] = field(init=False)
    """Pictures of each class that every recipe draws."""

    def __post_init__(self) -> None:
        self.names = self.held_out.class_names or ("all",)
        share = 1.0 if self.count is None else min(1.0, self.count / len(self.held_out))
        has = {name: np.flatnonzero(self.held_out.labels == k) for k, name in enumerate(self.names)}
        self.per_class = {
            name: int(len(rows) * share) for name, rows in has.items() if int(len(rows) * share)
        }
        n = sum(self.per_class.values())
        if n < FEWEST or len(self.training) < LEAST_TRAINING:
            raise InputError(
                f"The judge needs {FEWEST} held-out and {LEAST_TRAINING} training images at least, and has {n} and "
                f"{len(self.training)}; hold out more, or raise --count."
            )
        rng = np.random.default_rng(0)
        self.rows = np.concatenate(
            [np.sort(rng.permutation(has[name])[:k]) for name, k in self.per_class.items()]
        )
        name = "radiomics" if self.weights is None else "squeezenet"
        self.extractor: Extractor = extractor_named(name, self.held_out.resolution, weights=self.weights)
        self.others = _like(self.training, self.per_class, rng)
        learnt_from = np.sort(rng.permutation(len(self.training))[:MOST_TRAINING])
        learnt = Pictures.read(self.training, learnt_from, self.extractor)
        reference = Pictures.read(self.held_out, self.rows, self.extractor)
        self.artifacts = ArtifactJudge(learnt, reference)
        self.features, self.scale = (
            reference.features,
            (learnt.features.mean(axis=0), learnt.features.std(axis=0)),
        )
        self.powers = octave_powers_of(self.held_out, self.rows)
        self.other_powers = octave_powers_of(self.training, self.others)
        self.anatomy = anatomy(self.held_out.array(self.rows))

    @property
    def known_by(self) -> str:
        """Digest of what the results rest on."""
        mark = hashlib.sha256(self.extractor.identity.encode())
        for data, rows in ((self.held_out, self.rows), (self.training, range(len(self.training)))):
            for row in rows:
                mark.update(data.pngs[int(row)])
        return mark.hexdigest()[:16]

    def of_real(self) -> dict[str, Any]:
        """Training images in place of drawn ones."""
        return self._measured(self.training, self.others, gan_train=True)

    def of(self, drawn: DataSet, *, gan_train: bool) -> dict[str, Any]:
        """Everything measured on drawn pictures.

        Raises:
            InputError: they are of other classes, numbers or size than was asked for.
        """
        counts = {
            name: int((drawn.labels == k).sum()) for k, name in enumerate(drawn.class_names or ("all",))
        }
        if {
            name: k for name, k in counts.items() if k
        } != self.per_class or drawn.resolution != self.held_out.resolution:
            raise InputError(
                f"Pictures of {counts} were drawn and {self.per_class} asked for; see the recipe's settings."
            )
        return self._measured(drawn, np.arange(len(drawn)), gan_train=gan_train)

    def _measured(self, data: DataSet, rows: NDArray[np.int64], *, gan_train: bool) -> dict[str, Any]:
        pictures = Pictures.read(data, rows, self.extractor)
        real, made = (self._standardised(side) for side in (self.features, pictures.features))
        kid, overlap = kernel_distance(real, made), manifold(real, made, NEIGHBOURS)
        octaves = octave_ratios(self.powers, octave_powers_of(data, rows), self.other_powers)
        p_values = self.artifacts.judge(pictures).p_values
        found: dict[str, Any] = {
            "extractor": self.extractor.name,
            "n": len(made),
            "kid": kid.value,
            "kid_reach": 1.96 * kid.standard_error,
            "fd": frechet_distance(real, made),
            "precision": overlap.precision,
            "recall": overlap.recall,
            "odd": float((p_values <= ODD).mean()),
        }
        for number, one in enumerate(octaves, start=1):
            if one is not None:
                found |= {f"octave {number}": one.ratio, f"octave {number} interval": [one.low, one.high]}
        found |= self._anatomy(data, rows)
        return found | (
            {"gan_train": self._gan_train(data, rows)} if gan_train and len(self.names) > 1 else {}
        )

    def _standardised(self, features_NF: NDArray[np.float64]) -> NDArray[np.float64]:
        if not self.extractor.standardised:
            return features_NF
        mean, scale = self.scale
        return standard_scores(
            features_NF, mean, np.where(scale > 1e-6 * np.maximum(1, np.abs(mean)), scale, 1.0), SOFT_LIMIT
        )

    def _anatomy(self, data: DataSet, rows: NDArray[np.int64]) -> dict[str, float]:
        """Means as shares of those of held-out images; the joint space of each class in pixels, too."""
        ours = anatomy(data.array(rows))
        found = {
            "condyles": float(ours.condyle_width.mean() / self.anatomy.condyle_width.mean()),
            "outline": float(ours.outline.mean() / self.anatomy.outline.mean()),
        }
        for name in self.per_class:
            mine, real = (
                side.labels[these] == (side.class_names or ("all",)).index(name)
                for side, these in ((data, rows), (self.held_out, self.rows))
            )
            found[f"joint space {name}"] = float(
                ours.joint_space[mine].mean() / self.anatomy.joint_space[real].mean()
            )
        return found

    def _gan_train(self, data: DataSet, rows: NDArray[np.int64]) -> float:
        """Balanced accuracy on the hold-out of a small network that learned from these pictures."""
        unseen = np.setdiff1d(np.arange(len(self.training)), self.others)
        validation = np.random.default_rng(1).permutation(unseen)[:VALIDATION]
        tests, small = self._pool(self.held_out, self.rows), CLASSIFIERS["small"]
        learned = learn(
            small, self._pool(data, rows), self._pool(self.training, validation), {"held-out": tests},
            classes=len(self.names), steps=small.steps, seed=0, weights=None, device=torch.device("cpu"),
        )  # fmt: skip
        predicted = np.array(learned.predicted["held-out"])
        return float(np.mean([(predicted[tests.labels == k] == k).mean() for k in np.unique(tests.labels)]))

    def _pool(self, data: DataSet, rows: NDArray[np.int64]) -> Pool:
        images = np.rint(data.array(rows) * 255).astype(np.uint8)
        numbers = np.array([self.names.index(name) for name in data.class_names])
        return Pool(images, numbers[data.labels[rows]], rows.astype(np.str_))


def _like(data: DataSet, per_class: dict[str, int], rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows of so many images of each class; three quarters of it at most, as a classifier is chosen by the rest."""
    names = data.class_names or ("all",)
    chosen = []
    for name, count in per_class.items():
        members = rng.permutation(np.flatnonzero(data.labels == names.index(name)))
        chosen.append(np.sort(members[: min(count, len(members) - len(members) // 4)]))
    return np.concatenate(chosen)

"""What is held against what: the reference, the baseline, and one mix of classes on all sides."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gist.errors import InputError
from gist.metrics.features import FeatureSet
from gist.metrics.matched_samples import halves
from gist.numerals import counted


@dataclass(frozen=True)
class RealSides:
    """Two sets of real images: the reference that synthetic ones are held against, and others for the baseline."""

    reference: FeatureSet
    other_real: FeatureSet
    name: str
    """Where the reference comes from: "held-out" or "training"."""


def real_sides(
    training: FeatureSet, held_out: FeatureSet | None, rng: np.random.Generator, notes: list[str]
) -> RealSides:
    """Held-out images against training images; without a hold-out one half of the training images, noted.

    Duplicates leave the reference, as they collapse neighbourhoods.
    """
    if held_out is not None:
        leaked = int(np.isin(held_out.content, training.content).sum())
        reference = _without_duplicates(held_out, "held-out", notes)
        if leaked:
            also = counted(leaked, "held-out image is", "held-out images are")
            notes.append(
                f"{also} among the training images, too, so the hold-out is not independent; prepare the data again "
                "with patient ids or without duplicates."
            )
        return RealSides(reference, training, "held-out")
    first, second = halves(training.classes, rng)
    notes.append(
        "No image was held out, so the synthetic ones were compared with images that the generator has seen; "
        "the scores flatter it. Set prepare.test_fraction above 0 for a fair comparison."
    )
    reference = _without_duplicates(training.take(first), "training", notes)
    return RealSides(reference, training.take(second), "training")


def comparable_classes(
    synthetic: FeatureSet, reference: FeatureSet, other_real: FeatureSet, notes: list[str]
) -> tuple[FeatureSet, FeatureSet, FeatureSet]:
    """The three sets, without classes where one of them carries none.

    Raises:
        InputError: no class is common to all.
    """
    sets = (synthetic, reference, other_real)
    labelled = [bool((side.classes != "").any()) for side in sets]
    if not all(labelled):
        if any(labelled):
            notes.append(
                "The synthetic or the real images carry no classes, so their mix could not be made equal."
            )
        synthetic, reference, other_real = (
            replace(side, classes=np.zeros(len(side), "<U1")) for side in sets
        )
        return synthetic, reference, other_real
    common = set(synthetic.classes) & set(reference.classes) & set(other_real.classes)
    missing = sorted(set(reference.classes) - common)
    if not common:
        raise InputError(
            "The synthetic and the held-out images have no class in common; generate the classes of the "
            "hold-out."
        )
    if missing:
        notes.append(
            f"{counted(len(missing), 'class', 'classes')} of the hold-out, absent from the training or the synthetic "
            "images, took no part in the comparison."
        )
    return synthetic, reference, other_real


def note_collapse(synthetic: FeatureSet, notes: list[str]) -> None:
    """Notes how many synthetic images are equal to others."""
    different = len(synthetic.first_occurrences())
    if different < len(synthetic):
        notes.append(f"Only {different} of {len(synthetic)} synthetic images are different from each other.")


def _without_duplicates(reference: FeatureSet, name: str, notes: list[str]) -> FeatureSet:
    kept = reference.first_occurrences()
    if len(kept) < len(reference):
        notes.append(f"{counted(len(reference) - len(kept), 'duplicate')} among the {name} images left out.")
    return reference.take(kept)

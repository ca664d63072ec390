"""Subsets of a study: nested, whole patients, the mix of classes kept."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gist.studies.subsets import nested_order, subset

patients = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 2)), min_size=4, max_size=60)
"""Images and class of each patient."""


def spread(drawn: list[tuple[int, int]]) -> tuple[list[str], np.ndarray]:
    """Whose each image is and its class, images of a patient far apart."""
    images = [(number, label) for number, (count, label) in enumerate(drawn) for _ in range(count)]
    order = np.random.default_rng(len(images)).permutation(len(images))
    return [f"patient {images[at][0]}" for at in order], np.array([images[at][1] for at in order], np.int64)


@given(patients, st.integers(0, 5), st.data())
def test_a_smaller_subset_lies_inside_a_larger_one_and_no_patient_is_cut(
    drawn: list[tuple[int, int]], seed: int, data: st.DataObject
) -> None:
    names, labels = spread(drawn)
    sizes = sorted(data.draw(st.lists(st.integers(1, len(names)), min_size=2, max_size=4)))
    sets = [set(subset(names, labels, size, seed).tolist()) for size in sizes]
    for smaller, larger in pairwise(sets):
        assert smaller <= larger
    for size, chosen in zip(sizes, sets, strict=True):
        assert len(chosen) <= size
        inside = {names[at] for at in chosen}
        assert chosen == {at for at, name in enumerate(names) if name in inside}


@given(patients, st.integers(0, 5))
def test_all_images_together_are_the_whole_training_part(drawn: list[tuple[int, int]], seed: int) -> None:
    names, labels = spread(drawn)
    assert subset(names, labels, len(names), seed).tolist() == list(range(len(names)))


def test_the_mix_of_classes_of_a_tenth_is_that_of_the_whole() -> None:
    labels = np.repeat([0, 1, 2], [700, 200, 100])
    chosen = subset([f"patient {at}" for at in range(1000)], labels, 100, seed=3)
    assert np.bincount(labels[chosen]).tolist() == [70, 20, 10]


def test_the_first_images_hold_every_class() -> None:
    labels = np.repeat([0, 1, 2], [90, 8, 2])
    chosen = subset([f"patient {at}" for at in range(100)], labels, 3, seed=0)
    assert sorted(labels[chosen].tolist()) == [0, 1, 2]


def test_another_repeat_draws_other_patients() -> None:
    labels = np.zeros(100, np.int64)
    names = [f"patient {at}" for at in range(100)]
    assert not np.array_equal(subset(names, labels, 20, 0), subset(names, labels, 20, 1))
    assert len(nested_order(names, labels, 0)) == 100

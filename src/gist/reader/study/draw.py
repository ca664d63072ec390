"""Which images of a run are tested and which are shown with their truth: equally many of each class on both sides."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gist.errors import InputError
from gist.images.archive import DataSet, read_data_set
from gist.runs.folder import RunFolder
from gist.runs.results import result_of
from gist.runs.text_flags import TABLE, read_text_flags
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult

Indices = NDArray[np.int64]
Match = tuple[str, int, int]
"""A class, and a real and a synthetic image of it."""


@dataclass(frozen=True)
class Sides:
    """The images that may be used."""

    real: DataSet
    """Held out: the generator never saw them."""
    synthetic: DataSet
    usable: Indices
    """Of the real ones: those without text in their pixels, which may be a name."""
    patients_known: bool
    body_part: str | None
    watermark: bytes | None
    """What the watermark of the synthetic images carries; None where they have none."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Classes that both sides have; one without a name where the images carry none."""
        return tuple(name for name in self.real.class_names if name in self.synthetic.class_names) or ("",)

    def of_class(self, name: str) -> tuple[Indices, Indices]:
        """Indices of the usable real and of the synthetic images of a class."""
        if not name:
            return self.usable, np.arange(len(self.synthetic))
        real = self.real.of_class(self.real.class_names.index(name))
        return np.intersect1d(real, self.usable), self.synthetic.of_class(
            self.synthetic.class_names.index(name)
        )


def read_sides(run: RunFolder) -> Sides:
    """The held-out and the synthetic images of a run.

    Raises:
        InputError: a stage has not finished, nothing is held out, what is held out was learned from, or sizes differ.
    """
    prepared = result_of(run, PrepareResult, "a reader study")
    generated = result_of(run, GenerateResult, "a reader study")
    if prepared.test_archive is None:
        raise InputError(
            f"Nothing is held out in {run.path}, and images that the generator learned from prove nothing; prepare "
            "the data again with prepare.test_fraction above 0."
        )
    real = read_data_set(run.path / prepared.test_archive)
    synthetic = read_data_set(run.path / generated.archive)
    known = _none_was_learned_from(run, real, read_data_set(run.path / prepared.train_archive))
    if real.resolution != synthetic.resolution:
        raise InputError(
            f"The held-out images of {run.path} are {real.resolution} pixels wide and the synthetic ones "
            f"{synthetic.resolution}, which tells them apart; draw them with a network of the same size."
        )
    if bool(real.class_names) != bool(synthetic.class_names):
        raise InputError(
            f"Only one side of {run.path} has classes, which tells them apart; give both classes, or none."
        )
    hidden = read_text_flags(run, prepared).held_out
    usable = np.array([index for index, name in enumerate(real.names) if name not in hidden], np.int64)
    marked = bool(generated.marks and generated.marks["watermark"])
    watermark = bytes.fromhex(generated.network_sha256[:8]) if marked else None
    return Sides(real, synthetic, usable, known, prepared.body_part, watermark)


def _none_was_learned_from(run: RunFolder, held_out: DataSet, training: DataSet) -> bool:
    """Refuses a hold-out that shares a patient or a picture with training; whether every patient is known."""
    patients: dict[str, set[str]] = {"train": set(), "test": set()}
    try:
        with (run.path / TABLE).open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["split"] in patients:
                    patients[row["split"]].add(row["patient"])
    except (OSError, KeyError, UnicodeDecodeError):
        raise InputError(
            f"{TABLE} of {run.path} cannot be read, so nobody knows whose images are held out; prepare again."
        ) from None
    shared = len((patients["train"] & patients["test"]) - {""})
    if shared:
        raise InputError(
            f"{shared} of {len(patients['test'])} held-out patients of {run.path} are in the training set too; prepare "
            "again with the split by patient."
        )
    same = len({*map(_digest, held_out.pngs)} & {*map(_digest, training.pngs)})
    if same:
        raise InputError(
            f"{same} of {len(held_out)} held-out images of {run.path} are in the training set too; prepare again."
        )
    return "" not in patients["train"] | patients["test"]


def _digest(png: bytes) -> bytes:
    return hashlib.sha256(png).digest()


def draw(sides: Sides, counts: Sequence[int], draws: np.random.Generator) -> list[list[Match]]:
    """Groups of so many images of each side, none in two; each is spread over the classes as what both sides have.

    Raises:
        InputError: a side has fewer.
    """
    pools = {name: [draws.permutation(pool) for pool in sides.of_class(name)] for name in sides.class_names}
    room = np.array([min(map(len, pool)) for pool in pools.values()])
    if sum(counts) > room.sum():
        raise InputError(
            f"{sum(counts)} images of each side are asked for, but only {room.sum()} of the {len(sides.usable)} usable "
            "held-out images have a synthetic one of their class beside them; ask for fewer (--images, --reference), "
            "hold out more (prepare.test_fraction) or generate more."
        )
    groups, begin = [], np.zeros(len(pools), np.int64)
    for count in counts:
        end = begin + _spread(count, room - begin)
        group = [
            (name, int(real), int(synthetic))
            for (name, pool), first, last in zip(pools.items(), begin, end, strict=True)
            for real, synthetic in zip(*(side[first:last] for side in pool), strict=True)
        ]
        groups.append([group[index] for index in draws.permutation(count)])
        begin = end
    return groups


def _spread(count: int, room: Indices) -> Indices:
    """Largest remainders, so that the shares add up to `count` and none exceeds its room."""
    exact = count * room / max(1, room.sum())
    shares: Indices = np.floor(exact).astype(np.int64)
    for index in np.argsort(shares - exact, kind="stable")[: count - int(shares.sum())]:
        shares[index] += 1
    return shares

"""Altered copies of training pictures do not stay in the hold-out; different pictures do."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import PrepareCall
from PIL import Image
from radiograph_files import save_png

from gist.data_set import encode_png
from gist.intake.geometry import thumbnail, to_square
from gist.intake.near_duplicates import near_copies

COUNT = 60
Alteration = Callable[[Image.Image], Image.Image]


def jpeg(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=60)
    return Image.open(buffer)


ALTERATIONS: dict[str, Alteration] = {
    "recompressed": jpeg,
    "halved": lambda image: image.resize((112, 112), Image.Resampling.BICUBIC),
    "brightened": lambda image: image.point([int(255 * (value / 255) ** 0.75) for value in range(256)]),
    "cropped": lambda image: image.crop((3, 3, 221, 221)),
}


@pytest.fixture(scope="module")
def knees(shared_dir: Path) -> list[Image.Image]:
    """One knee of each of 120 patients."""
    root = shared_dir / "data" / "knee"
    with (root / "labels.csv").open(encoding="utf-8", newline="") as file:
        by_patient = {row["patient_id"]: row["file"] for row in csv.DictReader(file)}
    chosen = list(by_patient.values())[:: len(by_patient) // (2 * COUNT)][: 2 * COUNT]
    return [Image.open(root / name).convert("L") for name in chosen]


def copies_found(
    suspects: list[Image.Image], originals: list[Image.Image], side: int, margin: int = 0
) -> list[int]:
    def squares(images: list[Image.Image]) -> list[np.ndarray[tuple[int, int], np.dtype[np.float32]]]:
        greys = [
            np.asarray(image, dtype=np.float32)[:, margin : image.width - margin] / 255 for image in images
        ]
        return [to_square(grey, side, "pad") for grey in greys]

    ours, theirs = squares(suspects), squares(originals)
    pngs = [
        [encode_png(np.rint(square * 255).astype(np.uint8)) for square in part] for part in (ours, theirs)
    ]
    marks = [[thumbnail(square) for square in part] for part in (ours, theirs)]
    return near_copies(marks[0], marks[1], pngs[0].__getitem__, pngs[1].__getitem__)


@pytest.mark.parametrize("side", [32, 64, 128])
@pytest.mark.parametrize("margin", [0, 40], ids=["square", "padded"])
def test_knees_of_different_patients_are_not_taken_for_copies(
    knees: list[Image.Image], side: int, margin: int
) -> None:
    assert copies_found(knees[:COUNT], knees[COUNT:], side, margin) == []


@pytest.mark.parametrize("name", list(ALTERATIONS))
def test_altered_copies_of_knees_are_found(knees: list[Image.Image], name: str) -> None:
    suspects = [*[ALTERATIONS[name](image) for image in knees[:COUNT]], *knees[COUNT : COUNT + 20]]
    found = copies_found(suspects, knees[:COUNT], 64)
    assert len(found) >= 0.9 * COUNT
    assert max(found) < COUNT


def test_a_held_out_copy_of_a_training_picture_is_left_out(
    folder: Path, knees: list[Image.Image], prepare_stage: PrepareCall
) -> None:
    source = folder / "s"
    rows = ["file,label,split"]
    for number in range(24):
        save_png(source / f"{number}.png", np.asarray(knees[number]))
        rows.append(f"{number}.png,{number % 2},{'train' if number < 16 else 'test'}")
    for number in range(3):
        jpeg(knees[number]).save(source / f"copy {number}.png")
        rows.append(f"copy {number}.png,{number % 2},test")
    (source / "labels.csv").write_text("\n".join(rows))
    result = prepare_stage(source, resolution=64, labels="labels.csv", split_column="split")
    assert result.rejected == {"is held out although nearly the same picture is in training": 3}
    assert (result.train_images, result.test_images) == (16, 8)
    assert "3 held-out images nearly equal a training image and were left out." in result.notes

"""Altered copies of training pictures do not stay in the hold-out; different pictures do."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps
from prepare_call import PrepareCall
from radiograph_files import picture, save_png

from gist.intake.fine_structure import fine_structure, thumbnail
from gist.intake.geometry import to_square
from gist.intake.near_duplicates import Copy, near_copies, near_copies_within
from gist.runs.folder import RunFolder
from gist.stages.vocabulary import Reason

COUNT = 60
Alteration = Callable[[Image.Image], Image.Image]


def jpeg(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=60)
    return Image.open(buffer)


def labelled(image: Image.Image) -> Image.Image:
    copy = image.copy()
    font = ImageFont.load_default(image.height // 9)
    ImageDraw.Draw(copy).text((image.height // 24, image.height // 24), "L AP 12", fill=255, font=font)
    return copy


def marked(image: Image.Image) -> Image.Image:
    """With a lead marker in the right upper corner."""
    copy, unit = image.copy(), image.height // 16
    pen = ImageDraw.Draw(copy)
    pen.rectangle((image.width - 4 * unit, unit, image.width - unit, 5 * unit), fill=255)
    pen.text((image.width - 3 * unit, unit), "R", fill=0, font=ImageFont.load_default(3 * unit))
    return copy


ALTERATIONS: dict[str, Alteration] = {
    "recompressed": jpeg,
    "halved": lambda image: image.reduce(2),
    "brightened": lambda image: image.point([int(255 * (value / 255) ** 0.75) for value in range(256)]),
    "cropped": lambda image: image.crop((3, 3, image.width - 3, image.height - 3)),
    "labelled": labelled,
    "marked": marked,
    "stretched": lambda image: image.resize((224, 224), Image.Resampling.BICUBIC),
    "in a black border": lambda image: ImageOps.expand(image, 24, 0),
    "with black above": lambda image: ImageOps.expand(image, (0, 60, 0, 0), 0),
    "in a white border": lambda image: ImageOps.expand(image, 24, 255),
    "mirrored": ImageOps.mirror,
    "mirrored in a border": lambda image: ImageOps.mirror(ImageOps.expand(image, (0, 24, 24, 0), 0)),
}
OBLONG = ("recompressed", "labelled", "stretched", "in a black border", "in a white border", "mirrored")


def drawn(seed: int) -> Image.Image:
    """An oblong picture with structure of every size, as radiographs have, different for every seed."""
    rng = np.random.default_rng(seed)
    grey = np.zeros((160, 120))
    for cells in (4, 8, 16, 32, 64):
        noise = Image.fromarray(rng.standard_normal((cells, cells)).astype(np.float32))
        grey += np.asarray(noise.resize((120, 160), Image.Resampling.BICUBIC)) * cells**-0.5
    return Image.fromarray(np.clip(120 + 60 * grey, 0, 255).astype(np.uint8))


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
    fine = [[fine_structure(square) for square in part] for part in (ours, theirs)]
    marks = [[thumbnail(square) for square in part] for part in (ours, theirs)]
    return list(near_copies(marks[0], marks[1], fine[0].__getitem__, fine[1].__getitem__))


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


@pytest.mark.parametrize("name", OBLONG)
def test_altered_copies_of_oblong_pictures_are_found(knees: list[Image.Image], name: str) -> None:
    oblong = [image.crop((40, 0, 184, 224)) for image in knees[: COUNT + 20]]
    suspects = [*[ALTERATIONS[name](image) for image in oblong[:COUNT]], *oblong[COUNT:]]
    found = copies_found(suspects, oblong[:COUNT], 128)
    assert len(found) >= 0.9 * COUNT
    assert max(found) < COUNT


@pytest.mark.parametrize("side", [32, 64])
def test_left_and_right_knees_of_one_patient_are_not_taken_for_copies(shared_dir: Path, side: int) -> None:
    files = sorted((shared_dir / "data" / "knee" / "train" / "0").glob("*.png"))[:400]
    knees = [Image.open(file).convert("L") for file in files]
    squares = [to_square(np.asarray(knee, np.float32) / 255, side, "pad") for knee in knees]
    fine = [fine_structure(square) for square in squares]
    assert near_copies_within([thumbnail(square) for square in squares], fine.__getitem__) == {}


@pytest.mark.parametrize("name", list(ALTERATIONS))
@pytest.mark.parametrize("resolution", [64, 128])
def test_altered_copies_of_drawn_pictures_stay_on_their_side(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall, name: str, resolution: int
) -> None:
    for number in range(24):
        original = drawn(number)
        save_png(folder / "s" / f"{number}.png", np.asarray(original))
        if number < 6:
            save_png(folder / "s" / f"copy {number}.png", np.asarray(ALTERATIONS[name](original)))
    choices = {"test_fraction": 0.4, "burned_in_text": "ignore", "allow_upsampling": True}
    result = prepare_stage(folder / "s", resolution=resolution, **choices)
    with (run.path / "prepare" / "records.csv").open(encoding="utf-8", newline="") as file:
        listed = sum(bool(row["near_copy_of"]) for row in csv.DictReader(file))
    assert listed + result.rejected.get(Reason.NEARLY_IN_TRAINING.value, 0) == 6
    assert result.train_images + result.test_images + sum(result.rejected.values()) == 30


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
    assert result.rejected == {Reason.NEARLY_IN_TRAINING.value: 3}
    assert (result.train_images, result.test_images) == (16, 8)
    assert "3 held-out images nearly equal one of another part and were left out." in result.notes


def test_copies_within_one_part_are_listed_or_removed_or_left_alone(
    folder: Path, knees: list[Image.Image], run: RunFolder, prepare_stage: PrepareCall
) -> None:
    source = folder / "s"
    rows = ["file,label,split"]
    for number in range(12):
        save_png(source / f"{number}.png", np.asarray(knees[number]))
        rows.append(f"{number}.png,{number % 2},{'train' if number < 8 else 'test'}")
    for number in range(2):
        jpeg(knees[number]).save(source / f"copy {number}.png")
        rows.append(f"copy {number}.png,{1 - number % 2},train")
    (source / "labels.csv").write_text("\n".join(rows))
    choices = {"resolution": 64, "labels": "labels.csv", "split_column": "split"}
    result = prepare_stage(source, **choices)
    assert result.train_images == 10
    assert any(
        note.startswith("Warning: 2 images nearly equal another one of their part, 2 of")
        for note in result.notes
    )
    with (run.path / "prepare" / "records.csv").open(encoding="utf-8", newline="") as file:
        records = {row["file"]: row for row in csv.DictReader(file)}
    listed = [row for row in records.values() if row["near_copy_of"]]
    assert len(listed) == 2
    assert all(records[row["near_copy_of"]]["split"] == row["split"] for row in listed)
    removed = prepare_stage(source, near_duplicates="remove", **choices)
    assert (removed.train_images, removed.rejected) == (8, {Reason.NEAR_DUPLICATE.value: 2})
    left_alone = prepare_stage(source, near_duplicates="ignore", **choices)
    assert left_alone.train_images == 10
    assert not any("nearly equal" in note for note in left_alone.notes)


def test_among_different_knees_no_copy_is_seen_and_a_planted_one_is(knees: list[Image.Image]) -> None:
    images = [*knees[:COUNT], jpeg(knees[7])]
    squares = [to_square(np.asarray(image, dtype=np.float32) / 255, 64, "pad") for image in images]
    fine = [fine_structure(square) for square in squares]
    assert near_copies_within([thumbnail(square) for square in squares], fine.__getitem__) == {
        COUNT: Copy(7, negative=False)
    }


@pytest.mark.parametrize("side", [32, 64])
@pytest.mark.parametrize("margin", [0, 40], ids=["square", "padded"])
def test_negatives_are_told_from_other_knees(knees: list[Image.Image], side: int, margin: int) -> None:
    greys = [np.asarray(image, np.float32)[:, margin : image.width - margin] / 255 for image in knees[:COUNT]]
    squares = [to_square(grey, side, "pad") for grey in [*greys, *(1 - grey for grey in greys[:20])]]
    fine = [fine_structure(square) for square in squares]
    found = near_copies_within([thumbnail(square) for square in squares], fine.__getitem__)
    assert found == {COUNT + number: Copy(number, negative=True) for number in range(20)}


def test_a_picture_and_its_negative_are_on_one_side_and_mixed_polarity_is_told(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    for number in range(24):
        grey = picture(number, 96).astype(np.uint8)
        save_png(folder / "s" / f"{number}.png", grey)
        if number < 8:
            save_png(folder / "s" / f"negative {number}.png", 255 - grey)
    result = prepare_stage(folder / "s", resolution=64, test_fraction=0.4)
    left_out = result.rejected.get(Reason.NEARLY_IN_TRAINING.value, 0)
    with (run.path / "prepare" / "records.csv").open(encoding="utf-8", newline="") as file:
        listed = sum(bool(row["near_copy_of"]) for row in csv.DictReader(file))
    assert left_out > 0
    assert left_out + listed == 8
    assert any(
        note.startswith("Warning: 8 images are negatives of another one: polarity is mixed")
        for note in result.notes
    )


def test_a_class_that_loses_its_last_training_image_to_removal_is_left_out(
    folder: Path, prepare_stage: PrepareCall
) -> None:
    source = folder / "s"
    rows = ["file,label,split"]
    for number in range(8):
        save_png(source / f"{number}.png", picture(number, 96).astype(np.uint8))
        rows.append(f"{number}.png,{number // 7},{'train' if number < 5 else 'test'}")
    save_png(source / "copy.png", (picture(0, 96) * 0.97 + 3).astype(np.uint8))
    rows.append("copy.png,1,train")
    (source / "labels.csv").write_text("\n".join(rows))
    choices = {"resolution": 64, "labels": "labels.csv", "split_column": "split"}
    assert prepare_stage(source, **choices).class_names == ("0", "1")
    result = prepare_stage(source, near_duplicates="remove", **choices)
    assert (result.class_names, result.train_images, result.test_images) == (("0",), 5, 2)
    assert result.rejected == {Reason.NEAR_DUPLICATE.value: 1, Reason.CLASS_NOT_TRAINED.value: 1}
    assert "1 held-out image is of 1 class without any training image and was left out." in result.notes

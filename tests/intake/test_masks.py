"""Masks of a segmentation among the images are told by `gist plan` and `gist prepare`, and left out on request only."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from prepare_call import PrepareCall
from radiograph_files import picture, save_png

from gist.config import build_config
from gist.intake.masks import named_as_masks
from gist.intake.survey import SourceSummary, inspect
from gist.runs.folder import RunFolder
from gist.stages.vocabulary import Reason, Remark

LAYOUTS = {
    "beside": ("case{}.png", "case{}_mask.png"),
    "numbered": ("benign/benign ({}).png", "benign/benign ({})_mask_1.png"),
    "in a folder of their own": ("images/{}.png", "masks/{}.png"),
    "in folders of classes": ("train/images/x{}.png", "train/labels/x{}.png"),
    "called first": ("{}.png", "mask-{}.png"),
}


def write(source: Path, layout: str, values: tuple[int, ...] = (0, 255)) -> None:
    """12 pictures with a mask each, one of them empty."""
    for number in range(12):
        image, mask = (source / name.format(number) for name in LAYOUTS[layout])
        grey = picture(number).astype(np.uint8)
        save_png(image, grey)
        shape = np.digitize(grey, np.linspace(90, 200, len(values) - 1)) if number else np.zeros_like(grey)
        save_png(mask, np.array(values, np.uint8)[shape])


def plan(source: Path, **settings: str) -> SourceSummary:
    config = build_config({"prepare": {"source": str(source), "resolution": 32, **settings}})
    return inspect(config.prepare, "cpu")


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_masks_are_told_and_left_out_on_request(
    folder: Path, prepare_stage: PrepareCall, layout: str
) -> None:
    write(folder / "s", layout)
    kept = prepare_stage(folder / "s")
    assert any(note.startswith("Warning: 11 of 23 images are masks of others") for note in kept.notes)
    assert kept.train_images + kept.test_images + sum(kept.rejected.values()) == 24
    without = prepare_stage(folder / "s", masks="remove")
    assert without.rejected == {Reason.MASK.value: 12}
    assert without.train_images + without.test_images == 12
    assert not any("mask" in note for note in without.notes)


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_the_plan_tells_of_masks_too(folder: Path, layout: str) -> None:
    write(folder / "s", layout)
    told = plan(folder / "s")
    assert told.notes[0].startswith("Warning: 12 files are called like masks of another")
    assert "--masks remove" in told.notes[0]
    assert told.images == 24
    without = plan(folder / "s", masks="remove")
    assert (without.images, without.problems) == (12, {Reason.MASK.value: 12})


@pytest.mark.parametrize("values", [(0, 1), (0, 1, 2, 3), (40, 200)], ids=str)
def test_masks_need_be_neither_black_nor_white(
    folder: Path, prepare_stage: PrepareCall, values: tuple[int, ...]
) -> None:
    write(folder / "s", "beside", values)
    assert prepare_stage(folder / "s", masks="remove").rejected == {Reason.MASK.value: 12}


def test_masks_of_one_bit_and_of_jpeg_are_masks(folder: Path, prepare_stage: PrepareCall) -> None:
    source = folder / "s"
    for number in range(8):
        grey = picture(number, 96).astype(np.uint8)
        save_png(source / f"{number}.png", grey)
        mask = Image.fromarray(grey > 128)
        if number % 2:
            mask.save(source / f"{number}_seg.png")
        else:
            mask.convert("L").save(source / f"{number}_seg.jpg", quality=90)
    assert prepare_stage(source, masks="remove").rejected == {Reason.MASK.value: 8}


def test_thresholded_pictures_without_an_original_are_told_but_never_left_out(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    source = folder / "s"
    for number in range(8):
        grey = picture(number).astype(np.uint8)
        save_png(source / f"{number}.png", grey if number < 5 else np.uint8(255) * (grey > 128))
    result = prepare_stage(source, masks="remove")
    assert result.rejected == {}
    assert any(note.startswith("Warning: 3 images hold two greys only") for note in result.notes)
    with (run.path / "prepare" / "records.csv").open(encoding="utf-8", newline="") as file:
        assert sum(Remark.TWO_GREYS in row["remarks"] for row in csv.DictReader(file)) == 3


def test_radiographs_called_like_masks_are_kept(folder: Path, prepare_stage: PrepareCall) -> None:
    source = folder / "s"
    for number in range(6):
        save_png(source / f"{number}.png", picture(number).astype(np.uint8))
        save_png(source / f"{number}_label.png", picture(100 + number).astype(np.uint8))
    result = prepare_stage(source, masks="remove")
    assert (result.train_images + result.test_images, result.rejected) == (12, {})


def test_names_that_only_hold_the_word_are_no_masks() -> None:
    assert named_as_masks(["1.png", "unmasked.png", "unmask/1.png", "maskman 2.png", "2.png"]) == frozenset()
    assert named_as_masks(["a/1_mask.png", "a/2_mask.png"]) == frozenset()
    assert named_as_masks(["labels/1.png", "labels/2.png", "labels/1_seg.png"]) == frozenset()

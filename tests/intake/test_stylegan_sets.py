"""Data sets of StyleGAN tools, at the top of the source or below, with their index or without."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from prepare_call import PrepareCall
from radiograph_files import picture, save_png

from gist.errors import InputError
from gist.stages.vocabulary import Reason


def stylegan_zip(folder: Path, top: str, index: bool = True, images: int = 12) -> Path:
    labels = []
    with zipfile.ZipFile(folder / "set.zip", "w") as archive:
        for n in range(images):
            name = f"{n // 6:05d}/img{n:08d}.png"
            archive.writestr(
                top + name, save_png(folder / "one.png", picture(n).astype(np.uint8)).read_bytes()
            )
            labels.append([name, n % 2])
        if index:
            archive.writestr(f"{top}dataset.json", json.dumps({"labels": labels}))
    return folder / "set.zip"


@pytest.mark.parametrize("top", ["", "mydata/", "a/b/"])
def test_labels_come_from_the_index_wherever_the_set_lies(
    folder: Path, prepare_stage: PrepareCall, top: str
) -> None:
    result = prepare_stage(stylegan_zip(folder, top))
    assert {name: sum(counts.values()) for name, counts in result.class_counts.items()} == {"0": 6, "1": 6}
    assert result.rejected == {}


def test_pieces_without_an_index_are_no_classes(folder: Path, prepare_stage: PrepareCall) -> None:
    result = prepare_stage(stylegan_zip(folder, "mydata/", index=False))
    assert (result.class_names, result.train_images + result.test_images) == ((), 12)
    assert any("pieces of a StyleGAN data set" in note for note in result.notes)


def test_files_outside_the_index_are_counted(folder: Path, prepare_stage: PrepareCall) -> None:
    source = stylegan_zip(folder, "mydata/")
    with zipfile.ZipFile(source, "a") as archive:
        for name in ("mydata/extra.png", "beside.png"):
            archive.writestr(name, save_png(folder / "one.png", picture(99).astype(np.uint8)).read_bytes())
    assert Counter(prepare_stage(source).rejected) == {Reason.NOT_IN_INDEX.value: 2}


def test_two_sets_in_one_source_are_one_sentence(folder: Path, prepare_stage: PrepareCall) -> None:
    for name in ("one", "two"):
        with zipfile.ZipFile(stylegan_zip(folder, f"{name}/")) as archive:
            archive.extractall(folder / "s")
    with pytest.raises(InputError, match=r"holds 2 data sets, each with its dataset\.json"):
        prepare_stage(folder / "s")

"""What the documents promise to people who write code holds: the examples run, the list of names is complete."""

from __future__ import annotations

import doctest
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

import gist
from gist.errors import InputError
from gist.images.png import encode_png
from gist.verbs import pictures, pieces, sets

GUIDE = Path(__file__).parents[1] / "docs" / "guide" / "python.md"


@pytest.fixture
def here(folder: Path) -> Iterator[Path]:
    before = Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("module", [pieces, pictures, sets], ids=lambda module: module.__name__)
def test_the_examples_in_the_docstrings_run(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert (result.failed, result.attempted >= 1) == (0, True)


@pytest.mark.usefixtures("here")
def test_the_guide_to_python_runs_from_top_to_bottom() -> None:
    result = doctest.testfile(str(GUIDE), module_relative=False, encoding="utf-8")
    assert (result.failed, result.attempted >= 12) == (0, True)


def test_the_guide_lists_every_name() -> None:
    table = GUIDE.read_text().partition("## All names")[2]
    named = set(re.findall(r"`(\w+)`", table.partition("\n\n`gist.errors")[0]))
    assert named == set(dir(gist)) - {"__version__"}


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        gist.trian  # noqa: B018


def test_folders_and_archives_and_arrays_measure_alike(folder: Path) -> None:
    rng = np.random.default_rng(0)
    sides = [rng.integers(0, 256, (30, 32, 32), np.uint8) for _ in range(2)]
    for name, side in zip(("real", "synthetic"), sides, strict=True):
        (folder / name).mkdir()
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            for number, image in enumerate(side):
                Image.fromarray(image).save(folder / name / f"{number:03d}.png")
                archive.writestr(f"{number:03d}.png", encode_png(image))
    of_arrays = gist.compare_images(*sides)
    assert gist.compare_images(folder / "real", folder / "synthetic") == of_arrays
    assert gist.compare_images(folder / "real.zip", sides[1]) == of_arrays


def test_equal_sets_measure_as_equal_and_blurred_ones_do_not() -> None:
    rng = np.random.default_rng(0)
    real, same = (rng.integers(0, 256, (60, 32, 32), np.uint8) for _ in range(2))
    flat = np.stack([np.full((32, 32), level, np.uint8) for level in rng.integers(60, 200, 60)])
    assert abs(gist.compare_images(real, same).kid) < 0.1
    assert gist.compare_images(real, flat).kid > 1
    assert gist.compare_images(real, flat).precision == 0


def test_unequal_numbers_are_cut_to_the_smaller() -> None:
    rng = np.random.default_rng(0)
    assert gist.compare_images(*(rng.integers(0, 256, (n, 32, 32), np.uint8) for n in (50, 30))).n == 30


@pytest.mark.parametrize(
    ("real", "synthetic", "words"),
    [
        (
            np.zeros((30, 32, 32), np.uint8),
            np.zeros((30, 64, 64), np.uint8),
            "32x32 and the synthetic ones 64x64",
        ),
        (np.zeros((5, 32, 32), np.uint8), np.zeros((30, 32, 32), np.uint8), "At least 20 images"),
        (np.zeros((30, 32, 32)), np.zeros((30, 32, 32), np.uint8), "give uint8 or uint16"),
        (np.zeros((30, 32, 16), np.uint8), np.zeros((30, 32, 32), np.uint8), "give uint8 or uint16"),
        ("nowhere", np.zeros((30, 32, 32), np.uint8), "There are no real images at nowhere"),
    ],
)
def test_sets_that_cannot_be_compared_are_one_sentence(real: object, synthetic: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        gist.compare_images(real, synthetic)  # type: ignore[arg-type]


def test_a_data_set_of_torch_gives_batches_in_any_order(folder: Path) -> None:
    with zipfile.ZipFile(folder / "levels.zip", "w") as archive:
        for level in range(6):
            archive.writestr(f"{level}.png", encode_png(np.full((8, 8), 51 * level, np.uint8)))
    images = gist.open_archive(folder / "levels.zip")
    batches = torch.utils.data.DataLoader(images, batch_size=4, sampler=[5, 0, 1, 2, 3, 4])
    batch, labels = next(iter(batches))
    assert batch.shape == (4, 1, 8, 8)
    assert batch.mean(dim=(1, 2, 3)).tolist() == pytest.approx([1.0, 0.0, 0.2, 0.4])
    assert labels.tolist() == [0, 0, 0, 0]
    assert len(list(images)) == 6

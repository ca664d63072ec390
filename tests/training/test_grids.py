"""Pictures of a training show no real image whose pixels may name somebody."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gist.generators.learning.images import TrainingImages
from gist.images.archive import DataSet
from gist.images.png import encode_png
from gist.training.grids import Grids

SIDE, COUNT, SHOWN_LEVEL, HIDDEN_LEVEL = 16, 90, 90, 200


def _grids(folder: Path, hidden: set[int], *, conditional: bool) -> Grids:
    levels = [HIDDEN_LEVEL if number in hidden else SHOWN_LEVEL for number in range(COUNT)]
    pngs = tuple(encode_png(np.full((SIDE, SIDE), level, np.uint8)) for level in levels)
    names = tuple(f"img{number}" for number in range(COUNT))
    data_set = DataSet(names, np.arange(COUNT) % 3, ("a", "b", "c"), SIDE, pngs)
    images = TrainingImages(data_set, conditional=conditional, seed=0)
    return Grids(folder, images, (8,), 0, torch.device("cpu"), hidden={names[number] for number in hidden})


@pytest.mark.parametrize("conditional", [True, False])
def test_images_with_text_are_replaced_by_others(folder: Path, conditional: bool) -> None:
    grids = _grids(folder, set(range(50)), conditional=conditional)
    grids.write_real(lambda images: images)
    with Image.open(grids.real_file) as sheet:
        levels = set(np.unique(np.asarray(sheet)).tolist())
    assert SHOWN_LEVEL in levels
    assert HIDDEN_LEVEL not in levels


def test_a_set_full_of_text_has_no_sheet_of_real_images(folder: Path) -> None:
    grids = _grids(folder, set(range(COUNT)), conditional=True)
    grids.write_real(lambda images: images)
    assert not grids.real_file.exists()

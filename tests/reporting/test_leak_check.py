"""The report shows what leaking augmentation would look like, and says whether it is to be expected."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from made_runs import write_text_flags
from run_builder import RunBuilder

from gist.generators.augment import strongest
from gist.images.sheets import grid, write_png_atomic
from gist.training.curves import read_ticks
from gist.training.leak_check import LeakCheck, leak_check


def with_strongest(builder: RunBuilder, **train: object) -> RunBuilder:
    builder.done_everything()
    images = torch.from_numpy(builder.images[:16]).float()[:, None] / 127.5 - 1
    shown = (strongest(images, "radiograph")[:, 0] * 127.5 + 128).clamp(0, 255).byte().numpy()
    file = builder.run.path / "train" / "grids" / "strongest-augmentation.png"
    write_png_atomic(file, grid(shown, 8))
    record_file = builder.run.path / "train" / "stage.json"
    record = json.loads(record_file.read_text())
    record["settings"] |= {"augment": "radiograph", "augment_p_max": 0.85, **train}
    record_file.write_text(json.dumps(record))
    return builder


def checked(builder: RunBuilder) -> LeakCheck | None:
    return leak_check(builder.findings(), read_ticks(builder.run.path / "train/log.jsonl"))


@pytest.mark.parametrize(("bound", "saturated"), [(0.0001, True), (0.999, False)])
def test_the_page_shows_both_sheets_and_whether_augmentation_is_saturated(
    builder: Callable[..., RunBuilder], bound: float, saturated: bool
) -> None:
    made = with_strongest(builder(), augment_p_max=bound)
    page = made.page()
    assert "Does the augmentation show?" in page
    assert ("The augmentation is saturated" in page) is saturated
    found = checked(made)
    assert found is not None
    assert found.saturated is saturated
    assert found.augmented.uri != found.synthetic.uri
    assert found.augmented.width == found.synthetic.width


def test_without_augmentation_or_picture_nothing_is_claimed(
    builder: Callable[..., RunBuilder], finished: RunBuilder
) -> None:
    assert "Does the augmentation show?" not in finished.page()
    made = with_strongest(builder(), augment="none")
    assert checked(made) is None
    made = with_strongest(builder())
    Path(made.run.path / "train" / "grids" / "strongest-augmentation.png").write_bytes(b"damaged")
    assert checked(made) is None


def test_a_sheet_that_may_hold_images_with_text_is_left_out(builder: Callable[..., RunBuilder]) -> None:
    made = with_strongest(builder())
    write_text_flags(made.run, ("00000/img00000003.png", "train", "", "1 2 3 4"))
    page = made.page()
    assert "Real training images, strongly augmented" not in page
    assert "The sheet of augmented training images is left out" in page


@pytest.mark.parametrize(("highest_p", "shown"), [(0.004, False), (0.05, False), (0.06, True)])
def test_nothing_is_shown_where_augmentation_was_hardly_used(
    builder: Callable[..., RunBuilder], highest_p: float, shown: bool
) -> None:
    made = with_strongest(builder())
    tick = {"kimg": 1.0, "augment_p": highest_p}
    (made.run.path / "train/log.jsonl").write_text(json.dumps(tick) + "\n")
    assert (checked(made) is not None) is shown

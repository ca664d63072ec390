"""The size of the squares where the user leaves it open."""

from __future__ import annotations

from pathlib import Path

import pytest
from prepare_call import PrepareCall
from radiograph_files import picture, save_png

from gist.errors import InputError
from gist.intake.resolution import choose_resolution
from gist.intake.survey import inspect
from gist.stages.prepare import PrepareConfig
from gist.stages.vocabulary import Reason


def test_it_follows_the_median_short_side_and_the_device() -> None:
    sizes = [(2000, 1500)] * 9 + [(300, 400)]
    assert choose_resolution(sizes, "pad", False, "cuda").side == 256
    assert choose_resolution(sizes, "pad", False, "cpu").side == 64
    assert choose_resolution([(224, 224)] * 5, "pad", False, "cuda").side == 128
    assert "median short side is 224" in choose_resolution([(224, 224)], "pad", False, "cuda").reason


def test_small_images_do_not_lower_it_and_are_counted() -> None:
    sizes = [(300, 300)] * 6 + [(130, 130)] * 4
    choice = choose_resolution(sizes, "pad", False, "cuda")
    assert choice.side == 256
    assert choice.reason.endswith("; 4 of the 10 looked at are smaller and are set aside.")
    assert (
        "4 of the 10 looked at are smaller and are enlarged"
        in choose_resolution(sizes, "pad", True, "cuda").reason
    )


def test_thumbnails_beside_radiographs_are_set_aside_and_stop_nothing(
    folder: Path, prepare_stage: PrepareCall
) -> None:
    for number in range(12):
        save_png(folder / "source" / f"{number}.png", picture(number, 20 if number < 5 else 96))
    result = prepare_stage(folder / "source", resolution="auto")
    assert result.resolution == 64
    assert result.train_images + result.test_images == 7
    assert result.rejected == {Reason.TOO_SMALL.value: 5}
    assert any("5 of the 12 looked at are smaller and are set aside" in note for note in result.notes)


@pytest.mark.parametrize(("fit", "small"), [("pad", 3), ("crop", 5)])
def test_a_plan_counts_what_preparing_will_set_aside_for_its_size(
    fit: str, small: int, folder: Path, prepare_stage: PrepareCall
) -> None:
    for number in range(11):
        side = 40 if number < 3 else 96
        width = 50 if number in (3, 4) else side
        save_png(folder / "source" / f"{number}.png", picture(number, side)[:, :width])
    summary = inspect(PrepareConfig(source=folder / "source", resolution=64, fit=fit), "cpu")
    assert summary.problems == {Reason.TOO_SMALL.value: small}
    assert summary.images == 11 - small
    assert any("pictures that occur twice" in note for note in summary.notes)
    assert prepare_stage(folder / "source", resolution=64, fit=fit).rejected == summary.problems


def test_a_plan_tells_what_is_there_although_all_of_it_is_too_small(folder: Path) -> None:
    for number in range(4):
        save_png(folder / "source" / f"{number}.png", picture(number, 20))
    config = PrepareConfig(source=folder / "source")
    summary = inspect(config, "cpu")
    assert (summary.files, summary.readable, summary.short_side_median) == (4, 4, 20)
    assert "mostly smaller than 32 pixels (median short side 20)" in summary.resolution_reason


def test_tiny_images_are_refused_unless_enlarging_is_allowed() -> None:
    with pytest.raises(InputError, match="mostly smaller than 32 pixels"):
        choose_resolution([(20, 20)] * 4, "pad", False, "cpu")
    assert choose_resolution([(20, 20)] * 4, "pad", True, "cpu").side == 32

"""Text in the pixels is found, flagged, painted over or refused; lead markers and bones are not text."""

from __future__ import annotations

import csv
import html
import random
import re
import zipfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from prepare_call import PrepareCall
from radiograph_files import decode, dicom, dicom_bytes

from gist.errors import GistError
from gist.intake.burned_in_text import TextBox, find_text, paint_over
from gist.intake.geometry import View, show, square_view
from gist.intake.picture import as_float
from gist.phantoms.radiograph import draw_unclipped
from gist.runs.folder import RunFolder
from gist.stages.vocabulary import Remark, SetAside

Grey = NDArray[np.float32]
Place = tuple[int, int, int, int]
LINES = (
    "SMITH, JOHN A",
    "DOE^JANE 12/03/1965",
    "ID 4711-0815",
    "DOB: 06.16.1976",
    "St. Mary Hospital",
    "Okafor",
)


@lru_cache
def knee(seed: int, side: int = 256) -> Grey:
    return np.clip(draw_unclipped(seed, size=(side, side))[0], 0, 1).astype(np.float32)


def write(base: Grey, text: str, size: int, grey: float, x: float, y: float) -> tuple[Grey, Place]:
    """Text at a relative place, and the pixels that it takes: top, left, bottom, right."""
    height, width = base.shape
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(text)
    across, down = round(x * (width - right)), round(y * (height - bottom))
    ink = Image.new("L", (width, height))
    ImageDraw.Draw(ink).text((across, down), text, font=font, fill=255)
    cover = np.asarray(ink, dtype=np.float32) / 255
    place = (int(down + top), int(across + left), int(down + bottom), int(across + right))
    return (base * (1 - cover) + np.float32(grey) * cover).astype(np.float32), place


def covered(boxes: tuple[TextBox, ...], place: Place) -> float:
    """Share of a place that lies in boxes."""
    top, left, bottom, right = place
    mask = np.zeros((bottom + 50, right + 50), bool)
    for box in boxes:
        mask[box.top : box.bottom, box.left : box.right] = True
    return float(mask[top:bottom, left:right].mean())


@pytest.mark.parametrize("grey", [1.0, 0.0])
def test_names_are_found_wherever_they_stand_on_a_phantom(grey: float) -> None:
    draw, tested = random.Random(round(grey)), 0
    for number in range(12):
        base = knee(number)
        text, size = draw.choice(LINES), draw.choice([10, 12, 16, 20])
        x, y = draw.choice([(0.02, 0.02), (0.98, 0.02), (0.02, 0.98), (0.5, 0.02), (0.5, 0.98)])
        written, truth = write(base, text, size, grey, x, y)
        contrast = np.abs(written - base)
        if np.median(contrast[contrast > 0]) < 0.15:
            continue  # ink of nearly the same grey as what it stands on is no test
        assert covered(find_text(written), truth) > 0.6, (number, text, size)
        tested += 1
    assert tested >= 5


def test_bytes_show_the_same_text_as_floats() -> None:
    levels = np.rint(255 * write(knee(1), "KAUFMAN SCOTT", 14, 1.0, 0.02, 0.02)[0]).astype(np.uint8)
    assert find_text(levels) == find_text(as_float(levels)) != ()


def test_small_text_on_a_large_radiograph_is_found() -> None:
    base = np.asarray(Image.fromarray(knee(3)).resize((1800, 1800), Image.Resampling.BICUBIC)).clip(0, 1)
    written, truth = write(base, "KAUFMAN SCOTT [M] 03.09.2012", 26, 1.0, 0.02, 0.98)
    assert covered(find_text(written), truth) > 0.8


def test_phantoms_are_free_of_text_whether_or_not_they_carry_a_lead_marker() -> None:
    marked = 0
    for seed in range(20):
        unclipped, truth = draw_unclipped(seed, size=(260, 240))
        assert find_text(np.clip(unclipped, 0, 1).astype(np.float32)) == (), seed
        marked += truth.marker
    assert marked >= 4


@pytest.mark.parametrize("marker", ["L", "R", "L L", "RT"])
def test_a_lead_marker_is_not_text(marker: str) -> None:
    for number in range(6):
        written, _ = write(knee(number), marker, 26, 1.0, 0.05 + 0.15 * number, 0.05)
        assert find_text(written) == (), number


def grain(kind: str, shape: tuple[int, int], seed: int) -> Grey:
    """Grain of unit standard deviation."""
    rng = np.random.default_rng(seed)
    height, width = shape
    if kind == "laplacian":
        values = rng.laplace(size=shape)
    elif kind == "specks":
        values = np.where(rng.random(shape) < 0.03, 1.0, 0.0)
    elif kind == "enlarged":
        small = Image.fromarray(rng.standard_normal((height // 2 + 1, width // 2 + 1)).astype(np.float32))
        values = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))
    else:
        values = rng.standard_normal(shape)
        if kind == "blurred":
            values = sum(np.roll(values, (down, right), (0, 1)) for down in (0, 1) for right in (0, 1))
    return np.asarray(values / values.std(), dtype=np.float32)


def grainy(base: Grey, kind: str, amount: float, seed: int) -> Grey:
    """With grain of a standard deviation of so many grey levels of 255."""
    return np.clip(base + np.float32(amount / 255) * grain(kind, base.shape, seed), 0, 1).astype(np.float32)


@pytest.mark.parametrize("kind", ["white", "blurred", "laplacian", "specks", "enlarged"])
def test_grain_is_not_text_at_any_amount(kind: str) -> None:
    films = (np.full((524, 640), 0.55, np.float32), knee(3, 400))
    for amount in (4, 8, 14, 20, 30, 40):
        for number, film in enumerate(films):
            assert find_text(grainy(film, kind, amount, 10 * amount + number)) == (), (amount, number)


@pytest.mark.parametrize("kind", ["white", "blurred", "laplacian", "enlarged"])
def test_words_on_grain_are_framed_no_wider_than_they_are(kind: str) -> None:
    base = np.full((400, 500), 0.45, np.float32)
    for number, amount in enumerate((4, 8, 11, 14)):
        written, truth = write(
            grainy(base, kind, amount, number), LINES[number], 20, 1.0, 0.3, 0.1 + 0.2 * number
        )
        boxes = find_text(written)
        assert covered(boxes, truth) > 0.95, amount
        top, left, bottom, right = truth
        for box in boxes:
            assert left - 60 < box.left, amount
            assert box.right < right + 60, amount
            assert top - 30 < box.top, amount
            assert box.bottom < bottom + 30, amount


def test_grain_under_words_changes_no_pixel_beside_them_when_they_are_painted_over() -> None:
    written, (top, left, bottom, right) = write(
        grainy(knee(3, 500) * np.float32(0.7), "white", 14, 1), "SMITH, JOHN A", 20, 1.0, 0.5, 0.02
    )
    changed = paint_over(written, find_text(written)) != written
    assert changed[top:bottom, left:right].mean() > 0.95
    assert changed.mean() < 3 * (bottom - top) * (right - left) / written.size


@pytest.mark.parametrize("short", ["KV70", "hrs", "AP"])
def test_a_short_word_on_the_next_line_goes_with_its_line(short: str) -> None:
    written, _ = write(knee(5, 400) * np.float32(0.5), "06.16.1976 St. Mary Hospital", 18, 1.0, 0.02, 0.02)
    both, truth = write(written, short, 18, 1.0, 0.02, 0.08)
    assert covered(find_text(both), truth) > 0.95


def test_words_of_a_stretched_film_are_found() -> None:
    for text in ("06.16.1976", "St. Mary Hospital"):
        written, (top, left, bottom, right) = write(knee(5, 400) * np.float32(0.5), text, 14, 1.0, 0.02, 0.02)
        wide = np.asarray(Image.fromarray(written).resize((1000, 400), Image.Resampling.BICUBIC)).clip(0, 1)
        assert covered(find_text(wide), (top, int(2.5 * left), bottom, int(2.5 * right))) > 0.9, text


def test_painting_over_leaves_nothing_to_read_and_nothing_else_changed() -> None:
    base = knee(5) * np.float32(0.4)
    written, first = write(base, "SMITH, JOHN A", 14, 1.0, 0.02, 0.02)
    written, second = write(written, "DOB: 06.16.1976", 14, 1.0, 0.02, 0.08)
    boxes = find_text(written)
    painted = paint_over(written, boxes)
    inside = np.zeros(base.shape, bool)
    for box in boxes:
        inside[box.top : box.bottom, box.left : box.right] = True
    assert np.array_equal(painted[~inside], written[~inside])
    assert find_text(painted) == ()
    for top, left, bottom, right in (first, second):
        assert np.abs(written - base)[top:bottom, left:right].max() > 0.5
        assert np.abs(painted - base)[top:bottom, left:right].max() < 0.3


def test_a_box_that_fills_the_picture_is_painted_black() -> None:
    grey = np.full((8, 9), 0.5, np.float32)
    assert np.array_equal(paint_over(grey, [TextBox(0, 0, 8, 9)]), np.zeros_like(grey))


@settings(max_examples=40, deadline=None)
@given(
    st.integers(60, 200),
    st.integers(60, 200),
    st.sampled_from(["pad", "crop", "stretch"]),
    st.integers(0, 2**31),
)
def test_a_box_lies_in_the_square_where_its_pixels_lie(height: int, width: int, fit: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    top, left = int(rng.integers(0, height - 20)), int(rng.integers(0, width - 20))
    box = TextBox(top, left, top + 16, left + 16)
    grey = np.zeros((height, width), np.float32)
    grey[box.top : box.bottom, box.left : box.right] = 1.0
    view: View = square_view(height, width, fit)  # type: ignore[arg-type]
    lit = show(grey, view, 32) > 0.001
    seen = box.seen(0, 0, view, 32)
    outside = lit.copy()
    if seen is not None:
        outside[seen.top : seen.bottom, seen.left : seen.right] = False
    assert not outside.any()
    assert seen is not None or not lit.any()


def save(path: Path, grey: Grey) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.rint(grey * 255).astype(np.uint8)).save(path)


def source_with_text(folder: Path) -> Path:
    for number in range(6):
        grey = knee(number)
        if number < 2:
            grey = write(grey, "SMITH, JOHN A", 18, 1.0, 0.02, 0.02)[0]
        save(folder / "source" / f"{number}.png", grey)
    return folder / "source"


def records(run: RunFolder) -> list[dict[str, str]]:
    with (run.path / "prepare" / "records.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_flagged_images_stay_and_are_listed_with_the_place_of_their_text(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    result = prepare_stage(source_with_text(folder), resolution=64)
    flagged = [row for row in records(run) if row["text"]]
    assert result.train_images + result.test_images == 6
    assert len(flagged) == 2
    for row in flagged:
        assert Remark.TEXT_FOUND.value in row["remarks"]
        top, left, bottom, right = map(int, row["text"].split(" "))
        assert top <= 1
        assert left == 0
        assert bottom < 12
        assert 20 < right < 56
    stay = sum(row["split"] == "train" for row in flagged)
    warning = next(
        note for note in result.notes if note.startswith("Warning: 2 images seem to show readable text")
    )
    assert re.search(rf"and {stay} of them stays? in the training set", warning)
    assert "--burned-in-text mask" in warning
    assert "--burned-in-text reject" in warning
    page = html.unescape((run.path / "prepare" / "data.html").read_text(encoding="utf-8"))
    assert warning.removeprefix("Warning: ") in page
    for row in flagged:
        with zipfile.ZipFile(run.path / "prepare" / f"{row['split']}.zip") as archive:
            assert row["image"] in archive.namelist()
    assert any(note.startswith("Warning: 33 % of all images are flagged with text") for note in result.notes)
    masked = prepare_stage(source_with_text(folder), resolution=64, burned_in_text="mask")
    assert not any("readable text" in note for note in masked.notes)
    assert any("painted over where found; look at every one" in note for note in masked.notes)


def test_rejected_images_go_with_their_reason(folder: Path, prepare_stage: PrepareCall) -> None:
    result = prepare_stage(source_with_text(folder), resolution=64, burned_in_text="reject")
    assert result.train_images + result.test_images == 4
    assert [number for reason, number in result.rejected.items() if "burned into its pixels" in reason] == [2]


def test_masked_images_show_no_text(folder: Path) -> None:
    path = folder / "named.png"
    save(path, write(knee(0), "SMITH, JOHN A", 18, 1.0, 0.02, 0.02)[0])
    plain = folder / "plain.png"
    save(plain, knee(0))
    masked, pixels = decode(path, resolution=256, burned_in_text="mask")
    ignored, as_it_is = decode(path, resolution=256, burned_in_text="ignore")
    _, without = decode(plain, resolution=256)
    assert Remark.TEXT_PAINTED_OVER in masked.remarks
    assert not {Remark.TEXT_FOUND, Remark.TEXT_PAINTED_OVER} & set(ignored.remarks)
    assert np.abs(as_it_is.astype(int) - without).max() > 100
    assert np.abs(pixels.astype(int) - without).max() < 60


@pytest.mark.parametrize(
    ("declared", "flagged"), [("YES", True), ("NO", False), ("", False), ("UNKNOWN", True)]
)
def test_what_the_file_declares_counts(declared: str, flagged: bool, folder: Path) -> None:
    data = dicom_bytes(dicom((knee(1, 64) * 4095).astype(np.uint16), BurnedInAnnotation=declared))
    accepted, _ = decode(folder / "a.dcm", data)
    assert (Remark.BURNED_IN in accepted.remarks) == flagged
    if flagged:
        with pytest.raises(Exception, match="burned into its pixels"):
            decode(folder / "a.dcm", data, burned_in_text="reject")


def test_a_source_of_nothing_but_text_says_why_nothing_is_left(
    folder: Path, prepare_stage: PrepareCall
) -> None:
    save(folder / "source" / "a.png", write(knee(0), "SMITH, JOHN A", 18, 1.0, 0.02, 0.02)[0])
    with pytest.raises(GistError, match="burned into its pixels"):
        prepare_stage(folder / "source", resolution=64, burned_in_text="reject")


def test_real_radiographs_with_written_names_are_flagged(shared_dir: Path) -> None:
    for name in ("0_ORIGINAL.png", "1_ORIGINAL.png"):
        with Image.open(shared_dir / "data" / "dicom" / "burned_in_png" / name) as image:
            grey = np.asarray(image.convert("L"), dtype=np.float32) / 255
        boxes = find_text(grey)
        height, width = grey.shape
        name_line = [box for box in boxes if box.right - box.left > 0.12 * width]
        assert name_line, name
        assert sum((box.bottom - box.top) * (box.right - box.left) for box in boxes) < 0.05 * height * width


def test_real_knees_without_text_are_hardly_ever_flagged(shared_dir: Path) -> None:
    files = sorted((shared_dir / "data" / "knee" / "val").glob("*/*.png"))[::6]
    flagged = 0
    for file in files:
        with Image.open(file) as image:
            flagged += bool(find_text(np.asarray(image.convert("L"), dtype=np.float32) / 255))
    assert len(files) > 120
    assert flagged <= 1


def thigh(seed: int, dark: float, bright: float, side: int = 224) -> Grey:
    """Soft grey that grows brighter from left to right, as a thigh does towards its bone."""
    rng = np.random.default_rng(seed)
    slope = np.clip(np.linspace(-0.1, 1.6, side), 0, 1) ** 1.5
    grain = np.asarray(
        Image.fromarray(rng.standard_normal((side // 4, side // 4)).astype(np.float32)).resize((side, side))
    )
    return np.clip(dark + (bright - dark) * slope + 0.01 * grain, 0, 1).astype(np.float32)


@pytest.mark.parametrize("dark", [0.2, 0.4, 0.6, 0.7])
def test_a_frame_follows_its_line_onto_bright_bone(dark: float) -> None:
    for number in range(6):
        base = thigh(number, dark, 0.94)
        written, truth = write(base, f"MUELLER HANS {number}", (16, 18)[number % 2], 1.0, 0.02, 0.02)
        assert covered(find_text(written), truth) > 0.97, number
        assert find_text(base) == ()
        assert find_text(write(base, "R", 18, 1.0, 0.02, 0.02)[0]) == ()


def test_what_still_shows_text_after_painting_over_is_set_aside(folder: Path) -> None:
    """A line too faint for the first look beside one that is plain."""
    rng = np.random.default_rng(0)
    base = np.full((256, 256), 0.5, np.float32) + 0.004 * rng.standard_normal((256, 256), dtype=np.float32)
    base[200:] = 0.1
    plain, _ = write(base, "SMITH, JOHN A", 16, 1.0, 0.02, 0.96)
    both, _ = write(plain, "DOB: 06.16.1976 OKAFOR", 16, 0.56, 0.02, 0.3)
    save(folder / "plain.png", plain)
    save(folder / "both.png", both)
    accepted, _ = decode(folder / "plain.png", resolution=64, burned_in_text="mask")
    assert Remark.TEXT_PAINTED_OVER in accepted.remarks
    with pytest.raises(SetAside, match="still shows what may be text"):
        decode(folder / "both.png", resolution=64, burned_in_text="mask")


def test_masked_knees_show_no_letter_of_a_name(shared_dir: Path) -> None:
    files = sorted((shared_dir / "data" / "knee" / "val").glob("*/*.png"))[::13][:60]
    masked = 0
    for number, file in enumerate(files):
        with Image.open(file) as image:
            grey = np.asarray(image.convert("L"), dtype=np.float32) / 255
        written, _ = write(grey, f"MUELLER HANS {number}", (11, 12, 14, 16, 18)[number % 5], 1.0, 0.02, 0.02)
        boxes = find_text(written)
        painted = np.abs(written - grey)
        for box in boxes:
            painted[box.top : box.bottom, box.left : box.right] = 0.0
        masked += bool(boxes)
        if boxes:
            assert np.count_nonzero(painted > 0.02) <= 8, file.name
    assert len(files) == 60
    assert masked >= 58

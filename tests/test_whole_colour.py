"""A set in colour through every stage: what is drawn, shown, marked, measured and passed on is in colour, too."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from pydicom import dcmread

import gist
from gist.config import build_config
from gist.images.archive import read_data_set
from gist.images.png import read_picture
from gist.marking.watermark import detect
from gist.metrics.comparison import compare
from gist.runs.folder import RunFolder
from gist.runs.results import finished_result
from gist.stages.prepare import PrepareResult

SIDE = 32
INKS = {"brown": (110, 60, 35), "blue": (50, 80, 170)}


def lesion(seed: int, ink: tuple[int, int, int], side: int = 48) -> Image.Image:
    """A blot of one colour, give or take, on skin."""
    rng = np.random.default_rng(seed)
    image = Image.new(
        "RGB", (side, side), tuple(int(level) for level in rng.integers((200, 150, 120), (240, 180, 150)))
    )
    x, y = rng.uniform(0.35, 0.65, 2) * side
    across, down = rng.uniform(0.12, 0.28, 2) * side
    levels = np.clip(np.array(ink) + rng.integers(-15, 16, 3), 0, 255)
    ImageDraw.Draw(image).ellipse((x - across, y - down, x + across, y + down), fill=tuple(map(int, levels)))
    grain = rng.normal(0, 3, (side, side, 1))
    return Image.fromarray((np.asarray(image) + grain).clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("colour")
    for label, (name, ink) in enumerate(INKS.items()):
        (folder / "lesions" / name).mkdir(parents=True)
        for number in range(60):
            lesion(1000 * label + number, ink).save(folder / "lesions" / name / f"p{number}.png")
    tree = {
        "folder": str(folder / "run"),
        "name": "lesions",
        "prepare": {
            "source": str(folder / "lesions"), "resolution": SIDE, "patient_pattern": "(p[0-9]+)",
            "test_fraction": 0.4, "burned_in_text": "ignore", "near_duplicates": "ignore",
        },
        "train": {"kimg": 0.064, "best_by": "none"},
        "generate": {"count": 40},
        "utility": {"seeds": 1, "steps": 20},
        "privacy": {"steps": 10, "repeats": 20},
        "threads": 1,
    }  # fmt: skip
    gist.run(build_config(tree))
    return folder / "run"


def test_every_archive_and_file_holds_colours(run: Path) -> None:
    prepared = finished_result(RunFolder(run), PrepareResult)
    assert prepared is not None
    assert (prepared.channels, prepared.kind) == (3, "image")
    for archive in ("prepare/train.zip", "prepare/test.zip", "generate/synthetic.zip"):
        assert read_data_set(run / archive).image(0).shape == (SIDE, SIDE, 3), archive
    for file in (
        "train/grids/real.png",
        "train/grids/strongest-augmentation.png",
        "generate/images/seed00000000.png",
    ):
        assert read_picture(run / file).ndim == 3, file


def test_pictures_on_pages_are_in_colour_and_nothing_is_called_a_radiograph(run: Path) -> None:
    for page in ("prepare/data.html", "report/report.html"):
        text = (run / page).read_text(encoding="utf-8")
        pngs = [base64.b64decode(found) for found in re.findall(r"data:image/png;base64,([^\"' )]+)", text)]
        assert sum(png[25] == 2 for png in pngs) >= 2, page  # colour type in IHDR
        assert "real radiograph" not in text.lower()
    for card in ("model_card", "data_card"):
        assert "radiograph" not in (run / f"report/{card}.md").read_text(encoding="utf-8").lower()


def test_pictures_carry_the_watermark_and_are_told_by_it(run: Path) -> None:
    found = gist.verify([run / "generate/images/seed00000000.png"])[0]
    assert found.watermark.found
    drawn = read_picture(run / "generate/images/seed00000001.png")
    assert detect(np.asarray(Image.fromarray(drawn).convert("L"))).found


def test_the_mark_shifts_all_colours_alike_and_no_further_than_a_grey_one() -> None:
    from gist.marking.watermark import embed

    image = np.asarray(lesion(5, INKS["blue"], 128))
    change = embed(image, b"gist").astype(int) - image
    assert np.ptp(change, axis=2).max() <= 1
    assert 10 * np.log10(255**2 / np.mean(change**2)) >= 42


def test_export_to_dicom_is_rgb(run: Path, tmp_path: Path) -> None:
    gist.export_images(run, "dicom", tmp_path / "out")
    file = next((tmp_path / "out").rglob("*.dcm"))
    dataset = dcmread(file)
    assert (dataset.PhotometricInterpretation, dataset.SamplesPerPixel) == ("RGB", 3)
    png = run / "generate/images" / file.with_suffix(".png").name
    assert (dataset.pixel_array == read_picture(png)).all()


def test_scores_see_a_wrong_hue_of_right_brightness() -> None:
    real = np.stack([np.asarray(lesion(seed, INKS["brown"], 32)) for seed in range(60)])
    other = np.stack([np.asarray(lesion(seed, INKS["brown"], 32)) for seed in range(60, 120)])
    turned = np.stack([wrong_hue(image) for image in other])
    assert compare(real, turned).kid > 20 * max(compare(real, other).kid, 0.05)


def wrong_hue(
    image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """The two chroma components exchanged; luma stays."""
    luma, blue, red = Image.fromarray(image).convert("YCbCr").split()
    return np.asarray(Image.merge("YCbCr", (luma, red, blue)).convert("RGB"))


def test_a_grey_set_made_elsewhere_is_judged_in_colour(run: Path, tmp_path: Path) -> None:
    for number in range(20):
        lesion(number, INKS["blue"]).convert("L").save(tmp_path / f"{number}.png")
    gist.generate(run, name="grey", source=tmp_path)
    archive = read_data_set(run / "sets/grey/generate/synthetic.zip")
    assert archive.channels == 3

"""The data report: right numbers, what is unusual shown, self-contained, and no trace of a name."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from listener import Listener
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from prepare_call import PrepareCall
from radiograph_files import class_folders, dicom, dicom_bytes, picture, save_png
from test_identity import plant

from gist.config import build_config
from gist.errors import StageError
from gist.images.archive import ArchiveWriter
from gist.images.png import encode_png
from gist.intake.burned_in_text import TextBox
from gist.intake.data_page.overview import Shown, read_overview
from gist.intake.data_page.thumbnails import small_pictures
from gist.intake.stage import prepare
from gist.phantoms import write_phantom_data_set
from gist.runs.folder import RunFolder


class Page(HTMLParser):
    """Text of each section by its id, and everything that a browser would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sections: dict[str, str] = {}
        self.sources: list[str] = []
        self._section = "top"
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        if tag == "section":
            self._section = str(named["aria-labelledby"])
        self.sources += [str(named[name]) for name in ("src", "href") if named.get(name)]
        if tag == "img":
            self.sections[self._section] = self.sections.get(self._section, "") + " [picture] "

    def handle_data(self, data: str) -> None:
        self.sections[self._section] = self.sections.get(self._section, "") + " " + data

    def says(self, section: str) -> str:
        return " ".join(self.sections.get(section, "").split())


def page_of(run: RunFolder) -> Page:
    return Page((run.path / "prepare" / "data.html").read_text(encoding="utf-8"))


def test_counts_on_the_page_are_those_of_the_data_set(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    source = class_folders(folder / "source", per_class=9)
    (source / "0" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    save_png(source / "1" / "again.png", picture(1000).astype(np.uint8))
    result = prepare_stage(source)
    page = page_of(run)
    assert result.data_page == "prepare/data.html"
    assert f"{result.train_images} images to learn from and {result.test_images} held out" in page.says("top")
    for name, counts in result.class_counts.items():
        row = f"{name} {counts['train']} {counts['test']} {counts['train'] + counts['test']}"
        assert row in page.says("contents")
    assert "48 × 48 18" in page.says("contents")
    assert "png 18" in page.says("contents")
    assert "shows the same picture as another file" in page.says("copies")
    for reason, number in result.rejected.items():
        assert f"{reason} {number}" in page.says("aside")
    for note in result.notes:
        assert note.removeprefix("Warning: ") in page.says("top")


def test_the_page_loads_nothing_and_runs_nothing(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    prepare_stage(class_folders(folder / "source"))
    text = (run.path / "prepare" / "data.html").read_text(encoding="utf-8")
    assert all(source.startswith("data:image/png;base64,") for source in page_of(run).sources)
    assert "<script" not in text
    assert "default-src 'none'" in text
    assert not re.search(r"url\(|@import", text)


def test_outliers_are_shown_with_what_sets_them_apart(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    source = class_folders(folder / "source", per_class=15)
    dark = (picture(77).astype(np.float64) / 12).astype(np.uint8)
    save_png(source / "0" / "dark.png", dark)
    blurred = np.asarray(
        Image.fromarray(picture(78).astype(np.uint8))
        .resize((6, 6))
        .resize((48, 48), Image.Resampling.BICUBIC)
    )
    save_png(source / "1" / "blurred.png", blurred)
    prepare_stage(source)
    shown = page_of(run).says("outliers")
    assert shown.count("[picture]") >= 2
    assert re.search(r"(darker|flatter): 0\.0\d, half of all lie in 0\.\d\d–0\.\d\d", shown)
    assert "more blurred: " in shown


def test_small_differences_of_shape_do_not_crowd_out_other_outliers(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    source = class_folders(folder / "source", per_class=20)
    for number in range(14):
        save_png(
            source / "0" / f"a little taller {number}.png", picture(200 + number, 60)[:, :48].astype(np.uint8)
        )
    for number in range(14):
        save_png(
            source / "1" / f"far taller {number}.png", picture(300 + number, 96)[:, 30:66].astype(np.uint8)
        )
    save_png(source / "0" / "dark.png", (picture(77) / 12).astype(np.uint8))
    prepare_stage(source)
    shown = page_of(run).says("outliers")
    assert "taller for its width: 0.38" in shown
    assert "taller for its width: 0.80" not in shown
    assert re.search(r"(darker|flatter): 0\.0\d", shown)


def test_a_class_of_images_with_text_is_not_shown_as_empty(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    source = class_folders(folder / "source", per_class=4)
    (source / "declared").mkdir()
    for number in range(5):
        dicom(picture(50 + number), BurnedInAnnotation="YES").save_as(
            source / "1" / f"declared {number}.dcm", enforce_file_format=True
        )
        dicom(picture(80 + number), BurnedInAnnotation="YES").save_as(
            source / "declared" / f"{number}.dcm", enforce_file_format=True
        )
    prepare_stage(source, test_fraction=0.0)
    shown = page_of(run).says("classes")
    assert "Class 0 [picture] 4 of 4 Class 1 [picture] 4 of 9; 5 with text are not shown here" in shown
    assert "declared 0 of 5; 5 with text are not shown here" in shown


def test_what_is_serious_stands_before_what_is_not(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    source = class_folders(folder / "source")
    save_png(source / "1" / "the other class.png", picture(0).astype(np.uint8))
    result = prepare_stage(source)
    serious = [note.startswith("Warning: ") for note in result.notes if note != result.loss]
    assert serious == sorted(serious, reverse=True)
    first, second = page_of(run).says("top").split("Also worth knowing.")
    assert "Look at this before you train." in first
    assert " 2 files show one picture under different classes" in first
    assert "No patient is known" in first
    assert "held out" in second


def test_a_uniform_data_set_has_no_outliers(folder: Path, run: RunFolder, prepare_stage: PrepareCall) -> None:
    prepare_stage(class_folders(folder / "source", per_class=3))
    assert "No image lies far" in page_of(run).says("outliers")


def test_text_is_shown_covered(folder: Path, run: RunFolder, prepare_stage: PrepareCall) -> None:
    source = class_folders(folder / "source", per_class=4, side=200)
    image = Image.fromarray((picture(5, 200) // 3).astype(np.uint8))
    ImageDraw.Draw(image).text((4, 4), "SMITH, JOHN A", font=ImageFont.load_default(18), fill=255)
    image.save(source / "0" / "named.png")
    prepare_stage(source, resolution=128)
    page = page_of(run)
    assert page.says("text").count("[picture]") == 1
    assert "1 image seems to show text" in page.says("text")
    overview = read_overview(run.path / "prepare")
    assert len(overview.with_text) == overview.text_images == 1
    sheets = sum(shows_white(path) for path in (run.path / "prepare").glob("contact-*.png"))
    assert sheets == 0


def shows_white(path: Path) -> bool:
    """Whether a contact sheet holds the row of pure white that only the written name has in its upper left corner."""
    with Image.open(path) as image:
        sheet: NDArray[np.uint8] = np.asarray(image.convert("L"))
    cells = [
        sheet[row : row + 14, column : column + 50]
        for row in range(2, sheet.shape[0] - 90, 98)
        for column in range(2, sheet.shape[1] - 90, 98)
    ]
    return any(np.mean(cell > 180) > 0.1 and np.mean(cell < 90) > 0.5 for cell in cells)


def test_mixed_views_bring_advice(folder: Path, run: RunFolder, prepare_stage: PrepareCall) -> None:
    for number in range(10):
        view = ["AP", "LATERAL"][number % 2]
        path = folder / "source" / f"{number}.dcm"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(
            dicom_bytes(dicom(picture(number, top=4095), ViewPosition=view, PatientID=f"{number}"))
        )
    prepare_stage(folder / "source")
    page = page_of(run)
    assert "Views are mixed (AP 50 %, LATERAL 50 %)" in page.says("top")
    assert "AP 5" in page.says("contents")
    assert "LATERAL 5" in page.says("contents")


def test_nearly_equal_images_stand_side_by_side(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    source = class_folders(folder / "source", per_class=6, side=96)
    copy = picture(0, 96).astype(np.float64) * 0.97 + 3
    save_png(source / "0" / "copy.png", copy.astype(np.uint8))
    result = prepare_stage(source, resolution=64, test_fraction=0.0)
    with (run.path / "prepare" / "records.csv").open(newline="") as file:
        copies = [row for row in csv.DictReader(file) if row["near_copy_of"]]
    assert result.train_images == 13
    assert len(copies) == 1
    said = page_of(run).says("copies")
    assert "1 image nearly equals another one" in said
    assert f"{copies[0]['file']} nearly equals {copies[0]['near_copy_of']}" in said


def test_the_same_data_give_the_same_page(folder: Path, run: RunFolder, prepare_stage: PrepareCall) -> None:
    source = class_folders(folder / "source")
    prepare_stage(source)
    other = RunFolder(folder / "runs" / "another")
    prepare_stage(source, into=other)
    assert (run.path / "prepare" / "data.html").read_bytes() == (
        other.path / "prepare" / "data.html"
    ).read_bytes()


@pytest.fixture
def secrets() -> Iterator[str]:
    return (f"QX{number:03d}ZJ" for number in range(1000))


def test_no_planted_identity_is_on_the_page(folder: Path, run: RunFolder, secrets: Iterator[str]) -> None:
    source = folder / "source"
    planted = plant(source, secrets)
    listener = Listener()
    settings = {"prepare": {"source": str(source), "resolution": 32}, "device": "cpu"}
    prepare(build_config(settings), run, listener)
    text = (run.path / "prepare" / "data.html").read_bytes()
    assert len(planted) >= 40
    assert len(text) > 20_000
    assert not [secret for secret in planted if secret.encode() in text]
    assert any("data.html" in note for note in listener.notes)


def test_text_of_a_few_pixels_in_a_large_image_is_outlined(folder: Path) -> None:
    with ArchiveWriter(folder / "train.zip", ()) as archive:
        name = archive.add(encode_png(picture(1, 512).astype(np.uint8)), None)
    uris = small_pictures(folder, [Shown("train", name, "id", (TextBox(10, 10, 12, 12),), "")])
    assert uris[0].startswith("data:image/png;base64,")


def test_a_page_that_cannot_be_written_costs_no_finished_picture(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    source = class_folders(folder / "source")
    in_the_way = run.stage_folder("prepare") / "data.html"
    in_the_way.mkdir()
    with pytest.raises(StageError, match="cannot be written"):
        prepare_stage(source)
    assert (run.path / "prepare" / ".work" / "pictures.bin").stat().st_size > 1000
    in_the_way.rmdir()
    assert prepare_stage(source).data_page == "prepare/data.html"
    assert not (run.path / "prepare" / ".work").exists()


def test_an_image_that_declares_burned_in_text_is_on_no_contact_sheet(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    for number in range(4):
        path = folder / "source" / ("declared" if number % 2 else "plain") / f"{number}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        declared = {"BurnedInAnnotation": "YES"} if number % 2 else {}
        path.write_bytes(dicom_bytes(dicom(picture(number, top=4095), **declared)))
    result = prepare_stage(folder / "source", test_fraction=0.0)
    assert (result.class_names, result.train_images) == (("declared", "plain"), 4)
    assert [path.name for path in (run.path / "prepare").glob("contact-*.png")] == ["contact-1.png"]


def test_phantoms_are_not_called_real_radiographs(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    write_phantom_data_set(folder / "phantoms", count=12, size_range=(90, 110))
    assert prepare_stage(folder / "phantoms", labels="labels.csv", patient_column="patient_id").phantoms
    said = page_of(run).says("top")
    assert "Phantoms drawn by GIST" in said
    assert "Real radiographs" not in said
    assert re.search(r"phantoms to learn from and \d+ held out of \d+ invented patients", said)
    (folder / "phantoms" / "labels.csv").write_text("file,label\n")
    assert not prepare_stage(folder / "phantoms").phantoms
    assert "Real radiographs" in page_of(run).says("top")


def test_a_sheet_of_one_picture_is_as_large_as_a_picture(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    source = class_folders(folder / "source", per_class=5)
    save_png(source / "lone" / "1.png", picture(99).astype(np.uint8))
    result = prepare_stage(source)
    with Image.open(run.path / "prepare" / f"contact-{result.class_names.index('lone')}.png") as sheet:
        assert sheet.width == 100
    text = (run.path / "prepare" / "data.html").read_text(encoding="utf-8")
    assert not re.search(r"\.sheet img \{[^}]*\bwidth: 100%", text)


def test_one_is_not_told_in_the_plural(folder: Path, run: RunFolder, prepare_stage: PrepareCall) -> None:
    source = class_folders(folder / "source", per_class=5)
    save_png(source / "1" / "again.png", picture(1000).astype(np.uint8))
    colour = np.stack([picture(50).astype(np.uint8), *[picture(51).astype(np.uint8)] * 2], axis=-1)
    save_png(source / "1" / "colour.png", colour)
    result = prepare_stage(source)
    assert "1 image was in colour, now grey." in result.notes
    assert "1 file shows the same picture as another one; each picture was kept once." in result.notes
    for section in page_of(run).sections.values():
        assert not re.search(r"\b1 (images|files|rows|patients|classes)\b", section)

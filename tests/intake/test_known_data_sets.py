"""Public data sets in their publishers' layouts: the guide's command for each gives classes, split and patients.

Every set is drawn here in small; its numbers and findings are invented, its names and headings are the publishers'.
"""

from __future__ import annotations

import csv
import re
import shlex
import shutil
import subprocess
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from radiograph_files import dicom, picture
from typer.testing import CliRunner

from gist.cli.app import app
from gist.intake.preparation import locate
from gist.runs.folder import RunFolder

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "data-sets.md"
QUICK = ("--resolution", "32", "--burned-in-text-ocr", "off")


@dataclass(frozen=True)
class Known:
    """What is true of a picture that must arrive."""

    class_name: str
    patient: str
    part: str | None = None
    """Where it must be; None where gist may choose."""


class Drawing:
    """Draws a set into a folder, a different picture each time, and keeps what is true of it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.truth: dict[str, Known] = {}
        """By path from the folder given to the command."""
        self._drawn = 0

    def draw(self, path: str, *, top: int = 255, patient_id: str | None = None) -> None:
        """A picture in the format that its ending says."""
        file = self.place / path
        file.parent.mkdir(parents=True, exist_ok=True)
        self._drawn += 1
        if file.suffix in (".dcm", ".dicom"):
            known = {} if patient_id is None else {"PatientID": patient_id}
            dicom(picture(self._drawn, top=4095), **known).save_as(file, enforce_file_format=True)
        else:
            pixels = picture(self._drawn, top=top)
            Image.fromarray(pixels if top > 255 else pixels.astype(np.uint8)).save(file)

    def write(self, path: str, rows: Iterable[Sequence[object]]) -> None:
        file = self.place / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", newline="", encoding="utf-8") as table:
            csv.writer(table, lineterminator="\n").writerows(rows)


def kermany(drawing: Drawing) -> None:
    for part, each in (("train", 8), ("val", 2), ("test", 4)):
        for n in range(1, each + 1):
            kind = "bacteria" if n % 2 else "virus"
            for name, file in (
                ("NORMAL", f"IM-{n:04d}-0001.jpeg"),
                ("PNEUMONIA", f"person{n}_{kind}_{n}.jpeg"),
            ):
                drawing.draw(f"chest_xray/{part}/{name}/{file}")
                drawing.truth[f"{part}/{name}/{file}"] = Known(name, f"{part} {file}", part)
    (drawing.place / "chest_xray/.DS_Store").write_bytes(b"\0\0\0\1Bud1")


def knees(drawing: Drawing) -> None:
    number = 9003175
    for part, each in (("train", 3), ("val", 1), ("test", 2)):
        for grade in "01234":
            for _ in range(each):
                number += 1
                for side in "LR":
                    for folder in (part, "auto_test") if part == "test" else (part,):
                        drawing.draw(f"knees/{folder}/{grade}/{number}{side}.png")
                        drawing.truth[f"{folder}/{grade}/{number}{side}.png"] = Known(
                            grade, str(number), part
                        )


def mura(drawing: Drawing) -> None:
    lists: dict[str, list[str]] = {"train": [], "valid": []}
    studies: dict[str, dict[str, int]] = {"train": {}, "valid": {}}
    patient = 0
    for part, each in (("train", 8), ("valid", 4)):
        for region in ("XR_ELBOW", "XR_WRIST"):
            for n in range(each):
                patient += 1
                found = "positive" if n % 2 else "negative"
                study = f"{part}/{region}/patient{patient:05d}/study1_{found}"
                studies[part][f"MURA-v1.1/{study}/"] = n % 2
                for image in (1, 2):
                    drawing.draw(f"MURA-v1.1/{study}/image{image}.png")
                    lists[part].append(f"MURA-v1.1/{study}/image{image}.png")
                    where = "train" if part == "train" else "test"
                    drawing.truth[f"{study}/image{image}.png"] = Known(region, str(patient), where)
    for part in lists:
        drawing.write(f"MURA-v1.1/{part}_image_paths.csv", [(path,) for path in lists[part]])
        drawing.write(f"MURA-v1.1/{part}_labeled_studies.csv", studies[part].items())


def mura_one_region(drawing: Drawing) -> None:
    mura(drawing)
    drawing.truth = {
        path: Known("positive" if "_positive" in path else "negative", known.patient, known.part)
        for path, known in drawing.truth.items()
        if known.class_name == "XR_WRIST"
    }


def nih(drawing: Drawing) -> None:
    kinds = ["No Finding", "Effusion", "Cardiomegaly|Effusion", "Cardiomegaly", "No Finding", "Effusion"]
    header = (
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
        "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
    )
    lines, files = [header], []
    for n in range(60):
        name, found = f"{n // 3 + 1:08d}_{n % 3:03d}.png", kinds[n % 7 % 6]
        folder = f"images_{1 + n // 30:03d}/images"
        drawing.draw(f"nih/{folder}/{name}")
        files.append(name)
        lines.append(
            f"{name},{found},{n % 3},{n // 3 + 1},{20 + n:03d}Y,{'MF'[n % 2]},PA,2682,2749,0.143,0.143,"
        )
        if found in ("No Finding", "Effusion"):
            drawing.truth[f"{folder}/{name}"] = Known(found, str(n // 3 + 1))
    place = drawing.place / "nih"
    (place / "Data_Entry_2017.csv").write_text("\n".join(lines) + "\n")
    (place / "train_val_list.txt").write_text("\n".join(files[:48]) + "\n")
    (place / "test_list.txt").write_text("\n".join(files[48:]))
    drawing.write(
        "nih/BBox_List_2017.csv", [("Image Index", "Finding Label", "Bbox [x", "y", "w", "h]", "", "", "")]
    )


CHEXPERT = (
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
)


def chexpert(drawing: Drawing) -> None:
    header = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *CHEXPERT)
    found = ("1.0", "0.0", "-1.0", "")
    for part, first, patients in (("train", 1, 32), ("valid", 64541, 3)):
        rows: list[Sequence[object]] = [header]
        for patient in range(first, first + patients):
            for study in range(1, 3 - patient % 2):
                value = found[(patient + study) % 4] if part == "train" else ("1.0", "0.0")[patient % 2]
                for view in ("view1_frontal", "view2_lateral"):
                    path = f"patient{patient:05d}/study{study}/{view}.jpg"
                    drawing.draw(f"CheXpert-v1.0-small/{part}/{path}")
                    frontal = view == "view1_frontal"
                    findings = [value if name == "Cardiomegaly" else "" for name in CHEXPERT]
                    kind = ("Frontal", "PA") if frontal else ("Lateral", "")
                    rows.append((f"CheXpert-v1.0-small/{part}/{path}", "Female", 60, *kind, *findings))
                    if part == "train" and frontal and value in ("0.0", "1.0"):
                        drawing.truth[path] = Known(value, str(patient))
        drawing.write(f"CheXpert-v1.0-small/{part}.csv", rows)


def mimic(drawing: Drawing) -> None:
    """Findings by study, in alphabetical order as there; the split by image, and two images of each study."""
    names = sorted(CHEXPERT)
    studies: list[Sequence[object]] = [("subject_id", "study_id", *names)]
    images: list[Sequence[object]] = [("dicom_id", "study_id", "subject_id", "split")]
    views: list[Sequence[object]] = [
        ("dicom_id", "subject_id", "study_id", "ViewPosition", "Rows", "Columns")
    ]
    for n in range(40):
        subject, study = 10000032 + 300000 * (n // 2), 50414267 + n
        value = ("1.0", "0.0", "1.0", "0.0", "-1.0", "")[n % 6]
        part = "train" if n < 24 else "validate" if n < 32 else "test"
        studies.append((subject, study, *(value if name == "Cardiomegaly" else "" for name in names)))
        for view in range(2):
            image = "-".join(f"{(7919 * (2 * n + view) + k * 104729) & 0xFFFFFFFF:08x}" for k in range(5))
            path = f"p{str(subject)[:2]}/p{subject}/s{study}/{image}.jpg"
            drawing.draw(f"mimic-cxr-jpg/files/{path}")
            images.append((image, study, subject, part))
            views.append((image, subject, study, ("PA", "LATERAL")[view], 3056, 2544))
            if value in ("0.0", "1.0"):
                drawing.truth[path] = Known(value, str(subject), "val" if part == "validate" else part)
    drawing.write("mimic-cxr-jpg/mimic-cxr-2.0.0-chexpert.csv", studies)
    drawing.write("mimic-cxr-jpg/mimic-cxr-2.0.0-split.csv", images)
    drawing.write("mimic-cxr-jpg/mimic-cxr-2.0.0-metadata.csv", views)


def vindr(drawing: Drawing) -> None:
    """Three of four readers for each image, of whom one sees differently from the others."""
    rows: list[Sequence[object]] = [
        ("image_id", "rad_id", "Aortic enlargement", "Cardiomegaly", "No finding")
    ]
    for n in range(40):
        image = uuid.UUID(int=(n + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128).hex
        drawing.draw(f"vindr-cxr/train/{image}.dicom")
        for reader in ("R8", "R9", "R10", "R11")[n % 2 :][:3]:
            finding = n % 3 == 0 if reader == "R10" else n % 4 < 2
            rows.append((image, reader, 0, int(finding), int(not finding)))
        drawing.truth[f"{image}.dicom"] = Known(str(int(n % 4 >= 2)), image)
    for n in range(4):
        drawing.draw(f"vindr-cxr/test/{uuid.UUID(int=n + 1).hex}.dicom")
    drawing.write("vindr-cxr/annotations/image_labels_train.csv", rows)


def rsna(drawing: Drawing) -> None:
    """A row for each box, so several for some patients, and rows with empty boxes for those without."""
    rows: list[Sequence[object]] = [("patientId", "x", "y", "width", "height", "Target")]
    details: list[Sequence[object]] = [("patientId", "class")]
    for n in range(40):
        patient = str(uuid.UUID(int=(n + 1) * 0xD1B54A32D192ED03 * 2**40 % 2**128))
        drawing.draw(f"rsna/stage_2_train_images/{patient}.dcm", patient_id=patient)
        boxes = n % 3
        for box in range(boxes):
            rows.append((patient, 264.0 + 300 * box, 152.0, 213.0, 379.0, 1))
        if not boxes:
            rows.append((patient, "", "", "", "", 0))
        details += [(patient, "Lung Opacity" if boxes else "Normal")] * max(boxes, 1)
        drawing.truth[f"{patient}.dcm"] = Known("1" if boxes else "0", patient)
    drawing.draw("rsna/stage_2_test_images/0000a175-0e68-4ca4-b1af-167204a7e0bc.dcm", patient_id="x")
    drawing.write("rsna/stage_2_train_labels.csv", rows)
    drawing.write("rsna/stage_2_detailed_class_info.csv", details)


def padchest(drawing: Drawing) -> None:
    """16 bits, folders by number, and labels as Python writes a list."""
    kinds = ["['normal']", "['cardiomegaly']", "['cardiomegaly', 'aortic elongation']", "[]"]
    rows: list[Sequence[object]] = [
        ("", "ImageID", "ImageDir", "StudyDate_DICOM", "StudyID", "PatientID", "Projection", "Labels")
    ]
    for n in range(60):
        patient = 839860488694292331637988235681460987 + n // 3
        image, folder = f"{216840111366964012558082906712009300162151055 + n}_00-065-{n:03d}.png", n % 2
        found, view = kinds[n % 11 % 4], "PA" if n % 5 else "L"
        drawing.draw(f"padchest/{folder}/{image}", top=65535)
        rows.append((n, image, folder, 20100512, 1000 + n // 3, patient, view, found))
        if view == "PA" and found in kinds[:2]:
            drawing.truth[f"{folder}/{image}"] = Known(found, str(patient))
    drawing.write("padchest/PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv", rows)


SETS: dict[str, Callable[[Drawing], None]] = {
    "Kermany chest X-rays": kermany,
    "Kaggle knees": knees,
    "MURA": mura,
    "MURA, one region": mura_one_region,
    "NIH ChestX-ray14": nih,
    "CheXpert": chexpert,
    "MIMIC-CXR-JPG": mimic,
    "VinDr-CXR": vindr,
    "RSNA pneumonia": rsna,
    "PadChest": padchest,
}
LAYOUT_SAYS_ALL = ("Kermany chest X-rays", "Kaggle knees", "MURA")


def commands() -> dict[str, list[str]]:
    """Data set -> words of its command, from the guide's table."""
    rows = re.findall(
        r"^\| ([^|]+) \| [^|]+ \| `gist ([^|]+)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    return {name: shlex.split(command) for name, command in rows}


def tables() -> dict[str, str]:
    """Table that a shell command of the guide makes -> the command."""
    blocks = re.findall(r"^```\n(.*?)\n```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return {block.rpartition("> ")[2]: block for block in blocks}


@pytest.fixture
def place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


def prepared(drawing: Drawing, command: Sequence[str]) -> dict[str, Known]:
    """What the command makes of each file: class, patient's code and part."""
    for table, made_by in tables().items():
        if table in command:
            if shutil.which("sh") is None or shutil.which("awk") is None:
                pytest.skip("the guide makes this table with awk, which is not here")
            subprocess.run(["sh", "-c", made_by], cwd=drawing.place, check=True, timeout=60)
    called = CliRunner().invoke(app, [*command, *QUICK])
    assert called.exit_code == 0, (called.output, called.exception)
    run = RunFolder(drawing.place / command[command.index("--run") + 1])
    with (run.path / "prepare/records.csv").open(encoding="utf-8", newline="") as table:
        records = list(csv.DictReader(table))
    source = drawing.place / command[1]
    found = {}
    for record in records:
        file = locate(run, record["file"], source)
        assert file is not None
        found[file.relative_to(source).as_posix()] = Known(
            record["class"], record["patient"], record["split"]
        )
    return found


def compare(found: dict[str, Known], drawing: Drawing) -> None:
    assert found.keys() == drawing.truth.keys()
    classes = {path: known.class_name for path, known in drawing.truth.items()}
    assert {path: known.class_name for path, known in found.items()} == classes
    given = {path: known.part for path, known in drawing.truth.items() if known.part is not None}
    assert {path: found[path].part for path in given} == given
    sides = defaultdict(set)
    for path, known in drawing.truth.items():
        sides[known.patient].add(found[path].part)
    assert [patient for patient, parts in sides.items() if len(parts) > 1] == []
    assert {known.part for known in found.values()} > {"train"}, "something is held out"


def test_the_guide_has_a_command_for_every_set_that_is_drawn_here() -> None:
    assert list(commands()) == list(SETS)


@pytest.mark.parametrize("name", SETS)
def test_the_command_of_the_guide_gives_classes_split_and_patients(place: Path, name: str) -> None:
    drawing = Drawing(place)
    SETS[name](drawing)
    found = prepared(drawing, commands()[name])
    compare(found, drawing)
    if any(known.patient for known in found.values()):
        codes = defaultdict(set)
        for path, known in drawing.truth.items():
            codes[known.patient].add(found[path].patient)
        assert all(len(of_patient) == 1 for of_patient in codes.values()), "a patient has one code"
        assert len(set().union(*codes.values())) == len(codes), "and no other patient has it"


@pytest.mark.parametrize("name", LAYOUT_SAYS_ALL)
def test_where_the_layout_says_all_no_option_is_needed(place: Path, name: str) -> None:
    drawing = Drawing(place)
    SETS[name](drawing)
    compare(prepared(drawing, commands()[name][:4]), drawing)

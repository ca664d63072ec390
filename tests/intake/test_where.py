"""Filters on columns and attributes, and classes from an attribute."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prepare_call import PrepareCall
from radiograph_files import class_folders, dicom, dicom_bytes, picture, save_png

from gist.errors import InputError
from gist.intake.filter_expression import parse_filter
from gist.intake.labelling import label_source
from gist.intake.survey import inspect
from gist.runs.folder import RunFolder
from gist.stages.prepare import PrepareConfig
from gist.stages.vocabulary import Reason

VALUES = {
    "body_part": "Elbow",
    "view": "LATERAL",
    "age": "045Y",
    "kvp": "60.5",
    "note": "after fall",
    "empty": "",
}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('body_part == "ELBOW" and view == "LATERAL"', True),
        ('body_part == "ELBOW" and view != "LATERAL"', False),
        ('view in ("AP", "lateral")', True),
        ('view not in ["AP", "PA"]', True),
        ("18 <= age < 46", True),
        ("age < 45", False),
        ("kvp >= 60.5", True),
        ("kvp == 60.5", True),
        ("view > 3", False),
        ("view != 3", True),
        ('"FALL" in note', True),
        ('empty == "" and absent == ""', True),
        ('not (view == "AP" or body_part == "KNEE")', True),
        ("kvp > -1", True),
    ],
)
def test_a_filter_keeps_what_it_says(text: str, kept: bool) -> None:
    assert parse_filter(text).keeps(VALUES) is kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "view",
        "view = 'AP'",
        "__import__('os').system('true') == 0",
        "view.lower() == 'ap'",
        "view[0] == 'A'",
        "view == f'{kvp}'",
        "(lambda: 1) == 1",
        "view == 'AP' if kvp else kvp",
        "[x for x in view] == 1",
        "view is None",
        "view == True",
        "(" * 900 + "view == 1" + ")" * 900,
        "view == '" + "A" * 3000 + "'",
    ],
)
def test_anything_but_a_filter_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(InputError, match=r"prepare\.where is not a filter that gist understands"):
        parse_filter(text)


def table_of_views(source: Path) -> Path:
    rows = ["file,label,patient,Body part,view"]
    for number in range(16):
        save_png(source / f"{number}.png", picture(number).astype(np.uint8))
        view = "LATERAL" if number % 4 else "AP"
        rows.append(f"{number}.png,{number % 2},p{number},{'Elbow' if number < 12 else 'Knee'},{view}")
    (source / "labels.csv").write_text("\n".join(rows))
    return source


def test_a_filter_on_columns_tells_the_balance_before_and_after(
    folder: Path, prepare_stage: PrepareCall
) -> None:
    source = table_of_views(folder / "s")
    where = 'body_part == "ELBOW" and view == "LATERAL"'
    result = prepare_stage(source, labels="labels.csv", patient_column="patient", where=where)
    assert result.train_images + result.test_images == 9
    assert "prepare.where keeps 9 of 16 images (0: 3 of 8; 1: 6 of 8)." in result.notes
    assert result.rejected == {Reason.FILTERED_OUT.value: 7}
    config = PrepareConfig(source=source, labels=Path("labels.csv"), where=where)
    assert "prepare.where keeps 9 of 16 images (0: 3 of 8; 1: 6 of 8)." in inspect(config, "cpu").notes


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("vew == 1", "asks for 'vew', which is neither a column"),
        ("patient == 'p3'", "asks for the column 'patient', but settings are kept in the run folder"),
        ("file == '1.png'", "asks for the column 'file'"),
        ("PatientName == 'DOE'", "asks for PatientName, but settings are kept in the run folder"),
        ("AccessionNumber == '1'", "asks for AccessionNumber"),
        ("view == 'AXIAL'", "keeps no image at all"),
    ],
)
def test_a_filter_that_cannot_work_or_names_persons_is_one_sentence(
    folder: Path, where: str, sentence: str
) -> None:
    source = table_of_views(folder / "s")
    config = PrepareConfig(source=source, labels=Path("labels.csv"), patient_column="patient", where=where)
    with pytest.raises(InputError, match=sentence):
        label_source(config, 0, bytes(32))


@pytest.mark.parametrize(
    "column",
    ["patient_name", "PatientID", "study date", "Name", "DOB", "birthdate", "mrn", "AccessionNumber"],
)
def test_a_column_called_like_what_names_a_person_is_refused(folder: Path, column: str) -> None:
    source = folder / "s"
    save_png(source / "1.png", picture(1).astype(np.uint8))
    (source / "labels.csv").write_text(f"file,label,{column}\n1.png,0,QX001ZJ\n")
    where = f"{column.replace(' ', '_')} == 'QX001ZJ'"
    with pytest.raises(InputError, match=r"asks for the column .* where no patient may be named") as caught:
        label_source(PrepareConfig(source=source, labels=Path("labels.csv"), where=where), 0, bytes(32))
    assert "QX001ZJ" not in str(caught.value)


def test_a_filter_on_columns_tells_no_folder_before_its_files_have_been_looked_at(folder: Path) -> None:
    source = class_folders(folder / "s", 2, ("QX001ZJ", "QX002ZJ"))
    rows = [f"{name}/knee {n}.png,{'AP' if n else 'PA'}" for name in ("QX001ZJ", "QX002ZJ") for n in range(2)]
    (source / "more.csv").write_text("\n".join(["file,view", *rows]))
    config = PrepareConfig(
        source=source, labels=Path("more.csv"), label_source="folders", where="view == 'AP'"
    )
    found = label_source(config, 0, bytes(32))
    assert found.filtered == ({"QX001ZJ": 2, "QX002ZJ": 2}, {"QX001ZJ": 1, "QX002ZJ": 1})
    assert not [note for note in found.notes if "QX" in note]


def dicom_files(source: Path, count: int = 12, **attributes: Any) -> Path:
    source.mkdir(parents=True)
    for number in range(count):
        dataset = dicom(
            picture(number, top=4095), PatientID=f"MRN {number}", PatientAge=f"{20 + number:03d}Y"
        )
        dataset.BodyPartExamined = "ELBOW" if number % 3 else "KNEE"
        dataset.ViewPosition = "LL" if number % 2 else "AP"
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
        (source / f"{number}.dcm").write_bytes(dicom_bytes(dataset))
    return source


def test_attributes_give_classes_and_filter_at_once(folder: Path, prepare_stage: PrepareCall) -> None:
    source = dicom_files(folder / "s")
    save_png(source / "plain.png", picture(99).astype(np.uint8))
    result = prepare_stage(source, label_tag="body_part", where='view != "AP"', test_fraction=0.3)
    assert set(result.class_names) <= {"ELBOW", "KNEE"}
    assert result.train_images + result.test_images == 6
    assert result.rejected == {Reason.FILTERED_OUT.value: 6, Reason.NO_LABEL_TAG.value: 1}
    assert "prepare.where keeps 7 of 13 images (ELBOW: 4 of 8; KNEE: 2 of 4)." in result.notes
    summary = inspect(PrepareConfig(source=source, label_tag="BodyPartExamined"), "cpu")
    assert summary.classes == {"ELBOW": 8, "KNEE": 4}


def test_chosen_classes_of_an_attribute_leave_the_others_out(
    folder: Path, prepare_stage: PrepareCall
) -> None:
    result = prepare_stage(dicom_files(folder / "s"), label_tag="ViewPosition", classes=["LL"])
    assert result.class_names == ("LL",)
    assert result.rejected == {Reason.OTHER_CLASS.value: 6}


def test_a_filter_may_mix_columns_and_attributes(folder: Path, prepare_stage: PrepareCall) -> None:
    source = dicom_files(folder / "s")
    rows = [f"{number}.dcm,{number % 2},{'A' if number < 6 else 'B'}" for number in range(12)]
    (source / "labels.csv").write_text("\n".join(["file,label,ward", *rows]))
    result = prepare_stage(source, labels="labels.csv", where='ward == "a" and PatientAge >= 22')
    assert result.train_images + result.test_images == 4


@pytest.mark.parametrize(
    ("tag", "sentence"),
    [
        ("PatientName", "could name a person"),
        ("StudyDescription", "could name a person"),
        ("Vew", "is not a DICOM"),
    ],
)
def test_only_coded_attributes_become_class_names(folder: Path, tag: str, sentence: str) -> None:
    source = dicom_files(folder / "s", 1)
    with pytest.raises(InputError, match=sentence):
        label_source(PrepareConfig(source=source, label_tag=tag), 0, bytes(32))


def test_an_attribute_that_holds_the_patient_is_no_class(folder: Path, prepare_stage: PrepareCall) -> None:
    source = dicom_files(folder / "s", 4, BodyPartExamined="KNEE")
    dataset = dicom(picture(50, top=4095), PatientID="QX777ZJ", BodyPartExamined="KNEE QX777ZJ")
    (source / "named.dcm").write_bytes(dicom_bytes(dataset))
    result = prepare_stage(source, label_tag="BodyPartExamined")
    assert result.class_names == ("KNEE",)
    assert result.rejected == {Reason.CLASS_IS_PATIENT.value: 1}


def test_folders_may_give_the_classes_and_a_table_the_rest(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    source = class_folders(folder / "s", 6)
    rows = [f"{name}/knee {number}.png,p{number}" for name in "01" for number in range(6)]
    (source / "more.csv").write_text("\n".join(["file,who", *rows]))
    result = prepare_stage(source, labels="more.csv", label_source="folders", patient_column="who")
    assert (result.class_names, result.patients) == (("0", "1"), 6)
    with (run.path / "prepare" / "records.csv").open(encoding="utf-8", newline="") as file:
        parts = {(row["patient"], row["split"]) for row in csv.DictReader(file)}
    assert len(parts) == 6


def test_contradictory_choices_of_labels_are_one_sentence(folder: Path, prepare_stage: PrepareCall) -> None:
    source = class_folders(folder / "s", 2)
    for settings, sentence in [
        ({"label_source": "table"}, r"prepare\.labels must name the CSV file"),
        ({"label_source": "tag"}, r"prepare\.label_tag must say which"),
        ({"label_source": "pattern"}, r"prepare\.label_pattern must say which"),
        ({"label_source": "dataset.json"}, "holds no dataset.json"),
        ({"test_fraction": 0.5, "val_fraction": 0.5}, "too little for training"),
    ]:
        with pytest.raises(InputError, match=sentence):
            prepare_stage(source, **settings)

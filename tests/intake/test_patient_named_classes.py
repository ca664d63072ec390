"""Classes that spell the name or number of the patient of their own files, and those that only look so."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prepare_call import PrepareCall
from radiograph_files import dicom, dicom_bytes, picture, save_png

from gist.errors import InputError
from gist.intake.class_names import SeenClasses
from gist.intake.deidentify import Patient
from gist.intake.patient_names import Identity, Naming, naming
from gist.intake.survey import inspect
from gist.runs.folder import RunFolder
from gist.stages.prepare import PrepareConfig
from gist.stages.vocabulary import Reason

UNTOLD, NO, PERHAPS, SURELY = Naming


@pytest.mark.parametrize(
    ("name", "class_name"),
    [
        ("Müller^Hans", unicodedata.normalize("NFD", "Müller_Hans")),
        ("Müller^Hans", "Mueller_Hans"),
        ("Müller^Hans", "hans muller, left"),
        ("MUELLER^HANS", "Hans Müller"),
        ("Groß^Jürgen", "Gross Juergen 2019"),
        ("Åkesson^Bjørn", "Aakesson-Bjoern"),
        ("Åkesson^Bjørn", "akesson bjorn"),
        ("Łukasz^Đorđe", "Lukasz Djordje"),
        ("Muñoz^José", "munoz.jose"),
        ("Işık^Çağlar", "ISIK_CAGLAR"),
        ("NGUYỄN^VĂN AN", "Nguyen Van An"),
        ("SMITH^JOHN", "JohnSmith"),
        ("SMITH^JOHN", "smithjohn_knee"),
        ("SMITH^JOHN^ALAN", "Smith A John"),
        ("Smith^John^^Dr", "Dr. John Smith"),
        ("Smith John", "Smith, John"),
        ("O'Brien^Mary", "OBrien_Mary"),
        ("von der Heide^Anna", "Anna von der Heide"),
        ("Lüdenscheid-Müller^Anna Maria", "AnnaMariaLuedenscheidMueller"),
        ("Maria^Eva", "mariaeva"),
        ("Lee^Ann", "ann lee"),
        ("王^小明", "王小明"),
        ("王小明", "患者王小明"),
        ("Wang^XiaoMing=王^小明", "Xiao-Ming Wang"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "山田 太郎"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "ﾔﾏﾀﾞﾀﾛｳ"),
        ("Hong^Gildong=洪^吉洞=홍^길동", unicodedata.normalize("NFD", "홍길동")),
        ("Ivanov^Alexei=Иванов^Алексей", unicodedata.normalize("NFD", "АЛЕКСЕЙ ИВАНОВ")),
        ("Ivanov^Alexei=Иванов^Алексей", "alexei_ivanov"),
    ],
)
def test_a_whole_name_is_found_in_every_spelling(name: str, class_name: str) -> None:
    assert naming(class_name, Identity((name,))) is SURELY


@pytest.mark.parametrize(
    ("name", "class_name"),
    [
        ("Müller^Hans", "Mueller"),
        ("SMITH^JOHN", "JSmith"),
        ("SMITH^JOHN", "J. Smith"),
        ("SMITH^JOHN", "smithj 2"),
        ("Li^An", "LiAn"),
        ("Wu^A", "wu a"),
        ("Lee", "lee"),
        ("王^明", "王"),
        ("Wojciechowski^Krzysztof", "WOJCIECH"),
        ("Normal^Norma", "normal"),
        ("Knee^Left", "left"),
    ],
)
def test_a_part_of_a_name_or_a_very_short_one_may_be_chance(name: str, class_name: str) -> None:
    assert naming(class_name, Identity((name,))) is PERHAPS


@pytest.mark.parametrize(
    ("name", "class_name"),
    [
        ("Normal^Norma", "abnormal"),
        ("Li^An", "valiant"),
        ("No^Yuki", "no finding"),
        ("Sue^Mary", "suspicious"),
        ("SMITH^JOHN", "healthy"),
        ("An^Ost", "osteoporosis"),
        ("王^小明", "正常"),
        ("^", "0"),
    ],
)
def test_letters_that_happen_to_be_in_a_word_are_no_name(name: str, class_name: str) -> None:
    assert naming(class_name, Identity((name,))) is NO


@pytest.mark.parametrize(
    ("number", "class_name", "expected"),
    [
        ("0012345", "12345", SURELY),
        ("12345", "MRN-0012345", SURELY),
        ("P1001", "p_1001", SURELY),
        ("12-003", "12003", SURELY),
        ("P1001", "1001", PERHAPS),
        ("007", "7", PERHAPS),
        ("1", "1", PERHAPS),
        ("2018", "knees of 2018", PERHAPS),
        ("healthy", "healthy", PERHAPS),
        ("1", "grade 1", NO),
        ("1", "10", NO),
        ("12345", "123456", NO),
    ],
)
def test_numbers_agree_whole_and_without_their_leading_zeros(
    number: str, class_name: str, expected: Naming
) -> None:
    assert naming(class_name, Identity((), (number,))) is expected


def test_a_class_called_after_the_examination_is_found_though_no_patient_is_told() -> None:
    uid = "1.2.840.113619.2.55"
    assert naming(f"study {uid}", Identity((), (), (uid,))) is SURELY
    assert naming("healthy", Identity((), (), (uid,))) is UNTOLD


WORDS = st.text(st.sampled_from("abcdefghijklmnoprstuvwxyzäöüßåøñçéłđşğı"), min_size=3, max_size=12)


@given(WORDS, WORDS, st.sampled_from(["", " ", "_", ", ", "-"]), st.booleans(), st.booleans(), st.booleans())
def test_joined_swapped_decomposed_or_capital_names_are_one(
    family: str, given_name: str, between: str, swapped: bool, decomposed: bool, capital: bool
) -> None:
    parts = (given_name, family) if swapped else (family, given_name)
    called = between.join(parts)
    called = called.upper() if capital else called
    called = unicodedata.normalize("NFD" if decomposed else "NFC", called)
    assert naming(called, Identity((f"{family}^{given_name}",))) in (SURELY, PERHAPS)
    assert naming("7", Identity((f"{family}^{given_name}",))) is NO


def withheld(*files: tuple[str, Naming, str], chosen: tuple[str, ...] = ()) -> set[str]:
    seen = SeenClasses()
    for name, told, patient in files:
        seen.add(name, told, Patient(patient, 0.0) if patient else None)
    return set(seen.names(chosen, []).of_patients)


def test_a_chance_agreement_counts_where_the_class_holds_no_other_patient() -> None:
    assert withheld(("1", PERHAPS, "a"), ("0", NO, "b")) == {"1"}
    assert withheld(("1", PERHAPS, "a"), ("1", UNTOLD, ""), ("0", NO, "b")) == {"1"}
    assert withheld(("1", PERHAPS, "a"), ("1", NO, "c"), ("0", NO, "b")) == set()
    assert withheld(("1", PERHAPS, "a"), ("0", NO, "b"), chosen=("0", "1")) == set()
    assert withheld(("1", PERHAPS, "a"), ("0", NO, "a")) == set(), "one pseudonym in all files"
    assert withheld(("KNEE", PERHAPS, "a"), ("KNEE", PERHAPS, "b")) == set(), "all are called Phantom^Knee"
    assert withheld(("Li", PERHAPS, "a"), ("Li", NO, "a"), ("0", NO, "b")) == {"Li"}, "married since"
    assert withheld(("normal", PERHAPS, ""), ("normal", NO, ""), ("0", NO, "")) == set(), (
        "names alone are known"
    )
    assert withheld(("Li", PERHAPS, ""), ("healthy", NO, ""), ("healthy", NO, "b")) == {"Li"}


def test_a_whole_name_counts_whoever_else_is_in_the_class() -> None:
    files = ("Hans Müller", SURELY, "a"), ("hans müller", NO, "b"), ("healthy", NO, "b")
    assert withheld(*files, chosen=("healthy",)) == {"Hans Müller", "hans müller"}


def save(path: Path, seed: int, **tags: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tags.setdefault("SpecificCharacterSet", "ISO_IR 192")
    path.write_bytes(dicom_bytes(dicom(picture(seed, top=4095), **tags)))


def healthy(source: Path, where: str = "healthy") -> None:
    for number in range(4):
        tags = {"PatientName": f"Other^Person{number}", "PatientID": f"X999{number}"}
        save(source / where / f"{number}.dcm", number, **tags)


def everything_told(run: RunFolder, *more: object) -> bytes:
    files = [path for path in run.path.rglob("*") if path.is_file()]
    return b"\n".join([*(path.read_bytes() for path in files), repr(more).encode()])


def test_no_file_stays_in_a_folder_called_like_a_patient(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    source, called = folder / "s", unicodedata.normalize("NFD", "QXMüller_QXHans")
    healthy(source)
    tags = {"PatientName": "QXMÜLLER^QXHANS", "PatientID": "4711"}
    save(source / called / "a.dcm", 10, **tags)
    save(source / called / "of another.dcm", 11, PatientName="Some^Body", PatientID="X8")
    save_png(source / called / "plain.png", picture(12).astype(np.uint8))
    result = prepare_stage(source)
    assert result.class_names == ("healthy",)
    assert result.rejected == {Reason.CLASS_IS_PATIENT.value: 3}
    assert any(note.startswith("1 class was left out, called like the patient") for note in result.notes)
    summary = inspect(PrepareConfig(source=source), "cpu")
    assert summary.classes == {"healthy": 4}
    assert summary.problems == {Reason.CLASS_IS_PATIENT.value: 3}
    assert b"qxhans" not in everything_told(run, result, summary).lower()


def test_a_patients_folder_among_a_thousand_others_is_looked_into_before_it_is_told(folder: Path) -> None:
    source = folder / "s"
    for number in range(1000):
        (source / "healthy").mkdir(parents=True, exist_ok=True)
        (source / "healthy" / f"{number}.txt").write_text("no image")
    healthy(source, "worn")
    save(source / "QXMueller QXHans" / "a.dcm", 1, PatientName="QXMüller^QXHans", PatientID="1")
    summary = inspect(PrepareConfig(source=source), "cpu")
    assert summary.classes == {"worn": 4}
    assert summary.problems[Reason.CLASS_IS_PATIENT.value] == 1
    assert "QX" not in repr(summary)


@pytest.mark.parametrize("declared", ["ISO_IR 192", "ISO_IR 100", ""], ids=["right", "wrong", "not at all"])
def test_letters_that_a_file_does_not_declare_are_read_all_the_same(
    folder: Path, prepare_stage: PrepareCall, declared: str
) -> None:
    source = folder / "s"
    healthy(source)
    save(source / "王小明" / "a.dcm", 10, PatientName="王^小明", PatientID="P1")
    path = source / "王小明" / "a.dcm"
    padded = declared.encode().ljust(10)
    path.write_bytes(path.read_bytes().replace(b"ISO_IR 192", padded))
    assert prepare_stage(source).class_names == ("healthy",)


def test_numbers_beside_the_patients_own_name_it_too(folder: Path, prepare_stage: PrepareCall) -> None:
    source = folder / "s"
    healthy(source)
    save(source / "99-31417" / "a.dcm", 10, PatientID="hidden", AccessionNumber="9931417")
    save(source / "71828" / "a.dcm", 11, PatientID="hidden", OtherPatientIDs=["1", "0071828"])
    save(source / "Maiden Eve" / "a.dcm", 12, PatientName="Wed^Eve", PatientBirthName="Maiden^Eve")
    assert prepare_stage(source).class_names == ("healthy",)


def test_a_class_of_a_table_called_like_the_files_patient_is_none(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    source = folder / "s"
    healthy(source)
    save(source / "a.dcm", 10, PatientName="QXMüller^QXHans", PatientID="4711")
    rows = [f"healthy/{n}.dcm,normal,{'AP' if n else 'PA'}" for n in range(4)]
    rows.append("a.dcm,QXHANS QXMUELLER,AP")
    (source / "t.csv").write_text("\n".join(["file,label,view", *rows]))
    result = prepare_stage(source, labels="t.csv", where="view == 'AP'")
    assert result.class_names == ("normal",)
    assert "prepare.where keeps 4 of 5 images (normal: 3 of 4)." in result.notes
    summary = inspect(PrepareConfig(source=source, labels=Path("t.csv"), where="view == 'AP'"), "cpu")
    assert summary.classes == {"normal": 3}
    assert b"qxhans" not in everything_told(run, result, summary).lower()


def test_a_class_that_is_the_patient_column_again_is_none(folder: Path, prepare_stage: PrepareCall) -> None:
    source, rows = folder / "s", ["file,label,patient"]
    for number in range(6):
        save_png(source / f"{number}.png", picture(number).astype(np.uint8))
        rows.append(f"{number}.png,{'QX1234567' if number == 5 else 'worn'},QX{number}234567")
    rows[-1] = "5.png,QX1234567,qx-1234567"
    (source / "t.csv").write_text("\n".join(rows))
    result = prepare_stage(source, labels="t.csv", patient_column="patient")
    assert result.class_names == ("worn",)
    assert result.rejected == {Reason.CLASS_IS_PATIENT.value: 1}


def test_a_tag_that_holds_the_patients_name_is_no_class(folder: Path, prepare_stage: PrepareCall) -> None:
    for number in range(6):
        part = "QXHANS MUELLER" if number == 5 else "KNEE"
        tags = {"PatientName": f"Müller^QXHans{'' if number == 5 else number}", "PatientID": f"X{number}"}
        save(folder / "s" / f"{number}.dcm", number, BodyPartExamined=part, **tags)
    result = prepare_stage(folder / "s", label_tag="BodyPartExamined")
    assert result.class_names == ("KNEE",)
    assert "QX" not in repr(result)


def test_pseudonyms_and_class_numbers_do_not_meet(folder: Path, prepare_stage: PrepareCall) -> None:
    source = folder / "s"
    for number in range(12):
        name = "Normal^Norma" if number == 3 else f"Case^{number}"
        save(source / str(number % 2) / f"{number}.dcm", number, PatientID=str(number), PatientName=name)
    assert prepare_stage(source).class_names == ("0", "1")


def test_a_class_that_only_looks_like_a_patients_can_be_chosen(
    folder: Path, prepare_stage: PrepareCall
) -> None:
    source = folder / "s"
    healthy(source, "worn")
    save(source / "normal" / "a.dcm", 10, PatientName="Normal^Norma", PatientID="P7")
    assert prepare_stage(source).class_names == ("worn",)
    chosen = prepare_stage(source, RunFolder(folder / "other"), classes=["normal", "worn"])
    assert chosen.class_names == ("normal", "worn")


def test_where_every_folder_is_a_patients_the_source_is_refused(
    folder: Path, prepare_stage: PrepareCall
) -> None:
    for number in range(3):
        called = f"QX{number}Smith John"
        save(folder / "s" / called / "a.dcm", number, PatientName=f"QX{number}Smith^John", PatientID="")
    with pytest.raises(InputError, match="called like its patient") as caught:
        prepare_stage(folder / "s")
    assert "QX" not in str(caught.value)


def test_the_shared_spellings(folder: Path, shared_dir: Path, prepare_stage: PrepareCall) -> None:
    maker = shared_dir / "faults" / "patient_named_folders.py"
    if not maker.is_file():
        pytest.skip("no maker of patient-named folders beside the checkout")
    subprocess.run([sys.executable, maker.name, str(folder / "made")], cwd=maker.parent, check=True)
    for case in sorted((folder / "made").iterdir()):
        assert prepare_stage(case, RunFolder(folder / "runs" / case.name)).class_names == ("healthy",)

"""Planted identity: searched for, byte by byte, in everything that is written or told."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from listener import Listener
from PIL import Image, PngImagePlugin
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from radiograph_files import dicom, dicom_bytes, picture
from typer.testing import CliRunner

from gist.cli.app import app
from gist.config import Config, build_config
from gist.errors import GistError
from gist.intake.preparation import locate
from gist.intake.stage import prepare
from gist.intake.survey import inspect
from gist.runs.folder import RunFolder
from gist.stages.vocabulary import Reason

TEXT_TAGS = [
    "PatientName",
    "PatientID",
    "OtherPatientIDs",
    "PatientAddress",
    "PatientComments",
    "EthnicGroup",
    "Occupation",
    "InstitutionName",
    "InstitutionAddress",
    "ReferringPhysicianName",
    "PerformingPhysicianName",
    "OperatorsName",
    "StationName",
    "StudyDescription",
    "SeriesDescription",
    "StudyID",
    "AccessionNumber",
    "ImageComments",
    "ProtocolName",
    "DeviceSerialNumber",
    "RequestedProcedureDescription",
    "BodyPartExamined",
    "Modality",
    "BurnedInAnnotation",
    "RequestingPhysician",
    "AdditionalPatientHistory",
    "PatientMotherBirthName",
    "MilitaryRank",
]


@pytest.fixture
def secrets() -> Iterator[str]:
    return (f"QX{number:03d}ZJ" for number in range(1000))


def plant(source: Path, secrets: Iterator[str]) -> list[str]:
    """Writes files with identity in every place there is, in two class folders; returns what was planted."""
    planted: list[str] = []

    def secret() -> str:
        planted.append(next(secrets))
        return planted[-1]

    for number in range(8):
        dataset = dicom(picture(number, top=4095), WindowCenter=2000, WindowWidth=3000)
        for keyword in TEXT_TAGS:
            setattr(dataset, keyword, secret())
        dataset.VOILUTFunction = secret()
        dataset.WindowCenterWidthExplanation = secret()
        private = dataset.private_block(0x0011, secret(), create=True)
        private.add_new(1, "LO", secret())
        nested = Dataset()
        nested.PatientID = secret()
        dataset.OtherPatientIDsSequence = Sequence([nested])
        dataset.file_meta.SourceApplicationEntityTitle = secret()
        data = bytearray(dicom_bytes(dataset))
        preamble = secret().encode()
        data[: len(preamble)] = preamble
        folder = source / str(number % 2) / secret() / secret()
        folder.mkdir(parents=True)
        (folder / f"{secret()}.dcm").write_bytes(data)
    broken = source / "0" / f"{secret()}.dcm"
    broken.write_bytes(data[:-200])
    for number in range(4):
        image = Image.fromarray(picture(50 + number).astype(np.uint8))
        text = PngImagePlugin.PngInfo()
        text.add_text("Description", secret())
        text.add_text(secret(), "value", zip=True)
        text.add_itxt("XML:com.adobe.xmp", f"<x>{secret()}</x>")
        exif = Image.Exif()
        exif[0x010E], exif[0x013B] = secret(), secret()
        image.save(source / "1" / f"{secret()}.png", pnginfo=text, exif=exif)
        image.rotate(90).save(source / "0" / f"{secret()}.jpg", exif=exif, comment=secret(), quality=95)
        image.rotate(180).save(source / "1" / f"{secret()}.tif", description=secret())
    return planted


def everything_under(root: Path) -> Iterator[tuple[str, bytes]]:
    for path in root.rglob("*"):
        yield "a name", str(path.relative_to(root)).encode()
        if path.is_file():
            yield path.name, path.read_bytes()


def test_no_planted_identity_is_written_or_told(folder: Path, run: RunFolder, secrets: Iterator[str]) -> None:
    source = folder / "source"
    planted = plant(source, secrets)
    assert len(planted) > 250
    config = build_config({"prepare": {"source": str(source), "resolution": 32}, "device": "cpu"})
    listener = Listener()
    result = prepare(config, run, listener)
    assert result.train_images + result.test_images == 20
    assert result.patients == 8
    summary = inspect(config.prepare)
    told = " ".join(
        [*listener.notes, repr(listener.advances), result.model_dump_json(), repr(summary)]
    ).encode()
    for where, data in [("told", told), *everything_under(run.path)]:
        found = [secret for secret in planted if secret.encode() in data]
        assert not found, where


def test_the_spool_of_an_interrupted_run_holds_no_identity(
    folder: Path, run: RunFolder, secrets: Iterator[str]
) -> None:
    source = folder / "source"
    planted = plant(source, secrets)

    config = build_config({"prepare": {"source": str(source), "resolution": 32}, "device": "cpu"})
    with pytest.raises(KeyboardInterrupt):
        prepare(config, run, Listener(15, KeyboardInterrupt()))
    left = list(everything_under(run.path))
    assert any(len(data) > 3000 for _, data in left)
    assert not [secret for secret in planted for _, data in left if secret.encode() in data]


def test_a_patient_column_stays_out_of_everything(
    folder: Path, run: RunFolder, secrets: Iterator[str]
) -> None:
    source = folder / "source"
    source.mkdir()
    rows, planted = ["file,label,patient,remark"], []
    for number in range(10):
        name, who, remark = next(secrets), next(secrets), next(secrets)
        planted += [name, who, remark]
        Image.fromarray(picture(number).astype(np.uint8)).save(source / f"{name}.png")
        rows.append(f"{name}.png,{number % 2},{who},{remark}")
    (source / "labels.csv").write_text("\n".join(rows))
    tree = {"source": str(source), "resolution": 32, "labels": "labels.csv", "patient_column": "patient"}
    result = prepare(build_config({"prepare": tree, "device": "cpu"}), run, Listener())
    assert result.patients == 10
    for _, data in everything_under(run.path):
        assert not [secret for secret in planted if secret.encode() in data]


def test_no_planted_identity_is_shown_on_the_terminal(
    folder: Path, secrets: Iterator[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the choices that read attributes and tables, which must not lead more out."""
    source = folder / "source"
    planted = plant(source, secrets)
    names = [path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()]
    ward, remark = next(secrets), next(secrets)
    rows = [f"{name},{number % 2},{ward},{remark}" for number, name in enumerate(names)]
    (source / "labels.csv").write_text("\n".join(["file,label,ward,remark", *rows]))
    planted += [ward, remark]
    monkeypatch.chdir(folder)
    choices = ["--labels", "labels.csv", "--bits", "16", "--flip-to-side", "left", "--mm-per-pixel", "2"]
    where = f'ward != "" and study_description != "" and "{ward[:3]}" in ward'
    arguments = ["prepare", "source", "--run", "out", "--resolution", "32", "--where", where, *choices]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "prepare.where keeps 8 of " in " ".join(result.output.split())
    for place, data in [("the terminal", result.output.encode()), *everything_under(folder / "out")]:
        found = [secret for secret in planted if secret.encode() in data]
        assert not found, place


def test_errors_do_not_quote_files(folder: Path, run: RunFolder, secrets: Iterator[str]) -> None:
    source = folder / "source"
    name = next(secrets)
    (source / name).mkdir(parents=True)
    (source / name / f"{name}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + name.encode())
    with pytest.raises(GistError) as caught:
        prepare(config_for(source), run, Listener())
    assert name not in str(caught.value)


def config_for(source: Path) -> Config:
    return build_config({"prepare": {"source": str(source), "resolution": 32}, "device": "cpu"})


def test_the_salt_is_private_outside_the_run_and_leads_back_to_the_file(
    folder: Path, run: RunFolder, settings_home: Path
) -> None:
    source = folder / "source"
    (source / "deep").mkdir(parents=True)
    for number in range(6):
        Image.fromarray(picture(number).astype(np.uint8)).save(source / "deep" / f"{number}.png")
    (source / "deep" / "bad.png").write_bytes(b"no image")
    prepare(config_for(source), run, Listener())
    salt = settings_home / "gist" / "salt"
    assert stat.S_IMODE(salt.stat().st_mode) == 0o600
    assert not [data for _, data in everything_under(run.path) if salt.read_bytes() in data]
    rejected = (run.path / "prepare" / "rejected.csv").read_text().splitlines()[1].split(",")[0]
    assert locate(run, rejected, source) == (source / "deep" / "bad.png").resolve()
    assert locate(run, "0" * 16, source) is None


@pytest.mark.parametrize("name", ["QXFAM^QXGIV^Maria^Dr", "QXFAM^QXGIV=\u5c71\u7530^\u592a\u90ce"])
def test_a_class_folder_with_family_and_given_name_is_no_class_whatever_else_the_name_holds(
    folder: Path, run: RunFolder, name: str
) -> None:
    for number in range(6):
        path = folder / "source" / ("qxgiv qxfam" if number == 0 else "normal") / f"{number}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            dicom_bytes(dicom(picture(number, top=4095), PatientName=name, SpecificCharacterSet="ISO_IR 192"))
        )
    result = prepare(config_for(folder / "source"), run, Listener())
    assert result.class_names == ("normal",)
    assert result.rejected == {Reason.CLASS_IS_PATIENT.value: 1}


def test_where_a_relative_source_lies_is_in_no_record(
    folder: Path, secrets: Iterator[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = folder / next(secrets)
    home.mkdir()
    (home / "data").mkdir()
    (home / "data" / "a.png").write_bytes(b"no image")
    (home / "refused").write_bytes(b"neither a folder nor a zip archive")
    monkeypatch.chdir(home)
    arguments = ["prepare", "data", "--run", str(folder / "out"), "--resolution", "32"]
    assert CliRunner().invoke(app, arguments).exit_code != 0
    record = RunFolder(folder / "out").record("prepare")
    assert record is not None
    assert record.error is not None
    assert record.error.startswith("None of the 1 files in the source folder can be used")
    assert CliRunner().invoke(app, [arguments[0], "refused", *arguments[2:]]).exit_code != 0
    assert not [data for _, data in everything_under(folder / "out") if home.name.encode() in data]


def test_a_source_called_like_a_part_of_a_word_tears_no_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "form").mkdir()
    (folder / "form" / "a.png").write_bytes(b"no image")
    monkeypatch.chdir(folder)
    arguments = ["prepare", "form", "--run", "out", "--resolution", "32"]
    assert CliRunner().invoke(app, arguments).exit_code != 0
    record = RunFolder(folder / "out").record("prepare")
    assert record is not None
    assert record.error is not None
    assert record.error.endswith("a file is not an image format that gist reads.")

"""Zip archives, StyleGAN data sets, exports with folders around the classes, and folders named after patients."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from prepare_call import PrepareCall
from radiograph_files import class_folders, dicom, dicom_bytes, picture, save_png

from gist.errors import InputError
from gist.images.archive import read_data_set
from gist.intake.preparation import locate
from gist.intake.survey import inspect
from gist.runs.folder import RunFolder
from gist.stages.prepare import PrepareConfig
from gist.stages.vocabulary import Reason


def zipped(source: Path, archive: Path, inside: str = "", method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(archive, "w", method) as file:
        for path in sorted(source.rglob("*")):
            if path.is_file():
                file.write(path, f"{inside}{path.relative_to(source).as_posix()}")
    return archive


def archives(run: RunFolder) -> list[bytes]:
    return [(run.path / "prepare" / name).read_bytes() for name in ("train.zip", "test.zip")]


@pytest.mark.parametrize("inside", ["", "knees of 2018/"])
def test_a_zip_archive_gives_what_its_folder_gives(
    folder: Path, prepare_stage: PrepareCall, inside: str
) -> None:
    source = class_folders(folder / "source", 8)
    from_folder, from_zip = RunFolder(folder / "one"), RunFolder(folder / "other")
    prepare_stage(source, from_folder)
    result = prepare_stage(zipped(source, folder / "export.zip", inside), from_zip)
    assert result.class_names == ("0", "1")
    assert archives(from_folder) == archives(from_zip)


def test_a_label_table_inside_a_zip_archive_is_found(folder: Path, prepare_stage: PrepareCall) -> None:
    source = folder / "source"
    rows = ["file,label"]
    for number in range(8):
        save_png(source / f"{number}.png", picture(number).astype(np.uint8))
        rows.append(f"{number}.png,grade {number % 2}")
    (source / "labels.csv").write_text("\n".join(rows))
    result = prepare_stage(zipped(source, folder / "export.zip"), labels="labels.csv")
    assert result.class_names == ("grade 0", "grade 1")
    assert result.rejected == {}


def test_what_lies_beside_the_class_folders_does_not_hide_them(
    folder: Path, prepare_stage: PrepareCall
) -> None:
    source = class_folders(folder / "source/export/knees", 6)
    for beside in ("read me.txt", "export/.DS_Store", "export/knees/Thumbs.db", "export/knees/0/desktop.ini"):
        (folder / "source" / beside).write_bytes(b"of the system")
    result = prepare_stage(zipped(folder / "source", folder / "export.zip"))
    assert source.is_dir()
    assert result.class_names == ("0", "1")
    assert result.rejected == {Reason.DOCUMENT.value: 2, Reason.NOT_AN_IMAGE.value: 2}


def test_a_few_files_in_a_folder_beside_most_images_are_no_class(
    folder: Path, prepare_stage: PrepareCall
) -> None:
    for number in range(9):
        save_png(
            folder / "source" / f"{'old/' if number == 4 else ''}{number}.png",
            picture(number).astype(np.uint8),
        )
    result = prepare_stage(folder / "source")
    assert result.class_names == ()
    assert result.rejected == {}
    assert any("were not taken as classes" in note for note in result.notes)


def test_a_zip_archive_with_backslashes_and_a_table_in_its_folder_is_read(
    folder: Path, prepare_stage: PrepareCall
) -> None:
    rows = ["file,label"]
    with zipfile.ZipFile(folder / "export.zip", "w") as archive:
        archive.writestr("export\\images\\", b"")
        for number in range(8):
            path = save_png(folder / "one.png", picture(number).astype(np.uint8))
            archive.writestr(f"export\\images\\{number}.png", path.read_bytes())
            rows.append(f"images/{number}.png,grade {number % 2}")
        archive.writestr("export\\labels.csv", "\n".join(rows))
    result = prepare_stage(folder / "export.zip", labels="labels.csv")
    assert result.class_names == ("grade 0", "grade 1")
    assert result.rejected == {}
    seen = inspect(PrepareConfig(source=folder / "export.zip"))
    assert (seen.files, seen.types) == (9, {"png": 8, "other": 1})


def test_hostile_members_of_a_zip_archive_are_set_aside(folder: Path, prepare_stage: PrepareCall) -> None:
    source = class_folders(folder / "source", 5)
    archive = zipped(source, folder / "export.zip")
    link = zipfile.ZipInfo("0/link.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("../../escape.png", b"x")
        file.writestr("/etc/escape.png", b"x")
        file.writestr(link, b"/etc/passwd")
        file.writestr("0/bomb.png", b"\x89PNG\r\n\x1a\n" + bytes(30 << 20))
        file.writestr("1/packed.png", b"x" * 99, zipfile.ZIP_LZMA)
        file.writestr("__MACOSX/0/._0.png", b"x")
    result = prepare_stage(archive, max_file_mebibytes=16)
    assert result.train_images + result.test_images == 10
    assert result.rejected == {
        Reason.UNSAFE_NAME.value: 2,
        Reason.NOT_REGULAR.value: 1,
        Reason.TOO_LARGE_FILE.value: 1,
        Reason.UNSUPPORTED_SYNTAX.value: 1,
        Reason.HIDDEN_FOLDER.value: 1,
    }
    assert not (folder / "escape.png").exists()


def test_a_member_that_inflates_beyond_its_claim_is_refused(folder: Path, prepare_stage: PrepareCall) -> None:
    source = class_folders(folder / "source", 5)
    archive = zipped(source, folder / "export.zip")
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("0/liar.png", bytes(40 << 20))
    data = archive.read_bytes()
    claimed = (40 << 20).to_bytes(4, "little")
    assert data.count(claimed) == 2
    archive.write_bytes(data.replace(claimed, (500).to_bytes(4, "little")))
    result = prepare_stage(archive)
    assert sum(result.rejected.values()) == 1
    assert result.train_images + result.test_images == 10


def test_a_broken_zip_archive_is_one_sentence(folder: Path, prepare_stage: PrepareCall) -> None:
    archive = zipped(class_folders(folder / "source", 2), folder / "export.zip")
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(InputError, match="is neither a folder nor a readable zip archive"):
        prepare_stage(archive)


def test_what_is_no_file_is_waited_for_neither_as_source_nor_as_table(
    folder: Path, prepare_stage: PrepareCall
) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(InputError, match="neither a folder nor a readable zip archive"):
        prepare_stage(folder / "pipe")
    with pytest.raises(InputError, match="There is no label table"):
        prepare_stage(class_folders(folder / "source"), labels=str(folder / "pipe"))


def test_an_archive_of_ours_is_a_source_again(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    source = class_folders(folder / "source", 8, ("healthy", "worn"))
    first = prepare_stage(source, test_fraction=0.0)
    again = prepare_stage(run.path / first.train_archive, RunFolder(folder / "again"), test_fraction=0.0)
    assert again.class_names == ("healthy", "worn")
    assert again.class_counts == first.class_counts
    one = read_data_set(run.path / first.train_archive)
    other = read_data_set(folder / "again" / again.train_archive)
    assert all((a == b).all() for a, b in zip(one.images(), other.images(), strict=True))


def write_index(source: Path, index: object) -> None:
    for number in range(6):
        save_png(source / "00000" / f"img{number:08d}.png", picture(number).astype(np.uint8))
    (source / "dataset.json").write_text(json.dumps(index))


def test_a_dataset_json_names_classes_by_number(folder: Path, prepare_stage: PrepareCall) -> None:
    write_index(folder / "s", {"labels": [[f"00000/img{n:08d}.png", n % 3] for n in range(6)]})
    assert prepare_stage(folder / "s", test_fraction=0.0).class_names == ("0", "1", "2")


def test_a_dataset_json_without_labels_means_no_classes(folder: Path, prepare_stage: PrepareCall) -> None:
    write_index(folder / "s", {"labels": None})
    assert prepare_stage(folder / "s").class_names == ()


def test_a_dataset_json_with_something_else_for_classes_is_one_sentence(
    folder: Path, prepare_stage: PrepareCall
) -> None:
    write_index(folder / "s", {"labels": [["00000/img00000000.png", [0.5, 0.5]]]})
    with pytest.raises(InputError, match="must give each image one class number"):
        prepare_stage(folder / "s")


def test_folders_named_after_patients_become_no_classes(folder: Path, prepare_stage: PrepareCall) -> None:
    source = class_folders(folder / "s", 6, ("0", "1"))
    for number, (name, patient_id) in enumerate([("Jane Doe", "4711"), ("MRN-99812", "99812")]):
        dataset = dicom(picture(500 + number, top=4095), PatientName="DOE^JANE", PatientID=patient_id)
        (source / name).mkdir()
        (source / name / "image.dcm").write_bytes(dicom_bytes(dataset))
    result = prepare_stage(source)
    assert result.class_names == ("0", "1")
    assert result.rejected == {Reason.CLASS_IS_PATIENT.value: 2}


def test_a_look_into_a_zip_archive_and_back_to_its_members(folder: Path, run: RunFolder) -> None:
    archive = zipped(class_folders(folder / "source", 8), folder / "export.zip")
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("0/bad.png", b"no image")
    summary = inspect(PrepareConfig(source=archive), "cpu")
    assert summary.types == {"png": 16, "other": 1}
    assert summary.classes == {"0": 9, "1": 8}
    assert summary.problems == {Reason.NOT_AN_IMAGE.value: 1}
    assert locate(run, "0" * 16, archive) is None

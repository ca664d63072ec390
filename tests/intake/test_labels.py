"""Classes, patients and splits from folders and tables, and the sentences for what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prepare_call import PrepareCall
from radiograph_files import class_folders, picture, save_png

from gist.errors import InputError
from gist.images.archive import read_data_set
from gist.intake.labelling import Labelled, label_source
from gist.runs.folder import RunFolder
from gist.stages.prepare import PrepareConfig

SALT = bytes(32)


def touch(source: Path, *names: str) -> Path:
    for name in names:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(b"x")
    return source


def labelled(source: Path, **settings: Any) -> Labelled:
    return label_source(PrepareConfig(source=source, **settings), 0, SALT)


def classes(found: Labelled) -> dict[str, str | None]:
    return {candidate.file.relative: candidate.class_name for candidate in found.candidates}


def test_first_level_folders_are_classes_at_any_depth(folder: Path) -> None:
    source = touch(folder / "s", "0/a.png", "0/deep/er/b.png", "10/c.png")
    assert classes(labelled(source)) == {"0/a.png": "0", "0/deep/er/b.png": "0", "10/c.png": "10"}


def test_a_flat_folder_has_no_classes(folder: Path) -> None:
    assert classes(labelled(touch(folder / "s", "a.png", "b.png"))) == {"a.png": None, "b.png": None}


def test_class_names_are_kept_in_natural_order(
    folder: Path, prepare_stage: PrepareCall, run: RunFolder
) -> None:
    source = class_folders(folder / "s", 6, ("10", "2", "Grad 1"))
    result = prepare_stage(source)
    assert result.class_names == ("2", "10", "Grad 1")
    assert read_data_set(run.path / result.train_archive).class_names == ("2", "10", "Grad 1")


@pytest.mark.parametrize(
    "text",
    [
        "file,label\na.png,x\nb.png,y\n",
        "file;label\r\na.png;x\r\nb.png;y\r\n",
        "sep=;\nFile;Label\na.png;x\nb.png;y\n",
        "file\tlabel\na.png\tx\nb.png\ty\n",
        '"file","note","label"\n"a.png","one, two\nlines","x"\n".\\b.png","","y"\n',
        "file,label\na,x\nb,y\n",
    ],
    ids=["comma", "semicolon", "excel", "tab", "quoted", "without ending"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_tables_as_programs_write_them(folder: Path, text: str, encoding: str) -> None:
    source = touch(folder / "s", "a.png", "b.png")
    (source / "labels.csv").write_bytes(text.encode(encoding))
    assert classes(labelled(source, labels=Path("labels.csv"))) == {"a.png": "x", "b.png": "y"}


@pytest.mark.parametrize(
    "word", ["Größe", "créée", "Schädel", "œuvre", "ÁÉÍ", "20–30°", "naïve", "Straße, groß, öffnen"]
)
def test_western_words_of_old_tables_are_read(folder: Path, word: str) -> None:
    source = touch(folder / "s", "a.png", "b.png")
    (source / "t.csv").write_bytes(f'file,label\na.png,"{word}"\nb.png,Fuß\n'.encode("cp1252"))
    assert classes(labelled(source, labels=Path("t.csv"))) == {"a.png": word, "b.png": "Fuß"}


@pytest.mark.parametrize(
    ("word", "encoding"),
    [
        ("正常", "gb18030"),
        ("正常", "big5"),
        ("膝关节", "gbk"),
        ("正常", "shift_jis"),
        ("カルテ", "shift_jis"),
        ("정상", "euc_kr"),
        ("норма", "cp1251"),
        ("норма", "koi8_r"),
        ("φυσιολογικό", "cp1253"),
    ],
)
def test_words_in_an_encoding_that_cannot_be_told_are_refused_not_garbled(
    folder: Path, word: str, encoding: str
) -> None:
    source = touch(folder / "s", "a.png")
    (source / "t.csv").write_bytes(f"file,label\na.png,{word}\n".encode(encoding))
    with pytest.raises(InputError, match="save it as 'CSV UTF-8'"):
        labelled(source, labels=Path("t.csv"))
    (source / "t.csv").write_text(f"file,label\na.png,{word}\n", encoding="utf-8")
    assert classes(labelled(source, labels=Path("t.csv"))) == {"a.png": word}


def test_bare_names_are_matched_below_folders_only_if_unmistakable(folder: Path) -> None:
    source = touch(folder / "s", "u/a.png", "v/b.png")
    (source / "t.csv").write_text("file,label\na.png,x\nb.png,y\n")
    assert classes(labelled(source, labels=Path("t.csv"))) == {"u/a.png": "x", "v/b.png": "y"}
    touch(source, "v/a.png")
    with pytest.raises(InputError, match="1 row of the label table fits several files"):
        labelled(source, labels=Path("t.csv"))


@pytest.mark.parametrize(
    "written",
    [
        "{source}/{file}",
        "C:\\Users\\x\\{file}",
        "../images/{file}",
        "{source}/{upper}",
        "old/{stem}.dcm",
        "{upper}",
    ],
    ids=["full", "another computer", "seen from the table", "capitals", "another ending", "only capitals"],
)
def test_paths_as_other_programs_write_them_find_their_files(folder: Path, written: str) -> None:
    source = touch(folder / "s", "u/a.1.png", "v/b.1.png", "v/c.PNG")
    lines = [
        written.format(source=source, file=file, upper=file.upper(), stem=file.rpartition(".")[0])
        + f",{label}"
        for file, label in (("u/a.1.png", "x"), ("v/b.1.png", "y"), ("v/c.PNG", "y"))
    ]
    (source / "t.csv").write_text("\nfile,label\n" + "\n".join(lines), encoding="utf-8")
    found = classes(labelled(source, labels=Path("t.csv")))
    assert found == {"u/a.1.png": "x", "v/b.1.png": "y", "v/c.PNG": "y"}


def test_rows_that_could_mean_the_same_file_are_one_sentence(folder: Path) -> None:
    source = touch(folder / "s", "a.png")
    (source / "t.csv").write_text("file,label\n/one/a.png,x\n/two/a.png,y\n")
    with pytest.raises(InputError, match="different values fit the same file"):
        labelled(source, labels=Path("t.csv"))


def test_absent_and_unlisted_files_are_counted(folder: Path) -> None:
    source = touch(folder / "s", "a.png", "b.png", "c.png")
    (source / "t.csv").write_text("file,label\na.png,x\nb.png,\ngone.png,x\n")
    found = labelled(source, labels=Path("t.csv"))
    assert classes(found) == {"a.png": "x"}
    assert found.notes == (
        "1 row of the label table names a file that is not in the source.",
        "1 file was left out: it is not in the label table.",
        "1 file was left out: it has no class in the label table.",
    )


def test_chosen_classes_leave_the_others_out(folder: Path) -> None:
    source = touch(folder / "s", "0/a.png", "1/b.png", "2/c.png")
    assert set(classes(labelled(source, classes=("0", "2"))).values()) == {"0", "2"}


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("file,label\nx.png,1\n", "None of the files that the label table names"),
        ("file,grade\na.png,1\n", "no column 'label' among its 2: file, grade; see prepare.file_column"),
        ("file,label\n", "has no rows"),
        ("file,label\na.png,1\na.png,2\n", "line 3: this file has been named before with other values"),
        (
            "file,label,split\na.png,1,perhaps\n",
            "line 2: the column .split. holds a text where train, val or test",
        ),
        ("file\0,label\na.png,1\n", "not a text table"),
        ("\n \n", "The label table is empty"),
        ('file,label\na.png,"1\nb.png,2\n', "not a readable table"),
    ],
    ids=["absent", "column", "empty", "contradiction", "split", "binary", "nothing", "open quote"],
)
def test_a_wrong_table_is_one_sentence(folder: Path, table: str, sentence: str) -> None:
    source = touch(folder / "s", "a.png")
    (source / "t.csv").write_text(table)
    settings = {"split_column": "split"} if "split" in table else {}
    with pytest.raises(InputError, match=sentence):
        labelled(source, labels=Path("t.csv"), **settings)


def test_a_missing_table_is_one_sentence(folder: Path) -> None:
    with pytest.raises(InputError, match=r"There is no label table none\.csv"):
        labelled(touch(folder / "s", "a.png"), labels=Path("none.csv"))


def test_missing_empty_and_unset_sources_are_one_sentence(folder: Path, prepare_stage: PrepareCall) -> None:
    with pytest.raises(InputError, match="There is no source "):
        prepare_stage(folder / "nowhere")
    (folder / "empty").mkdir()
    with pytest.raises(InputError, match="is empty"):
        prepare_stage(folder / "empty")
    (folder / "file").touch()
    with pytest.raises(InputError, match="is neither a folder nor a readable zip archive"):
        prepare_stage(folder / "file")
    with pytest.raises(InputError, match=r"prepare\.source is not set"):
        label_source(PrepareConfig(), 0, SALT)


@pytest.mark.parametrize("resolution", [32, "auto"])
def test_without_a_readable_image_the_most_frequent_reason_is_told(
    folder: Path, prepare_stage: PrepareCall, resolution: object
) -> None:
    source = touch(folder / "s", "a.txt", "b.txt")
    (source / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    with pytest.raises(
        InputError, match=r"None of the 3 files .*\(2 times\) a file is a table or a document"
    ):
        prepare_stage(source, resolution=resolution)


def test_conditional_training_needs_two_classes(folder: Path, prepare_stage: PrepareCall) -> None:
    source = class_folders(folder / "s", 4, ("only",))
    with pytest.raises(InputError, match=r"train\.conditional asks for a generator with classes"):
        prepare_stage(source, train={"conditional": True})
    assert prepare_stage(source).class_names == ("only",)


def test_an_unknown_chosen_class_is_named(folder: Path) -> None:
    with pytest.raises(InputError, match=r"prepare\.classes asks for '7'"):
        labelled(touch(folder / "s", "0/a.png"), classes=("0", "7"))


def test_a_folder_per_patient_is_not_taken_for_classes(folder: Path) -> None:
    source = touch(folder / "s", *[f"DOE^JANE {n}/image {m}.png" for n in range(15) for m in range(2)])
    with pytest.raises(InputError, match="look like patients") as caught:
        labelled(source)
    assert "DOE" not in str(caught.value)


def test_the_run_folder_inside_the_source_is_no_data(folder: Path, prepare_stage: PrepareCall) -> None:
    source = class_folders(folder, 4)
    where = RunFolder(folder / "0" / "runs")
    first = prepare_stage(source, where)
    assert prepare_stage(source, where) == first


def test_duplicates_are_kept_once_and_contradictions_not_at_all(
    folder: Path, prepare_stage: PrepareCall
) -> None:
    source = class_folders(folder / "s", 4)
    again = picture(0, 48).astype(np.uint8)  # the first picture of class 0
    save_png(source / "0" / "again.png", again)
    both = picture(77, 48).astype(np.uint8)
    save_png(source / "0" / "both.png", both)
    save_png(source / "1" / "both.png", both)
    result = prepare_stage(source)
    assert result.train_images + result.test_images == 8
    assert result.rejected == {
        "shows the same picture as a file of another class": 2,
        "shows the same picture as another file": 1,
    }
    assert "1 file shows the same picture as another one; each picture was kept once." in result.notes


def test_a_table_without_column_names_is_not_quoted(folder: Path) -> None:
    source = touch(folder / "s", "a.png")
    (source / "t.csv").write_text("a.png,QX001ZJ\nb.png,QX002ZJ\n")
    with pytest.raises(InputError, match="The first line of the label table has no column") as caught:
        labelled(source, labels=Path("t.csv"))
    assert "QX" not in str(caught.value)


def test_of_equal_pictures_the_one_whose_patient_is_known_is_kept(
    folder: Path, prepare_stage: PrepareCall
) -> None:
    source = class_folders(folder / "s", 4, ("only",))
    again = picture(0, 48).astype(np.uint8)  # the first picture, whose name tells no patient
    save_png(source / "only" / "patient 7.png", again)
    result = prepare_stage(source, patient_pattern=r"^patient (\d+)")
    assert (result.train_images + result.test_images, result.patients) == (4, 1)

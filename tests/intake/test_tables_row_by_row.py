"""A label table whose rows spell their files in several ways: each row counts for itself, and nothing is guessed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist.errors import InputError
from gist.intake.label_paths import rows_of_files
from gist.intake.labelling import label_source
from gist.stages.prepare import PrepareConfig


def pairs(rows: list[str], files: list[str]) -> dict[str, str]:
    found, _ = rows_of_files(rows, files)
    assert all(len(paths) <= 1 for paths in found)
    return {file: paths[0] for file, paths in zip(files, found, strict=True) if paths}


def test_each_row_is_as_lax_as_it_must_be() -> None:
    rows = ["a.png", "b.png", "c.png", "d", "E.JPG", "./x/f.dcm", "x\\g.png"]
    files = ["a.png", "b.jpg", "c.PNG", "d.png", "e.jpg", "x/f", "x/g.png"]
    normal = ["a.png", "b.png", "c.png", "d", "E.JPG", "x/f.dcm", "x/g.png"]
    assert pairs([row.replace("\\", "/").removeprefix("./") for row in rows], files) == dict(
        zip(files, normal, strict=True)
    )


def test_a_missing_files_row_does_not_pass_to_its_namesake() -> None:
    rows = ["left/1.png", "left/2.png"]
    assert pairs(rows, ["left/1.png", "right/2.png"]) == {"left/1.png": "left/1.png"}
    assert pairs([f"set/{row}" for row in rows], ["left/1.png", "right/2.png"]) == {
        "left/1.png": "set/left/1.png"
    }


def test_rows_of_two_computers_drop_their_own_leading_folders() -> None:
    rows = ["C:/export/a/1.png", "C:/export/a/2.png", "home/user/b/3.png"]
    files = ["a/1.png", "a/2.png", "b/3.png"]
    assert pairs(rows, files) == dict(zip(files, rows, strict=True))


def test_what_a_row_says_exactly_comes_before_what_it_may_mean() -> None:
    assert pairs(["1.png"], ["1.png", "sub/1.png"]) == {"1.png": "1.png"}
    assert pairs(["1.png", "1.jpg"], ["1.jpg", "1.png"]) == {"1.png": "1.png", "1.jpg": "1.jpg"}


def test_a_row_may_name_the_folder_of_several_images(folder: Path) -> None:
    source = folder / "s"
    for study, image in ((1, 1), (1, 2), (2, 1)):
        file = source / f"wrist/patient0000{study}/study1/image{image}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    rows = [
        "file,label",
        "MURA/train/wrist/patient00001/study1/,1",
        "MURA/train/wrist/patient00002/study1/,0",
    ]
    (source / "t.csv").write_text("\n".join(rows))
    found = label_source(PrepareConfig(source=source, labels=Path("t.csv")), 0, bytes(32))
    assert [one.class_name for one in found.candidates] == ["1", "1", "0"]
    assert found.rows_without_file == 0


def test_folders_count_only_where_no_row_names_a_file() -> None:
    assert pairs(["17", "0"], ["0/17.png", "0/18.png"]) == {"0/17.png": "17"}


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(0, 9)), unique=True, min_size=1
    ),
    st.data(),
)
def test_every_row_finds_its_own_file_however_endings_and_capitals_vary(
    names: list[tuple[str, str, int]], data: st.DataObject
) -> None:
    files = [f"{one}/{two}/{number}.png" for one, two, number in names]
    spellings = [str.upper, str, lambda file: file[:-4], lambda file: file[:-4] + ".dcm"]
    rows = [data.draw(st.sampled_from(spellings))(file) for file in files]
    assert pairs(rows, files) == dict(zip(files, rows, strict=True))


def readers(source: Path) -> Path:
    source.mkdir()
    lines = ["image_id,rad_id,finding"]
    for n in range(6):
        (source / f"{n}.png").write_bytes(b"x")
        lines += [
            f"{n},{reader},{int(n % 3 == 0) if reader == 'R9' else n % 2}" for reader in ("R8", "R9", "R10")
        ]
    (source / "t.csv").write_text("\n".join(lines))
    return source


def test_a_filter_chooses_among_the_rows_of_one_image(folder: Path) -> None:
    settings = {"labels": Path("t.csv"), "file_column": "image_id", "label_column": "finding"}
    source = readers(folder / "s")
    with pytest.raises(InputError, match=r"line 3: .* choose among them with prepare\.where"):
        label_source(PrepareConfig(source=source, **settings), 0, bytes(32))
    config = PrepareConfig(source=source, where='rad_id == "R9"', **settings)
    found = label_source(config, 0, bytes(32))
    assert [one.class_name for one in found.candidates] == ["1", "0", "0", "1", "0", "0"]
    with pytest.raises(InputError, match="choose among them"):
        label_source(config.model_copy(update={"where": 'rad_id != "R8"'}), 0, bytes(32))
    agreeing = config.model_copy(update={"where": 'rad_id in ("R8", "R10")'})
    assert len(label_source(agreeing, 0, bytes(32)).candidates) == 6

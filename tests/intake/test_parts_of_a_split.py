"""Ready-made splits as folders and tables spell them: parts are never classes, and nothing is guessed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prepare_call import PrepareCall
from radiograph_files import picture, save_png

from gist.errors import InputError
from gist.images.archive import read_data_set
from gist.intake.labelling import Labelled, label_source
from gist.intake.parts import part_of
from gist.runs.folder import RunFolder
from gist.stages.prepare import PrepareConfig
from gist.stages.vocabulary import Reason


def labelled(source: Path, *files: str, **settings: Any) -> Labelled:
    for name in files:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(b"x")
    return label_source(PrepareConfig(source=source, **settings), 0, bytes(32))


def outcome(found: Labelled) -> Counter[tuple[str | None, str | None]]:
    return Counter((one.split, one.class_name) for one in found.candidates)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("train", "train"),
        ("Training Set", "train"),
        ("stage_2_train_images", "train"),
        ("trainingset", "train"),
        ("train-1", "train"),
        ("VALID", "val"),
        ("validate", "val"),
        ("Validation", "val"),
        ("dev", "val"),
        ("development", "val"),
        ("auto_test", "test"),
        ("testing", "test"),
        ("hold-out", "test"),
        ("TestData", "test"),
        ("trained", None),
        ("detest", None),
        ("test positive", None),
        ("contrast", None),
        ("invalid", None),
        ("", None),
    ],
)
def test_parts_are_known_by_many_names_and_not_by_names_that_hold_one(name: str, part: str | None) -> None:
    assert part_of(name) == part


@pytest.mark.parametrize("val", ["validate", "valid", "val", "Validation", "dev"])
def test_the_folders_inside_the_parts_are_the_classes(folder: Path, val: str) -> None:
    parts = {"train": "train", val: "val", "auto_test": "test", "test": "test"}
    files = [f"set/{part}/{grade}/{n}.png" for part in parts for grade in "01" for n in range(2)]
    found = outcome(labelled(folder / "s", *files))
    assert found == {
        (part, grade): 2 * list(parts.values()).count(part) for part in set(parts.values()) for grade in "01"
    }


def test_the_parts_may_lie_inside_the_classes(folder: Path) -> None:
    files = [f"{kind}/{part}/{n}.png" for kind in ("ill", "well") for part in ("train", "test") for n in "12"]
    assert outcome(labelled(folder / "s", *files)) == {
        ("train", "ill"): 2,
        ("train", "well"): 2,
        ("test", "ill"): 2,
        ("test", "well"): 2,
    }


def test_folders_around_and_inside_the_parts_that_could_both_be_classes_are_refused(folder: Path) -> None:
    files = ["wrist/train/a/1.png", "wrist/test/b/1.png", "hand/train/c/1.png", "hand/test/d/1.png"]
    with pytest.raises(InputError, match=r"say which with prepare\.label_pattern"):
        labelled(folder / "s", *files)
    by_path = labelled(folder / "s", label_pattern="^(wrist|hand)/")
    assert outcome(by_path) == {
        ("train", "wrist"): 1,
        ("test", "wrist"): 1,
        ("train", "hand"): 1,
        ("test", "hand"): 1,
    }


def test_an_odd_folder_beside_the_parts_is_named_and_can_be_explained(folder: Path) -> None:
    files = [f"{part}/{kind}/1.png" for part in ("train", "test", "spare") for kind in "ab"]
    with pytest.raises(InputError, match=r"test and train look like .* the folder 'spare' beside them"):
        labelled(folder / "s", *files)
    left_out = labelled(folder / "s", parts={"spare": "none"})
    assert outcome(left_out) == {(part, kind): 1 for part in ("train", "test") for kind in "ab"}
    assert Counter(left_out.refused) == {(f"spare/{kind}/1.png", Reason.OTHER_PART): 1 for kind in "ab"}
    tested = outcome(labelled(folder / "s", parts={"Spare": "test"}))
    assert tested == {("train", "a"): 1, ("train", "b"): 1, ("test", "a"): 2, ("test", "b"): 2}


def test_a_folder_called_test_alone_is_a_class(folder: Path) -> None:
    assert outcome(labelled(folder / "s", "test/1.png", "control/2.png")) == {
        (None, "test"): 1,
        (None, "control"): 1,
    }


def test_folders_of_scripts_and_annotations_beside_the_parts_are_no_part(folder: Path) -> None:
    source = folder / "s"
    files = ["images/train/a/1.png", "images/test/a/2.png", "labels/train/a/1.txt", "tools/convert.py"]
    assert outcome(labelled(source, *files)) == {("train", "a"): 1, ("test", "a"): 1}


def test_a_set_held_twice_in_one_archive_is_taken_once(folder: Path, prepare_stage: PrepareCall) -> None:
    seed = 0
    for part, count in (("train", 6), ("test", 3), ("val", 2)):
        for kind in ("NORMAL", "PNEUMONIA"):
            for number in range(count):
                for top in ("chest", "chest/chest"):
                    save_png(folder / f"s/{top}/{part}/{kind}/{number}.png", picture(seed).astype(np.uint8))
                seed += 1
    result = prepare_stage(folder / "s")
    assert result.class_counts == {
        name: {"train": 6, "val": 2, "test": 3} for name in ("NORMAL", "PNEUMONIA")
    }


def test_a_table_calls_the_parts_as_it_likes(folder: Path) -> None:
    rows = ["file,label,split", "1.png,a,Training", "2.png,a,validate", "3.png,a,test", "4.png,a,fold 4"]
    source = folder / "s"
    source.mkdir()
    (source / "t.csv").write_text("\n".join(rows))
    files = [f"{n}.png" for n in range(1, 5)]
    settings = {"labels": Path("t.csv"), "split_column": "split"}
    with pytest.raises(
        InputError, match=r"line 5: the column 'split' holds 'fold 4' where .* or explain its words: --parts"
    ):
        labelled(source, *files, **settings)
    found = labelled(source, **settings, parts={"FOLD 4": "none"})
    assert outcome(found) == {("train", "a"): 1, ("val", "a"): 1, ("test", "a"): 1}


def test_a_table_of_classes_says_that_folders_were_not_used_as_a_split(folder: Path) -> None:
    source = folder / "s"
    source.mkdir()
    (source / "t.csv").write_text("file,label\ntrain/1.png,a\nvalid/2.png,b\n")
    found = labelled(source, "train/1.png", "valid/2.png", labels=Path("t.csv"))
    assert outcome(found) == {(None, "a"): 1, (None, "b"): 1}
    assert any("were not used as a split" in note for note in found.notes)


def test_of_a_picture_in_two_parts_the_training_copy_stays(
    folder: Path, prepare_stage: PrepareCall, run: RunFolder
) -> None:
    places = {"train/well/a": 0, "train/well/b": 1, "train/sick/d": 3}
    places |= {"test/well/c": 2, "test/sick/e": 3, "test/sick/f": 4}
    for path, seed in places.items():
        save_png(folder / f"s/{path}.png", picture(seed).astype(np.uint8))
    result = prepare_stage(folder / "s")
    assert result.class_counts == {"sick": {"train": 1, "test": 1}, "well": {"train": 2, "test": 1}}
    assert result.rejected == {Reason.DUPLICATE.value: 1}
    assert len(read_data_set(run.path / result.train_archive)) == 3

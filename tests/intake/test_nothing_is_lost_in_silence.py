"""Whatever does not arrive, files, rows or a class: the last line printed says how many and why."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from radiograph_files import class_folders, picture, save_png


def last_line(folder: Path, *options: str) -> str:
    command = [sys.executable, "-m", "gist", "prepare", str(folder / "s"), "--run", str(folder / "run")]
    done = subprocess.run(
        [*command, "--resolution", "32", *options],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "1000"},
    )
    return (done.stdout + done.stderr).strip().splitlines()[-1]


def table(folder: Path, rows: list[str]) -> tuple[str, ...]:
    (folder / "s/t.csv").write_text("\n".join(["file,label,split", *rows]))
    return ("--labels", "t.csv")


def damaged(folder: Path) -> tuple[str, ...]:
    for n in range(2):
        file = folder / f"s/0/knee {n}.png"
        file.write_bytes(file.read_bytes()[:200])
    return ()


def not_in_the_table(folder: Path) -> tuple[str, ...]:
    return table(folder, [f"{kind}/knee {n}.png,{kind}" for kind in "01" for n in range(8)])


def rows_without_files(folder: Path) -> tuple[str, ...]:
    rows = [f"{kind}/knee {n}.png,{kind}" for kind in "01" for n in range(10)]
    return table(folder, [*rows, "0/gone.png,0", "1/gone too.png,1"])


def without_a_class(folder: Path) -> tuple[str, ...]:
    return table(folder, [f"{kind}/knee {n}.png,{kind if n else ''}" for kind in "01" for n in range(10)])


def a_class_whose_files_are_gone(folder: Path) -> tuple[str, ...]:
    rows = [f"{kind}/knee {n}.png,{kind}" for kind in "01" for n in range(10)] * 11
    (folder / "s/many").mkdir()
    for n in range(200):
        save_png(folder / f"s/many/{n}.png", picture(5000 + n).astype(np.uint8))
    return table(folder, [*rows, *(f"many/{n}.png,many" for n in range(200)), "lost.png,severe"])


def twice(folder: Path) -> tuple[str, ...]:
    for n in range(3):
        (folder / f"s/1/copy {n}.png").write_bytes((folder / f"s/1/knee {n}.png").read_bytes())
    return ()


def a_class_that_contradicts(folder: Path) -> tuple[str, ...]:
    (folder / "s/2").mkdir()
    (folder / "s/2/x.png").write_bytes((folder / "s/1/knee 0.png").read_bytes())
    return ()


def outside_the_path_pattern(folder: Path) -> tuple[str, ...]:
    save_png(folder / "s/other.png", picture(77).astype(np.uint8))
    return ("--label-pattern", "^[01]")


@pytest.mark.parametrize(
    ("makes", "told"),
    [
        (damaged, "2 of 20 files (10 %) are in no archive: 2 × is damaged"),
        (not_in_the_table, "4 of 20 files (20 %) are in no archive: 4 × is not in the label table"),
        (rows_without_files, "2 of 22 rows of the label table name no file of the source"),
        (without_a_class, "2 × has no class in the label table"),
        (a_class_whose_files_are_gone, "nothing is left of 1 class ('severe')"),
        (twice, "3 × shows the same picture as another file"),
        (a_class_that_contradicts, "nothing is left of 1 class ('2')"),
        (outside_the_path_pattern, "1 × has a path that prepare.label_pattern does not fit"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_the_last_line_says_what_did_not_arrive(
    folder: Path, makes: Callable[[Path], tuple[str, ...]], told: str
) -> None:
    class_folders(folder / "s", 10)
    line = last_line(folder, *makes(folder))
    assert line.startswith("Not all arrived: ")
    assert told in line


def test_nothing_is_said_where_all_arrived_or_was_left_out_on_request(folder: Path) -> None:
    class_folders(folder / "s", 10)
    (folder / "s/readme.txt").write_text("two classes")
    assert not last_line(folder, "--classes", "[0]").startswith("Not all arrived")


def test_a_lost_folder_is_counted_but_not_named_for_it_may_bear_a_name(folder: Path) -> None:
    class_folders(folder / "s", 10)
    file = folder / "s/Doe Jane/1.png"
    file.parent.mkdir()
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    line = last_line(folder)
    assert "nothing is left of 1 class." in line
    assert "Doe" not in line

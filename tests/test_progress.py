"""What is told of progress where standard error is no terminal, as in the log of a cluster's job."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

_HALF_AN_HOUR = """
from gist.cli.progress import TerminalProgress

seconds = 0.0
with TerminalProgress(clock=lambda: seconds) as progress:
    progress.note({note!r})
    for done in range(1801):
        seconds = float(done)
        progress.advance(done, 1800, "images", "2 set aside")
    for done in range(1, 4):
        progress.advance(done, 3, "steps")
"""


def _lines_of(command: list[str], folder: Path) -> list[str]:
    """Standard error, which is a pipe, as it was written."""
    done = subprocess.run([sys.executable, *command], cwd=folder, stderr=subprocess.PIPE, check=True)
    text = done.stderr.decode()
    assert "\r" not in text
    assert "\x1b" not in text
    return text.splitlines()


def test_a_log_gets_a_first_line_after_ten_seconds_then_at_least_one_a_minute_and_one_at_the_end(
    folder: Path,
) -> None:
    note = "One sentence on one line, however long it is. " * 5 + "[bold]"
    first, *lines, last = _lines_of(["-c", _HALF_AN_HOUR.format(note=note)], folder)
    assert first == note
    assert lines[0] == "10/1,800 images, 0:00:10 elapsed, 0:29:50 left, 2 set aside"
    assert lines[-1] == "1,800/1,800 images, 0:30:00 elapsed, 0:00:00 left, 2 set aside"
    assert last.startswith("3/3 steps, ")
    at = [int(line.split("/")[0].replace(",", "")) for line in lines]
    assert at[:4] == [10, 20, 40, 80]
    assert {later - earlier for earlier, later in pairwise(at[3:-1])} == {60}


def test_a_command_whose_standard_error_is_a_pipe_says_how_much_is_done(folder: Path) -> None:
    lines = _lines_of(["-m", "gist", "phantoms", "knees", "--count", "12"], folder)
    assert re.fullmatch(r"12/12 phantoms, 0:0\d:\d\d elapsed, 0:00:00 left", lines[-1])


_LONG_BAR = """
from gist.cli.progress import TerminalProgress

with TerminalProgress() as progress:
    progress.stage = "generate"
    progress.advance(12345, 100000, "pictures", "a detail that is far too long for the room that is left")
"""


def test_a_bar_bears_the_name_of_its_stage_and_fits_the_terminal(folder: Path) -> None:
    terminal, its_side = pty.openpty()
    environment = os.environ | {"COLUMNS": "80", "LINES": "24", "TERM": "xterm", "NO_COLOR": "1"}
    drawing = subprocess.Popen(
        [sys.executable, "-c", _LONG_BAR], cwd=folder, env=environment, stderr=its_side, stdout=its_side
    )
    os.close(its_side)
    screen = b""
    with suppress(OSError):  # which ends it once nobody writes any more
        while told := os.read(terminal, 4096):
            screen += told
    os.close(terminal)
    assert drawing.wait() == 0
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", screen.decode()))
    bars = [line for line in lines if line.startswith("generate ")]
    assert bars
    assert all("12,345/100,000 pictures" in line for line in bars)
    assert max(map(len, lines)) <= 80


def test_lines_in_a_log_bear_the_name_of_the_stage(folder: Path) -> None:
    code = """
from gist.cli.progress import TerminalProgress
with TerminalProgress() as progress:
    progress.stage = "train"
    for done in range(1, 3):
        progress.advance(done, 2, "steps")
"""
    assert _lines_of(["-c", code], folder)[-1].startswith("train: 2/2 steps, ")

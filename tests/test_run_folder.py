"""Files under a final name are whole, whatever happens; one process at a time works on a run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gist.errors import BusyError, InputError
from gist.files import atomic_path, write_atomic
from gist.runs.folder import RunFolder, StageRecord

_WRITER = """
import sys
from pathlib import Path
from gist.files import write_atomic
print("ready", flush=True)
while True:
    for letter in b"ab":
        write_atomic(Path(sys.argv[1]), bytes([letter]) * 3_000_000)
"""
_HOLDER = """
import sys, time
from gist.runs.folder import RunFolder
with RunFolder(sys.argv[1]).locked():
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_a_file_killed_while_it_is_written_holds_old_or_new_content_whole(folder: Path) -> None:
    target = folder / "state.bin"
    for _ in range(5):
        writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(target)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        while not target.exists():
            pass
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        content = target.read_bytes()
        assert len(content) == 3_000_000
        assert len(set(content)) == 1
    RunFolder(folder).remove_leftovers()
    assert [file.name for file in folder.iterdir()] == ["state.bin"]


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_behind(folder: Path) -> None:
    target = folder / "table.csv"
    write_atomic(target, b"old")
    with pytest.raises(TypeError), atomic_path(target) as temporary:
        temporary.write_bytes("text where bytes belong")  # type: ignore[arg-type]
    assert target.read_bytes() == b"old"
    assert len(list(folder.iterdir())) == 1


@pytest.mark.skipif(os.name != "posix", reason="limits on file size are a POSIX feature")
def test_a_full_disk_keeps_the_old_file(folder: Path) -> None:
    """A full file system would need root; the kernel's limit on file size fails writes the same way."""
    import resource

    target = folder / "big.bin"
    write_atomic(target, b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_atomic(target, b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert target.read_bytes() == b"old"
    assert len(list(folder.iterdir())) == 1


def test_a_second_process_on_the_same_run_is_refused_and_a_killed_one_frees_it(folder: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"locked\n"
    run = RunFolder(folder)
    assert run.is_locked()
    with pytest.raises(BusyError, match="Another gist process"), run.locked():
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    with run.locked():
        assert not (folder / "prepare").exists()
    assert not run.is_locked()


def test_old_training_is_kept_when_a_stage_starts_again_but_cheap_stages_are_not(folder: Path) -> None:
    run = RunFolder(folder)
    write_atomic(folder / "train" / "snapshots" / "network-000000008.safetensors", b"1")
    write_atomic(folder / "evaluate" / "snapshots.json", b"{}")
    write_atomic(folder / "report" / "report.html", b"")
    kept = run.put_aside("train")
    assert kept == folder / "previous" / "train-1"
    assert not (folder / "evaluate" / "snapshots.json").exists()
    assert run.put_aside("report") is None
    assert not (folder / "report").exists()
    run.stage_folder("train")
    assert run.put_aside("train") is None, "a training without a snapshot or checkpoint holds nothing"
    run.bring_back("train", kept)
    assert (folder / "train" / "snapshots" / "network-000000008.safetensors").read_bytes() == b"1"
    assert (folder / "evaluate" / "snapshots.json").exists()
    assert not (folder / "previous").exists()


def test_a_record_that_cannot_be_read_says_how_to_go_on(folder: Path) -> None:
    run = RunFolder(folder)
    assert run.record("train") is None
    record = StageRecord(
        stage="train", state="done", settings={}, continued_settings={}, inputs={}, started="now"
    )
    run.write_record(record)
    assert run.record("train") == record
    (folder / "train" / "stage.json").write_text("{")
    with pytest.raises(InputError, match="delete the folder"):
        run.record("train")


def test_what_an_interrupted_export_left_in_a_run_is_cleared_away(folder: Path) -> None:
    run = RunFolder(folder)
    write_atomic(folder / "exports" / ".png.part" / "normal" / ".seed.png.x.part", b"half")
    write_atomic(folder / "exports" / "other" / "whole.png", b"whole")
    run.remove_leftovers()
    assert sorted(path.name for path in folder.rglob("*")) == ["exports", "other", "whole.png"]

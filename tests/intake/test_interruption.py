"""Killed, repeated, torn: the same command ends in the same bytes."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from listener import Listener
from prepare_call import PrepareCall
from radiograph_files import class_folders

from gist.config import build_config
from gist.errors import StageError
from gist.intake.spool import Spool
from gist.intake.stage import prepare
from gist.runs.folder import RunFolder

KILLED_AFTER = 25
SCRIPT = """
import sys
from pathlib import Path
from gist.config import build_config
from gist.intake.stage import prepare
from gist.runs.folder import RunFolder

class Counting:
    def note(self, text): pass
    def advance(self, done, total, unit, detail=""): print(int(done), flush=True)

tree = {"source": sys.argv[1], "resolution": 32}
prepare(build_config({"prepare": tree, "device": "cpu"}), RunFolder(Path(sys.argv[2])), Counting())
"""


def contents(run: RunFolder) -> dict[str, bytes]:
    folder = run.path / "prepare"
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_two_runs_give_the_same_bytes(folder: Path, prepare_stage: PrepareCall) -> None:
    source = class_folders(folder / "s", 12)
    one, other = RunFolder(folder / "one"), RunFolder(folder / "other")
    assert prepare_stage(source, one) == prepare_stage(source, other)
    assert contents(one) == contents(other)
    assert sorted(contents(one)) == [
        "contact-0.png", "contact-1.png", "data.html", "records.csv", "rejected.csv", "test.zip", "train.zip",
    ]  # fmt: skip


def test_names_and_order_of_files_do_not_show_in_the_archives(
    folder: Path, prepare_stage: PrepareCall
) -> None:
    source = class_folders(folder / "s", 8)
    one, other = RunFolder(folder / "one"), RunFolder(folder / "other")
    prepare_stage(source, one)
    for number, path in enumerate(sorted(source.rglob("*.png"), reverse=True)):
        path.rename(path.with_name(f"{number:03d}-renamed.png"))
    prepare_stage(source, other)
    assert contents(one)["train.zip"] == contents(other)["train.zip"]
    assert contents(one)["test.zip"] == contents(other)["test.zip"]


def test_after_kill_9_the_same_command_goes_on_and_ends_alike(
    folder: Path, prepare_stage: PrepareCall
) -> None:
    source = class_folders(folder / "s", 60)
    clean, killed = RunFolder(folder / "clean"), RunFolder(folder / "killed")
    prepare_stage(source, clean)
    command = [sys.executable, "-c", SCRIPT, str(source), str(killed.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= KILLED_AFTER:
                process.send_signal(signal.SIGKILL)
                break
    assert process.wait() == -signal.SIGKILL
    assert not (killed.path / "prepare" / "train.zip").exists()
    listener = Listener()
    tree = {"source": str(source), "resolution": 32}
    prepare(build_config({"prepare": tree, "device": "cpu"}), killed, listener)
    assert KILLED_AFTER <= listener.advances[0][0] < 120
    assert contents(killed) == contents(clean)


def interrupted(source: Path, run: RunFolder, after: int, error: BaseException) -> None:
    tree = {"source": str(source), "resolution": 32}
    prepare(build_config({"prepare": tree, "device": "cpu"}), run, Listener(after, error))


@pytest.mark.parametrize("damage", ["torn", "flipped", "foreign"])
def test_a_damaged_spool_costs_work_but_never_a_picture(
    folder: Path, prepare_stage: PrepareCall, damage: str
) -> None:
    source = class_folders(folder / "s", 12)
    clean, broken = RunFolder(folder / "clean"), RunFolder(folder / "broken")
    prepare_stage(source, clean)
    with pytest.raises(KeyboardInterrupt):
        interrupted(source, broken, 20, KeyboardInterrupt())
    spool = broken.path / "prepare" / ".work" / "pictures.bin"
    data = bytearray(spool.read_bytes())
    if damage == "torn":
        del data[-37:]
    elif damage == "flipped":
        data[len(data) // 2] ^= 1
    else:
        data = bytearray(os.urandom(500))
    spool.write_bytes(data)
    prepare_stage(source, broken)
    assert contents(broken) == contents(clean)


def test_a_changed_file_is_decoded_again_after_an_interruption(
    folder: Path, prepare_stage: PrepareCall
) -> None:
    source = class_folders(folder / "s", 12)
    run = RunFolder(folder / "run")
    with pytest.raises(KeyboardInterrupt):
        interrupted(source, run, 24, KeyboardInterrupt())
    for path in (source / "0").iterdir():
        path.write_bytes(path.read_bytes()[:100])
        os.utime(path, ns=(1, 1))
    result = prepare_stage(source, run)
    assert result.rejected == {"is damaged or cut short": 12}
    assert result.class_names == ("1",)


def test_other_settings_do_not_reuse_pictures(folder: Path, prepare_stage: PrepareCall) -> None:
    source = class_folders(folder / "s", 6, side=80)
    run, clean = RunFolder(folder / "run"), RunFolder(folder / "clean")
    with pytest.raises(KeyboardInterrupt):
        interrupted(source, run, 12, KeyboardInterrupt())
    assert prepare_stage(source, run, resolution=64) == prepare_stage(source, clean, resolution=64)
    assert contents(run) == contents(clean)


def test_a_full_disk_is_one_sentence_and_the_work_is_kept(folder: Path, prepare_stage: PrepareCall) -> None:
    source = class_folders(folder / "s", 12)
    run = RunFolder(folder / "run")
    with pytest.raises(StageError, match=r"is full; make room and run the same command again"):
        interrupted(source, run, 20, OSError(errno.ENOSPC, "No space left on device"))
    assert prepare_stage(source, run).train_images > 0


def test_the_spool_gives_back_what_it_was_given(folder: Path) -> None:
    records: list[tuple[dict[str, Any], bytes]] = [({"name": str(n)}, bytes([n]) * n * 10) for n in range(5)]
    with Spool(folder, {"a": 1}) as spool:
        offsets = [spool.append(json.dumps(record).encode(), png) for record, png in records]
    with Spool(folder, {"a": 1}) as spool:
        earlier = list(spool.earlier_records())
        assert earlier == [(offset, record) for offset, (record, _) in zip(offsets, records, strict=True)]
        assert [spool.png(offset) for offset in offsets] == [png for _, png in records]
    with Spool(folder, {"a": 2}) as spool:
        assert list(spool.earlier_records()) == []
        spool.remove()
    assert list(folder.iterdir()) == []

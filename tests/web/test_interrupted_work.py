"""The server or its work ends in the middle: no byte, no job is lost, none is done twice."""

from __future__ import annotations

import http.client
import io
import json
import random
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from web_process import Server, has_ended, serving, workers

import gist
from gist.errors import InputError
from gist.phantoms import write_phantom_data_set
from gist.runs.folder import RunFolder
from gist.web.jobs import Job, Jobs
from gist.web.server import run_server
from gist.web.uploads import Uploads

QUICK = {
    "prepare.resolution": "32",
    "prepare.burned_in_text_ocr": "off",
    "train.architecture": "dcgan",
    "train.kimg": "0.05",
    "generate.count": "8",
}


@pytest.fixture(scope="module")
def knees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("phantoms") / "knees"
    write_phantom_data_set(place, count=16, size_range=(40, 60), format="png")
    return place


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    with serving(folder / "projects") as server:
        yield server


def project_of(server: Server, knees: Path, name: str = "p") -> None:
    server.api("POST", "/projects", {"title": name})
    server.api("PATCH", f"/projects/{name}/settings", QUICK)
    server.bring_folder(name, knees)


def test_every_acknowledged_byte_outlives_a_server_that_is_killed(server: Server) -> None:
    data = bytes(range(256)) * (40 << 10)
    told = [{"path": "healthy/one.png", "bytes": len(data)}]
    server.api("POST", "/projects", {"title": "p"})
    key = server.api("POST", "/projects/p/uploads", told)[0]["key"]
    have = server.api("PUT", f"/projects/p/uploads/{key}/0", data[: 4 << 20])["received"]
    half = http.client.HTTPConnection("127.0.0.1", server.port)
    half.putrequest("PUT", f"/api/projects/p/uploads/{key}/{have}")
    half.putheader("Authorization", f"Bearer {server.token}")
    half.putheader("Content-Length", str(4 << 20))
    half.endheaders(data[have : have + (1 << 20)])
    server.kill()
    half.close()
    server.start()
    assert server.api("POST", "/projects/p/uploads", told) == [
        {"key": key, "received": have, "bytes": len(data)}
    ]
    sent_twice = server.api("PUT", f"/projects/p/uploads/{key}/0", data[: 4 << 20])
    assert sent_twice == {"received": have}
    server.bring("p", "healthy/one.png", data)
    (piece,) = (server.folder / "uploads" / "p").glob("*.bin")
    assert piece.read_bytes() == data


def test_a_job_goes_on_without_its_server_and_is_seen_by_the_next(server: Server, knees: Path) -> None:
    project_of(server, knees)
    server.api("POST", "/projects/p/jobs", {"kind": "run"})
    (worker,) = workers(server.folder)
    server.kill()
    assert has_ended(worker)
    server.start()
    server.until("p", "done")
    assert {entry.state for entry in gist.status(server.folder / "p")} == {"done"}
    with zipfile.ZipFile(server.folder / "uploads" / "p" / "images.zip") as archive:
        names = {file.relative_to(knees).as_posix() for file in knees.rglob("*") if file.is_file()}
        assert set(archive.namelist()) == names


def test_a_job_that_is_killed_is_taken_up_again(server: Server, knees: Path) -> None:
    project_of(server, knees)
    server.api("POST", "/projects/p/jobs", {"kind": "run"})
    (worker,) = workers(server.folder)
    while not (server.folder / "p" / "prepare" / "stage.json").exists():
        assert not has_ended(worker, 0.1)
    worker.kill()
    server.until("p", "done")
    assert {entry.state for entry in gist.status(server.folder / "p")} == {"done"}


def test_stopping_ends_a_job_and_starting_continues_it(server: Server, knees: Path) -> None:
    project_of(server, knees)
    server.api("PATCH", "/projects/p/settings", {"train.kimg": "500", "train.checkpoint_minutes": "1"})
    server.api("POST", "/projects/p/jobs", {"kind": "run"})
    (worker,) = workers(server.folder)
    while not (server.folder / "p" / "train" / "plan.json").exists():
        assert not has_ended(worker, 0.1)
    assert server.tried("PATCH", "/projects/p/settings", {"train.kimg": "1"}).status == 409, "it is at work"
    server.api("DELETE", "/projects/p/jobs")
    assert has_ended(worker)
    states = {entry["stage"]: entry["state"] for entry in server.api("GET", "/projects/p")["stages"]}
    assert states["train"] == "stopped"
    server.api("PATCH", "/projects/p/settings", {"train.kimg": "0.05"})
    server.api("POST", "/projects/p/jobs", {"kind": "run"})
    (worker,) = workers(server.folder)
    while gist.status(server.folder / "p")[1].state != "done":
        assert not has_ended(worker, 0.1)


def test_two_servers_do_not_start_one_job_twice(folder: Path) -> None:
    jobs = Jobs(folder)
    command = [sys.executable, "-m", "gist.web.work", str(folder)]
    with jobs.turn():
        jobs.add(Job(project="gone", kind="look"))
        assert subprocess.run(command, check=True).returncode == 0
        ((_, waiting),) = jobs.waiting()
        assert waiting.attempts == 0, "whoever does not have the turn leaves the line alone"
    subprocess.run(command, check=True)
    assert jobs.waiting() == []
    ended = jobs.ended("gone")
    assert ended is not None
    assert (ended.how, ended.sentence) == ("failed", "There is no such project; it may have been removed.")


def test_a_job_waits_for_a_command_that_works_on_its_run(server: Server) -> None:
    server.api("POST", "/projects", {"title": "p"})
    with RunFolder(server.folder / "p").locked():
        server.api("POST", "/projects/p/jobs", {"kind": "run"})
        (worker,) = workers(server.folder)
        while not (log := json.loads(next((server.folder / ".serve" / "line").iterdir()).read_text()))[
            "attempts"
        ]:
            assert not has_ended(worker, 0.1)
        assert log == {"project": "p", "kind": "run", "attempts": 1}
        assert not has_ended(worker, 1.0)
        assert server.api("GET", "/projects/p")["in_line"] == 0
    assert "prepare.source" in server.until("p", "failed")["ended"]["sentence"]


def test_a_command_sees_what_the_browser_began_and_the_other_way_round(server: Server, knees: Path) -> None:
    project_of(server, knees)
    gist.prepare(knees, server.folder / "p")
    gist.prepare(knees, server.folder / "from-a-terminal", resolution=32)
    assert server.api("GET", "/projects") == ["from-a-terminal", "p"]
    for name in ("p", "from-a-terminal"):
        status = server.api("GET", f"/projects/{name}")
        assert {s["stage"]: s["state"] for s in status["stages"]}["prepare"] == "done"
    assert gist.status(server.folder / "p")[0].state == "done"
    shutil.rmtree(server.folder / "p")
    assert server.tried("GET", "/projects/p").status == 404


@pytest.mark.parametrize("data", [b"PK\x03\x04 cut short", b"no image at all"])
def test_what_is_no_image_is_said_in_a_sentence(server: Server, data: bytes) -> None:
    server.api("POST", "/projects", {"title": "p"})
    server.bring("p", "x.zip" if data[:2] == b"PK" else "x.png", data)
    server.api("POST", "/projects/p/jobs", {"kind": "look"})
    sentence = server.until("p", "failed")["ended"]["sentence"]
    assert sentence.endswith(".")
    assert str(server.folder) not in sentence


def test_a_zip_that_unpacks_to_more_than_a_file_may_be_is_set_aside(server: Server) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.png", "w") as member:
        member.write(b"\x89PNG\r\n\x1a\n")
        for _ in range(520):
            member.write(bytes(1 << 20))
    server.api("POST", "/projects", {"title": "p"})
    server.bring("p", "bomb.zip", bomb.getvalue())
    server.api("POST", "/projects/p/jobs", {"kind": "look"})
    server.until("p", "failed")
    assert sum(file.stat().st_size for file in server.folder.rglob("*") if file.is_file()) < 20 << 20


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>.csv", '"><script>alert(1)</script>/a.csv'])
def test_script_in_a_name_is_shown_as_text(server: Server, name: str) -> None:
    created = server.api("POST", "/projects", {"title": "<script>alert(1)</script>"})["name"]
    assert created == "script-alert-1-script"
    server.bring(created, name, b"file,label\n")
    page = server.ask("GET", f"/projects/{created}/images", headers=server.signed_in()).body.decode()
    assert name not in page
    assert "&lt;" in page


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "hospital.example", ""])
def test_other_computers_are_refused_in_a_sentence(folder: Path, host: str) -> None:
    with pytest.raises(InputError, match="other computers"):
        run_server(folder, host, 0, [], 1, print)


def test_ctrl_c_ends_the_server_and_not_its_job(server: Server, knees: Path) -> None:
    project_of(server, knees)
    server.api("POST", "/projects/p/jobs", {"kind": "run"})
    (worker,) = workers(server.folder)
    server.process.send_signal(signal.SIGINT)
    with server.process:
        server.process.wait()
    assert worker.is_running()


@pytest.mark.nightly
def test_a_server_killed_at_twenty_random_moments_loses_no_byte_of_any_file(server: Server) -> None:
    moments = random.Random(0)
    files = {f"class {n % 3}/{n}.png": moments.randbytes(moments.randrange(1, 9 << 20)) for n in range(30)}
    server.api("POST", "/projects", {"title": "p"})
    kills = 0
    while True:
        killer = threading.Timer(moments.uniform(0, 0.5), server.process.kill) if kills < 20 else None
        if killer:
            killer.start()
        try:
            for path, data in files.items():
                server.bring("p", path, data)
            if killer is None:
                break
            killer.join()
            server.api("GET", "/projects")
        except (OSError, http.client.HTTPException):
            kills += 1
            server.kill()
            server.start()
    archive = Uploads(server.folder / "uploads" / "p", 1 << 40).assemble()
    with zipfile.ZipFile(archive) as brought:
        assert {name: brought.read(name) for name in brought.namelist()} == files

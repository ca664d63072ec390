"""What a server must not accept: each through a real client against a real process, and nothing comes of it."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from web_process import Server, serving

PAGES = ("/", *(f"/projects/knees/{step}" for step in ("images", "data", "plan", "training", "results")))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("serve") / "projects", "--most-gib", "1") as server:
        server.api("POST", "/projects", {"title": "knees"})
        yield server


@pytest.fixture(autouse=True)
def nothing_comes_of_it(server: Server) -> Iterator[None]:
    """Neither a project, nor a byte, nor a job, nor a changed setting."""
    before = left(server)
    yield
    assert server.process.poll() is None, "the server still stands"
    assert left(server) == before


def left(server: Server) -> tuple[object, ...]:
    folder = server.folder.parent
    files = {
        file: file.read_bytes() for file in folder.rglob("*") if file.is_file() and file.suffix != ".lock"
    }
    return server.api("GET", "/projects"), server.api("GET", "/projects/knees/settings"), files


@pytest.mark.parametrize(
    "path", [*PAGES, "/projects/knees/files/report", "/api/projects", "/api/projects/knees"]
)
@pytest.mark.parametrize("headers", [
    {}, {"Authorization": "Bearer "}, {"Authorization": "Bearer wrong"}, {"Cookie": "gist-PORT=1.a.b"},
    {"Cookie": "gist-PORT=99999999999.x." + "0" * 64}, {"Cookie": "gist-PORT=."}, {"Cookie": "gist-PORT=ä.ö.ü"},
])  # fmt: skip
def test_nobody_sees_anything_without_the_link(server: Server, path: str, headers: dict[str, str]) -> None:
    sent = {name: text.replace("PORT", str(server.port)).encode() for name, text in headers.items()}
    assert server.ask("GET", path, headers=sent).status == 401  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", [
    "/projects", "/projects/knees/plan", "/api/projects", "/api/projects/knees/jobs", "/api/projects/knees/settings",
    "/api/projects/knees/uploads/" + "0" * 32 + "/0",
])  # fmt: skip
def test_nobody_changes_anything_without_the_link(server: Server, method: str, path: str) -> None:
    body = b'{"title": "x", "kind": "run"}'
    headers = {"Content-Type": "application/json"}
    assert server.ask(method, path, body, headers).status in (401, 405, 422)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", ""])
def test_other_names_of_the_server_are_not_answered(server: Server, host: str) -> None:
    for path in ("/", "/health", "/open", "/api/projects"):
        headers = {"Host": host, "Authorization": f"Bearer {server.token}"}
        assert server.ask("GET", path, headers=headers).status == 400


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost"])
def test_a_form_on_another_page_is_refused(server: Server, origin: str) -> None:
    session = server.signed_in()
    csrf = server.csrf(session)
    assert csrf
    answer = server.form("/projects", session | {"Origin": origin}, csrf=csrf, title="other")
    assert answer.status == 403


@pytest.mark.parametrize("csrf", ["", "wrong", "ä"])
def test_a_form_without_its_own_mark_is_refused(server: Server, csrf: str) -> None:
    session = server.signed_in()
    assert server.form("/projects", session, csrf=csrf, title="other").status == 403
    assert server.form("/projects/knees/jobs", session, csrf=csrf, do="run").status == 403
    headers = session | {"Content-Type": "application/json"}
    assert server.ask("POST", "/api/projects", b'{"title": "other"}', headers).status == 403


def test_the_mark_of_another_session_is_refused(server: Server) -> None:
    mine, other = server.signed_in(), server.signed_in()
    assert server.form("/projects", mine, csrf=server.csrf(other), title="other").status == 403


def test_a_session_that_somebody_else_chose_opens_nothing(server: Server) -> None:
    planted = {"Cookie": f"gist-{server.port}=1.planted.planted"}
    answer = server.form("/open", planted, token=server.token)
    assert "planted" not in answer.headers["set-cookie"]
    assert {"httponly", "samesite=strict"} <= {
        part.strip().lower() for part in answer.headers["set-cookie"].split(";")
    }
    assert server.ask("GET", "/", headers=planted).status == 401


def test_a_link_of_an_earlier_start_opens_nothing(server: Server) -> None:
    assert server.form("/open", {}, token="0" * 43).status == 401


@pytest.mark.parametrize("path", [
    "../../outside.png", "a/../../outside.png", "/etc/outside.png", "..\\outside.png", "C:/outside.png", "a//b.png",
    "./a.png", "a\x00.png", "a\n.png", "a/..", "x" * 501, "",
])  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(server: Server, path: str) -> None:
    answer = server.tried("POST", "/projects/knees/uploads", [{"path": path, "bytes": 3}])
    assert answer.status in (400, 422)


@pytest.mark.parametrize(
    "name", ["..", "../outside", "%2e%2e", "..%2foutside", "knees/..", "knees%00", "uploads", ".serve"]
)
def test_addresses_that_lead_elsewhere_are_unknown(server: Server, name: str) -> None:
    for path in (f"/api/projects/{name}", f"/api/projects/{name}/settings", f"/projects/{name}/files/report"):
        headers = {"Authorization": f"Bearer {server.token}"}
        assert server.ask("GET", path, headers=headers).status in (404, 405)
    for word in (name, quote(name, safe=""), "config.yaml", "..%2f..%2fsecret"):
        assert server.tried("GET", f"/projects/knees/files/{word}").status == 404


@pytest.mark.parametrize("key", ["0" * 32, "..%2f..%2fx", "images.zip", "../x"])
def test_bytes_of_a_file_that_nobody_announced_are_refused(server: Server, key: str) -> None:
    assert server.tried("PUT", f"/projects/knees/uploads/{key}/0", b"abc").status in (400, 404)


@pytest.mark.parametrize(("key", "value"), [
    ("train.start_from", "/etc/passwd"), ("generate.network", "network-../../x"), ("generate.network", "/etc/passwd"),
    ("prepare.source", "/etc"), ("prepare.labels", "/etc/passwd"), ("folder", "/tmp"), ("name", "x"),
    ("evaluate.weights", "/etc"), ("generate.credentials", "/etc/passwd"), ("utility.weights_folder", "/etc"),
    ("no.such", "1"), ("train.kimg", "many"), ("prepare.resolution", "33"),
])  # fmt: skip
def test_settings_that_are_none_of_the_page_are_refused(server: Server, key: str, value: str) -> None:
    assert server.tried("PATCH", "/projects/knees/settings", {key: value}).status == 400


def test_what_was_typed_wrongly_stands_in_the_form_beside_a_sentence(server: Server) -> None:
    session = server.signed_in()
    typed = {"train.kimg": "many", "generate.count": "77"}
    answer = server.form("/projects/knees/plan", session, csrf=server.csrf(session), then="run", **typed)
    page = answer.body.decode()
    assert answer.status == 400
    assert 'role="alert"' in page
    assert all(f'value="{value}"' in page for value in typed.values())


def test_a_request_that_is_too_long_is_refused_unread(server: Server) -> None:
    assert (
        server.tried("PUT", "/projects/knees/uploads/" + "0" * 32 + "/0", bytes((4 << 20) + 1)).status == 413
    )
    assert server.tried("POST", "/projects", {"title": "x" * (1 << 20)}).status == 413
    headers = {"Authorization": f"Bearer {server.token}"}
    for how in ({"Content-Length": "-1"}, {"Transfer-Encoding": "chunked"}):
        assert server.ask("POST", "/api/projects", b"0\r\n\r\n", headers | how).status in (400, 413)


def test_more_than_a_project_may_hold_is_refused(server: Server) -> None:
    for file in ({"path": "a.png", "bytes": 2 << 30}, {"path": "a.png", "bytes": -1}, {"path": "a.png"}):
        assert server.tried("POST", "/projects/knees/uploads", [file]).status in (400, 422)
    many = [{"path": f"{n}.png", "bytes": 1} for n in range(501)]
    assert server.tried("POST", "/projects/knees/uploads", many).status == 422


@pytest.mark.parametrize("title", ["", "///", "..", "uploads", "knees", "☢"])
def test_names_that_make_no_project_are_refused(server: Server, title: str) -> None:
    assert server.tried("POST", "/projects", {"title": title}).status == 400


def test_every_page_forbids_what_is_not_its_own(server: Server) -> None:
    session = server.signed_in()
    for path in (*PAGES, "/open", "/nowhere"):
        answer = server.ask("GET", path, headers=session)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        page = answer.body.decode()
        assert not re.search(r"<style|style=|<script(?! src=\"/assets/)| on\w+=|https?://", page), path
        assert len(answer.body) < 100_000
    assets = ("web.css", "live.js", "upload.js", "open.js")
    assert sum(len(server.ask("GET", f"/assets/{name}").body) for name in assets) < 60_000


def test_the_description_of_the_interface_holds_every_call(server: Server) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/health") as answer:
        assert b'"ok"' in answer.read()
    described = server.api("GET", "/openapi.json")["paths"]
    assert {"/api/projects", "/api/projects/{name}/jobs", "/api/projects/{name}/uploads"} <= described.keys()

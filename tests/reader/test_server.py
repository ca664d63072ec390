"""What the server gives to whom, and what it keeps."""

from __future__ import annotations

import json
import resource
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from reader_process import Server, free_port, served

from gist.errors import InputError
from gist.reader.serve.answers import Answer, AnswerBook
from gist.reader.serve.server import read_tokens, run_server
from gist.reader.study import Study, create_study
from gist.reader.study.folder import levels, pictures_of
from gist.runs.folder import RunFolder

ANSWER = {"answer": "real", "confidence": 3, "seconds": 2.5}


@pytest.fixture
def study(run: RunFolder, folder: Path) -> tuple[Path, Study]:
    place = folder / "study"
    return place, create_study(run, place, images=6, repeats=2, reference_images=4, readers=("a", "b"))


@pytest.fixture
def server(study: tuple[Path, Study]) -> Iterator[Server]:
    with served(study[0], free_port()) as running:
        yield running


def ask(
    server: Server, path: str, token: str = "", body: Any = None, **headers: str
) -> tuple[int, bytes, dict[str, str]]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", data)
    for name, value in (
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"} | headers
    ).items():
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read(), dict(refused.headers)


def test_a_reader_gets_the_pictures_in_order_and_no_more_than_the_next(
    study: tuple[Path, Study], server: Server
) -> None:
    place, facts = study
    token = read_tokens(place)["b"]
    order = facts.order("b")
    for number in (0, 1):
        status, pixels, _ = ask(server, f"/trial/{number}", token)
        assert (status, pixels) == (200, levels(place, facts, pictures_of(facts, order[number][0])))
    assert ask(server, "/trial/2", token)[0] == 404
    assert ask(server, "/trial/-1", token)[0] == 404
    assert len({len(ask(server, f"/reference/{number}", token)[1]) for number in range(4)}) == 1
    session = json.loads(ask(server, "/session", token)[1])
    assert (session["reader"], session["total"], session["answered"]) == ("b", 14, 0)
    assert not any(image in json.dumps(session) for image in facts.tested)


@pytest.mark.parametrize("path", ["/session", "/trial/0", "/reference/0", "/answer"])
def test_nothing_of_the_study_is_given_without_a_token(server: Server, path: str) -> None:
    body = {"number": 0, **ANSWER} if path == "/answer" else None
    assert ask(server, path, "", body)[0] == ask(server, path, "guess", body)[0] == 401


def test_the_page_holds_no_inline_script_and_other_hosts_and_paths_are_refused(server: Server) -> None:
    status, page, headers = ask(server, "/")
    assert status == 200
    policy = headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert b"<script>" not in page
    assert b"style=" not in page
    assert ask(server, "/", Host="evil.example")[0] == 400
    assert ask(server, "/", Host=f"localhost:{server.port}")[0] == 200
    for path in ("/key.csv", "/../key.csv", "/%2e%2e/key.csv", "/docs", "/openapi.json", "/trial/../key.csv"):
        assert ask(server, path)[0] in (401, 404)


def test_an_answer_is_kept_once_in_order_and_only_if_the_page_can_give_it(
    study: tuple[Path, Study], server: Server
) -> None:
    place, facts = study
    token = read_tokens(place)["a"]
    first = {"number": 0, **ANSWER, "comment": "a\r\nb,\t=1", "cues": ["blur"]}
    first["marks"] = [{"cue": "blur", "side": "", "x": 3, "y": 31}]
    for wrong in (
        {**first, "answer": "left"},
        {**first, "confidence": 6},
        {**first, "seconds": -1},
        {**first, "cues": ["unheard of"]},
        {**first, "marks": [{"cue": "blur", "side": "", "x": 32, "y": 0}]},
        {**first, "class_answer": "mild"},
        {**first, "comment": "x" * 501},
        {**first, "number": 1},
        {**first, "more": 1},
    ):
        assert ask(server, "/answer", token, wrong)[0] in (409, 422)
    assert ask(server, "/answer", token, {**first, "comment": "x" * 70_000})[0] == 413
    for _ in range(2):  # the second time the page did not hear of the first
        assert json.loads(ask(server, "/answer", token, first)[1]) == {"answered": 1}
    lines = (place / "answers/a.csv").read_text().splitlines()
    assert lines[1:] == [f'a,{facts.order("a")[0][0]},real,3,,blur,"a b, =1",2.5,0,blur 3 31']
    assert ask(server, "/trial/2", token)[0] == 200


def test_a_torn_last_line_is_cut_and_another_order_is_refused(study: tuple[Path, Study]) -> None:
    place, facts = study
    book = AnswerBook(place, facts, "a")
    for number in range(3):
        book.append(Answer.model_validate({"number": number, **ANSWER}))
    whole = book.file.read_bytes()
    book.file.write_bytes(whole[:-9])
    assert AnswerBook(place, facts, "a").answered == 2
    lines = whole.splitlines(keepends=True)
    for edited in (b"".join([lines[0], *lines[2:]]), b"".join([*lines, lines[3]]), b"not a table\nat all\n"):
        book.file.write_bytes(edited)
        with pytest.raises(InputError, match="does not hold this reader's answers"):
            AnswerBook(place, facts, "a")


def test_a_full_disk_keeps_nothing_of_an_answer_and_the_next_try_all_of_it(study: tuple[Path, Study]) -> None:
    place, facts = study
    book = AnswerBook(place, facts, "a")
    first, second = (Answer.model_validate({"number": number, **ANSWER}) for number in (0, 1))
    book.append(first)
    before = book.file.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 5, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            book.append(second)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert book.file.read_bytes() == before
    assert book.append(second) == AnswerBook(place, facts, "a").answered == 2


def test_a_damaged_picture_is_said_without_the_place_where_it_lies(
    study: tuple[Path, Study], server: Server
) -> None:
    place, _ = study
    for file in (place / "images").iterdir():
        file.write_bytes(b"no picture")
    status, said, _ = ask(server, "/trial/0", read_tokens(place)["a"])
    assert (status, b"disk failed" in said, b"images" in said) == (500, True, False)


def test_what_cannot_be_served_is_said(study: tuple[Path, Study], server: Server) -> None:
    place, _ = study
    with pytest.raises(InputError, match="the one address that readers type"):
        run_server(place, "0.0.0.0", 8765)
    with pytest.raises(Exception, match="Another server works on"):
        run_server(place, "127.0.0.1", server.port)
    (place / "tokens.json").unlink()
    with pytest.raises(InputError, match=r"tokens\.json is missing"):
        read_tokens(place)

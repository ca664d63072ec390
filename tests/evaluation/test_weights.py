from __future__ import annotations

import hashlib
import http.server
import os
import pickle
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
from typer.testing import CliRunner

from gist.cli.app import app
from gist.errors import InputError, StageError
from gist.metrics import weights
from gist.metrics.weights import CATALOGUE, Unavailable, catalogue, fetch, find_weights, load_tensors
from gist.progress import Silent


@pytest.fixture(autouse=True)
def places(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of weights, and empty caches."""
    monkeypatch.setenv("GIST_WEIGHTS_DIR", str(folder / "weights"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.delenv("TORCH_HOME", raising=False)
    (folder / "weights").mkdir()
    return folder / "weights"


@pytest.fixture
def served(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A publisher's server; files put into the folder can be fetched as the weights of resnet50."""
    published = folder / "published"
    published.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object, **named: object) -> None:
            super().__init__(*arguments, directory=str(published), **named)  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    content = b"the weights of a network" * 1000
    (published / "file.pth").write_bytes(content)
    entry = replace(
        CATALOGUE["resnet50"],
        url=f"http://127.0.0.1:{server.server_port}/file.pth",
        sha256=hashlib.sha256(content).hexdigest()[:8],
    )
    monkeypatch.setitem(catalogue.CATALOGUE, "resnet50", entry)
    yield published
    server.shutdown()
    server.server_close()


def test_missing_weights_are_told_with_size_place_and_source(places: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        find_weights("inception")
    sentence = str(caught.value)
    for part in (
        "91 MiB",
        str(places),
        "gist weights fetch inception --yes",
        "github.com",
        "pt_inception-2015",
    ):
        assert part in sentence


def test_a_file_of_another_content_under_the_published_name_is_refused(places: Path) -> None:
    (places / "resnet50-0676ba61.pth").write_bytes(b"half a download")
    with pytest.raises(InputError, match=r"checksum of .* is wrong: .* should begin with 0676ba61"):
        find_weights("resnet50")


def test_weights_of_the_users_own_are_taken_under_another_name(places: Path) -> None:
    own = places / "mine.pth"
    own.write_bytes(b"fine-tuned")
    found = find_weights("resnet50", own)
    assert not found.published
    assert found.sha256 == hashlib.sha256(b"fine-tuned").hexdigest()
    with pytest.raises(Unavailable, match="no file of weights at"):
        find_weights("resnet50", places / "gone.pth")


def test_a_file_known_to_another_program_is_found_in_the_cache(places: Path) -> None:
    cache = places.parent / "cache" / "torch" / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    (cache / "swav_800ep_pretrain.pth.tar").write_bytes(b"published without a checksum")
    assert find_weights("swav").path.parent == cache


def test_fetched_weights_are_checked_and_then_found(served: Path, places: Path) -> None:
    path = fetch("resnet50", Silent())
    assert path.parent == places
    assert find_weights("resnet50").published
    assert path.read_bytes() == (served / "file.pth").read_bytes()


def test_a_download_with_another_checksum_leaves_nothing(served: Path, places: Path) -> None:
    (served / "file.pth").write_bytes(b"something else")
    with pytest.raises(StageError, match=r"has SHA-256 .* nothing was kept"):
        fetch("resnet50", Silent())
    assert list(places.iterdir()) == []


def test_an_unreachable_publisher_is_one_sentence_with_the_way_round(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = replace(CATALOGUE["vgg16"], url="http://127.0.0.1:9/vgg16.pth")
    monkeypatch.setitem(catalogue.CATALOGUE, "vgg16", entry)
    with pytest.raises(StageError, match=r"cannot be reached .* on another machine .* put it into"):
        fetch("vgg16", Silent())
    assert list(places.iterdir()) == []


@pytest.mark.usefixtures("served")
def test_the_command_lists_what_is_missing_and_fetches_on_consent_only(places: Path) -> None:
    runner = CliRunner(env={"COLUMNS": "200"})
    listed = runner.invoke(app, ["weights"])
    assert listed.exit_code == 0
    assert "inception" in listed.output
    assert "missing" in listed.output
    refused = runner.invoke(app, ["weights", "fetch", "resnet50"], input="n\n")
    assert isinstance(refused.exception, InputError)
    assert list(places.iterdir()) == []
    assert runner.invoke(app, ["weights", "fetch", "resnet50", "--yes"]).exit_code == 0
    assert "here" in runner.invoke(app, ["weights"]).output
    unknown = runner.invoke(app, ["weights", "fetch", "nothing"])
    assert isinstance(unknown.exception, InputError)


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("exploded",)


def test_a_file_that_would_run_code_is_refused_unrun(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(places)
    torch.save({"conv.weight": Bomb()}, places / "bomb.pth")
    with pytest.raises(InputError, match="holds more than tensors, which gist refuses"):
        load_tensors(places / "bomb.pth")
    (places / "plain.pth").write_bytes(pickle.dumps(Bomb(), protocol=2))
    with pytest.raises(InputError):
        load_tensors(places / "plain.pth")
    assert not (places / "exploded").exists()


def test_tensors_come_from_both_kinds_of_file_and_from_checkpoints(places: Path) -> None:
    tensors = {"conv.weight": torch.arange(6.0).reshape(2, 3)}
    safetensors.torch.save_file(tensors, places / "a.safetensors")
    torch.save({"state_dict": {"module.conv.weight": tensors["conv.weight"]}, "epoch": 3}, places / "b.pth")
    for name in ("a.safetensors", "b.pth"):
        assert torch.equal(load_tensors(places / name)["conv.weight"], tensors["conv.weight"])
    (places / "c.pth").write_bytes(b"")
    for damaged in ("c.pth", "gone.pth"):
        with pytest.raises(InputError, match="cannot be read as weights"):
            load_tensors(places / damaged)
    torch.save([1, 2], places / "d.pth")
    with pytest.raises(InputError, match="does not hold weights by name"):
        load_tensors(places / "d.pth")


def test_every_entry_of_the_catalogue_can_be_looked_up() -> None:
    from gist.metrics.extractors import EXTRACTORS

    assert set(CATALOGUE) == set(EXTRACTORS) - {"radiomics"}
    assert all(entry.url.startswith("https://") and entry.licence for entry in CATALOGUE.values())
    assert len(weights.folders()) == 3

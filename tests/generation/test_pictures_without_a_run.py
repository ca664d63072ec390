"""Pictures of a network without a run: a new folder with all in it, or nothing; classes by name."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import gist
from gist.cli.app import app
from gist.errors import InputError
from gist.files import sha256_of
from gist.generators.gan.networks import build_generator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.network_file import save_network
from gist.generators.start import shipped_file
from gist.images.archive import read_data_set
from gist.images.png import read_grey
from gist.machine.interruption import Stopped
from gist.marking.watermark import embed
from gist.progress import Silent

SHIPPED = "phantom-knee-64"


def test_a_folder_of_marked_pictures_comes_of_the_network_that_ships(folder: Path) -> None:
    out = gist.generate_folder(folder / "pictures", network=SHIPPED, per_class={"severe": 3, "healthy": 1})
    assert sorted(path.name for path in out.iterdir()) == [
        "fingerprints.csv",
        "images",
        "labels.csv",
        "synthetic.zip",
    ]
    with (out / "labels.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert [row["label"] for row in rows] == ["healthy", "severe", "severe", "severe"]
    for row in rows:
        with Image.open(out / row["file"]) as picture:
            assert (picture.text["Synthetic"], picture.text["Class"]) == ("YES", row["label"])
    assert len(read_data_set(out / "synthetic.zip")) == 4
    assert [path.name for path in folder.iterdir()] == ["pictures"]


def test_classes_get_equally_many_where_none_is_asked_for(folder: Path) -> None:
    out = gist.generate_folder(folder / "pictures", network=SHIPPED, count=6)
    assert np.bincount(read_data_set(out / "synthetic.zip").labels).tolist() == [2, 2, 2]


@pytest.mark.parametrize("there", ["file", "folder"])
def test_nothing_that_is_there_is_touched(folder: Path, there: str) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "note.txt").write_text("keep")
    out = folder / "mine" if there == "folder" else folder / "mine" / "note.txt"
    with pytest.raises(InputError, match="choose a new folder"):
        gist.generate_folder(out, network=SHIPPED, count=1)
    assert [path.name for path in (folder / "mine").iterdir()] == ["note.txt"]


def test_an_empty_folder_in_which_one_stands_is_filled(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    gist.generate_folder(".", network=SHIPPED, count=1)
    assert sorted(path.name for path in Path().iterdir()) == [
        "fingerprints.csv",
        "images",
        "labels.csv",
        "synthetic.zip",
    ]


@pytest.mark.parametrize(
    ("network", "settings", "words"),
    [
        ("phantom-knee-46", {}, "'phantom-knee-46'; give a network file, or one of phantom-knee-64, knee-64"),
        (SHIPPED, {"per_class": {"sever": 1}}, "classes are: healthy, moderate, severe"),
        ("latest", {}, "no run to take a network from"),
        (SHIPPED, {"count": 0}, "generate.count"),
    ],
)
def test_a_wrong_wish_is_one_sentence_and_leaves_nothing(
    folder: Path, network: str, settings: dict[str, object], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        gist.generate_folder(folder / "pictures", network=network, **settings)  # type: ignore[arg-type]
    assert not list(folder.iterdir())


class _StopsAt(Silent):
    """Asks a run to stop once so many pictures are there."""

    def __init__(self, folder: Path, images: int) -> None:
        self.folder, self.images = folder, images

    def advance(self, done: float, *_: object) -> None:
        if done >= self.images:
            gist.stop(self.folder)


def test_the_same_call_goes_on_after_a_stop(folder: Path) -> None:
    spec = NetworkSpec("stylegan3-t", 32, channel_base=512, channel_max=16, z_dim=32, w_dim=32)
    save_network(folder / "net.safetensors", build_generator(spec), metadata={})
    call = {"count": 40, "changes": {"threads": 1, "device": "cpu"}}
    whole = gist.generate_folder(folder / "whole", network=folder / "net.safetensors", **call)  # type: ignore[arg-type]
    stopping = _StopsAt(folder / ".parts.part", 8)
    with pytest.raises(Stopped):
        gist.generate_folder(folder / "parts", network=folder / "net.safetensors", progress=stopping, **call)  # type: ignore[arg-type]
    assert not (folder / "parts").exists()
    parts = gist.generate_folder(folder / "parts", network=folder / "net.safetensors", **call)  # type: ignore[arg-type]
    assert (parts / "synthetic.zip").read_bytes() == (whole / "synthetic.zip").read_bytes()


def test_drawing_by_class_name_gives_the_pictures_of_the_command(folder: Path) -> None:
    out = gist.generate_folder(folder / "pictures", network=SHIPPED, per_class={"moderate": 2})
    G = gist.load_generator(SHIPPED)
    for file in (out / "images").iterdir():
        seed = int(file.stem.removeprefix("seed"))
        (drawn,) = gist.draw(G, "moderate", first_seed=seed)
        marked = embed(drawn, bytes.fromhex(sha256_of(shipped_file(SHIPPED))[:8]))
        np.testing.assert_array_equal(marked, read_grey(file))
    with pytest.raises(InputError, match="no class 'sever', but: healthy, moderate, severe"):
        gist.draw(G, "sever")


def test_the_command_says_what_it_needs_and_where_the_pictures_are(folder: Path) -> None:
    told = CliRunner().invoke(
        app, ["generate", "--network", SHIPPED, "--count", "2", "--out", str(folder / "p")]
    )
    assert told.exit_code == 0
    assert str(folder / "p") in told.stdout
    assert len(list((folder / "p" / "images").iterdir())) == 2
    needs = "gist generate --network knee-64"
    for arguments, said in (
        ([], needs),
        (["--out", "x"], needs),
        (["runs/a", "--out", "x", "--network", SHIPPED], "There is no gist run in runs/a"),
    ):
        told = CliRunner().invoke(app, ["generate", *arguments])
        assert isinstance(told.exception, InputError)
        assert said in str(told.exception)

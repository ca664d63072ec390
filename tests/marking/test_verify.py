"""`gist verify`: every mark by itself, on any file, and a sentence for what is no image."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import gist
from gist.cli.app import app
from gist.errors import InputError
from gist.files import sha256_of
from gist.generators.start import shipped_file
from gist.images.png import encode_png, read_grey
from gist.marking.fingerprint import Fingerprints
from gist.phantoms import phantom_batch

NETWORK = "phantom-knee-64"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two generated pictures with all that comes by default."""
    return gist.generate_folder(tmp_path_factory.mktemp("made") / "pictures", network=NETWORK, count=2)


@pytest.fixture
def bare(folder: Path) -> Path:
    """A phantom without any mark."""
    file = folder / "bare.png"
    file.write_bytes(encode_png(phantom_batch([5], 64)[0]))
    return file


def called(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["verify", *map(str, arguments)])
    return result.exit_code, result.stdout


def test_a_generated_picture_carries_every_mark_but_the_signature(made: Path) -> None:
    code, out = called(made / "images", "--json", "--fingerprints", made / "fingerprints.csv")
    assert code == 0
    network = sha256_of(shipped_file(NETWORK))
    files = json.loads(out)["files"]
    # So small a picture has not always room for the message beside the mark; a wrong one is never read.
    read = {each["watermark"]["payload"] for each in files}
    assert network[:8] in read <= {network[:8], None}
    for each in files:
        assert each["synthetic"]
        assert each["watermark"]["found"]
        assert each["credentials"]["state"] == "none"
        assert "IPTC DigitalSourceType trainedAlgorithmicMedia" in each["metadata"]
        assert each["fingerprint"]["same_pixels"]


def test_metadata_are_an_xmp_packet_that_others_read(made: Path) -> None:
    with Image.open(made / "images" / "seed00000000.png") as picture:
        packet = picture.info["xmp"]
    assert b"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia" in packet
    from xml.etree import ElementTree

    ElementTree.fromstring(packet.decode().split("?>", 1)[1].rpartition("<?xpacket")[0])


def test_a_copy_as_jpeg_has_lost_all_but_the_watermark_and_its_looks(made: Path, folder: Path) -> None:
    copy = folder / "copy.jpg"
    Image.fromarray(read_grey(made / "images" / "seed00000001.png")).save(copy, quality=90)
    (found,) = gist.verify([copy], fingerprints=[made / "fingerprints.csv"])
    assert found.watermark.found
    assert found.metadata == ()
    assert found.fingerprint is not None
    assert (found.fingerprint.file, found.fingerprint.same_pixels) == ("images/seed00000001.png", False)


def test_a_picture_without_mark_ends_with_three(bare: Path, made: Path) -> None:
    code, out = called(bare, "--fingerprints", made / "fingerprints.csv")
    assert (code, "no mark found" in out) == (3, True)


def test_each_mark_can_be_left_out(folder: Path) -> None:
    off = {"generate.watermark": False, "generate.metadata": False, "generate.fingerprints": False}
    out = gist.generate_folder(folder / "off", network=NETWORK, count=1, changes=off)
    assert not (out / "fingerprints.csv").exists()
    (file,) = (out / "images").iterdir()
    (drawn,) = gist.draw(NETWORK, "healthy")
    np.testing.assert_array_equal(read_grey(file), drawn)
    assert not gist.verify([file])[0].synthetic


def test_a_table_says_what_it_should_hold(bare: Path, folder: Path) -> None:
    table = folder / "fingerprints.csv"
    table.write_text("file,seed\n1,2\n")
    with pytest.raises(InputError, match="not a table of fingerprints with the columns file, pixels_sha256"):
        gist.verify([bare], fingerprints=[table])
    table.write_text("file,pixels_sha256,perceptual_hash\n")
    assert Fingerprints(table).match(np.zeros((64, 64), np.uint8)) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no image that gist can read"),
        (b"\x89PNG\r\n\x1a\n rubbish", "no image that gist can read"),
        (encode_png(np.zeros((8, 8), np.uint8)), "It has 8x8 pixels; give images of 16x16"),
    ],
    ids=["empty", "damaged", "tiny"],
)
def test_what_is_no_image_is_a_sentence(folder: Path, content: bytes, words: str) -> None:
    file = folder / "x.png"
    file.write_bytes(content)
    bare = folder / "bare.png"
    bare.write_bytes(encode_png(phantom_batch([5], 64)[0]))
    first, second = gist.verify([file, bare])
    assert words in first.fault
    assert (second.fault, second.synthetic) == ("", False)
    code, out = called(file, bare)
    assert (code, words in out) == (2, True)


def test_places_without_images_are_sentences(folder: Path) -> None:
    with pytest.raises(InputError, match="There is no"):
        gist.verify([folder / "nothing.png"])
    with pytest.raises(InputError, match="holds no images"):
        gist.verify([folder])


class TestCredentials:
    """Signed by a key of one's own."""

    @pytest.fixture(autouse=True)
    def _extra(self) -> None:
        pytest.importorskip("c2pa", reason="needs the extra credentials")

    @pytest.fixture
    def signed(self, folder: Path) -> Path:
        key = folder / "key.pem"
        result = CliRunner().invoke(app, ["credentials", str(key), "--name", "Laboratory"])
        assert result.exit_code == 0
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        out = gist.generate_folder(folder / "out", network=NETWORK, count=1, credentials=key)
        return next((out / "images").iterdir())

    def test_a_signature_holds_until_a_byte_changes(self, signed: Path) -> None:
        (found,) = gist.verify([signed])
        assert (found.credentials.state, found.credentials.synthetic) == ("valid", True)
        assert "Laboratory" in found.credentials.signer
        data = signed.read_bytes()
        rng = np.random.default_rng(0)
        at = data.index(b"caBX")
        behind = at + 8 + int.from_bytes(data[at - 4 : at])  # within that chunk C2PA leaves padding unsigned
        for place in rng.choice(np.arange(behind, len(data)), 20, replace=False):
            changed = bytearray(data)
            changed[place] ^= 1
            signed.write_bytes(changed)
            (found,) = gist.verify([signed])
            assert found.credentials.state != "valid", place
        at = data.index(b"Synthetic\0YES")
        signed.write_bytes(data[:at] + b"Sinthetic" + data[at + 9 :])
        (found,) = gist.verify([signed])
        assert (found.credentials.state, found.credentials.synthetic) == ("broken", False)
        assert called(signed)[0] == 4

    def test_a_claim_carries_no_thumbnail(self, signed: Path) -> None:
        data = signed.read_bytes()
        assert len(data) < 12_000
        assert b"thumbnail" not in data

    def test_a_key_that_is_none_is_refused_before_anything_is_drawn(self, folder: Path) -> None:
        key = folder / "key.pem"
        key.write_text("-----BEGIN PRIVATE KEY-----\nrubbish\n-----END PRIVATE KEY-----\n")
        with pytest.raises(InputError, match="does not hold an unencrypted private key"):
            gist.generate_folder(folder / "out", network=NETWORK, count=1, credentials=key)
        with pytest.raises(InputError, match="There is no key"):
            gist.generate_folder(folder / "out", network=NETWORK, count=1, credentials=folder / "no.pem")
        assert not (folder / "out").exists()

    def test_a_key_is_never_overwritten(self, signed: Path) -> None:
        key = signed.parents[2] / "key.pem"
        before = key.read_bytes()
        assert CliRunner().invoke(app, ["credentials", str(key)]).exit_code != 0
        assert key.read_bytes() == before

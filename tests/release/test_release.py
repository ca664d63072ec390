"""The gate: what may be passed on is written whole, what may not is told, and nothing is written."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from browser import chromium
from made_release import REAL, made_run
from safetensors.numpy import load_file, save_file

import gist
from gist.errors import InputError
from gist.images.archive import ArchiveWriter
from gist.images.png import encode_png
from gist.releasing.manifest import SUMS, sums_of
from gist.releasing.package import Refused
from gist.runs.folder import RunFolder
from gist.stages.privacy import PrivacyControl

ALARMED = PrivacyControl(name="members only", images=30, repeats=100, alarms=20)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return made_run(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def package(run: RunFolder) -> Path:
    return gist.release(run.path, run.path.parent / "package", licence="CC0-1.0").folder


@pytest.fixture
def copy(package: Path, folder: Path) -> Path:
    return Path(shutil.copytree(package, folder / "copy"))


def reasons(run: RunFolder, out: Path, **options: object) -> str:
    """Why it is refused; nothing may be left behind."""
    before = set(out.parent.iterdir())
    with pytest.raises(Refused) as refused:
        gist.release(run.path, out, **options)  # type: ignore[arg-type]
    assert set(out.parent.iterdir()) == before
    return str(refused.value)


def test_a_package_of_images_holds_all_that_belongs_to_them(package: Path, run: RunFolder) -> None:
    papers = {"LICENCE.txt", "audit.json", "checklist.md", "data_card.md", "fingerprints.csv", "images", "labels.csv",
              "model_card.md", "release.json", "scorecard.html", "scorecard.json", SUMS}  # fmt: skip
    assert {path.name for path in package.iterdir()} == papers
    assert len(list((package / "images").iterdir())) == 15
    assert "Memorisation audit: none found." in (package / "data_card.md").read_text()
    assert "pairs" not in json.loads((package / "audit.json").read_text())
    names = [each["name"] for each in json.loads((package / "scorecard.json").read_text())["criteria"]]
    assert names == ["Congruence", "Coverage", "Constraint", "Completeness", "Consistency", "Comprehension",
                     "Compliance"]  # fmt: skip
    released = json.loads((package / "release.json").read_text())
    assert released["override"] is None
    assert all(rule["holds"] for rule in released["rules"])
    assert released["looked_for"]["real images"] == 45
    assert not gist.check_release(package, run=run.path).faults


def test_the_checksums_are_those_of_coreutils(package: Path) -> None:
    if shutil.which("sha256sum") is None:
        pytest.skip("no sha256sum on this machine")
    subprocess.run(["sha256sum", "--check", "--strict", SUMS], cwd=package, capture_output=True, check=True)


def test_a_package_of_the_network_holds_the_generator_and_no_image(run: RunFolder, folder: Path) -> None:
    found = gist.release(run.path, folder / "out", contents="network", licence="CC0-1.0")
    assert (found.folder / "network.safetensors").is_file()
    assert not list(found.folder.rglob("*.png"))
    assert not gist.check_release(found.folder, run=run.path).faults


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"verdict": "evidence of copying"}, "verdicts: The audit says: evidence of copying"),
        ({"verdict": "too few images to tell"}, "verdicts: The audit says: too few"),
        ({"synthetic_images": 10}, "audited: The audit looked at 10 of 15 images"),
        ({"power": ()}, "least_power: It was not measured"),
        ({"identical_hold_out": 2}, "verdicts: The audit cannot be trusted: 2 hold-out images equal"),
        ({"controls": (ALARMED,)}, "verdicts: The audit cannot be trusted: its control “members only”"),
    ],
)
def test_what_the_audit_found_decides(folder: Path, changes: dict[str, object], words: str) -> None:
    run = made_run(folder, **changes)
    said = reasons(run, folder / "out", licence="CC0-1.0")
    assert words in said
    assert "1 of 10 rules" in said


def test_rules_that_do_not_hold_are_all_listed_and_an_override_is_recorded(folder: Path) -> None:
    run = made_run(folder, verdict="evidence of copying")
    shutil.rmtree(run.path / "evaluate")
    said = reasons(run, folder / "out")
    assert all(f"{name}: " in said for name in ("licence", "verdicts", "evaluated"))
    found = gist.release(run.path, folder / "out", override="asked by the board")
    told = json.loads((found.folder / "release.json").read_text())
    assert told["override"] == "asked by the board"
    assert [rule["name"] for rule in told["rules"] if not rule["holds"]] == [
        "licence",
        "verdicts",
        "evaluated",
    ]
    assert "remedy" not in told["rules"][0]
    assert "asked by the board" in (found.folder / "scorecard.html").read_text()
    assert any("asked by the board" in note for note in gist.check_release(found.folder).notes)


def test_a_set_drawn_after_the_audit_is_not_the_audited_one(folder: Path) -> None:
    run = made_run(folder)
    labels = run.path / "generate/labels.csv"
    labels.write_text(labels.read_text().replace(",b,", ",a,"))
    assert "up to date: Files of generate were changed" in reasons(run, folder / "out", licence="CC0-1.0")
    record = run.record("generate")
    assert record is not None
    run.write_record(record.model_copy(update={"outputs": run.outputs("generate")}))
    assert "audited: The audit is of another set" in reasons(run, folder / "out", licence="CC0-1.0")


def test_a_real_image_among_the_synthetic_ones_is_refused_whatever_anybody_says(folder: Path) -> None:
    run = made_run(folder, copied=1)
    said = reasons(run, folder / "out", licence="CC0-1.0", override="I insist")
    assert "images/seed00000000.png is a real training image" in said


@pytest.mark.parametrize("text", ["Meier Anna", "Müller"])
def test_texts_that_a_policy_forbids_and_paths_are_found(run: RunFolder, folder: Path, text: str) -> None:
    policy = folder / "policy.yaml"
    policy.write_text(f"forbidden: ['{text}']\n", encoding="utf-8")
    said = reasons(run, folder / "out", licence=f"that of {text.upper()}", policy=policy)
    assert "holds a text that the policy forbids" in said
    assert text not in said
    assert "a path of somebody" in reasons(run, folder / "out", licence="see /home/meier/licence")
    assert "a path of this machine" in reasons(run, folder / "out", licence=str(run.path.resolve()))


def _append(name: str, content: bytes) -> Callable[[Path, RunFolder], None]:
    def change(folder: Path, _run: RunFolder) -> None:
        with (folder / name).open("ab") as file:
            file.write(content)

    return change


def _with_discriminator(folder: Path, run: RunFolder) -> None:
    state = load_file(next(run.path.glob("train/checkpoints/*/state.safetensors")))
    weight = max((each for name, each in state.items() if name.startswith("D/")), key=lambda each: each.size)
    (folder / "labels.csv").write_bytes(b"file,label,seed\n" + weight.tobytes())


def _with_id(folder: Path, run: RunFolder) -> None:
    row = (run.path / "prepare/records.csv").read_text().splitlines()[7]
    (folder / "labels.csv").write_text(f"file,label,seed\n{row.split(',')[3]}")


def _with_raw_image(folder: Path, _run: RunFolder) -> None:
    (folder / "audit.json").write_bytes(REAL[5].tobytes())


def _with_real_image(folder: Path, _run: RunFolder) -> None:
    (folder / "images/seed00000099.png").write_bytes(encode_png(REAL[5]))


def _with_checkpoint(folder: Path, run: RunFolder) -> None:
    shutil.copy(next(run.path.glob("train/checkpoints/*/state.safetensors")), folder / "network.safetensors")


def _with_hidden_text(folder: Path, _run: RunFolder) -> None:
    file = folder / "images/seed00000003.png"
    content = file.read_bytes()
    text = b"iTXt" + b"Comment\0\1\0\0\0" + zlib.compress(b"Meier Anna")
    chunk = struct.pack("!I", len(text) - 4) + text + struct.pack("!I", zlib.crc32(text))
    file.write_bytes(content[:33] + chunk + content[33:])


def _with_name_of_somebody(folder: Path, _run: RunFolder) -> None:
    (folder / "images/seed00000003.png").rename(folder / "images/Meier Anna.png")


def _with_key(folder: Path, _run: RunFolder) -> None:
    (folder / "SHA256SUMS.pem").write_text("-----BEGIN PRIVATE KEY-----\n")


def _with_pickle(folder: Path, _run: RunFolder) -> None:
    (folder / "data_card.md").write_bytes(b"\x80\x04N.")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_with_discriminator, "discriminator"),
        (_with_checkpoint, "does not belong"),
        (_with_id, "a salted id"),
        (_with_raw_image, "a real training image"),
        (_with_real_image, "is a real training image"),
        (_with_pickle, "a pickle"),
        (_with_hidden_text, "a text that is compressed"),
        (_with_name_of_somebody, "does not belong"),
        (_with_key, "a private key"),
        (_append("images/seed00000003.png", b"behind"), "behind its end"),
        (_append("data_card.md", b"A" * 500), "base 64"),
        (_append("data_card.md", b"\n".join([b"A" * 76] * 9)), "base 64"),
    ],
)
def test_what_stays_is_found_by_its_bytes_though_the_checksums_fit(
    copy: Path, run: RunFolder, change: Callable[[Path, RunFolder], None], words: str
) -> None:
    change(copy, run)
    (copy / SUMS).write_bytes(sums_of(copy))
    assert any(words in fault for fault in gist.check_release(copy, run=run.path).faults)


def test_a_discriminator_in_the_place_of_the_generator_is_known_without_its_run(
    run: RunFolder, folder: Path
) -> None:
    package = gist.release(run.path, folder / "out", contents="network", licence="CC0-1.0").folder
    network = package / "network.safetensors"
    tensors = load_file(network)
    save_file(tensors | {"D.extra": np.zeros(3, np.float32)}, network)
    (package / SUMS).write_bytes(sums_of(package))
    assert any("no generator" in fault for fault in gist.check_release(package).faults)


def test_a_hundred_tampered_packages_are_all_refused(package: Path, folder: Path) -> None:
    random, accepted = np.random.default_rng(0), []
    for number in range(100):
        copy = Path(shutil.copytree(package, folder / str(number)))
        files = sorted(path for path in copy.rglob("*") if path.is_file())
        images = sorted((copy / "images").iterdir())
        match number % 4:
            case 0:
                file = files[random.integers(len(files))]
                content = bytearray(file.read_bytes())
                content[random.integers(len(content))] ^= int(random.integers(1, 256))
                file.write_bytes(content)
            case 1:
                one, other = random.choice(len(images), 2, replace=False)
                images[one].rename(copy / "aside")
                images[other].rename(images[one])
                (copy / "aside").rename(images[other])
            case 2:
                file = files[random.integers(len(files))]
                file.rename(file.with_name(f"x{file.name}"))
            case _:
                real = encode_png(REAL[random.integers(len(REAL))])
                (copy / f"images/seed{100 + number:08d}.png").write_bytes(real)
        try:
            if not gist.check_release(copy).faults:
                accepted.append(number)
        except InputError:
            assert not (copy / SUMS).exists()
        shutil.rmtree(copy)
    assert accepted == []


def test_an_added_image_is_refused_though_all_lists_name_it(copy: Path) -> None:
    png = copy / "images/seed00000099.png"
    png.write_bytes(encode_png(REAL[5]))
    with (copy / "labels.csv").open("a") as file:
        file.write("images/seed00000099.png,a,99\n")
    (copy / SUMS).write_bytes(sums_of(copy))
    faults = gist.check_release(copy).faults
    assert any("is not the picture of that name" in fault for fault in faults)
    assert any("does not say that it is synthetic" in fault for fault in faults)


def test_links_are_refused(copy: Path) -> None:
    (copy / "images/more").symlink_to(copy / "images")
    assert any("is a link" in fault for fault in gist.check_release(copy).faults)


def test_a_signed_package_tells_its_signer_and_a_changed_list_breaks_it(run: RunFolder, folder: Path) -> None:
    pytest.importorskip("c2pa")
    from gist.marking.credentials import make_credentials

    make_credentials(folder / "key.pem", "Our laboratory")
    found = gist.release(run.path, folder / "out", licence="CC0-1.0", credentials=folder / "key.pem")
    assert "Our laboratory" in found.signer
    assert b"PRIVATE" not in b"".join(path.read_bytes() for path in found.folder.glob("*.*"))
    for name in ("SHA256SUMS.sig", "SHA256SUMS.pem"):
        shutil.move(found.folder / name, folder / name)
    assert "It was signed, and the signature is gone." in gist.check_release(found.folder).faults
    for name in ("SHA256SUMS.sig", "SHA256SUMS.pem"):
        shutil.move(folder / name, found.folder / name)
    assert not gist.check_release(found.folder).faults
    (found.folder / "LICENCE.txt").write_text("none at all\n")
    (found.folder / SUMS).write_bytes(sums_of(found.folder))
    assert "The signature of the checksums does not hold." in gist.check_release(found.folder).faults


def gist_release(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a person calls it."""
    command = [sys.executable, "-m", "gist", "release", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("audit: true", "says 'audit', which is no rule; did you mean 'audited'?"),
        ("verdicts: [none]", "'verdicts' should be"),
        ("least_power: 2", "'least_power' should be"),
        ("audited: [", "is no readable YAML file (line"),
        ("just words", "must hold lines such as"),
        ("audited: true\naudited: false", "gives 'audited' twice"),
    ],
)
def test_a_policy_with_a_mistake_is_a_sentence(run: RunFolder, folder: Path, policy: str, words: str) -> None:
    (folder / "policy.yaml").write_text(policy)
    with pytest.raises(InputError) as refused:
        gist.release(run.path, folder / "out", policy=folder / "policy.yaml")
    assert words in str(refused.value)
    assert not (folder / "out").exists()


def test_a_damaged_key_is_a_sentence_and_nothing_is_written(run: RunFolder, folder: Path) -> None:
    pytest.importorskip("c2pa")
    (folder / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n")
    with pytest.raises(InputError, match="does not hold an unencrypted private key"):
        gist.release(run.path, folder / "out", credentials=folder / "key.pem")
    assert not (folder / "out").exists()


def test_the_command_refuses_with_a_list_and_tells_what_it_takes(run: RunFolder, folder: Path) -> None:
    refused = gist_release(str(run.path), str(folder / "out"))
    assert (refused.returncode, (folder / "out").exists()) == (2, False)
    assert "1. licence: None is set; give --licence NAME" in refused.stderr
    alone = gist_release(str(run.path))
    assert "Name a run and a new folder" in alone.stderr
    nothing = gist_release("--check", str(folder))
    assert "is no package" in nothing.stderr
    assert "Traceback" not in refused.stderr + alone.stderr + nothing.stderr


def test_a_run_without_images_is_told_what_to_do(run: RunFolder, folder: Path) -> None:
    empty = RunFolder(shutil.copytree(run.path, folder / "empty"))
    shutil.rmtree(empty.path / "generate")
    with pytest.raises(InputError, match="holds no finished synthetic images; run `gist generate"):
        gist.release(empty.path, folder / "out")


def test_an_archive_without_images_is_refused_in_a_sentence(folder: Path) -> None:
    run = made_run(folder)
    with ArchiveWriter(run.path / "generate/synthetic.zip", ("a", "b")):
        pass
    assert "up to date: Files of generate were changed" in reasons(run, folder / "out", licence="CC0-1.0")
    with pytest.raises(InputError, match="holds no PNG images"):
        gist.release(run.path, folder / "out", licence="CC0-1.0", override="I insist")
    assert not (folder / "out").exists()


def test_a_picture_that_would_unpack_to_gigabytes_is_not_decoded(copy: Path) -> None:
    file = copy / "images/seed00000003.png"
    content = bytearray(file.read_bytes())
    content[16:24] = struct.pack("!II", 60_000, 60_000)
    content[29:33] = struct.pack("!I", zlib.crc32(content[12:29]))
    file.write_bytes(content)
    (copy / SUMS).write_bytes(sums_of(copy))
    assert any("60000 x 60000 pixels" in fault for fault in gist.check_release(copy).faults)


def test_nothing_is_wrong_with_the_scorecard_for_those_who_cannot_see(package: Path) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="the package axe is not installed"
    )
    playwright = pytest.importorskip("playwright.sync_api")
    executable = chromium()
    if executable is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as started:
        page = started.chromium.launch(executable_path=executable).new_page()
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            page.goto((package / "scorecard.html").as_uri())
            assert axe.Axe().run(page).response["violations"] == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width

"""A study folder: who is in it, what is refused, and that nothing but the pictures tells the sides apart."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from known_run import deep, made_run
from made_runs import Images
from numpy.typing import NDArray
from PIL import Image

from gist.errors import InputError
from gist.files import sha256_of
from gist.images.archive import read_data_set
from gist.images.png import decode_png
from gist.marking.watermark import detect
from gist.phantoms import phantom_batch
from gist.reader.serve import write_files
from gist.reader.study import Study, create_study, read_study
from gist.reader.study.folder import levels, pictures_of
from gist.runs.folder import RunFolder


def key_of(study: Path) -> list[tuple[str, str, str]]:
    with (study / "key.csv").open(newline="", encoding="utf-8") as text:
        return [(row["image"], row["truth"], row["class"]) for row in csv.DictReader(text)]


def pictures_in(run: RunFolder, archive: str) -> set[bytes]:
    return {image.tobytes() for image in read_data_set(run.path / archive).images()}


def test_both_sides_have_the_same_classes_and_real_ones_are_held_out(run: RunFolder, folder: Path) -> None:
    place = folder / "study"
    study = create_study(run, place, images=20, reference_images=10, repeats=5, asks_class=True)
    key = key_of(place)
    assert {(truth, name): sum(row[1:] == (truth, name) for row in key) for _, truth, name in key} == {
        (truth, name): 10 for truth in ("real", "synthetic") for name in ("mild", "severe")
    }
    truth = {image: truth for image, truth, _ in key} | {one.image: one.truth for one in study.references}
    shown = {file.stem: decode_png(file.read_bytes()).tobytes() for file in place.glob("[ir]*/*.png")}
    assert shown.keys() == truth.keys()
    sources = {"real": "prepare/test.zip", "synthetic": "generate/synthetic.zip"}
    for side, archive in sources.items():
        of_side = [shown[image] for image in truth if truth[image] == side]
        assert len(set(of_side)) == len(of_side) == 25
        assert set(of_side) <= pictures_in(run, archive)
    assert study == read_study(place)
    assert (study.images, study.repeats, study.key_sha256) == (40, 5, sha256_of(place / "key.csv"))


def test_pairs_hold_one_of_each_side_in_the_same_class(run: RunFolder, folder: Path) -> None:
    place = folder / "study"
    study = create_study(run, place, images=20, kind="pairs", repeats=4)
    real, made = pictures_in(run, "prepare/test.zip"), pictures_in(run, "generate/synthetic.zip")
    key = key_of(place)
    assert len(key) == study.images == 20
    assert {truth for _, truth, _ in key} == {"left", "right"}
    for pair, truth, _ in key:
        left, right = (decode_png((place / file).read_bytes()).tobytes() for file in pictures_of(study, pair))
        assert (left in real, right in real) == (truth == "left", truth == "right")
        assert (left in made, right in made) == (truth == "right", truth == "left")


def properties(file: Path, position: int) -> list[float]:
    """What a file tells without a look at its pixels, and at checksums of them."""
    data, facts = file.read_bytes(), file.stat()
    with Image.open(file) as picture:
        opened = [len(picture.info), len(picture.mode), *picture.size]
    name = [int(letter, 16) for letter in file.stem.replace("-left", "0").replace("-right", "1")]
    head = data.index(b"IDAT") + 4
    return [
        len(data),
        facts.st_mtime_ns % 10**12,
        facts.st_mode,
        position,
        *opened,
        *data[:head],
        *data[-12:],
        *name,
    ]


def told_apart(features: list[list[float]], truth: list[bool]) -> float:
    """Cross-validated accuracy of a linear classifier."""
    x: NDArray[np.float64] = np.array(features, np.float64)
    x = (x - x.mean(0)) / np.where(x.std(0) > 0, x.std(0), 1)
    y = np.where(truth, 1.0, -1.0)
    order = np.random.default_rng(0).permutation(len(y))
    right = 0
    for fold in np.array_split(order, 10):
        rest = np.setdiff1d(order, fold)
        ridge = x[rest].T @ x[rest] + len(rest) * 0.1 * np.eye(x.shape[1])
        weights = np.linalg.solve(ridge, x[rest].T @ y[rest])
        right += int((np.sign(x[fold] @ weights) == y[fold]).sum())
    return right / len(y)


def test_a_classifier_on_file_properties_stays_at_chance(folder: Path, phantoms: Images) -> None:
    """The synthetic images are so smooth that the size of their files in the archive tells them at once."""
    smooth = (phantoms[60:120] // 64 * 64).astype(np.uint8)
    run = made_run(folder / "run", phantoms[:60], smooth, phantoms[120:])
    sizes = [
        ([float(len(png))], side == "prepare/test.zip")
        for side in ("prepare/test.zip", "generate/synthetic.zip")
        for png in read_data_set(run.path / side).pngs
    ]
    assert told_apart([size for size, _ in sizes], [real for _, real in sizes]) > 0.95
    create_study(run, folder / "study", images=60, reference_images=0)
    truth = {image: truth == "real" for image, truth, _ in key_of(folder / "study")}
    files = sorted((folder / "study/images").iterdir(), key=lambda file: file.stat().st_mtime_ns)
    features = [properties(file, position) for position, file in enumerate(files)]
    accuracy = told_apart(features, [truth[file.stem] for file in files])
    assert abs(accuracy - 0.5) < 0.2  # 4.4 standard errors of 120 guesses
    assert len({(len(file.read_bytes()), file.stat().st_mode) for file in files}) == 1


def test_the_file_for_offline_reading_holds_every_picture_equally_long_and_no_key(
    run: RunFolder, folder: Path
) -> None:
    place = folder / "study"
    study = create_study(run, place, images=10, repeats=2, readers=("a", "b"))
    file, other = write_files(place)
    page = file.read_text()
    lengths = {len(part.partition("</script>")[0]) for part in page.split('type="text/plain"')[1:]}
    assert len(lengths) <= 2  # of tested images and of those shown before
    assert page.count('type="text/plain"') == len(study.tested) + 20
    assert page != other.read_text()  # the order
    assert str(run.path) not in page
    (place / "key.csv").unlink()  # which the page is written without
    write_files(place, "a")
    assert file.read_text() == page


def test_sixteen_bits_are_kept_and_a_side_of_eight_takes_the_other_down(
    folder: Path, phantoms: Images
) -> None:
    fine = deep(phantoms)
    both = made_run(folder / "both", fine[:60], fine[60:120], fine[120:])
    study = create_study(both, folder / "deep", images=10)
    assert study.bits == 16
    (file,) = pictures_of(study, study.tested[0])
    read = np.frombuffer(levels(folder / "deep", study, [file]), "<u2").reshape(32, 32)
    assert read.tobytes() in {image.tobytes() for image in fine[:120]}
    one = made_run(folder / "one", fine[:60], phantoms[60:120], fine[120:])
    study = create_study(one, folder / "flat", images=10)
    assert study.bits == 8
    known = {image.tobytes() for image in (*phantoms[60:120], *(fine[:60] >> 8).astype(np.uint8))}
    assert {levels(folder / "flat", study, pictures_of(study, image)) for image in study.tested} <= known


def test_a_watermark_is_put_on_both_sides(folder: Path) -> None:
    large = phantom_batch(range(36), 64)
    run = made_run(folder / "run", large[:12], large[12:24], large[24:])
    bare = create_study(run, folder / "bare", images=8, reference_images=0)
    record = json.loads((run.path / "generate/stage.json").read_text())
    record["result"] |= {"marks": {"watermark": True}, "network_sha256": "0123abcd" + "0" * 56}
    (run.path / "generate/stage.json").write_text(json.dumps(record))
    marked = create_study(run, folder / "marked", images=8, reference_images=0)
    assert (bare.watermarked, marked.watermarked) == ("neither", "both")
    for image, truth, _ in key_of(folder / "marked"):
        found = detect(decode_png((folder / f"marked/images/{image}.png").read_bytes()))
        # Those that stand for synthetic ones were not marked when this run was made.
        assert found.found == (truth == "real")


def refusal(run: RunFolder, place: Path, **arguments: object) -> str:
    with pytest.raises(InputError) as refused:
        create_study(run, place, **arguments)  # type: ignore[arg-type]
    assert not place.exists() or not any(place.iterdir())
    assert not list(place.parent.glob(".*.part"))
    return str(refused.value)


def test_what_cannot_be_a_blind_test_is_refused(folder: Path, phantoms: Images) -> None:
    real, made, seen, place = phantoms[:60], phantoms[60:120], phantoms[120:], folder / "study"
    shared = made_run(folder / "shared", real, made, seen, patients=("one", "one"))
    assert refusal(shared, place).startswith("60 of 60 held-out patients of")
    learned = made_run(folder / "learned", real, made, np.concatenate([seen, real[:4]]))
    assert refusal(learned, place).startswith("4 of 60 held-out images of")
    small = made_run(folder / "small", real, made[:, ::2, ::2], seen)
    assert "are 32 pixels wide and the synthetic ones 16" in refusal(small, place)
    fine = made_run(folder / "fine", real, made, seen)
    assert "only 60 of the 60 usable held-out images" in refusal(fine, place, images=51)
    (fine.path / "prepare/records.csv").unlink()
    assert "nobody knows whose images are held out" in refusal(fine, place)
    record = json.loads((fine.path / "prepare/stage.json").read_text())
    record["result"]["test_archive"] = None
    (fine.path / "prepare/stage.json").write_text(json.dumps(record))
    assert refusal(fine, place).startswith("Nothing is held out in")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"readers": ("a", "A")}, "different names"),
        ({"readers": ("../a",)}, "different names"),
        ({"readers": ()}, "different names"),
        ({"repeats": 51}, "50 repeats or fewer"),
        ({"images": 0}, "at least one image"),
        ({"reference_images": 7}, "even number"),
        ({"margin": 0.5}, "between 0 and 0.5"),
    ],
)
def test_numbers_and_names_that_do_not_fit_are_refused(
    run: RunFolder, folder: Path, arguments: dict[str, object], said: str
) -> None:
    assert said in refusal(run, folder / "study", **arguments)


def test_unknown_patients_are_said_and_images_with_text_are_left_out(folder: Path, phantoms: Images) -> None:
    run = made_run(folder / "run", phantoms[:60], phantoms[60:120], phantoms[120:], patients=("", ""))
    study = create_study(run, folder / "unknown", images=10)
    assert not study.patients_known
    assert "could not be checked" in study.in_one_line()
    names = read_data_set(run.path / "prepare/test.zip").names
    table = (run.path / "prepare/records.csv").read_text()
    for name in names[:12]:
        table = table.replace(f"{name},test,,,", f"{name},test,,,1 1 9 9")
    (run.path / "prepare/records.csv").write_text(table)
    study = create_study(run, folder / "study", images=38)
    assert study.left_out == 12
    shown = {decode_png(file.read_bytes()).tobytes() for file in (folder / "study").glob("[ir]*/*.png")}
    flagged = {image.tobytes() for image in read_data_set(run.path / "prepare/test.zip").images(range(12))}
    assert not shown & flagged


def test_a_changed_study_key_or_picture_is_refused(run: RunFolder, folder: Path) -> None:
    place = folder / "study"
    study = create_study(run, place, images=10, repeats=0)
    text, key = (place / "study.json").read_text(), (place / "key.csv").read_text()
    (place / "study.json").write_text(text.replace('"margin": 0.1', '"margin": 0.2'))
    with pytest.raises(InputError, match="was changed after the study was made"):
        read_study(place)
    (place / "study.json").write_text(text[:-20])
    with pytest.raises(InputError, match="not a study file"):
        read_study(place)
    (place / "study.json").write_text(text)
    (place / "key.csv").write_text(key.replace("real", "synthetic", 1))
    with pytest.raises(InputError, match="not the key that was sealed"):
        read_study(place)
    (place / "key.csv").unlink()  # it may lie elsewhere
    assert read_study(place) == study
    (file,) = pictures_of(study, study.tested[0])
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(place / file)
    with pytest.raises(InputError, match="not one of this study"):
        levels(place, study, [file])
    with pytest.raises(InputError, match="There is no reader study"):
        read_study(folder)


@given(count=st.integers(2, 60), share=st.floats(0, 0.5), seed=st.integers(0, 1000))
def test_each_reader_has_an_order_of_their_own_and_what_is_read_twice_is_far_apart(
    count: int, share: float, seed: int
) -> None:
    tested = tuple(f"{number:016x}" for number in range(count))
    study = Study.model_construct(tested=tested, repeats=int(count * share), order_seed=seed)
    order = study.order("a")
    assert order == study.order("a")
    assert sorted(image for image, repeat in order if not repeat) == list(tested)
    again = [image for image, repeat in order if repeat]
    assert len(again) == len(set(again)) == study.repeats
    for image in again:
        apart = order.index((image, 1)) - order.index((image, 0))
        assert apart >= count // 6
    if count > 20:
        assert order != study.order("b")


def test_one_command_makes_the_study_and_the_files_to_read_offline(run: RunFolder) -> None:
    command = [
        sys.executable,
        "-m",
        "gist",
        "reader",
        "create",
        str(run.path),
        "--readers",
        "a, b",
        "--offline",
    ]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    place = run.path / "reader/study"
    assert made.stdout.startswith(
        "100 images, 20 of them twice, for 2 readers. Neither side carries a watermark."
    )
    assert sha256_of(place / "key.csv") in made.stdout
    assert sorted(file.name for file in (place / "offline").iterdir()) == ["a.html", "b.html"]
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert "name another study" in again.stderr
    command = [sys.executable, "-m", "gist", "reader", "file", str(place), "--reader", "c"]
    strange = subprocess.run(command, capture_output=True, text=True, check=False)
    assert strange.stderr == "gist: The study has no reader 'c'; its readers are a, b.\n"

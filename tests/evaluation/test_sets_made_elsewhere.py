"""Folders and zips that no run of gist made, judged like those of a run."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import gist
from gist.cli.app import app
from gist.errors import InputError
from gist.images.archive import read_data_set
from gist.runs.results import RunResult

QUICK = {
    "device": "cpu",
    "threads": 1,
    "prepare.burned_in_text": "ignore",
    "evaluate.permutations": 20,
    "utility.steps": 2,
    "utility.seeds": 1,
    "utility.classifiers": ["small"],
}


def picture(rng: np.random.Generator, label: str, side: int) -> Image.Image:
    """A smooth bright field, with a bar where the class says so; no two alike."""
    field = rng.normal(size=(6, 6)) * 20 + 120
    pixels = np.asarray(
        Image.fromarray(field.astype(np.float32)).resize((side, side), Image.Resampling.BICUBIC)
    )
    pixels = pixels + rng.normal(size=(side, side)) * 4
    if label == "severe":
        pixels[side // 3 : side // 2, side // 4 : -side // 4] += 70
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def write_set(folder: Path, seed: int, counts: dict[str, int], side: int = 40, mode: str = "L") -> Path:
    """Class folders of PNG files, every set with the same file names."""
    rng = np.random.default_rng(seed)
    for label, count in counts.items():
        (folder / label).mkdir(parents=True)
        for number in range(count):
            picture(rng, label, side).convert(mode).save(folder / label / f"{number:03d}.png")
    return folder


def zipped(folder: Path) -> Path:
    """The same set as a zip, without its folder."""
    out = folder.with_suffix(".zip")
    with zipfile.ZipFile(out, "w") as archive:
        for file in sorted(folder.rglob("*.png")):
            archive.write(file, file.relative_to(folder).as_posix())
    return out


@pytest.fixture
def sets(folder: Path) -> tuple[Path, Path, Path]:
    """Real images of two classes, unseen and learned from, and more synthetic ones, in RGB and of another size."""
    real = write_set(folder / "Mary Smith real", 1, {"healthy": 24, "severe": 22})
    train = write_set(folder / "train", 2, {"healthy": 30, "severe": 30})
    synthetic = write_set(folder / "GAN of Smith", 3, {"Healthy": 41, "severe": 35}, 52, "RGB")
    return real, synthetic, train


def texts_of(run: Path) -> str:
    kept = (".json", ".csv", ".yaml", ".html", ".md")
    return "".join(file.read_text() for file in run.rglob("*") if file.suffix in kept)


def test_all_that_judges_a_run_judges_sets_made_elsewhere(
    folder: Path, sets: tuple[Path, Path, Path]
) -> None:
    real, synthetic, train = sets
    result = gist.evaluate_folders(real, synthetic, train, folder=folder / "run", changes=QUICK)
    assert (result.prepare.train_images, result.prepare.test_images) == (60, 46)
    assert result.prepare.class_names == ("healthy", "severe")
    assert result.generate.class_counts == {"healthy": 41, "severe": 35}  # spelled as the real ones are
    overall = next(score for score in result.evaluate.scores if score.group == "overall")
    assert overall.n_real == overall.n_synthetic == 46
    assert any("46 of 76 synthetic images were compared" in note for note in result.evaluate.notes)
    utility = gist.measure_utility(folder / "run")
    assert utility.left_out is None
    assert gist.inspect(folder / "run", worst=3, random=3).is_file()
    report = (folder / "run" / gist.report(folder / "run").report).read_text()
    assert "made by another program" in report
    assert "which the generator never saw" not in report
    assert sorted(path.name for path in (folder / "run/report").glob("*.md")) == ["data_card.md"]
    with (folder / "run/generate/labels.csv").open() as table:
        first = next(csv.DictReader(table))
    with Image.open(folder / "run/generate" / first["file"]) as shown:
        assert (shown.size, shown.mode, shown.text["Synthetic"]) == ((32, 32), "L", "YES")
    assert "Smith" not in texts_of(folder / "run")
    with pytest.raises(InputError, match="Another program made"):
        gist.export_images(folder / "run", "folder", folder / "out")


def test_zips_and_archives_are_read_like_folders(folder: Path, sets: tuple[Path, Path, Path]) -> None:
    real, synthetic, train = sets

    def archives(result: RunResult) -> list[bytes]:
        parts = ("prepare/train.zip", "prepare/test.zip", "generate/synthetic.zip")
        return [(result.folder / part).read_bytes() for part in parts]

    of_folders = gist.evaluate_folders(real, synthetic, train, folder=folder / "a", changes=QUICK)
    mixed = (zipped(real), synthetic, zipped(train))
    of_mixed = gist.evaluate_folders(*mixed, folder=folder / "b", changes=QUICK)
    of_other = gist.evaluate_folders(
        real, zipped(synthetic), zipped(train), folder=folder / "c", changes=QUICK
    )
    assert archives(of_folders) == archives(of_mixed) == archives(of_other)
    assert of_folders.evaluate.scores == of_mixed.evaluate.scores
    again = [
        folder / "a" / part for part in ("prepare/test.zip", "generate/synthetic.zip", "prepare/train.zip")
    ]
    of_archives = gist.evaluate_folders(*again, folder=folder / "d", changes=QUICK)
    assert of_archives.generate.class_counts == of_folders.generate.class_counts
    assert of_archives.prepare.source_digest == of_folders.prepare.source_digest


def test_without_training_images_one_half_of_the_real_ones_stands_for_them(
    folder: Path, sets: tuple[Path, Path, Path]
) -> None:
    real, synthetic, _ = sets
    result = gist.evaluate_folders(real, synthetic, folder=folder / "run", changes=QUICK)
    assert abs(result.prepare.train_images - result.prepare.test_images) <= 4
    assert result.prepare.train_images + result.prepare.test_images == 46


def test_equal_images_in_the_synthetic_set_all_stay(folder: Path, sets: tuple[Path, Path, Path]) -> None:
    real, _, train = sets
    collapsed = folder / "collapsed"
    for label in ("healthy", "severe"):
        (collapsed / label).mkdir(parents=True)
        for number in range(25):
            picture(np.random.default_rng(9), label, 40).save(collapsed / label / f"{number}.png")
    result = gist.evaluate_folders(real, collapsed, train, folder=folder / "run", changes=QUICK)
    assert result.generate.images == 50
    assert any("Only 2 of 50 synthetic images are different" in note for note in result.evaluate.notes)


def test_classes_come_from_a_table_inside_each_set(folder: Path) -> None:
    for name, seed in (("real", 1), ("synthetic", 2), ("train", 3)):
        rng, lines = np.random.default_rng(seed), ["file,grade"]
        (folder / name).mkdir()
        for number in range(40):
            label = ("healthy", "severe")[number % 2]
            picture(rng, label, 40).save(folder / name / f"{number}.png")
            lines.append(f"{number}.png,{label}")
        (folder / name / "grades.csv").write_text("\n".join(lines) + "\n")
    sides = [folder / name for name in ("real", "synthetic", "train")]
    changes = QUICK | {"prepare.label_column": "grade"}
    result = gist.evaluate_folders(*sides, folder=folder / "run", labels="grades.csv", changes=changes)
    assert result.generate.class_counts == {"healthy": 20, "severe": 20}
    assert result.prepare.class_counts["severe"] == {"train": 20, "test": 20}


def test_one_table_for_both_real_sets_is_not_told_to_lack_files(
    folder: Path, sets: tuple[Path, Path, Path]
) -> None:
    real, synthetic, train = sets
    lines = ["file,label"]
    for number, side in enumerate((real, train)):
        for file in sorted(side.rglob("*.png")):
            moved = file.rename(file.with_name(f"{number}-{file.name}"))
            lines.append(f"{moved.relative_to(side).as_posix()},{moved.parent.name}")
    labels = folder / "both.csv"
    labels.write_text("\n".join(lines) + "\n")
    result = gist.evaluate_folders(
        real, synthetic, train, folder=folder / "run", labels=labels, changes=QUICK
    )
    assert (result.prepare.train_images, result.prepare.test_images) == (60, 46)
    assert not any("label table" in note for note in result.prepare.notes)
    assert result.prepare.loss is None


def test_images_of_both_real_sets_are_held_out_from_neither(
    folder: Path, sets: tuple[Path, Path, Path]
) -> None:
    real, synthetic, train = sets
    for file in sorted((train / "severe").iterdir())[:3]:
        (real / "severe" / f"copy of {file.name}").write_bytes(file.read_bytes())
    result = gist.evaluate_folders(real, synthetic, train, folder=folder / "run", changes=QUICK)
    training = set(read_data_set(folder / "run/prepare/train.zip").pngs)
    assert not training & set(read_data_set(folder / "run/prepare/test.zip").pngs)
    assert (result.prepare.train_images, result.prepare.test_images) == (60, 46)


def test_another_set_does_not_replace_what_was_judged(folder: Path, sets: tuple[Path, Path, Path]) -> None:
    real, synthetic, train = sets
    first = gist.evaluate_folders(real, synthetic, train, folder=folder / "run", changes=QUICK)
    assert gist.evaluate_folders(real, synthetic, train, folder=folder / "run", changes=QUICK) == first
    for sides in ((real, train, train), (train, synthetic, real)):
        with pytest.raises(InputError, match=r"holds something else .*; choose another run folder"):
            gist.evaluate_folders(*sides, folder=folder / "run", changes=QUICK)
    assert (folder / "run/generate/synthetic.zip").is_file()


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("no class in common", "no class in common"),
        ("missing", "nowhere; give a folder"),
        ("test part", "has a test part of its own"),
    ],
)
def test_sets_that_do_not_fit_are_one_sentence(
    folder: Path, sets: tuple[Path, Path, Path], broken: str, words: str
) -> None:
    real, synthetic, train = sets
    if broken == "no class in common":
        real = write_set(folder / "other", 4, {"mild": 20, "worse": 20})
    elif broken == "missing":
        synthetic = folder / "nowhere"
    else:
        (folder / "both" / "test").mkdir(parents=True)
        train = train.rename(folder / "both" / "train").parent
        write_set(folder / "both" / "test" / "x", 5, {"healthy": 3, "severe": 3})
    with pytest.raises(InputError, match=words):
        gist.evaluate_folders(real, synthetic, train, folder=folder / "run", changes=QUICK)


def test_the_command_names_the_run_after_the_sets(
    folder: Path, sets: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    real, synthetic, _ = sets
    arguments = [
        "--real",
        real.name,
        "--synthetic",
        str(synthetic),
        "--train",
        "train",
        "--permutations",
        "20",
    ]
    told = CliRunner().invoke(app, ["evaluate", *arguments])
    assert told.exit_code == 0, told.exception
    assert "gist report runs/GAN-of-Smith-against-Mary-Smith-real" in told.stdout
    told = CliRunner().invoke(app, ["evaluate", "--real", real.name])
    assert "--real DATA --synthetic DATA" in str(told.exception)

"""What a training may be expected to reach, told from measured runs."""

import csv
from pathlib import Path

import pytest

from gist.training import expectation
from gist.training.expectation import expect, measured

PLAN = {"architecture": "stylegan2", "channel_base": 2048, "discriminator_detail": 8.0, "gamma": 0.1}
RUN = {
    **PLAN, "run": "a", "data": "knees", "resolution": 64, "images": 3000, "start": "", "processor_minutes": 0,
    "extractor": "squeezenet", "n": 400, "real_precision": 0.8, "real_recall": 0.85,
}  # fmt: skip
CURVE = [(10, 100.0, 0.1, 0.0), (20, 50.0, 0.3, 0.1), (80, 25.0, 0.5, 0.3)]


def rows(run: dict, curve: list = CURVE) -> list[dict]:
    names = ("kimg", "kid", "precision", "recall")
    return [run | dict(zip(names, moment, strict=True)) for moment in curve]


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def write(found: list[dict]) -> None:
        file = tmp_path / "measured.csv"
        with file.open("w", newline="") as out:
            writer = csv.DictWriter(out, list(found[0]))
            writer.writeheader()
            writer.writerows(found)
        monkeypatch.setattr(expectation, "_TABLE", file)

    return write


def told(
    kimg: float, *, plan: dict = PLAN, resolution: int = 64, images: int = 3000, start: str | None = None
):
    return expect(plan, resolution, images, start, kimg, "squeezenet")


def test_at_a_measured_moment_it_is_what_was_measured(table) -> None:
    table(rows(RUN))
    found = told(20)
    assert found is not None
    assert found.kid == pytest.approx((50, 50))
    assert found.precision == pytest.approx((0.3, 0.3))
    assert found.recall == pytest.approx((0.1, 0.1))
    assert not found.beyond


def test_between_moments_the_distance_falls_along_a_line_of_logarithms(table) -> None:
    table(rows(RUN))
    found = told(40)
    assert found is not None
    assert found.kid[0] == pytest.approx(50 * 0.5**0.5)


def test_several_seeds_give_a_range_and_are_counted(table) -> None:
    worse = [(kimg, 2 * kid, precision, recall) for kimg, kid, precision, recall in CURVE]
    table([*rows(RUN), *rows(RUN | {"run": "b"}, worse)])
    found = told(20)
    assert found is not None
    assert (found.runs, found.kid) == (2, pytest.approx((50, 100)))
    assert "2 measured runs" in found.sentence()
    assert "50 to 100" in found.sentence()


def test_a_training_longer_than_all_is_told_what_the_longest_reached(table) -> None:
    table([*rows(RUN), *rows(RUN | {"run": "short"}, CURVE[:2])])
    found = told(500)
    assert found is not None
    assert found.beyond
    assert (found.runs, found.shown_kimg, found.kid[0]) == (1, 80, pytest.approx(25))
    assert "the longest measured" in found.sentence()


@pytest.mark.parametrize(
    "asked",
    [
        {"kimg": 2},
        {"kimg": 20, "resolution": 128},
        {"kimg": 20, "start": "knee-64"},
        {"kimg": 20, "images": 200},
        {"kimg": 20, "images": 0},
        {"kimg": 20, "plan": PLAN | {"gamma": 1.0}},
        {"kimg": 20, "plan": PLAN | {"architecture": "dcgan"}},
    ],
    ids=[
        "too short",
        "other size",
        "other start",
        "far fewer images",
        "no images",
        "other gamma",
        "other networks",
    ],
)
def test_nothing_is_said_of_trainings_unlike_all_that_were_measured(table, asked) -> None:
    table(rows(RUN))
    assert told(**asked) is None


def test_of_several_numbers_of_images_the_nearest_is_told_about(table) -> None:
    table([*rows(RUN), *rows(RUN | {"run": "few", "images": 300})])
    found = told(20, images=500)
    assert found is not None
    assert found.images == 300


def test_the_table_that_ships_predicts_its_own_runs() -> None:
    found = measured()
    assert found
    for row in found:
        plan = {name: row[name] for name in PLAN}
        start = row["start"] or None
        expected = expect(
            plan, int(row["resolution"]), int(row["images"]), start, float(row["kimg"]), row["extractor"]
        )
        assert expected is not None
        assert expected.kid[0] * 0.999 <= float(row["kid"]) <= expected.kid[1] * 1.001

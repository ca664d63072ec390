"""Tables made elsewhere: what is missing is left out and said, what no reader can have answered is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import gist
from gist.cli.app import app
from gist.errors import InputError

KEY = "image,truth\n1,real\n2,synthetic\n3,real\n4,synthetic\n"
ANSWERS = "reader,image,answer\nA,1,real\nA,2,synthetic\nA,3,synthetic\nA,4,synthetic\n"


def scored(folder: Path, answers: str, key: str = KEY) -> gist.reader.Score:
    (folder / "answers.csv").write_text(answers, encoding="utf-8")
    (folder / "key.csv").write_text(key, encoding="utf-8")
    return gist.reader.score(folder / "answers.csv", folder / "key.csv")


def test_the_command_writes_every_number(folder: Path) -> None:
    scored(folder, ANSWERS)
    files = ["--answers", folder / "answers.csv", "--key", folder / "key.csv", "--json", folder / "out.json"]
    result = CliRunner().invoke(app, ["reader", "score", *map(str, files)], catch_exceptions=False)
    assert result.exit_code == 0
    assert "right in 3 of 4 answers" in " ".join(result.output.split())
    found = json.loads((folder / "out.json").read_text())
    assert found["counts"]["right"] == 3
    assert (found["accuracy"], found["sensitivity"], found["specificity"]) == (0.75, 1, 0.5)
    assert {
        "p_value",
        "intervals",
        "d_prime",
        "criterion",
        "auc",
        "kappas",
        "equivalence",
        "readers",
    } <= found.keys()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_a_spreadsheet_writes_reads_alike(folder: Path, delimiter: str) -> None:
    plain = scored(folder, ANSWERS)
    table = "\ufeff" + ANSWERS.replace("real", " Real ").replace("reader,image", "Reader,IMAGE").replace(
        ",", delimiter
    )
    assert scored(folder, table.replace("\n", "\r\n"), KEY.replace(",", delimiter)) == plain


@pytest.mark.parametrize("nothing", ["", "NaN", "n/a", "None", " "])
def test_a_missing_answer_is_left_out_and_said(folder: Path, nothing: str) -> None:
    found = scored(folder, ANSWERS.replace("A,4,synthetic", f"A,4,{nothing}"))
    assert (found.counts["right"], found.counts["readings"]) == (2, 3)
    assert "Left out: 1 row without an answer." in found.notes
    assert any("Reader A answered 3 of 4 images" in note for note in found.notes)


@pytest.mark.parametrize(
    ("answers", "key", "said"),
    [
        (ANSWERS + "A,1,real\n", KEY, r"Reader A answered image 1 twice, in line 2 .* and line 6"),
        (
            ANSWERS + "A,9,real\n",
            KEY,
            r"Image 9, in line 6 .* is not in the key: the answers are of another study",
        ),
        (ANSWERS + "B,1,fake\n", KEY, r"The answer “fake” in line 6 .* is none of real and synthetic"),
        (ANSWERS + ",1,real\n", KEY, r"No reader is named in line 6"),
        (ANSWERS + "B,1\n", KEY, r"Line 6 of answers.csv has not as many cells"),
        (
            "reader,image\nA,1\n",
            KEY,
            r"answers.csv has no column “answer”; answers need reader, image and answer",
        ),
        ("reader,image,answer\n", KEY, r"hold none that counts"),
        ("reader,image,answer\nA,1,\n", KEY, r"hold none that counts"),
        ("", KEY, r"hold none that counts"),
        (ANSWERS, "image,truth\n", r"The key holds no image"),
        (ANSWERS, KEY + "1,real\n", r"The key holds image 1 twice, again in line 6"),
        (ANSWERS, KEY + "5,maybe\n", r"The key says “maybe” in line 6"),
        (ANSWERS, KEY + "5,left\n", r"The key mixes"),
        (
            "reader,image,answer,confidence\nA,1,real,6\n",
            KEY,
            r"The confidence “6” in line 2 .* not one of 1 to 5",
        ),
        (
            "reader,image,answer,confidence\nA,1,real,sure\n",
            KEY,
            r"“sure” in line 2 .*column confidence, is no number",
        ),
        ("reader,image,answer,seconds\nA,1,real,-3\n", KEY, r"“seconds” and “repeat” in line 2"),
        ("reader,image,answer,repeat\nA,1,real,1\n", KEY, r"hold none that counts"),
        ('reader,image,answer\nA,1,"real\n', KEY, r"no CSV table"),
    ],
)
def test_what_nobody_can_have_answered_is_refused(folder: Path, answers: str, key: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        scored(folder, answers, key)


def test_no_file_and_no_text(folder: Path) -> None:
    (folder / "key.csv").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    with pytest.raises(InputError, match=r"There is no file .*answers.csv; give the CSV file of answers"):
        gist.reader.score(folder / "answers.csv", [{"image": 1, "truth": "real"}])
    with pytest.raises(InputError, match=r"is no text in UTF-8"):
        gist.reader.score([], folder / "key.csv")


@pytest.mark.parametrize("margin", [0, 0.5, -0.1, float("nan")])
def test_a_margin_that_is_none(margin: float) -> None:
    with pytest.raises(InputError, match=r"is none; it is a share"):
        gist.reader.score(
            [{"reader": "A", "image": 1, "answer": "real"}], [{"image": 1, "truth": "real"}], margin=margin
        )


def test_a_key_of_one_kind_has_no_specificity_and_that_is_said() -> None:
    answers = [{"reader": "A", "image": image, "answer": "synthetic"} for image in range(4)]
    found = gist.reader.score(answers, [{"image": image, "truth": "synthetic"} for image in range(4)])
    assert (found.specificity, found.d_prime, found.auc) == (None, None, None)
    assert any("always gives the same answer" in note for note in found.notes)


def test_confidence_makes_a_scale_from_surely_real_to_surely_synthetic() -> None:
    key = [{"image": i, "truth": "synthetic" if i < 4 else "real"} for i in range(8)]
    said = [
        ("synthetic", 5),
        ("synthetic", 1),
        ("real", 1),
        ("real", 5),
        ("real", 5),
        ("real", 4),
        ("real", 2),
        ("synthetic", 2),
    ]
    answers = [
        {"reader": "A", "image": i, "answer": answer, "confidence": confidence}
        for i, (answer, confidence) in enumerate(said)
    ]
    # Ratings 5, 1, -1, -5 against -5, -4, -2, 2: 4 + 3 + 3 + 1/2 of 16 pairs.
    assert gist.reader.score(answers, key).auc == 10.5 / 16
    answers[0]["confidence"] = float("nan")
    found = gist.reader.score(answers, key)
    assert found.auc is None
    assert any("came without confidence" in note for note in found.notes)


def test_second_readings_count_for_agreement_only() -> None:
    key = [{"image": i, "truth": "synthetic" if i % 2 else "real"} for i in range(6)]
    rows = [{"reader": "A", "image": i, "answer": "real", "repeat": 0} for i in range(6)]
    again = [
        {"reader": "A", "image": i, "answer": "real" if i else "synthetic", "repeat": 1} for i in range(4)
    ]
    found = gist.reader.score(rows + again, key)
    assert found.counts["readings"] == 6
    (own,) = found.kappas.with_self
    assert (own.images, own.agreement) == (4, 0.75)


def test_readers_who_all_say_the_same_have_no_kappa() -> None:
    key = [{"image": i, "truth": "synthetic" if i % 2 else "real"} for i in range(6)]
    found = gist.reader.score(
        [{"reader": r, "image": i, "answer": "real"} for r in "AB" for i in range(6)], key
    )
    assert found.kappas.fleiss is not None
    assert (found.kappas.fleiss.value, found.kappas.fleiss.agreement) == (None, 1)
    json.loads(found.model_dump_json())


def test_a_reader_who_hardly_began_does_not_stand_for_readers() -> None:
    key = [{"image": i, "truth": "synthetic" if i % 2 else "real"} for i in range(20)]
    answers = [
        {"reader": reader, "image": i, "answer": "synthetic" if (i * k) % 3 else "real"}
        for k, (reader, most) in enumerate((("A", 20), ("B", 20), ("C", 4)), start=1)
        for i in range(most)
    ]
    found = gist.reader.score(answers, key)
    assert found.several_readers is not None
    assert (found.several_readers.accuracy.readers, found.several_readers.accuracy.images) == (2, 20)
    assert any("leaves out C, who answered fewer than half" in note for note in found.notes)


def test_what_gave_images_away_is_ranked_with_those_images() -> None:
    key = [{"image": i, "truth": "synthetic" if i < 3 else "real"} for i in range(5)]
    cues = ["blur;joint", "blur", "blur; joint", "joint", ""]
    answers = [
        {"reader": "A", "image": i, "answer": "synthetic", "cues": cue, "seconds": 2 + i}
        for i, cue in enumerate(cues)
    ]
    found = gist.reader.score(answers, key)
    assert [(cue.name, cue.ticked, cue.synthetic, cue.images) for cue in found.cues] == [
        ("blur", 3, 3, ("0", "1", "2")),
        ("joint", 3, 2, ("0", "2", "3")),
    ]
    assert found.seconds is not None
    assert (found.seconds.median, found.seconds.median_right, found.seconds.median_wrong) == (4, 3, 5.5)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 9), st.booleans(), st.integers(1, 5)),
        min_size=1,
        max_size=40,
        unique_by=lambda row: row[:2],
    )
)
def test_any_answers_give_numbers_that_fit_together(rows: list[tuple[int, int, bool, int]]) -> None:
    key = [{"image": i, "truth": "synthetic" if i % 2 else "real"} for i in range(10)]
    answers = [
        {
            "reader": f"R{reader}",
            "image": image,
            "answer": "synthetic" if said else "real",
            "confidence": confidence,
        }
        for reader, image, said, confidence in rows
    ]
    found = gist.reader.score(answers, key)
    assert found == gist.reader.Score.model_validate_json(found.model_dump_json())
    assert (
        found.counts["readings"]
        == len(rows)
        == sum(n for name, n in found.counts.items() if " called " in name)
    )
    assert 0 <= found.p_value <= 1
    assert 0 <= found.equivalence.p_value <= 1
    for name in ("accuracy", "sensitivity", "specificity", "auc"):
        if name in found.intervals:
            low, high = found.intervals[name]
            assert 0 <= low <= high <= 1
    assert found.equivalence.shown == (found.equivalence.p_value < 0.05)

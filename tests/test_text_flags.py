"""Which real images no page may show, read from the table of the prepare stage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_runs import prepared, write_text_flags

from gist.runs.folder import RunFolder
from gist.runs.text_flags import read_text_flags
from gist.stages.prepare import PrepareResult


@pytest.fixture
def run(folder: Path) -> RunFolder:
    (folder / "run/prepare").mkdir(parents=True)
    return RunFolder(folder / "run")


@pytest.fixture
def preparation() -> PrepareResult:
    return prepared({"": np.zeros((6, 8, 8), np.uint8)}, {"": np.zeros((4, 8, 8), np.uint8)})


def test_text_found_or_declared_is_flagged_and_text_painted_over_is_not(
    run: RunFolder, preparation: PrepareResult
) -> None:
    write_text_flags(
        run,
        ("a", "train", "text in the pixels", "1 2 3 4"),
        ("b", "train", "enlarged; declares burned-in text", ""),
        ("c", "train", "text in the pixels painted over", "1 2 3 4"),
        ("d", "train", "", ""),
        ("a", "test", "", ""),
        ("b", "test", "", "1 2 3 4; 5 6 7 8"),
        ("c", "val", "", "1 2 3 4"),
    )
    found = read_text_flags(run, preparation)
    assert (found.training, found.held_out) == ({"a", "b"}, {"b"})
    assert found.sentence.startswith("3 of 10 real images seem to show text")


@pytest.mark.parametrize(
    ("search", "words"), [("strokes", ""), ("words", ""), ("none", "was not looked for")]
)
def test_no_flag_means_no_sentence_unless_nobody_looked(
    run: RunFolder, preparation: PrepareResult, search: str, words: str
) -> None:
    write_text_flags(run, ("a", "train", "", ""))
    found = read_text_flags(run, preparation.model_copy(update={"text_search": search}))
    assert words in found.sentence
    assert bool(words) == bool(found.sentence)


def test_a_missing_table_is_told(run: RunFolder, preparation: PrepareResult) -> None:
    assert "could not be left out" in read_text_flags(run, preparation).sentence

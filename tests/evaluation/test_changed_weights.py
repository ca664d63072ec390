"""Which weights an evaluation read is told by their content, for a run folder knows no path of the user's disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from known_images import textured
from random_weights import dino_tensors

import gist
from gist.config import as_yaml, build_config
from gist.errors import InputError
from gist.files import sha256_of
from gist.progress import Silent
from gist.runs.folder import RunFolder


class Notes(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


def test_other_weights_in_the_same_file_evaluate_again_and_their_path_stays_out(
    make_run: Callable[..., RunFolder], folder: Path
) -> None:
    run = make_run({"": textured(24, 1)}, {"": textured(12, 2)}, {"": textured(12, 3)})
    config = build_config({"device": "cpu", "threads": 1, "evaluate": {"permutations": 19, "shown": 2}})
    run.config_file.write_text(as_yaml(config))
    file = folder / "weights of DOE.pth"
    tensors = dino_tensors(width=64, depth=1, grid=16)
    torch.save(tensors, file)
    first = gist.evaluate(run.path, extractor="dinov2", weights=file)
    notes = Notes()
    gist.evaluate(run.path, extractor="dinov2", weights=file, progress=notes)
    assert "evaluate: done already." in notes.lines

    tensors["patch_embed.proj.weight"] = -tensors["patch_embed.proj.weight"].flip(0)
    torch.save(tensors, file)
    second = gist.evaluate(run.path, extractor="dinov2", weights=file, progress=notes)
    again = "since the file that evaluate.weights names is another than before."
    assert any(again in line for line in notes.lines)
    assert first.scores != second.scores
    record = run.record("evaluate")
    assert record is not None
    assert record.inputs["weights"] == sha256_of(file)
    assert "DOE" not in (run.path / "evaluate" / "stage.json").read_text()
    standing = {entry.stage: entry.state for entry in gist.status(run.path)}
    assert standing["evaluate"] == "done", "without the file's name nothing is compared"

    file.unlink()
    with pytest.raises(InputError, match="weights of DOE"):
        gist.evaluate(run.path, extractor="dinov2", weights=file)
    assert (run.path / "evaluate" / "scores.json").is_file()

"""A run with held-out and synthetic images, made without training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from made_runs import Images, finish, generated, prepared, write_archive

from gist.config import as_yaml, build_config
from gist.runs.folder import RunFolder

CLASSES = ("mild", "severe")


def made_run(
    path: Path,
    real: Images,
    synthetic: Images,
    training: Images,
    patients: tuple[str, str] = ("held", "seen"),
) -> RunFolder:
    """A run of two classes whose patients are named after these words."""
    run = RunFolder(path)
    halves = {
        part: {name: images[index::2] for index, name in enumerate(CLASSES)}
        for part, images in (("test", real), ("synthetic", synthetic), ("train", training))
    }
    names = {
        part: write_archive(path / file, halves[part])
        for part, file in (
            ("test", "prepare/test.zip"),
            ("train", "prepare/train.zip"),
            ("synthetic", "generate/synthetic.zip"),
        )
    }
    rows = ["image,split,patient,remarks,text"]
    for part, word in (("test", patients[0]), ("train", patients[1])):
        rows += [f"{name},{part},{word and f'{word}-{number}'},," for number, name in enumerate(names[part])]
    (path / "prepare/records.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    finish(run, "prepare", prepared(halves["train"], halves["test"]))
    finish(run, "generate", generated(halves["synthetic"]))
    run.config_file.write_text(as_yaml(build_config({"name": "knee", "folder": str(path)})), encoding="utf-8")
    return run


def deep(images: Images) -> Images:
    """The same in 16 bits, with levels that 8 bits do not have."""
    return (images.astype(np.uint16) << 8) | (images[:, ::-1] >> 1)

"""One training, one file: `utility/trained/<key>.json`, named by everything that went into it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gist.files import write_atomic
from gist.stages.promise import Result

FORMAT = 1
"""Counted up whenever equal inputs would train otherwise."""


class Trial(Result):
    """A finished training with what it predicted."""

    classifier: str
    weights: str
    """`from scratch`, or which file it started from."""
    arm: str
    seed: int
    steps: int
    best_step: int
    validation: tuple[float, ...]
    """Balanced accuracy on the validation images at each look."""
    predicted: dict[str, tuple[int, ...]]
    """Test images -> predicted class numbers."""
    seconds: float


def trial_key(**inputs: Any) -> str:
    """Digest of all that decides a training: images, labels, classifier, weights, steps, seed."""
    text = json.dumps({"format": FORMAT, **inputs}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def read_trial(folder: Path, key: str) -> Trial | None:
    """The training kept under the key, None if there is none that can be read."""
    try:
        return Trial.model_validate_json((folder / f"{key}.json").read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None


def keep_trial(folder: Path, key: str, trial: Trial) -> None:
    """Writes the training so that it is there as a whole or not at all."""
    write_atomic(folder / f"{key}.json", trial.model_dump_json().encode())

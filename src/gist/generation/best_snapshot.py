"""Which snapshot of a training is best: by the table of evaluated snapshots, else by the scores of the training."""

from __future__ import annotations

import json
from pathlib import Path

from gist.config import Config
from gist.files import sha256_of
from gist.intake.source_state import source_state
from gist.runs.folder import RunFolder
from gist.stages.prepare import PrepareConfig


def best_snapshot(run: RunFolder) -> Path | None:
    """The snapshot that `gist evaluate --all-snapshots` found best, if it saw them all, else the train stage's.

    None where no snapshot has been scored.
    """
    return _best_evaluated(run) or _best_of_training(run)


def generate_inputs(config: Config, run: RunFolder) -> dict[str, str]:
    """The best snapshot, the key that signs, what a filter looks with and the set made elsewhere, where asked for."""
    if config.generate.source is not None:
        settings = PrepareConfig(source=config.generate.source, labels=config.generate.labels)
        return {"source": source_state(settings)}
    key = config.generate.credentials
    signs = {"credentials": sha256_of(key)} if key is not None and key.is_file() else {}
    eye = {} if config.generate.min_novelty is None else {"the audit’s eye": _eye(config)}
    if config.generate.network != "best":
        return signs | eye
    best = best_snapshot(run)
    return signs | eye | {"best snapshot": best.name if best is not None else ""}


def _eye(config: Config) -> str:
    """What another eye, or other hold-out images before it, would be told by."""
    return f"{config.privacy.steps} {config.privacy.max_images} {config.evaluate.extractor}"


def _best_evaluated(run: RunFolder) -> Path | None:
    snapshots = {file.name: file for file in (run.path / "train" / "snapshots").glob("network-*.safetensors")}
    try:
        table = json.loads((run.path / "evaluate" / "snapshots.json").read_text(encoding="utf-8"))
        if {entry["file"] for entry in table["snapshots"]} != set(snapshots):
            return None
        return snapshots[table["best"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _best_of_training(run: RunFolder) -> Path | None:
    try:
        best = json.loads((run.path / "train" / "best.json").read_text(encoding="utf-8"))
        return run.path / str(best["file"])
    except (OSError, ValueError, KeyError, TypeError):
        return None

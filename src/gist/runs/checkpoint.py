"""Checkpoints that survive any kill: whole folders, renamed into place, checked by SHA-256 when read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from gist.files import sha256_of, write_atomic, write_json

KEPT = 3
"""Newest checkpoints kept."""


def save_checkpoint(
    folder: Path, images: int, tensors: dict[str, torch.Tensor], facts: dict[str, Any]
) -> Path:
    """Writes checkpoint `images` under `folder` and removes all but the newest few.

    Args:
        folder: holds all checkpoints of a run.
        images: real images seen; names the checkpoint.
        tensors: state to save.
        facts: JSON-friendly counters to save with it.
    """
    final = folder / f"{images:010d}"
    building = folder / f".{images:010d}.part"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    state = building / "state.safetensors"
    contiguous = {name: value.detach().contiguous() for name, value in tensors.items()}
    write_atomic(state, safetensors.torch.save(contiguous))
    write_json(building / "facts.json", facts | {"images": images, "sha256": sha256_of(state)})
    if final.exists():
        shutil.rmtree(final)
    building.replace(final)
    for old in _newest_first(folder)[KEPT:]:
        shutil.rmtree(old)
    return final


def load_newest(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
    """The newest checkpoint whose checksum is right, as (tensors, facts); None where there is none."""
    for path in _newest_first(folder):
        try:
            facts = json.loads((path / "facts.json").read_text(encoding="utf-8"))
            state = path / "state.safetensors"
            if sha256_of(state) != facts["sha256"]:
                continue
            return safetensors.torch.load_file(state), facts
        except (OSError, ValueError, KeyError, safetensors.SafetensorError):
            continue
    return None


def remove_unfinished(folder: Path) -> None:
    """Removes what a killed process left half written."""
    for building in folder.glob(".*.part"):
        shutil.rmtree(building, ignore_errors=True)


def _newest_first(folder: Path) -> list[Path]:
    return sorted((path for path in folder.glob("[0-9]*") if path.is_dir()), reverse=True)

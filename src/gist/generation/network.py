"""Which network file a run draws from, and what it holds."""

from __future__ import annotations

from pathlib import Path

from gist.errors import InputError
from gist.generation.best_snapshot import best_snapshot
from gist.generators.model import Model
from gist.generators.network_file import load_network
from gist.generators.start import shipped_file
from gist.runs.folder import RunFolder
from gist.runs.results import finished_result
from gist.stages.networks import SHIPPED
from gist.stages.train import TrainResult


def comes_from_training(wanted: str | Path) -> bool:
    """Whether `generate.network` means what a training leaves in the run folder, under names that it chooses."""
    return isinstance(wanted, str) and wanted not in SHIPPED


def find_network(wanted: str | Path, run: RunFolder) -> Path:
    """The network file meant by `generate.network`.

    Raises:
        InputError: there is none.
    """
    if wanted in SHIPPED:
        return shipped_file(str(wanted))
    snapshots = sorted((run.path / "train" / "snapshots").glob("network-*.safetensors"))
    if wanted == "latest":
        trained = finished_result(run, TrainResult)
        if trained is not None:
            file = run.path / trained.snapshots[-1].file
            if not file.is_file():
                left = ", ".join(f"`--network {each.stem}`" for each in snapshots[-3:])
                raise InputError(
                    f"The snapshot {file} is gone; put it back, {f'use one that is left ({left}), ' if left else ''}or "
                    f"`gist train {run.path}` trains again."
                )
            return file
        if snapshots:
            return snapshots[-1]
        raise InputError(
            f"{run.path} holds no trained network; run the train stage or set generate.network to a file."
        )
    if wanted == "best":
        best = best_snapshot(run)
        if best is None:
            raise InputError(
                f"No snapshot in {run.path} has been scored; run `gist evaluate RUN --all-snapshots`, set "
                "train.best_by=kid with images held out, or use generate.network=latest."
            )
        return best
    for candidate in (Path(wanted), run.path / "train" / "snapshots" / wanted):
        for file in (candidate, candidate.with_name(candidate.name + ".safetensors")):
            if file.is_file():
                return file
    known = ", ".join(file.stem for file in snapshots[-3:])
    newest = f", one of the newest snapshots in {run.path} ({known})" if known else ""
    raise InputError(
        f"There is no network '{wanted}'; give a network file{newest}, or one of {', '.join(SHIPPED)}."
    )


def read_network(file: Path) -> tuple[Model, tuple[str, ...]]:
    """The model in a network file, and the names of its classes.

    Raises:
        InputError: it is not a network file.
    """
    model, metadata = load_network(file)
    return model, tuple(str(name) for name in metadata.get("class_names", ()))

"""What a run folder holds for its report: results of finished stages, real images that no page may show, manifest."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from gist.config import STAGES, Config
from gist.errors import InputError
from gist.images.archive import DataSet, read_data_set
from gist.phantoms import is_phantom_data_set
from gist.runs.folder import RunFolder, StageRecord
from gist.runs.results import AnyResult, parsed, stage_of
from gist.runs.text_flags import NO_FLAGS, TextFlags, read_text_flags
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.stages.promise import Result, StageName


@dataclass(frozen=True)
class Findings:
    """Everything that pages draw on."""

    run: RunFolder
    config: Config
    results: dict[StageName, Result]
    """Of finished stages only, in the order of the pipeline."""
    records: dict[StageName, StageRecord]
    """Of the same stages."""
    manifest: dict[str, Any]
    phantoms: bool
    """Whether the images that went in are gist's own phantoms, as far as is known."""
    outdated: tuple[tuple[StageName, StageName], ...]
    """Pairs (stage, upstream) where the upstream stage was redone after the stage had read it."""

    @property
    def title(self) -> str:
        """Heading of whatever is written about the run, or about a synthetic set of it that has a name."""
        title = self.config.report.title or self.config.name
        return title if self.run.set_name is None else f"{title}, synthetic set {self.run.set_name}"

    @property
    def kind(self) -> str:
        """What one of the real images is called: phantom, radiograph or image."""
        prepared = self.of(PrepareResult)
        return "phantom" if self.phantoms else "image" if prepared is None else prepared.kind

    def of(self, kind: type[AnyResult]) -> AnyResult | None:
        """What the stage with this kind of result returned; None where it has not finished."""
        found = self.results.get(stage_of(kind))
        return found if isinstance(found, kind) else None

    def is_current(self, stage: StageName) -> bool:
        """Whether a finished stage read what the stages before it hold now."""
        return stage in self.results and stage not in {outdated for outdated, _ in self.outdated}

    @cached_property
    def training(self) -> DataSet | None:
        """Real images that the generator learned from."""
        prepared = self.of(PrepareResult)
        return None if prepared is None else read_data_set(self.run.path / prepared.train_archive)

    @cached_property
    def held_out(self) -> DataSet | None:
        """Real images that it never saw; None where there are none."""
        prepared = self.of(PrepareResult)
        if prepared is None or prepared.test_archive is None or not prepared.test_images:
            return None
        return read_data_set(self.run.path / prepared.test_archive)

    @cached_property
    def synthetic(self) -> DataSet | None:
        """Images that were drawn."""
        generated = self.of(GenerateResult)
        return None if generated is None else read_data_set(self.run.path / generated.archive)

    @cached_property
    def text(self) -> TextFlags:
        """Real images that no page may show, as their text may be a name."""
        prepared = self.of(PrepareResult)
        return NO_FLAGS if prepared is None else read_text_flags(self.run, prepared)


def read_findings(config: Config, run: RunFolder, before: StageName) -> Findings:
    """Reads the records of all stages that stand before the stage `before`.

    Raises:
        InputError: no stage is finished, or a record was written by another version of gist.
    """
    records: dict[StageName, StageRecord] = {}
    results: dict[StageName, Result] = {}
    for name in STAGES[before].earlier:
        record = run.record(name)
        if record is not None and record.state == "done":
            result = parsed(record, STAGES[name].promise.result, run)
            if result is not None:
                records[name], results[name] = record, result
    if not results:
        raise InputError(f"{run.path} holds no finished stage to report on; run `gist prepare` on it first.")
    prepared = next((result for result in results.values() if isinstance(result, PrepareResult)), None)
    return Findings(
        run=run,
        config=config,
        results=results,
        records=records,
        manifest=_manifest(run),
        phantoms=prepared is not None and are_phantoms(config, run, prepared),
        outdated=_outdated(records),
    )


def without_paths(value: Any, dropped: Collection[str] = ()) -> Any:
    """A JSON value fit for a page that is passed on: folder names may hold a patient's name.

    Keys in `dropped` are left out; paths from the root, or that leave the run folder, are cut to their last part.
    """
    if isinstance(value, dict):
        return {key: without_paths(item, dropped) for key, item in value.items() if key not in dropped}
    if isinstance(value, list | tuple):
        return [without_paths(item, dropped) for item in value]
    if isinstance(value, str):
        for kind in (PurePosixPath, PureWindowsPath):
            if kind(value).is_absolute() or value.startswith(("~", "..")):
                return kind(value).name
    return value


def are_phantoms(config: Config, run: RunFolder, prepared: PrepareResult) -> bool:
    """Whether the images that went in are gist's own phantoms; of older runs as far as their folder tells."""
    if prepared.phantoms is not None:
        return prepared.phantoms
    # The demo keeps its phantoms in the run folder, which forgets the paths of the user's disk.
    source: Path = config.prepare.source or run.path / "phantoms"
    return is_phantom_data_set(source, prepared.train_images + prepared.val_images + prepared.test_images)


def _manifest(run: RunFolder) -> dict[str, Any]:
    try:
        manifest = json.loads(run.manifest_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return without_paths(manifest, {"folder", "run_folder"}) if isinstance(manifest, dict) else {}


def _outdated(records: dict[StageName, StageRecord]) -> tuple[tuple[StageName, StageName], ...]:
    return tuple(
        (stage, upstream)
        for stage, record in records.items()
        for upstream in STAGES
        if upstream in record.inputs
        and upstream in records
        and record.inputs[upstream] != records[upstream].digest
    )

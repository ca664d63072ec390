"""The public verbs: what `import gist` offers and the command line calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gist.config import Config, build_config, load_config
from gist.errors import InputError
from gist.pipeline import RunResult, StageStatus, open_run, run_stages
from gist.pipeline import status as _status
from gist.planning import Plan, plan_run
from gist.progress import Progress, Silent
from gist.results import EvaluateResult, GenerateResult, PrepareResult, ReportResult, TrainResult
from gist.run_folder import STAGE_NAMES, StageName


def run(
    settings: Path | str | Config,
    *,
    stages: Sequence[str] = STAGE_NAMES,
    changes: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> RunResult:
    """Brings the chosen stages of a run up to date; calling it again continues or does nothing.

    Args:
        settings: YAML file or ready settings.
        stages: any of prepare, train, generate, evaluate, report.
        changes: settings to change, by dotted name: `{"train.kimg": 20}`.

    Raises:
        gist.errors.InputError: settings or data are wrong; the sentence says what to do.
        gist.errors.GistError: anything else that stopped it.
    """
    config = (
        _with_changes(settings, changes) if isinstance(settings, Config) else load_config(settings, changes)
    )
    return run_stages(config, check_stages(stages), progress or Silent())


def check_stages(names: Sequence[str]) -> list[StageName]:
    """The names as stages.

    Raises:
        InputError: one of them is no stage.
    """
    for name in names:
        if name not in STAGE_NAMES:
            raise InputError(f"'{name}' is not a stage; choose from {', '.join(STAGE_NAMES)}.")
    return [name for name in STAGE_NAMES if name in names]


def prepare(
    source: Path | str, folder: Path | str, *, progress: Progress | None = None, **settings: Any
) -> PrepareResult:
    """Turns a folder of radiographs into archives inside the run folder `folder`; settings as in PrepareConfig."""
    config = _existing_or_new(folder)
    config = _with_changes(config, {"prepare.source": str(source), **_of_section("prepare", settings)})
    result = run_stages(config, ["prepare"], progress or Silent()).prepare
    assert result is not None
    return result


def train(folder: Path | str, *, progress: Progress | None = None, **settings: Any) -> TrainResult:
    """Trains on the prepared data of a run folder; settings as in TrainConfig."""
    result = _run_one(folder, "train", settings, progress).train
    assert result is not None
    return result


def generate(folder: Path | str, *, progress: Progress | None = None, **settings: Any) -> GenerateResult:
    """Draws synthetic images into a run folder; settings as in GenerateConfig."""
    config = _with_changes(_existing_or_new(folder), _of_section("generate", settings))
    result = run_stages(config, ["generate"], progress or Silent()).generate
    assert result is not None
    return result


def evaluate(folder: Path | str, *, progress: Progress | None = None, **settings: Any) -> EvaluateResult:
    """Compares the synthetic images of a run folder with its held-out real ones; settings as in EvaluateConfig."""
    result = _run_one(folder, "evaluate", settings, progress).evaluate
    assert result is not None
    return result


def report(folder: Path | str, *, progress: Progress | None = None, **settings: Any) -> ReportResult:
    """Writes the report of a run folder; settings as in ReportConfig."""
    result = _run_one(folder, "report", settings, progress).report
    assert result is not None
    return result


def status(folder: Path | str) -> list[StageStatus]:
    """Where every stage of a run folder stands."""
    return _status(folder)


def plan(source: Path | str, changes: Mapping[str, Any] | None = None) -> Plan:
    """What is in a folder of radiographs and which settings gist would choose; writes nothing."""
    return plan_run(build_config({"prepare": {"source": str(source)}}, changes, where="plan"))


def demo(
    folder: Path | str = "runs/demo",
    *,
    from_scratch: bool = False,
    kimg: float | None = None,
    progress: Progress | None = None,
) -> RunResult:
    """The whole pipeline on built-in phantom radiographs."""
    from gist.demonstration import run_demo

    return run_demo(Path(folder), from_scratch=from_scratch, kimg=kimg, progress=progress or Silent())


def _run_one(
    folder: Path | str, stage: StageName, settings: Mapping[str, Any], progress: Progress | None
) -> RunResult:
    _, config = open_run(folder)
    return run_stages(_with_changes(config, _of_section(stage, settings)), [stage], progress or Silent())


def _existing_or_new(folder: Path | str) -> Config:
    if (Path(folder) / "config.yaml").exists():
        return open_run(folder)[1]
    return build_config({"folder": str(folder), "name": _name_from(Path(folder))})


def _name_from(folder: Path) -> str:
    kept = "".join(
        letter if letter.isascii() and letter.isalnum() else "-" for letter in folder.resolve().name
    )
    return kept.strip("-")[:64] or "run"


def _of_section(section: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{section}.{name}": value for name, value in settings.items()}


def _with_changes(config: Config, changes: Mapping[str, Any] | None) -> Config:
    return build_config(config.model_dump(mode="json"), changes) if changes else config

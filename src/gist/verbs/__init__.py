"""The public verbs: what `import gist` offers and the command line calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gist.config import Config, build_config, load_config
from gist.errors import InputError
from gist.progress import Progress, Silent
from gist.runs.folder import STAGE_NAMES
from gist.runs.pipeline import open_run, run_stages
from gist.runs.pipeline import status as _status
from gist.runs.results import RunResult
from gist.runs.standing import StageStatus
from gist.stages.evaluate import EvaluateResult, SnapshotCurve
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.stages.promise import StageName, unusual_settings
from gist.stages.report import ReportResult
from gist.stages.train import TrainResult
from gist.stages.utility import UtilityResult
from gist.verbs.planning import Plan, plan_run

if TYPE_CHECKING:
    from gist.generators.stylegan.official.importing import ImportedNetwork
    from gist.inspection import InspectionResult
    from gist.metrics.smoothness import Smoothness
    from gist.verbs.export import ExportResult


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
        stages: any of prepare, train, generate, evaluate, utility, report.
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
    settings = {"source": str(source), **settings}
    result = _run_one(_existing_or_new(folder), "prepare", settings, progress).prepare
    assert result is not None
    return result


def train(folder: Path | str, *, progress: Progress | None = None, **settings: Any) -> TrainResult:
    """Trains on the prepared data of a run folder; settings as in TrainConfig."""
    result = _run_one(open_run(folder)[1], "train", settings, progress).train
    assert result is not None
    return result


def generate(folder: Path | str, *, progress: Progress | None = None, **settings: Any) -> GenerateResult:
    """Draws synthetic images into a run folder; settings as in GenerateConfig."""
    result = _run_one(_existing_or_new(folder), "generate", settings, progress).generate
    assert result is not None
    return result


def evaluate(folder: Path | str, *, progress: Progress | None = None, **settings: Any) -> EvaluateResult:
    """Compares the synthetic images of a run folder with its held-out real ones; settings as in EvaluateConfig."""
    result = _run_one(open_run(folder)[1], "evaluate", settings, progress).evaluate
    assert result is not None
    return result


def evaluate_snapshots(
    folder: Path | str, *, progress: Progress | None = None, **settings: Any
) -> SnapshotCurve:
    """Evaluates every snapshot of a training on the same real images; settings as in EvaluateConfig.

    Snapshots that were evaluated before in the same way are not evaluated again.
    """
    from gist.evaluation import evaluate_snapshots as evaluate_all

    run, config = open_run(folder)
    with run.locked():
        config = _changed(config, "evaluate", settings, progress or Silent())
        return evaluate_all(config, run, progress or Silent())


def export_images(
    folder: Path | str, to: Literal["folder", "dicom"], out: Path | str, *, progress: Progress | None = None
) -> ExportResult:
    """Copies the synthetic images of a run folder into `out`: class folders of PNG or DICOM files, and labels.csv."""
    from gist.verbs.export import export_images as export

    run, _ = open_run(folder)
    with run.locked():
        return export(run, to, Path(out), progress or Silent())


def measure_utility(
    folder: Path | str, *, progress: Progress | None = None, **settings: Any
) -> UtilityResult:
    """GAN-train and GAN-test of the synthetic images of a run folder; settings as in UtilityConfig."""
    result = _run_one(open_run(folder)[1], "utility", settings, progress).utility
    assert result is not None
    return result


def report(folder: Path | str, *, progress: Progress | None = None, **settings: Any) -> ReportResult:
    """Writes the report of a run folder; settings as in ReportConfig."""
    result = _run_one(open_run(folder)[1], "report", settings, progress).report
    assert result is not None
    return result


def inspect(
    folder: Path | str, *, worst: int = 50, random: int = 50, progress: Progress | None = None
) -> Path:
    """Builds the page on which people tick the artifacts of a run's worst and of random synthetic images.

    Returns the page's file, which opens in any browser without a server.
    """
    from gist.inspection import write_page

    run, config = open_run(folder)
    with run.locked():
        return write_page(config, run, progress or Silent(), worst=worst, random=random)


def count_answers(folder: Path | str, answers: Path | str) -> InspectionResult:
    """Counts a file of answers that the inspection page saved: rates of artifacts with intervals."""
    from gist.inspection import count_answers as count

    run, _ = open_run(folder)
    with run.locked():
        return count(run, Path(answers))


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
    from gist.verbs.demonstration import run_demo

    return run_demo(Path(folder), from_scratch=from_scratch, kimg=kimg, progress=progress or Silent())


def import_network(source: Path | str, out: Path | str | None = None) -> ImportedNetwork:
    """Turns an official StyleGAN3 or StyleGAN2-ADA `.pkl` into gist's network files; executes nothing in it.

    Args:
        source: the official file.
        out: the network file to write, by default beside the source with the suffix `.safetensors`.

    Raises:
        InputError: the file is damaged, hostile or of an unsupported kind, or the result is already there.
    """
    from gist.generators.stylegan.official.importing import import_official

    return import_official(Path(source), None if out is None else Path(out))


def smoothness(network: Path | str, *, samples: int = 64, seed: int = 0) -> Smoothness:
    """EQ-T, EQ-T_frac, EQ-R (StyleGAN3 only) and the perceptual path length of a network file or official `.pkl`.

    Raises:
        InputError: the file is no network, or fewer than two samples were asked for.
    """
    from gist.generators.network_file import load_network
    from gist.generators.stylegan.official.state import load_official
    from gist.metrics.smoothness import smoothness as measure

    path = Path(network)
    G = load_official(path).G_ema if path.suffix == ".pkl" else load_network(path)[0]
    return measure(G, samples=samples, seed=seed)


def _run_one(
    config: Config, stage: StageName, settings: Mapping[str, Any], progress: Progress | None
) -> RunResult:
    progress = progress or Silent()
    return run_stages(_changed(config, stage, settings, progress), [stage], progress)


def _changed(config: Config, stage: StageName, settings: Mapping[str, Any], progress: Progress) -> Config:
    """The settings with those of one stage changed; says which of that stage's differ from the defaults."""
    changed = _with_changes(config, {f"{stage}.{name}": value for name, value in settings.items()})
    unusual = {name: _shown(value) for name, value in unusual_settings(getattr(changed, stage)).items()}
    given = ", ".join(f"{name} {value}" for name, value in unusual.items() if name in settings)
    earlier = ", ".join(f"{name} {value}" for name, value in unusual.items() if name not in settings)
    said = "; ".join(filter(None, (given, earlier and f"{earlier}, as an earlier command set")))
    if said:
        progress.note(f"{stage}: {said}.")
    return changed


def _shown(value: Any) -> str:
    """A setting as it is typed on the command line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {part}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(str, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _existing_or_new(folder: Path | str) -> Config:
    if (Path(folder) / "config.yaml").exists():
        return open_run(folder)[1]
    return build_config({"folder": str(folder), "name": _name_from(Path(folder))})


def _name_from(folder: Path) -> str:
    kept = "".join(
        letter if letter.isascii() and letter.isalnum() else "-" for letter in folder.resolve().name
    )
    return kept.strip("-")[:64] or "run"


def _with_changes(config: Config, changes: Mapping[str, Any] | None) -> Config:
    return build_config(config.model_dump(mode="json"), changes) if changes else config

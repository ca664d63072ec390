"""Sets of images that were made elsewhere, real ones and synthetic ones, judged like those of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Unpack

from gist.config import STAGES, Config, with_changes
from gist.config.reading import holds
from gist.errors import InputError
from gist.progress import Progress, Silent
from gist.runs.folder import RunFolder
from gist.runs.pipeline import run_stages
from gist.runs.results import RunResult
from gist.runs.standing import assess
from gist.stages.privacy import PrivacyResult
from gist.verbs.stages import existing_or_new, name_from
from gist.verbs.typed_settings import EvaluateSettings, PrivacySettings


def evaluate_folders(
    real: Path | str,
    synthetic: Path | str,
    train: Path | str | None = None,
    *,
    folder: Path | str | None = None,
    labels: Path | str | None = None,
    changes: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    **settings: Unpack[EvaluateSettings],
) -> RunResult:
    """Compares synthetic images that any program made with real ones; settings as in EvaluateConfig.

    Makes a run folder, on which `measure_utility`, `inspect` and `report` go on. Unequal numbers are cut to equal n.
    Each set is a folder, to any depth, or a zip; classes come from sub-folders, `dataset.json` or a table. The real
    images are prepared as `prepare` does; synthetic ones are brought to their size.

    >>> import gist
    >>> result = gist.evaluate_folders("real", "synthetic", train="training")  # doctest: +SKIP
    >>> [(score.name, score.value) for score in result.evaluate.scores]  # doctest: +SKIP

    Args:
        real: images that the generator has not seen.
        synthetic: images to judge.
        train: images that it learned from; without them one half of `real`, by patient, stands in for them.
        folder: run folder; by default `runs/SYNTHETIC-against-REAL`.
        labels: CSV of classes, looked up in each set first; a synthetic set without one has them by folders or
            `dataset.json`, or by `generate.labels` of `changes`.
        changes: other settings by dotted name, such as `{"prepare.label_column": "grade"}`.

    Raises:
        InputError: a set cannot be read, they share no class, or `folder` holds something else.
    """
    real, synthetic = Path(real), Path(synthetic)
    if folder is None:
        names = (
            name_from(side.with_suffix("") if side.suffix == ".zip" else side) for side in (synthetic, real)
        )
        folder = Path("runs") / "-against-".join(name[:27] for name in names)
    in_set = labels is not None and not Path(labels).is_absolute() and holds(synthetic, labels)
    tree: dict[str, Any] = {
        **({} if labels is None else {"prepare.labels": str(labels)}),
        **({"generate.labels": str(labels)} if in_set else {}),
        **({"prepare.test_fraction": 0.5} if train is None else {}),
        **{f"evaluate.{name}": value for name, value in settings.items()},
        **(changes or {}),
    }
    progress = progress or Silent()
    if train is None:
        progress.note(
            "Without --train one half of the real images, by patient, stands for what was learned from."
        )
    return _run_of_sets(
        "evaluate", real, synthetic, None if train is None else Path(train), folder, tree, progress
    )


def audit_folders(
    train: Path | str,
    hold_out: Path | str,
    synthetic: Path | str,
    *,
    folder: Path | str | None = None,
    changes: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    **settings: Unpack[PrivacySettings],
) -> PrivacyResult:
    """Looks for copies of training images in synthetic ones that any program made; settings as in PrivacyConfig.

    Each set is a folder, to any depth, or a zip; classes play no part. Without `folder` the images are prepared in a
    temporary one and nothing stays; a run folder can be continued, and `report` shows what was found.

    >>> import gist
    >>> gist.audit_folders("training", "held-out", "synthetic").verdict  # doctest: +SKIP
    'none found'

    Args:
        train: images that the generator learned from.
        hold_out: images of other patients, which it has not seen.
        synthetic: images to audit.
        folder: run folder; by default a temporary one.
        changes: other settings by dotted name.

    Raises:
        InputError: a set cannot be read or is empty, or `folder` holds something else.
    """
    tree = {
        "prepare.label_source": "none",
        **{f"privacy.{name}": value for name, value in settings.items()},
        **(changes or {}),
    }
    sets = Path(hold_out), Path(synthetic), Path(train)
    with TemporaryDirectory(prefix="gist-privacy-") as temporary:
        place = Path(temporary) / "audit" if folder is None else folder
        return _run_of_sets("privacy", *sets, place, tree, progress or Silent()).privacy


def _run_of_sets(
    stage: str,
    real: Path,
    synthetic: Path,
    train: Path | None,
    folder: Path | str,
    tree: Mapping[str, Any],
    progress: Progress,
) -> RunResult:
    """A run folder of sets that were made elsewhere, with a stage that judges them."""
    for side in (real, synthetic, *(() if train is None else (train,))):
        if not side.exists():
            raise InputError(f"There is no {side}; give a folder or a zip of images.")
    run = RunFolder(folder)
    if run.record("train") is not None:
        raise InputError(
            f"{folder} holds a trained generator and stays as it is; leave it out, or name a new run folder for sets "
            "that were made elsewhere."
        )
    tree = {
        "prepare.source": str(real if train is None else train),
        "prepare.held_out": None if train is None else str(real),
        "generate.source": str(synthetic),
        **tree,
    }
    config = existing_or_new(folder)
    if not run.config_file.exists() and "prepare.resolution" not in tree:
        tree["prepare.resolution"] = _common_resolution(with_changes(config, tree))
    config = with_changes(config, tree)
    for before in ("prepare", "generate"):
        standing = assess(STAGES[before], config, run)
        if standing.state == "stale":
            raise InputError(f"{folder} holds something else ({standing.why}); choose another run folder.")
    return run_stages(config, ("prepare", "generate", stage), progress)


def _common_resolution(config: Config) -> int:
    """The largest at which no set is enlarged, as far as headers tell."""
    from gist.intake.plain_set import settings_of_set
    from gist.intake.survey import inspect

    prepare, generate = config.prepare, config.generate
    assert prepare.source is not None
    assert generate.source is not None
    set_ = settings_of_set(prepare, generate.source, generate.labels, "auto")
    sides = [prepare, set_]
    if prepare.held_out is not None:
        sides.append(prepare.model_copy(update={"source": prepare.held_out, "held_out": None}))
    return min(inspect(side, config.device).resolution for side in sides)

"""What a training rests on, settled before its first step, so that the train stage and `--dry-run` refuse the same."""

from __future__ import annotations

import json
from collections.abc import Set
from dataclasses import replace
from typing import Any

from gist.config import STAGES, Config
from gist.errors import InputError
from gist.generators.learning.plan import GIVEN, Fingerprint, TrainingPlan
from gist.generators.model import Start
from gist.generators.planning import check_without_data, plan_training, settings_of
from gist.generators.registry import family_named
from gist.generators.start import load_start
from gist.machine.device import Device, choose_device
from gist.runs.folder import RunFolder
from gist.runs.results import finished_result
from gist.runs.standing import assess
from gist.stages.prepare import PrepareResult
from gist.stages.promise import StageName
from gist.stages.train import TrainSettings
from gist.training.hold_out import FEWEST

_CHEAP_SCORE_KIMG = 3.0
"""Where snapshots are this far apart, scoring them takes at most about 3 % of the training."""


def check_train(config: Config, run: RunFolder, ahead: Set[StageName]) -> None:
    """What `train` would refuse before its first step, told without training; only device and starting network where
    the data is still to be prepared.

    Raises:
        InputError: as there.
    """
    device = choose_device(config)
    if "prepare" in ahead:
        check_without_data(config.train, _start(config))
        return
    prepared = prepared_data(run)
    begun = assess(STAGES["train"], config, run).state not in ("stale", "not started")
    _, plan = plan_of_run(config, device, prepared, run if begun else None)
    scored_against(config.train, plan, prepared)


def plan_of_run(
    config: Config, device: Device, prepared: PrepareResult, begun: RunFolder | None
) -> tuple[Start | None, TrainingPlan]:
    """The starting network, where there is one, and the plan of a training on the prepared data.

    Where the training has `begun` in a run folder and left a checkpoint, what was chosen then stays chosen: another
    version of gist, or another device, might choose otherwise, and networks of other sizes could not go on.

    Raises:
        InputError: there is no such network, or the settings contradict it or the data.
    """
    start = _start(config)
    fingerprint = Fingerprint(prepared.train_images, prepared.resolution, prepared.class_names, device.on_gpu)
    chosen, reasons = ({}, {}) if begun is None else _chosen_before(config.train, begun)
    plan = plan_training(config.train.model_copy(update=chosen), fingerprint, start)
    return start, replace(plan, reasons=plan.reasons | reasons)


def _chosen_before(train: TrainSettings, run: RunFolder) -> tuple[dict[str, Any], dict[str, str]]:
    """By name what a training that has a checkpoint was planned with where the settings leave it to gist, and why."""
    folder = run.folder_of("train")
    if not any((folder / "checkpoints").glob("[0-9]*")):
        return {}, {}
    try:
        plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
        values, reasons = dict(plan["settings"]), dict(plan["reasons"])
        known = settings_of(family_named(values["architecture"]))
    except (OSError, ValueError, KeyError, TypeError):
        return {}, {}
    free = {name: type(train).model_fields[name] for name in known if getattr(train, name) == "auto"}
    chosen: dict[str, Any] = {}
    for name, field in free.items():
        marks = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        if marks.get("restarts") is False:  # may change in mid-training, as the length
            continue
        if name in values and reasons.get(name) not in (None, GIVEN):
            chosen[name] = values[name]
        elif name not in values and "before" in marks:
            chosen[name] = marks["before"]
    return chosen, {name: reasons.get(name, "as when this training began") for name in chosen}


def _start(config: Config) -> Start | None:
    return None if config.train.start_from is None else load_start(config.train.start_from)


def scored_against(train: TrainSettings, plan: TrainingPlan, prepared: PrepareResult) -> str | None:
    """Archive that snapshots are scored against: the part for choosing if there is one, else the hold-out.

    None where they are not scored. Raises InputError where the settings ask for scores that cannot be had.
    """
    archive = prepared.val_archive or prepared.test_archive
    held_out = prepared.val_images if prepared.val_archive else prepared.test_images
    cheap = plan.snapshot_kimg >= _CHEAP_SCORE_KIMG or train.patience_kimg is not None
    if archive is None or held_out < FEWEST:
        if train.best_by == "kid" or train.patience_kimg is not None:
            raise InputError(
                f"Choosing the best snapshot needs at least {FEWEST} held-out images and there are {held_out}; "
                "raise prepare.test_fraction, or set train.best_by=none and no train.patience_kimg."
            )
        return None
    if train.patience_kimg is not None and train.best_by == "none":
        raise InputError(
            "train.patience_kimg needs to know the best snapshot, so train.best_by cannot be none."
        )
    return archive if train.best_by == "kid" or (train.best_by == "auto" and cheap) else None


def prepared_data(run: RunFolder) -> PrepareResult:
    """What the prepare stage left.

    Raises:
        InputError: it has not run.
    """
    prepared = finished_result(run, PrepareResult)
    if prepared is None:
        raise InputError(f"{run.path} holds no prepared data; run the prepare stage first.")
    return prepared

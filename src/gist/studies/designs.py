"""What each kind of study compares: its trials, and the settings of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gist.config import Config, with_changes
from gist.errors import InputError
from gist.evaluation.set_reader import real_data
from gist.generators.registry import families
from gist.machine.device import choose_device
from gist.numerals import count
from gist.runs.results import result_of
from gist.stages.prepare import PrepareResult
from gist.studies.folder import StudyFolder
from gist.studies.measuring import judges
from gist.studies.record import Trial
from gist.training.preflight import plan_of_run

SCRATCH, TRANSFER = "scratch", "transfer"
LEAST_IMAGES = 4


def size_trials(sizes: Sequence[int], repeats: int, arms: Sequence[str]) -> list[Trial]:
    """Sizes x repeats of each arm; the first repeat of every size first."""
    return [
        Trial(
            name=f"{images:06d}-images-{arm}-{repeat}",
            group=f"{count(images)} images" + (", transfer" if arm == TRANSFER else ""),
            repeat=repeat,
            images=images,
            arm=arm,
        )
        for repeat in range(1, repeats + 1)
        for images in sizes
        for arm in arms
    ]


def transfer_trials(repeats: int) -> list[Trial]:
    """The whole training part, from scratch and from a network."""
    return [
        Trial(name=f"{arm}-{repeat}", group=arm, repeat=repeat, arm=arm)
        for repeat in range(1, repeats + 1)
        for arm in (SCRATCH, TRANSFER)
    ]


def architecture_trials(names: Sequence[str], repeats: int) -> list[Trial]:
    """Each kind of generator on the whole training part."""
    return [
        Trial(
            name=f"{name}-{repeat}",
            group=name,
            repeat=repeat,
            arm=name,
            settings={"train.architecture": name},
        )
        for repeat in range(1, repeats + 1)
        for name in names
    ]


def check_sizes(study: StudyFolder, sizes: Sequence[int]) -> None:
    """Raises InputError where sizes are too few, too small or more than the prepared training part."""
    if len(sizes) < 2 or len(set(sizes)) < len(sizes) or min(sizes) < LEAST_IMAGES:
        raise InputError(
            f"A size study needs two sizes or more, each given once and of {LEAST_IMAGES} images at least, such as "
            "--sizes 100,200,400."
        )
    prepared = result_of(study.base, PrepareResult, "a study")
    if max(sizes) > prepared.train_images:
        raise InputError(
            f"The study asks for {count(max(sizes))} images and the data has {count(prepared.train_images)} to learn "
            f"from, as {count(prepared.test_images + prepared.val_images)} are held out; leave the larger sizes out "
            "of --sizes."
        )


def check_repeats(repeats: int) -> None:
    """Raises InputError for less than one."""
    if repeats < 1:
        raise InputError(f"A study repeats each trial once at least, not {repeats} times; mend --repeats.")


def check_families(names: Sequence[str]) -> list[str]:
    """The named kinds of generators, or all; InputError where there is none of a name."""
    for name in names:
        if name not in families():
            raise InputError(f"There is no kind of generator '{name}'; choose of {', '.join(families())}.")
    return list(names) or list(families())


def trial_settings(
    study: StudyFolder,
    config: Config,
    trial: Trial,
    network: Path | str | None,
    changes: Mapping[str, Any],
) -> Config:
    """The settings of a trial's run: those of the study at one budget, the last snapshot and one mix of classes.

    A snapshot chosen by the hold-out would flatter what is then held against it, so the last one is drawn from.
    """
    start = network if trial.arm == TRANSFER else None
    fixed: dict[str, Any] = {
        "name": trial.name,
        "folder": study.run_of(trial).path,
        "seed": config.seed + trial.repeat - 1,
        "train.best_by": "none",
        "train.patience_kimg": None,
        "generate.network": "latest",
        "generate.per_class": _mix(study, config),
    }
    if network is not None:
        fixed["train.start_from"] = start
    return with_changes(config, fixed | trial.settings | dict(changes))


def equal_length(study: StudyFolder, config: Config) -> dict[str, Any]:
    """`train.kimg` of every trial, as gist would choose it for the whole data from scratch, where nobody gave it."""
    if config.train.kimg != "auto" or config.train.hours is not None:
        return {}
    prepared = result_of(study.base, PrepareResult, "a study")
    alone = with_changes(config, {"train.start_from": None})
    return {"train.kimg": plan_of_run(alone, choose_device(config), prepared, None)[1].kimg}


def _mix(study: StudyFolder, config: Config) -> dict[str, int] | None:
    """Images per class in the mix of the hold-out, `generate.count` together or a few less; None without classes."""
    prepared = result_of(study.base, PrepareResult, "a study")
    if config.train.conditional is False or len(prepared.class_names) < 2:
        return None
    held_out = judges(study.base, real_data(study.base), choosing=study.plan().kind == "tune")
    return {
        name: config.generate.count * len(held_out.of_class(number)) // len(held_out)
        for number, name in enumerate(held_out.class_names)
    }

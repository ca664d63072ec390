"""Is tuning worth it: how much the default varies by itself, what a search finds, and whether that holds afresh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gist.config import Config
from gist.config.texts import as_typed
from gist.numerals import counted, significant
from gist.pages.words import joined
from gist.progress import Progress
from gist.studies.comparing import compared
from gist.studies.curve import Point
from gist.studies.curve import shown as with_interval
from gist.studies.designs import check_repeats, equal_length, trial_settings
from gist.studies.folder import StudyFolder, in_order
from gist.studies.measuring import point_of
from gist.studies.pruning import SNAPSHOTS, check_pruning
from gist.studies.record import TRIAL, Trial, TrialRecord
from gist.studies.result import Compared, StudyResult
from gist.studies.space import (
    Choice,
    check_choices,
    check_objectives,
    front,
    next_settings,
    objectives_of,
)
from gist.studies.working import work

DEFAULT, BEST = "default", "best"
NAMES = {"kid": "KID", "cost": "seconds of training", "copies": "near-copies"}


def tune_study(
    config: Config,
    study: StudyFolder,
    progress: Progress,
    *,
    choices: Mapping[str, Choice],
    trials: int,
    repeats: int,
    prune: bool = False,
    objectives: Sequence[str] = ("kid",),
    only_propose: bool = False,
) -> StudyResult:
    """Brings a search up to date: the default over seeds, then the trials, then the best of them over the same seeds.

    The best of many is partly the luckiest, so it is run afresh on the seeds of the default, which the search never
    used, before anything is said of it; it is not where no trial scored below the mean of the default.

    Raises:
        InputError: nothing is to be tuned, or the folder holds another study.
    """
    check_repeats(repeats)
    check_choices(choices, config)
    check_objectives(objectives, prune)
    options = {
        "ranges": {key: choice.model_dump(mode="json") for key, choice in choices.items()},
        "trials": trials,
        "repeats": repeats,
        "prune": prune,
        "objectives": list(objectives),
    }
    base = study.begin("tune", options, config, progress)
    if prune:
        check_pruning(study)
    length = search_length(study, base)

    def proposed(trial: Trial) -> Trial:
        study.propose(trial, trial_settings(study, base, trial, None, length))
        return study.record(trial).trial

    noise = [proposed(trial) for trial in default_trials(repeats)]
    if only_propose:
        return tune_result(study)
    work(study, noise, base, progress)
    for number in range(1, trials + 1):
        work(study, [proposed(next_trial(study, number, repeats, choices, base.seed))], base, progress)
    best = _best(study)
    if best is not None:
        again = Trial(name="", group=f"{BEST}, {best.name}", repeat=0, settings=best.settings)
        afresh = [
            proposed(again.model_copy(update={"name": f"{BEST}-{best.name}-{at}", "repeat": at}))
            for at in range(1, repeats + 1)
        ]
        work(study, afresh, base, progress)
    return tune_result(study)


def search_length(study: StudyFolder, config: Config) -> dict[str, Any]:
    """`train.kimg` of all trials and, where some may be given up early, snapshots that tell when."""
    length = equal_length(study, config)
    if not study.plan().prune:
        return length
    kimg, every = length.get("train.kimg", config.train.kimg), config.train.snapshot_kimg
    if every == "auto" and kimg != "auto":
        every = kimg / SNAPSHOTS
    return length | {"train.best_by": "kid", "train.snapshot_kimg": every}


def default_trials(repeats: int) -> list[Trial]:
    """The settings as they are, with other seeds."""
    return [Trial(name=f"{DEFAULT}-{at}", group=DEFAULT, repeat=at) for at in range(1, repeats + 1)]


def next_trial(
    study: StudyFolder, number: int, repeats: int, choices: Mapping[str, Choice], seed: int
) -> Trial:
    """Trial of this number of the search: as it was proposed before, else by what is known now."""
    name = search_name(number)
    found = [record for record in study.records() if record.trial.group.startswith(TRIAL)]
    known = next((record.trial for record in found if record.trial.name == name), None)
    # On a seed of its own, so that the default's and the best one's are fresh.
    return known or Trial(
        name=name,
        group=f"{TRIAL} {number}",
        repeat=repeats + 1,
        settings=next_settings(choices, found, seed + number - 1, study.plan().objectives),
    )


def search_name(number: int) -> str:
    """Of a trial of the search, from 1."""
    return f"{TRIAL}-{number:03d}"


def _best(study: StudyFolder) -> Trial | None:
    """The trial with the lowest KID, where none is still open and it lies below the mean of the default."""
    records = study.records()
    searched = [record for record in records if record.trial.group.startswith(TRIAL)]
    if any(record.state == "planned" for record in searched):
        return None
    usual = [record.scores.kid for record in records if record.trial.group == DEFAULT and record.scores]
    scored = {record.trial.name: record.scores.kid for record in searched if record.scores is not None}
    if not usual or not scored or min(scored.values()) >= np.mean(usual):
        return None
    return next(
        record.trial for record in searched if record.trial.name == min(scored, key=lambda name: scored[name])
    )


def tune_result(study: StudyFolder) -> StudyResult:
    """What the trials that are done say."""
    records = in_order([], study.records())
    found = [record for record in records if record.trial.group.startswith(TRIAL)]
    best = _best(study)
    groups: dict[str, dict[int, Point]] = {}
    for record in records:
        group = record.trial.group
        if record.scores is not None and (group == DEFAULT or (best and group == f"{BEST}, {best.name}")):
            groups.setdefault(group, {})[record.trial.repeat] = point_of(study.run_of(record.trial), record)
    side_by_side = compared(groups, DEFAULT) if DEFAULT in groups else ()
    objectives = study.plan().objectives
    ahead = front(found, objectives) if len(objectives) > 1 else []
    several = [_front_sentence(ahead, objectives)] if ahead else []
    return StudyResult(
        kind="tune",
        sentences=(_sentence(found, best, side_by_side, groups), *several),
        front=tuple(record.trial.name for record in ahead),
        records=tuple(records),
        groups=side_by_side,
        notes=(
            "The default was run with several seeds first, then the search on another seed, then the best of the "
            "search on the seeds of the default: the best of many is partly the luckiest, and only what it scores "
            "afresh is compared. Differences are those of fresh runs.",
        ),
    )


def _front_sentence(ahead: Sequence[TrialRecord], objectives: Sequence[str]) -> str:
    names = joined([NAMES[name] for name in objectives])
    told = [f"{record.trial.name} ({_reached(record, objectives)})" for record in ahead]
    return f"Of {names} no trial lowers one without raising another but {joined(told)}; each was run once."


def _reached(record: TrialRecord, objectives: Sequence[str]) -> str:
    shown = {"kid": "KID {}", "cost": "{} s", "copies": "{} near-copies"}
    values = zip(objectives, objectives_of(record, objectives), strict=True)
    return ", ".join(shown[name].format(significant(value, 3)) for name, value in values)


def _sentence(
    found: Sequence[TrialRecord],
    best: Trial | None,
    groups: Sequence[Compared],
    points: Mapping[str, Mapping[int, Point]],
) -> str:
    scored = [record for record in found if record.scores is not None]
    if not groups or not scored:
        return "Too little is done yet to say whether tuning pays."
    kids = [point.kid for point in points[DEFAULT].values()]
    noise = "the default was run once, so its noise is unknown"
    if len(kids) > 1:
        spread = significant(float(np.std(kids, ddof=1)), 2)
        noise = f"the default itself varies by {spread} (standard deviation) from seed to seed"
    pruned = sum(record.state == "pruned" for record in found)
    tried = counted(len(scored), "trial") + (f" ({pruned} more given up early)" if pruned else "")
    if best is None:
        lowest = min(record.scores.kid for record in scored if record.scores is not None)
        return (
            f"Nothing beats the default beyond noise: the lowest KID of {tried}, {significant(lowest)}, is not below "
            f"the mean of the default, {significant(float(np.mean(kids)))}; {noise}."
        )
    chosen = ", ".join(f"{key}={as_typed(value)}" for key, value in best.settings.items())
    afresh = next((group for group in groups if group.group != DEFAULT), None)
    if afresh is None or afresh.difference is None:
        return (
            f"The best of {tried} is {chosen}; it has not been run afresh yet, so nothing can be said of it."
        )
    change, low, high = afresh.difference
    gain = with_interval(-change, -high, -low)
    runs = counted(afresh.repeats, "fresh run")
    if afresh.beyond_noise and change < 0:
        return (
            f"Tuning pays: with {chosen}, the best of {tried}, KID is lower by {gain} over {runs}; {noise}."
        )
    return (
        f"Nothing beats the default beyond noise: the best of {tried}, {chosen}, lowers KID by {gain} over {runs}, and "
        f"{noise}."
    )
